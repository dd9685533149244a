/**
 * docs/older-agents.md in a cluster: the configurations that find MetalLB's peers and pools, and Cilium's
 * pools, before a real API server that has them. The table and the rules are the old agent's.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { node as nodeObject } from '../support/kube/objects.js';
import { mayWatch } from '../support/kube/service-account.js';
import { scratchDirectory } from '../support/leftovers.js';
import type { MetallbObjects } from '../support/older-agents.js';
import {
  type Example,
  example,
  PAGE,
  rulesTo,
  Site,
  sameTable,
  tableNumber,
  withOldAgent,
} from '../support/older-agents-page.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('older-agents');
writeFileSync(join(scratch.path, 'routes.yaml'), '[]\n');

let cluster: KubeCluster;
before(async () => {
  cluster = await KubeCluster.start();
  await cluster.define(
    ...['ciliumloadbalancerippools', 'ipaddresspools', 'bgpadvertisements', 'bgppeers'],
  );
  await cluster.apply(nodeObject('node-a', { podCIDRs: ['10.244.1.0/24'] }));
});
after(async () => {
  await cluster?.[Symbol.asyncDispose]();
  scratch.remove();
});

/** The page's objects as the cluster has them, with rib2fib's labels in the place of the agent's. */
function metallbObjects(of: MetallbObjects): readonly KubeObject[] {
  const object = (kind: string, version: string, one: object): KubeObject => {
    const { metadata, ...rest } = one as { readonly metadata: KubeObject['metadata'] };
    const labels = Object.entries(metadata.labels ?? {}).map(
      ([label, value]) => [label.replace('metallb-nra/', 'rib2fib/'), value] as const,
    );
    return {
      ...{ apiVersion: `metallb.io/${version}`, kind, ...rest },
      metadata: { ...metadata, namespace: 'default', labels: Object.fromEntries(labels) },
    };
  };
  return [
    ...(of.bgpPeers ?? []).map((peer) => object('BGPPeer', 'v1beta2', peer)),
    ...(of.ipAddressPools ?? []).map((pool) => object('IPAddressPool', 'v1beta1', pool)),
    ...(of.bgpAdvertisements ?? []).map((one) => object('BGPAdvertisement', 'v1beta1', one)),
  ];
}

function ciliumPool(name: string, cidrs: readonly string[]): KubeObject {
  return {
    ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumLoadBalancerIPPool', metadata: { name } },
    spec: { blocks: cidrs.map((cidr) => ({ cidr })) },
  };
}

/** A node with the page's configuration for a cluster, as a pod of its own account. */
async function inCluster(of: Example, name: string): Promise<Site> {
  assert.ok(of.discovery !== undefined, 'the example has none for a cluster');
  const site = await Site.create(of.agent);
  await cluster.join(site.node);
  const account = await cluster.account(name, [
    mayWatch('', 'nodes', 'services'),
    mayWatch('discovery.k8s.io', 'endpointslices'),
    mayWatch('networking.k8s.io', 'servicecidrs'),
    mayWatch('cilium.io', 'ciliumloadbalancerippools'),
    mayWatch('metallb.io', 'ipaddresspools', 'bgpadvertisements', 'bgppeers'),
  ]);
  const { wrap, env } = await cluster.pod(account);
  // What a node reports of itself is another matter: test/kube/node-routes.test.ts.
  const config = of.discovery.replace('kubernetes: {}', 'kubernetes: { status: false }');
  assert.notEqual(config, of.discovery);
  await site.daemon(config, scratch.path, { wrap, env: { ...env, NODE_NAME: 'node-a' } });
  return site;
}

async function rulesBecome(site: Site, of: Example, wanted: readonly string[]): Promise<void> {
  await until(
    async () => {
      assert.deepEqual((await rulesTo(site.node, tableNumber(of))).selectors, wanted);
      return true;
    },
    { what: `rules ${wanted.join(', ')}` },
  );
}

describe('the examples of docs/older-agents.md for a cluster', () => {
  it('are all tested', () => {
    assert.equal(PAGE.match(/^```yaml discovery$/gm)?.length, 2);
  });

  it('metallb-node-route-agent: the same table, and the same rules but for the mark', async () => {
    const of = example('every setting');
    const objects = metallbObjects(of.metallb);
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      ['BGPPeer', 'BGPPeer', 'IPAddressPool', 'IPAddressPool', 'BGPAdvertisement'],
    );
    await cluster.apply(objects);
    await using old = await withOldAgent(of);
    await using mine = await inCluster(of, 'agent');
    await sameTable(old, mine, of);
    const { selectors } = await rulesTo(old.node, tableNumber(of));
    const unmarked = selectors.map((selector) => selector.replace(' fwmark 0x14', ''));
    assert.notDeepEqual(unmarked, selectors);
    await rulesBecome(mine, of, unmarked);
    assert.deepEqual((await rulesTo(mine.node, 100)).priorities, [10_000]);
    // What the old agent needed a look for, or a restart: the other pool is announced too.
    const everything = objects.at(-1);
    assert.ok(everything !== undefined);
    await cluster.admin.delete(everything);
    await rulesBecome(mine, of, []);
    await cluster.apply({ ...everything, spec: {} });
    await rulesBecome(mine, of, ['from 198.51.100.0/24', 'from 203.0.113.0/24']);
    for (const object of objects) await cluster.admin.delete(object);
    await rulesBecome(mine, of, []);
  });

  it('the route manager of Cilium: the same table and the same rules', async () => {
    const [of, layer2] = [example('its own'), example('announced on layer 2')];
    const subnets = of.environment['BGP_SVC_SUBNETS']?.split(',') ?? [];
    assert.equal(subnets.length, 2);
    await cluster.apply(ciliumPool('services', subnets));
    await using old = await withOldAgent(of);
    await using mine = await inCluster(layer2, 'manager');
    await sameTable(old, mine, of);
    await rulesBecome(mine, of, (await rulesTo(old.node, tableNumber(of))).selectors);
    assert.deepEqual((await rulesTo(mine.node, 101)).priorities, [32_000]);
    await cluster.admin.delete(ciliumPool('services', []));
    await rulesBecome(mine, of, ['from 192.168.5.98/32']);
  });
});
