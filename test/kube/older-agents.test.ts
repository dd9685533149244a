/**
 * docs/older-agents.md, where nothing is written down: an old agent's commands in one node, rib2fib with the
 * page's configuration in another, which follows the same objects in a real API server.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { node as nodeObject } from '../support/kube/objects.js';
import { mayWatch, type ServiceAccount } from '../support/kube/service-account.js';
import { type MetallbObjects, routeAgentCommands } from '../support/older-agents.js';
import {
  type Example,
  example,
  rulesTo,
  Site,
  same,
  scratch,
  tableNumber,
  withOldAgent,
} from '../support/older-agents-page.js';
import { until } from '../support/wait.js';

const RIGHTS = [
  mayWatch('', 'nodes', 'services'),
  mayWatch('discovery.k8s.io', 'endpointslices'),
  mayWatch('networking.k8s.io', 'servicecidrs'),
  mayWatch('cilium.io', 'ciliumloadbalancerippools', 'ciliumnodes', 'ciliumpodippools'),
  mayWatch('metallb.io', 'ipaddresspools', 'bgpadvertisements', 'bgppeers'),
];

const NAMESPACE = 'default';

/** The page's objects as MetalLB has them, with the labels that it says to put in the place of the old ones. */
function metallbObjects(objects: MetallbObjects): readonly KubeObject[] {
  const kinds = [
    [objects.bgpPeers, 'metallb.io/v1beta2', 'BGPPeer'],
    [objects.ipAddressPools, 'metallb.io/v1beta1', 'IPAddressPool'],
    [objects.bgpAdvertisements, 'metallb.io/v1beta1', 'BGPAdvertisement'],
  ] as const;
  const text = JSON.stringify(
    kinds.flatMap(([of = [], apiVersion, kind]) => of.map((one) => ({ apiVersion, kind, ...one }))),
  );
  const made = JSON.parse(text.replaceAll('metallb-nra/', 'rib2fib/')) as KubeObject[];
  return made.map((one) => ({ ...one, metadata: { ...one.metadata, namespace: NAMESPACE } }));
}

function objectNamed(objects: MetallbObjects, name: string): KubeObject {
  const found = metallbObjects(objects).find(({ metadata }) => metadata.name === name);
  return found ?? assert.fail(`no object ${name}`);
}

describe('the examples of docs/older-agents.md that follow the cluster', () => {
  let cluster: KubeCluster;
  let account: ServiceAccount;

  before(async () => {
    cluster = await KubeCluster.start();
    await cluster.define(
      ...['ciliumloadbalancerippools', 'ciliumnodes', 'ciliumpodippools'],
      ...['ipaddresspools', 'bgpadvertisements', 'bgppeers'],
    );
    await cluster.apply([nodeObject('node-a', { podCIDRs: ['10.244.1.0/24'] })]);
    account = await cluster.account('rib2fib', RIGHTS);
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    scratch.remove();
  });

  /** rib2fib by the configuration that follows, in a node of its own that has joined the cluster. */
  async function following(of: Example, config: string | undefined): Promise<Site> {
    assert.ok(config !== undefined, 'the page has a configuration that follows');
    const site = await Site.create(of.agent);
    await cluster.join(site.node);
    const { wrap, env } = await cluster.pod(account, 'direct');
    await site.daemon(config, { wrap, env: { ...env, NODE_NAME: 'node-a' } });
    return site;
  }

  it('MetalLB: the peers, but for those labelled out, are the gateways; the pools announced are the rules', async () => {
    const of = example('every setting');
    await cluster.apply(metallbObjects(of.metallb));
    const commands = of.commands.map((command) => command.replace(/ fwmark 0x14$/, ''));
    await using old = await withOldAgent({ ...of, commands });
    await using mine = await following(of, of.discovery);
    await same(old, mine, of);
    // The label that leaves the other peer out goes.
    const [left, right] = of.metallb.bgpPeers ?? [];
    assert.ok(left !== undefined && right?.metadata.labels !== undefined);
    const { labels: _, ...metadata } = right.metadata;
    const both = { ...of.metallb, bgpPeers: [left, { ...right, metadata }] };
    const { RULE_FWMARK: __, ...environment } = of.environment;
    await cluster.admin.delete(objectNamed(of.metallb, 'right'));
    await cluster.apply(metallbObjects(both));
    const [route] = routeAgentCommands(environment, both);
    assert.match(route ?? '', /nexthop via 10\.9\.0\.254 .* nexthop via 10\.9\.0\.3 /);
    await old.run([route ?? '']);
    await same(old, mine, of);
  });

  it('Cilium: the pools are BGP_SVC_SUBNETS, as they come and go', async () => {
    const { discovery } = example('announced on layer 2');
    const of = example('its own');
    const pools = (of.environment['BGP_SVC_SUBNETS'] ?? '').split(',');
    assert.equal(pools.length, 2);
    const objects = pools.map((cidr, i) => ({
      ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumLoadBalancerIPPool' },
      ...{ metadata: { name: `pool-${i}` }, spec: { blocks: [{ cidr }] } },
    }));
    await cluster.apply(objects);
    await using old = await withOldAgent(of);
    await using mine = await following(of, discovery);
    await same(old, mine, of);
    const table = tableNumber(of);
    const { selectors } = await rulesTo(mine.node, table);
    const left = selectors.filter((selector) => selector !== `from ${pools[0]}`);
    assert.equal(left.length, 2);
    const [first] = objects;
    assert.ok(first !== undefined);
    await cluster.admin.delete(first);
    await until(
      async () => {
        assert.deepEqual((await rulesTo(mine.node, table)).selectors, left);
        return true;
      },
      { what: 'a pool that goes takes its rule along' },
    );
  });
});
