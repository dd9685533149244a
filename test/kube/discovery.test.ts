/** A node in a real cluster: what the API server says reaches the kernel. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { API_ADDRESS } from '../support/kube/cluster.js';
import {
  CONFIG,
  ciliumPool,
  DiscoveryLab,
  metallb,
  ROUTER,
  ROUTER2,
  SOON_MS,
} from '../support/kube/discovery-lab.js';
import { endpointSlice, loadBalancer, node as nodeObject } from '../support/kube/objects.js';
import { until } from '../support/wait.js';

describe('a node in a cluster', { concurrency: 1 }, () => {
  let lab: DiscoveryLab;
  before(async () => {
    lab = await DiscoveryLab.start();
  });
  after(() => lab?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    for (const { resource, state } of await lab.resources()) {
      assert.ok(state === 'synced', `${resource} is ${state} before the test`);
    }
  });

  it('reads its credentials as a pod does, and lists what it needs and no more', async () => {
    const { discovery } = await lab.daemon.status();
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
    await lab.cluster.apply(
      ciliumPool('blue', [{ cidr: '203.0.113.0/24' }, { cidr: '2001:db8:100::/56' }]),
    );
    await lab.rulesBecome('2001:db8:100::/56 203.0.113.0/24');
    await lab.cluster.apply(ciliumPool('blue', [{ cidr: '203.0.113.0/25' }]));
    await lab.rulesBecome('203.0.113.0/25');
    await lab.cluster.apply([
      ciliumPool('blue', [{ start: '203.0.113.0', stop: '203.0.113.9' }]),
      ciliumPool('green', [{ start: '203.0.113.99' }]),
    ]);
    await lab.rulesBecome('203.0.113.0/29 203.0.113.8/31 203.0.113.99');
    await lab.cluster.apply(ciliumPool('green', [{ start: '203.0.113.99' }], { disabled: true }));
    await lab.cluster.admin.delete(ciliumPool('blue', []));
    await lab.rulesBecome('203.0.113.99');
    const { tables } = await lab.daemon.status();
    assert.deepEqual(tables[0]?.rules.found, [
      { prefix: '203.0.113.99/32', origin: 'CiliumLoadBalancerIPPool green' },
    ]);
    // One that is not of this fabric, and one that is broken, cost nothing.
    await lab.cluster.apply([
      { ...ciliumPool('other', [{ cidr: '198.18.0.0/15' }]), metadata: { name: 'other' } },
      ciliumPool('broken', [{ start: '203.0.113.9', stop: '203.0.113.1' }]),
    ]);
    const broken = async () => (await lab.stateOf('ciliumloadbalancerippools.cilium.io'))?.faulty;
    await until(async () => (await broken()) === 1, { what: 'a pool is told to be broken' });
    assert.equal(await lab.sources(), '203.0.113.99');
    for (const name of ['green', 'other', 'broken'])
      await lab.cluster.admin.delete(ciliumPool(name, []));
    await lab.rulesBecome('');
  });

  it('follows MetalLB’s pools, as advertised from this node', async () => {
    const pool = metallb('IPAddressPool', 'edge', {
      addresses: ['198.51.100.0/28', '198.51.100.32-198.51.100.39', 'fd00:51::/64'],
    });
    const advertisement = (zone: string) =>
      metallb('BGPAdvertisement', 'edge', {
        ...{ ipAddressPools: ['edge'], nodeSelectors: [{ matchLabels: { zone } }] },
      });
    await lab.cluster.apply([pool, advertisement('b')]);
    const known = async () => (await lab.stateOf('bgpadvertisements.metallb.io'))?.objects;
    await until(async () => (await known()) === 1, { what: 'the advertisement is known' });
    assert.equal(await lab.sources(), '');
    await lab.cluster.apply(advertisement('a'));
    await lab.rulesBecome('198.51.100.0/28 198.51.100.32/29 fd00:51::/64');
    // The node is no longer one of those.
    await lab.cluster.apply(
      nodeObject('node-a', {
        podCIDRs: ['10.244.1.0/24'],
        labels: { zone: 'c' },
        internalIPs: ['192.0.2.101'],
      }),
    );
    await lab.rulesBecome('');
    await lab.cluster.apply(
      nodeObject('node-a', {
        podCIDRs: ['10.244.1.0/24'],
        labels: { zone: 'a' },
        internalIPs: ['192.0.2.101'],
      }),
    );
    await lab.rulesBecome('198.51.100.0/28 198.51.100.32/29 fd00:51::/64');
    await lab.cluster.admin.delete(advertisement('a'));
    await lab.rulesBecome('');
    await lab.cluster.admin.delete(pool);
  });

  it('follows the very addresses of services', async () => {
    const web = (ingress: readonly string[]) =>
      loadBalancer('web', {
        ...{ loadBalancerClass: 'example.org/exact', externalIPs: ['192.0.2.77'], ingress },
      });
    await lab.cluster.apply([
      web(['203.0.113.7']),
      loadBalancer('elsewhere', { ingress: ['203.0.113.8'] }),
    ]);
    await lab.rulesBecome('192.0.2.77 203.0.113.7');
    await lab.cluster.apply(web(['203.0.113.9']));
    await lab.rulesBecome('192.0.2.77 203.0.113.9');
    await lab.cluster.admin.delete(web([]));
    await lab.cluster.admin.delete(loadBalancer('elsewhere'));
    await lab.rulesBecome('');
  });

  it('has no rule that would take what the node itself sends, and says so', async () => {
    const wide = ciliumPool('wide', [{ cidr: '192.0.2.96/28' }, { cidr: '203.0.113.0/24' }]);
    // As k3s does: the addresses of nodes for those of every service.
    const svclb = loadBalancer('svclb', {
      ...{ loadBalancerClass: 'example.org/exact', ingress: ['192.0.2.101', '192.0.2.102'] },
    });
    await lab.cluster.apply([wide, svclb]);
    await lab.rulesBecome('192.0.2.102 203.0.113.0/24');
    const { tables } = await lab.daemon.status();
    const contains = 'it contains 192.0.2.101, an address of this node';
    const notes = tables[0]?.notes.filter((note) => note.startsWith('no rule'));
    assert.deepEqual(notes, [
      `no rule from 192.0.2.96/28 (CiliumLoadBalancerIPPool wide): ${contains}`,
      `no rule from 192.0.2.101/32 (Service default/svclb): ${contains}`,
    ]);
    await lab.cluster.admin.delete(wide);
    await lab.cluster.admin.delete(svclb);
    await lab.rulesBecome('');
  });

  it('has its static default over the routers that MetalLB peers with', async () => {
    const gateways = async () => {
      const routes = await lab.node.ipJson<{
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
    await lab.cluster.apply([peer('one', ROUTER, {}, 'a'), peer('two', ROUTER2, {}, 'b')]);
    await become(ROUTER);
    await lab.cluster.apply(peer('two', ROUTER2, { 'rib2fib/weight': '3' }, 'a'));
    await become(`${ROUTER}*1 ${ROUTER2}*3`);
    await lab.cluster.apply(peer('one', ROUTER, { 'rib2fib/enabled': 'false' }, 'a'));
    await become(ROUTER2);
    await lab.cluster.admin.delete(peer('one', ROUTER, {}, 'a'));
    await lab.cluster.admin.delete(peer('two', ROUTER2, {}, 'a'));
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
    lab.announce(...own.map(([prefix]) => prefix), '10.244.0.0/16');
    await until(async () => (await lab.daemon.routes({ reason: 'cluster-range' })).length === 6, {
      what: 'six are refused',
    });
    for (const [prefix, reason] of own) {
      const [table] = (await lab.daemon.explain(prefix)).tables;
      const no = table?.steps.find(({ outcome }) => outcome === 'no');
      assert.match(no?.text ?? '', reason, prefix);
    }
    // What covers one is learned, and the inside stays in main all the same.
    const routes = await lab.node.ipJson<{ dst: string; type: string }>(
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
    const rejected = await lab.daemon.routes({ reason: 'cluster-range' });
    assert.equal(
      rejected.find(({ prefix }) => prefix === '10.244.2.0/24')?.detail,
      'pod CIDR of node-b',
    );
    // A node that joins takes back what was learned in its range.
    lab.announce('10.244.3.0/24');
    await until(
      async () =>
        (await lab.daemon.routes({ state: 'installed' })).some(
          ({ prefix }) => prefix === '10.244.3.0/24',
        ),
      { what: 'it is learned' },
    );
    await lab.cluster.apply(nodeObject('node-c', { podCIDRs: ['10.244.3.0/24'] }));
    await until(async () => (await lab.daemon.routes({ reason: 'cluster-range' })).length === 7, {
      ...{ what: 'it is the cluster’s', deadlineMs: SOON_MS },
    });
    await lab.cluster.admin.delete(nodeObject('node-c'));
  });

  it('has rules of this node’s endpoints where replies go by them', async () => {
    const [table] = CONFIG.tables;
    assert.ok(table !== undefined);
    const rules = { ...table.rules, returnPath: 'endpoints' };
    await lab.daemon.configure({ ...CONFIG, tables: [{ ...table, rules }] });
    const known = async () => (await lab.stateOf('endpointslices.discovery.k8s.io'))?.state;
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
    await lab.cluster.apply([
      web,
      other,
      slice(here, there),
      endpointSlice('other', [{ ...here, address: '10.244.1.8' }]),
    ]);
    await lab.rulesBecome('10.244.1.9 203.0.113.7');
    await lab.cluster.apply(slice(there));
    await lab.rulesBecome('203.0.113.7');
    for (const gone of [slice(), endpointSlice('other', []), web, other]) {
      await lab.cluster.admin.delete(gone);
    }
    await lab.rulesBecome('');
    await lab.daemon.configure(CONFIG);
    await until(async () => (await known()) === undefined, {
      what: 'slices are asked for no more',
    });
  });

  it('finds the cluster by a kubeconfig too, with the rights of its account', async () => {
    const kubeconfig = await lab.cluster.kubeconfig(lab.account);
    await lab.daemon.configure({
      ...CONFIG,
      discovery: { kubernetes: { kubeconfig, node: 'node-a', status: false } },
    });
    await until(async () => (await lab.daemon.status()).discovery?.address === kubeconfig, {
      ...{ what: 'the other way in', deadlineMs: 20_000 },
    });
    await lab.everySynced();
    await lab.cluster.apply(ciliumPool('file', [{ cidr: '203.0.113.0/24' }]));
    await lab.rulesBecome('203.0.113.0/24');
    await lab.cluster.admin.delete(ciliumPool('file', []));
    await lab.rulesBecome('');
  });
});
