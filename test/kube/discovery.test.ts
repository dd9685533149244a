/** A node in a real cluster: what the API server says reaches the kernel, and what happens to the API server takes nothing away. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ResourceStatus } from '../../src/discover/discovered.js';
import { announcement, endOfRib } from '../support/bgp-wire.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import type { IpRule } from '../support/kernel-view.js';
import type { KubeObject } from '../support/kube/client.js';
import { API_ADDRESS, KubeCluster } from '../support/kube/cluster.js';
import { endpointSlice, loadBalancer, node as nodeObject } from '../support/kube/objects.js';
import { isRefused } from '../support/kube/refusals.js';
import { mayWatch, type ServiceAccount } from '../support/kube/service-account.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { RawBgp, type RawConnection } from '../support/raw-bgp.js';
import { until } from '../support/wait.js';

const NODE = '10.9.0.1';
const ROUTER = '10.9.0.2';
const ROUTER2 = '10.9.0.3';
/** From a change in the cluster to the node's kernel. */
const SOON_MS = 2_000;

const ALL = [
  mayWatch('', 'nodes', 'services'),
  mayWatch('discovery.k8s.io', 'endpointslices'),
  mayWatch('networking.k8s.io', 'servicecidrs'),
  mayWatch('cilium.io', 'ciliumloadbalancerippools', 'ciliumnodes', 'ciliumpodippools'),
  mayWatch('metallb.io', 'ipaddresspools', 'bgpadvertisements', 'bgppeers'),
];

const CONFIG = {
  source: {
    bgp: {
      ...{ listen: `${NODE}:179`, as: 65000, routerId: '10.255.0.1' },
      peers: [{ address: ROUTER, as: 65001 }],
    },
  },
  discovery: { kubernetes: { status: false } },
  tables: [
    {
      ...{ id: 100, name: 'fabric', filters: [{ permit: {} }] },
      static: [{ prefix: '0.0.0.0/0', discover: { metallbPeers: {} } }],
      rules: {
        priority: 10000,
        discover: [
          { ciliumPools: { selector: { matchLabels: { fabric: 'a' } } } },
          { metallbPools: {} },
          { services: { class: 'example.org/exact', externalIPs: true } },
        ],
      },
    },
  ],
};

function ciliumPool(name: string, blocks: readonly object[], more: object = {}): KubeObject {
  return {
    ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumLoadBalancerIPPool' },
    metadata: { name, labels: { fabric: 'a' } },
    spec: { blocks, ...more },
  };
}

function metallb(kind: string, name: string, spec: object, labels = {}): KubeObject {
  const version = kind === 'BGPPeer' ? 'v1beta2' : 'v1beta1';
  const metadata = { name, namespace: 'default', labels };
  return { apiVersion: `metallb.io/${version}`, kind, metadata, spec };
}

describe('a node in a cluster', { concurrency: 1 }, () => {
  let cluster: KubeCluster;
  let fabric: Netns;
  let node: Netns;
  let account: ServiceAccount;
  let daemon: Daemon;
  let raw: RawBgp;
  let router: RawConnection;

  before(async () => {
    cluster = await KubeCluster.start();
    await cluster.define(
      ...['ciliumloadbalancerippools', 'ciliumnodes', 'ciliumpodippools'],
      ...['ipaddresspools', 'bgpadvertisements', 'bgppeers'],
    );
    await cluster.apply([
      nodeObject('node-a', {
        podCIDRs: ['10.244.1.0/24'],
        labels: { zone: 'a' },
        internalIPs: ['192.0.2.101'],
      }),
      nodeObject('node-b', { podCIDRs: ['10.244.2.0/24'], internalIPs: ['192.0.2.102'] }),
    ]);
    fabric = await createNetns('fabric');
    node = await createNetns('node');
    const addresses = [`${ROUTER}/24`, `${ROUTER2}/24`];
    const port = { name: 'eth1', addresses: [`${NODE}/24`] };
    await connect(fabric, { name: 'f0', addresses }, node, port);
    await cluster.join(node);
    account = await cluster.account('rib2fib', ALL);
    const { wrap, env } = await cluster.pod(account, 'fragile');
    daemon = await startDaemon({
      ...{ netns: node, until: 'admin', wrap, env: { ...env, NODE_NAME: 'node-a' } },
      config: CONFIG,
    });
    raw = RawBgp.start(fabric);
    // The source begins once it is known what is never learned.
    router = await until(() => raw.connect(ROUTER, NODE), {
      what: 'a session',
      deadlineMs: 20_000,
    });
    await router.establish({ as: 65001, routerId: '10.255.0.2' });
    await announce('10.64.0.0/16');
    router.send(...[endOfRib('ipv4'), endOfRib('ipv6')]);
    await until(async () => (await daemon.status()).ready, { what: 'ready', deadlineMs: 30_000 });
  });
  after(async () => {
    await raw?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
    await fabric?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    for (const { resource, state } of await resources()) {
      assert.ok(state === 'synced', `${resource} is ${state} before the test`);
    }
  });

  async function announce(...prefixes: readonly string[]): Promise<void> {
    const attributes = { nextHop: ROUTER, asPath: [65010] };
    router.send(...announcement('ipv4', prefixes, attributes, { localAs: 65001, internal: false }));
  }

  async function resources(): Promise<readonly ResourceStatus[]> {
    return (await daemon.status()).discovery?.resources ?? [];
  }

  async function stateOf(resource: string): Promise<ResourceStatus | undefined> {
    return (await resources()).find((one) => one.resource === resource);
  }

  /** Sources of our rules, of both families, in order. */
  async function sources(): Promise<string> {
    const rules = await Promise.all(
      ['-4', '-6'].map((family) => node.ipJson<IpRule>(family, 'rule', 'show')),
    );
    return rules
      .flat()
      .filter(({ table, protocol }) => table === '100' && protocol === '178')
      .map(({ src, srclen }) => (srclen === undefined ? src : `${src}/${srclen}`))
      .sort()
      .join(' ');
  }

  async function rulesBecome(wanted: string, deadlineMs = SOON_MS): Promise<void> {
    await until(async () => (await sources()) === wanted, {
      what: `rules from ${wanted || 'nothing'}, not ${await sources()}`,
      deadlineMs,
    });
  }

  async function everySynced(deadlineMs = 60_000): Promise<void> {
    await until(async () => (await resources()).every(({ state }) => state === 'synced'), {
      ...{ what: 'every resource is synced', deadlineMs },
    });
  }

  it('reads its credentials as a pod does, and lists what it needs and no more', async () => {
    const { discovery } = await daemon.status();
    assert.equal(discovery?.address, `https://${API_ADDRESS}:16443`);
    assert.equal(discovery.node, 'node-a');
    assert.equal(discovery.settled, true);
    assert.deepEqual(
      discovery.resources.map(({ resource }) => resource),
      [
        ...['bgpadvertisements.metallb.io', 'bgppeers.metallb.io'],
        ...['ciliumloadbalancerippools.cilium.io', 'ciliumnodes.cilium.io'],
        'ciliumpodippools.cilium.io',
        ...['endpointslices.discovery.k8s.io:kubernetes', 'ipaddresspools.metallb.io', 'nodes'],
        ...['servicecidrs.networking.k8s.io', 'services', 'services:kubernetes'],
      ],
    );
  });

  it('follows Cilium’s pools: added, changed, split, disabled, removed', async () => {
    await cluster.apply(
      ciliumPool('blue', [{ cidr: '203.0.113.0/24' }, { cidr: '2001:db8:100::/56' }]),
    );
    await rulesBecome('2001:db8:100::/56 203.0.113.0/24');
    await cluster.apply(ciliumPool('blue', [{ cidr: '203.0.113.0/25' }]));
    await rulesBecome('203.0.113.0/25');
    await cluster.apply([
      ciliumPool('blue', [{ start: '203.0.113.0', stop: '203.0.113.9' }]),
      ciliumPool('green', [{ start: '203.0.113.99' }]),
    ]);
    await rulesBecome('203.0.113.0/29 203.0.113.8/31 203.0.113.99');
    await cluster.apply(ciliumPool('green', [{ start: '203.0.113.99' }], { disabled: true }));
    await cluster.admin.delete(ciliumPool('blue', []));
    await rulesBecome('203.0.113.99');
    const { tables } = await daemon.status();
    assert.deepEqual(tables[0]?.rules.found, [
      { prefix: '203.0.113.99/32', origin: 'CiliumLoadBalancerIPPool green' },
    ]);
    // One that is not of this fabric, and one that is broken, cost nothing.
    await cluster.apply([
      { ...ciliumPool('other', [{ cidr: '198.18.0.0/15' }]), metadata: { name: 'other' } },
      ciliumPool('broken', [{ start: '203.0.113.9', stop: '203.0.113.1' }]),
    ]);
    const broken = async () => (await stateOf('ciliumloadbalancerippools.cilium.io'))?.faulty;
    await until(async () => (await broken()) === 1, { what: 'a pool is told to be broken' });
    assert.equal(await sources(), '203.0.113.99');
    for (const name of ['green', 'other', 'broken'])
      await cluster.admin.delete(ciliumPool(name, []));
    await rulesBecome('');
  });

  it('follows MetalLB’s pools, as advertised from this node', async () => {
    const pool = metallb('IPAddressPool', 'edge', {
      addresses: ['198.51.100.0/28', '198.51.100.32-198.51.100.39', 'fd00:51::/64'],
    });
    const advertisement = (zone: string) =>
      metallb('BGPAdvertisement', 'edge', {
        ...{ ipAddressPools: ['edge'], nodeSelectors: [{ matchLabels: { zone } }] },
      });
    await cluster.apply([pool, advertisement('b')]);
    const known = async () => (await stateOf('bgpadvertisements.metallb.io'))?.objects;
    await until(async () => (await known()) === 1, { what: 'the advertisement is known' });
    assert.equal(await sources(), '');
    await cluster.apply(advertisement('a'));
    await rulesBecome('198.51.100.0/28 198.51.100.32/29 fd00:51::/64');
    // The node is no longer one of those.
    await cluster.apply(
      nodeObject('node-a', {
        podCIDRs: ['10.244.1.0/24'],
        labels: { zone: 'c' },
        internalIPs: ['192.0.2.101'],
      }),
    );
    await rulesBecome('');
    await cluster.apply(
      nodeObject('node-a', {
        podCIDRs: ['10.244.1.0/24'],
        labels: { zone: 'a' },
        internalIPs: ['192.0.2.101'],
      }),
    );
    await rulesBecome('198.51.100.0/28 198.51.100.32/29 fd00:51::/64');
    await cluster.admin.delete(advertisement('a'));
    await rulesBecome('');
    await cluster.admin.delete(pool);
  });

  it('follows the very addresses of services', async () => {
    const web = (ingress: readonly string[]) =>
      loadBalancer('web', {
        ...{ loadBalancerClass: 'example.org/exact', externalIPs: ['192.0.2.77'], ingress },
      });
    await cluster.apply([
      web(['203.0.113.7']),
      loadBalancer('elsewhere', { ingress: ['203.0.113.8'] }),
    ]);
    await rulesBecome('192.0.2.77 203.0.113.7');
    await cluster.apply(web(['203.0.113.9']));
    await rulesBecome('192.0.2.77 203.0.113.9');
    await cluster.admin.delete(web([]));
    await cluster.admin.delete(loadBalancer('elsewhere'));
    await rulesBecome('');
  });

  it('has no rule that would take what the node itself sends, and says so', async () => {
    const wide = ciliumPool('wide', [{ cidr: '192.0.2.96/28' }, { cidr: '203.0.113.0/24' }]);
    // As k3s does: the addresses of nodes for those of every service.
    const svclb = loadBalancer('svclb', {
      ...{ loadBalancerClass: 'example.org/exact', ingress: ['192.0.2.101', '192.0.2.102'] },
    });
    await cluster.apply([wide, svclb]);
    await rulesBecome('192.0.2.102 203.0.113.0/24');
    const { tables } = await daemon.status();
    const contains = 'it contains 192.0.2.101, an address of this node';
    const notes = tables[0]?.notes.filter((note) => note.startsWith('no rule'));
    assert.deepEqual(notes, [
      `no rule from 192.0.2.96/28 (CiliumLoadBalancerIPPool wide): ${contains}`,
      `no rule from 192.0.2.101/32 (Service default/svclb): ${contains}`,
    ]);
    await cluster.admin.delete(wide);
    await cluster.admin.delete(svclb);
    await rulesBecome('');
  });

  it('has its static default over the routers that MetalLB peers with', async () => {
    const gateways = async () => {
      const routes = await node.ipJson<{
        gateway?: string;
        nexthops?: { gateway: string; weight: number }[];
      }>(...['route', 'show', 'table', '100', 'exact', '0.0.0.0/0']);
      return routes
        .flatMap(({ gateway, nexthops }) =>
          gateway === undefined
            ? (nexthops ?? []).map((leg) => `${leg.gateway}*${leg.weight}`)
            : [gateway],
        )
        .sort()
        .join(' ');
    };
    const become = (wanted: string) =>
      until(async () => (await gateways()) === wanted, {
        what: `over ${wanted}`,
        deadlineMs: SOON_MS,
      });
    const peer = (name: string, peerAddress: string, labels: object, zone: string) =>
      metallb(
        'BGPPeer',
        name,
        {
          ...{ myASN: 65000, peerASN: 65001, peerAddress },
          nodeSelectors: [{ matchLabels: { zone } }],
        },
        labels,
      );
    await cluster.apply([peer('one', ROUTER, {}, 'a'), peer('two', ROUTER2, {}, 'b')]);
    await become(ROUTER);
    await cluster.apply(peer('two', ROUTER2, { 'rib2fib/weight': '3' }, 'a'));
    await become(`${ROUTER}*1 ${ROUTER2}*3`);
    await cluster.apply(peer('one', ROUTER, { 'rib2fib/enabled': 'false' }, 'a'));
    await become(ROUTER2);
    await cluster.admin.delete(peer('one', ROUTER, {}, 'a'));
    await cluster.admin.delete(peer('two', ROUTER2, {}, 'a'));
    await become('');
  });

  it('learns none of the cluster’s own ranges, whatever a router announces', async () => {
    const own: readonly (readonly [prefix: string, reason: RegExp])[] = [
      ['10.244.2.0/24', /cluster-range: pod CIDR of node-b/],
      ['10.244.1.64/26', /cluster-range: inside 10\.244\.1\.0\/24: pod CIDR of node-a/],
      ['10.96.0.0/16', /cluster-range: service CIDR kubernetes/],
      ['10.96.7.7/32', /cluster-range: inside 10\.96\.0\.0\/16: service CIDR kubernetes/],
      ['192.0.2.102/32', /cluster-range: address of node node-b/],
      [`${API_ADDRESS}/32`, /cluster-range: address of the API server, /],
      ['0.0.0.0/0', /default route needs acceptDefault/],
    ];
    await announce(...own.map(([prefix]) => prefix), '10.244.0.0/16');
    await until(async () => (await daemon.routes({ reason: 'cluster-range' })).length === 6, {
      what: 'six are refused',
    });
    for (const [prefix, reason] of own) {
      const [table] = (await daemon.explain(prefix)).tables;
      const no = table?.steps.find(({ outcome }) => outcome === 'no');
      assert.match(no?.text ?? '', reason, prefix);
    }
    // What covers one is learned, and the inside stays in main all the same.
    const routes = await node.ipJson<{ dst: string; type: string }>(
      'route',
      'show',
      'table',
      '100',
    );
    const standing = routes.map(({ type, dst }) => `${type} ${dst}`);
    for (const line of [
      'unicast 10.244.0.0/16',
      'throw 10.244.2.0/24',
      'throw 10.96.0.0/16',
      'throw 192.0.2.102',
    ]) {
      assert.ok(standing.includes(line), `${line} is not in ${standing.join(', ')}`);
    }
    const rejected = await daemon.routes({ reason: 'cluster-range' });
    assert.equal(
      rejected.find(({ prefix }) => prefix === '10.244.2.0/24')?.detail,
      'pod CIDR of node-b',
    );
    // A node that joins takes back what was learned in its range.
    await announce('10.244.3.0/24');
    await until(
      async () =>
        (await daemon.routes({ state: 'installed' })).some(
          ({ prefix }) => prefix === '10.244.3.0/24',
        ),
      { what: 'it is learned' },
    );
    await cluster.apply(nodeObject('node-c', { podCIDRs: ['10.244.3.0/24'] }));
    await until(async () => (await daemon.routes({ reason: 'cluster-range' })).length === 7, {
      ...{ what: 'it is the cluster’s', deadlineMs: SOON_MS },
    });
    await cluster.admin.delete(nodeObject('node-c'));
  });

  it('goes on after a cut, without a word', async () => {
    await cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/24' }]));
    await rulesBecome('203.0.113.0/24');
    await cluster.cut();
    await cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/25' }]));
    await rulesBecome('203.0.113.0/25');
    await everySynced();
  });

  it('keeps what it knows while the API server is away, says so, and catches up', async () => {
    await cluster.stop();
    await until(async () => (await stateOf('nodes'))?.state === 'stale', {
      ...{ what: 'it is told to be stale', deadlineMs: 20_000 },
    });
    assert.equal(await sources(), '203.0.113.0/25');
    assert.ok((await stateOf('nodes'))?.lastError !== undefined);
    assert.equal((await daemon.status()).ready, true);
    await cluster.launch();
    await everySynced();
    assert.equal(await sources(), '203.0.113.0/25');
    await cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.128/25' }]));
    await rulesBecome('203.0.113.128/25');
  });

  it('lists again where its resourceVersions have expired', async () => {
    await cluster.expire();
    await cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/26' }]));
    await rulesBecome('203.0.113.0/26', 60_000);
    await everySynced();
    await cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/27' }]));
    await rulesBecome('203.0.113.0/27');
  });

  it('keeps what it knew of a resource that it may no longer read, and names it', async () => {
    await account.setRules(
      ALL.map((rule) => ({
        ...rule,
        resources: rule.resources.filter((one) => one !== 'ciliumloadbalancerippools'),
      })),
    );
    const pools = '/apis/cilium.io/v2/ciliumloadbalancerippools';
    const client = cluster.as(account);
    await until(() => isRefused(client.list(pools), 403), { what: 'the right is gone' });
    // A watch that is open goes on: only who comes anew is asked for rights.
    await cluster.cut();
    const isTold = async () =>
      (await stateOf('ciliumloadbalancerippools.cilium.io'))?.state === 'refused';
    await until(isTold, { what: 'it is told to be refused', deadlineMs: 30_000 });
    const refused = await stateOf('ciliumloadbalancerippools.cilium.io');
    assert.match(
      refused?.lastError ?? '',
      /cannot (list|watch) resource "ciliumloadbalancerippools"/,
    );
    assert.equal(await sources(), '203.0.113.0/27');
    const { alerts } = await daemon.status();
    assert.ok(
      alerts.some(({ name }) => name === 'Rib2fibDiscoveryRefused'),
      JSON.stringify(alerts),
    );
    // The others are none the worse for it.
    const web = loadBalancer('web', {
      loadBalancerClass: 'example.org/exact',
      ingress: ['203.0.113.200'],
    });
    await cluster.apply(web);
    await rulesBecome('203.0.113.0/27 203.0.113.200', 20_000);
    await cluster.admin.delete(web);
    await account.setRules(ALL);
    await everySynced();
    await cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/28' }]));
    await rulesBecome('203.0.113.0/28');
  });

  it('starts with what the kernel has where the API server is away, and catches up later', async () => {
    await cluster.stop();
    await daemon.stop('SIGKILL');
    await daemon.launch({ until: 'admin' });
    await until(async () => (await stateOf('nodes'))?.lastError !== undefined, {
      what: 'it was tried',
    });
    assert.equal(await sources(), '203.0.113.0/28');
    assert.equal((await daemon.status()).discovery?.settled, false);
    const kept = await node.ipJson<{ dst: string }>(
      'route',
      'show',
      'table',
      '100',
      'type',
      'throw',
    );
    assert.ok(kept.some(({ dst }) => dst === '10.244.2.0/24'));
    await cluster.launch();
    await everySynced();
    assert.equal(await sources(), '203.0.113.0/28');
    await cluster.admin.delete(ciliumPool('cut', []));
    await rulesBecome('');
  });

  it('has rules of this node’s endpoints where replies go by them', async () => {
    const [table] = CONFIG.tables;
    assert.ok(table !== undefined);
    const rules = { ...table.rules, returnPath: 'endpoints' };
    await daemon.configure({ ...CONFIG, tables: [{ ...table, rules }] });
    const known = async () => (await stateOf('endpointslices.discovery.k8s.io'))?.state;
    await until(async () => (await known()) === 'synced', { what: 'slices are known' });
    const [here, there] = [
      { address: '10.244.1.9', nodeName: 'node-a' },
      { address: '10.244.2.9', nodeName: 'node-b' },
    ];
    const [web, other] = ['web', 'other'].map((name, i) =>
      loadBalancer(name, {
        ingress: [`203.0.113.${7 + i}`],
        ...(i === 0 ? { loadBalancerClass: 'example.org/exact' } : {}),
      }),
    );
    assert.ok(web && other);
    const slice = (...endpoints: readonly (typeof here)[]) => endpointSlice('web', endpoints);
    // A service with an address of the table's, and one whose addresses are none of its matter.
    await cluster.apply([
      web,
      other,
      slice(here, there),
      endpointSlice('other', [{ ...here, address: '10.244.1.8' }]),
    ]);
    await rulesBecome('10.244.1.9 203.0.113.7');
    await cluster.apply(slice(there));
    await rulesBecome('203.0.113.7');
    for (const gone of [slice(), endpointSlice('other', []), web, other]) {
      await cluster.admin.delete(gone);
    }
    await rulesBecome('');
    await daemon.configure(CONFIG);
    await until(async () => (await known()) === undefined, {
      what: 'slices are asked for no more',
    });
  });

  it('finds the cluster by a kubeconfig too, with the rights of its account', async () => {
    const kubeconfig = await cluster.kubeconfig(account);
    await daemon.configure({
      ...CONFIG,
      discovery: { kubernetes: { kubeconfig, node: 'node-a', status: false } },
    });
    await until(async () => (await daemon.status()).discovery?.address === kubeconfig, {
      ...{ what: 'the other way in', deadlineMs: 20_000 },
    });
    await everySynced();
    await cluster.apply(ciliumPool('file', [{ cidr: '203.0.113.0/24' }]));
    await rulesBecome('203.0.113.0/24');
    await cluster.admin.delete(ciliumPool('file', []));
    await rulesBecome('');
  });
});
