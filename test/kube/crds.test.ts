/** The definitions in `crds/` take what Cilium's and MetalLB's own take, and refuse what those refuse. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { refusal } from '../support/kube/refusals.js';

/** A spec with why it is refused, and HTTP's status for that where it is not 422. */
type Wrong = readonly [spec: object, why: RegExp, code?: number];

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly taken: readonly object[];
  readonly refused: readonly Wrong[];
}

const SELECTOR = {
  matchLabels: { fabric: 'a' },
  matchExpressions: [{ key: 'zone', operator: 'In', values: ['1', '2'] }],
};

const CILIUM_POOL: Omit<Kind, 'apiVersion'> = {
  ...{ kind: 'CiliumLoadBalancerIPPool', namespaced: false },
  taken: [
    {},
    { blocks: [{ cidr: '203.0.113.0/24' }, { cidr: '2001:db8:100::/56' }], disabled: true },
    { blocks: [{ start: '203.0.113.10', stop: '203.0.113.20' }, { start: '198.51.100.1' }] },
    // Nothing but the operator holds these against each other.
    {
      blocks: [
        { cidr: '203.0.113.9/24', start: 'x' },
        { start: '10.0.0.9', stop: '10.0.0.1' },
      ],
    },
    { blocks: [{ cidr: '203.0.113.0/24' }], serviceSelector: SELECTOR, allowFirstLastIPs: 'No' },
  ],
  refused: [
    [{ blocks: [{ cidr: '203.0.113.0' }] }, /blocks\[0\]\.cidr.*must be of type cidr/],
    [{ blocks: [{ cidr: '203.0.113.0/33' }] }, /must be of type cidr/],
    [{ allowFirstLastIPs: 'yes' }, /supported values: "Yes", "No"/],
    [{ serviceSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }, /operator/],
    [{ serviceSelector: { matchLabels: { a: 'not a value' } } }, /should match/],
    [{ cidrs: [{ cidr: '203.0.113.0/24' }] }, /unknown field "spec.cidrs"/, 400],
  ],
};

const KINDS: readonly Kind[] = [
  { apiVersion: 'cilium.io/v2', ...CILIUM_POOL },
  { apiVersion: 'cilium.io/v2alpha1', ...CILIUM_POOL },
  {
    ...{ apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumPodIPPool', namespaced: false },
    taken: [
      { ipv4: { cidrs: ['10.42.0.0/16', '10.43.0.0/16'], maskSize: 24 } },
      {
        ipv4: { cidrs: ['10.42.0.0/16'], maskSize: 24 },
        ipv6: { cidrs: ['fd42::/48'], maskSize: 120 },
      },
    ],
    refused: [
      [{ ipv4: { cidrs: [], maskSize: 24 } }, /at least 1 items/],
      [{ ipv4: { cidrs: ['10.42.0.0/16'] } }, /maskSize: Required/],
      [{ ipv6: { cidrs: ['fd42::/48'], maskSize: 129 } }, /less than or equal to 128/],
      [{ ipv4: { cidrs: ['10.42.0.0'], maskSize: 24 } }, /must be of type cidr/],
    ],
  },
  {
    ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumNode', namespaced: false },
    taken: [
      {
        addresses: [
          { type: 'InternalIP', ip: '10.0.0.11' },
          { type: 'CiliumInternalIP', ip: '10.42.0.131' },
        ],
        ipam: { podCIDRs: ['10.42.0.0/24', 'fd42::/64'] },
        ...{ bootid: 'a', encryption: {}, health: { ipv4: '10.42.0.7' } },
      },
      { ipam: { pools: { allocated: [{ pool: 'default', cidrs: ['10.42.1.0/24'] }] } } },
    ],
    refused: [
      [{ ipam: { pools: { allocated: [{ cidrs: [] }] } } }, /pool: Required/],
      [{ ipam: { podCIDRs: '10.42.0.0/24' } }, /must be of type array/],
    ],
  },
  {
    ...{ apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', namespaced: true },
    taken: [
      { addresses: ['203.0.113.0/24', '2001:db8:100::/56', '198.51.100.1-198.51.100.9'] },
      // MetalLB's webhook refuses these two; the definition does not.
      { addresses: [] },
      { addresses: ['not an address'] },
      { addresses: ['203.0.113.0/24'], autoAssign: false, avoidBuggyIPs: true },
      {
        addresses: ['203.0.113.0/24'],
        serviceAllocation: { priority: 10, namespaces: ['a'], serviceSelectors: [SELECTOR] },
      },
    ],
    refused: [
      [{}, /addresses: Required/],
      [{ addresses: ['203.0.113.0/24'], autoAssign: 'no' }, /must be of type boolean/],
    ],
  },
  {
    ...{ apiVersion: 'metallb.io/v1beta1', kind: 'BGPAdvertisement', namespaced: true },
    taken: [
      {},
      { ipAddressPools: ['a', 'b'], ipAddressPoolSelectors: [SELECTOR], nodeSelectors: [{}] },
      { aggregationLength: 24, aggregationLengthV6: 64, localPref: 100, peers: ['tor-a'] },
      { serviceSelectors: [SELECTOR] },
    ],
    refused: [
      [{ aggregationLength: 0 }, /greater than or equal to 1/],
      [{ aggregationLength: 24, serviceSelectors: [SELECTOR] }, /lengths 32 and 128 only/],
      [{ nodeSelectors: [{ matchExpressions: [{ key: 'a' }] }] }, /operator: Required/],
    ],
  },
  {
    ...{ apiVersion: 'metallb.io/v1beta2', kind: 'BGPPeer', namespaced: true },
    taken: [
      { myASN: 64512, peerASN: 64513, peerAddress: '10.9.0.2', nodeSelectors: [SELECTOR] },
      { myASN: 4200000000, dynamicASN: 'external', interface: 'eth1', connectTime: '10s' },
      { myASN: 64512, peerASN: 64512, peerAddress: '2001:db8:9::2', vrf: 'red', peerPort: 1179 },
      // MetalLB's webhook wants one of peerAddress and interface, and one of peerASN and dynamicASN.
      { myASN: 64512 },
    ],
    refused: [
      [{ peerASN: 64513, peerAddress: '10.9.0.2' }, /myASN: Required/],
      [{ myASN: 4294967296 }, /less than or equal to 4294967295/],
      [{ myASN: 64512, dynamicASN: 'any' }, /supported values: "internal", "external"/],
      [{ myASN: 64512, peerPort: 20000 }, /less than or equal to 16384/],
      [{ myASN: 64512, connectTime: '1500ms' }, /whole seconds/],
    ],
  },
];

let cluster: KubeCluster;
before(async () => {
  cluster = await KubeCluster.start();
  await cluster.define('ciliumloadbalancerippools', 'ciliumpodippools', 'ciliumnodes');
  await cluster.define('ipaddresspools', 'bgpadvertisements', 'bgppeers');
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'metallb-system' },
  });
});
after(() => cluster[Symbol.asyncDispose]());

for (const { apiVersion, kind, namespaced, taken, refused } of KINDS) {
  describe(`${kind} ${apiVersion}`, () => {
    const object = (name: string, spec: object): KubeObject => ({
      ...{ apiVersion, kind, spec },
      metadata: { name, ...(namespaced ? { namespace: 'metallb-system' } : {}) },
    });

    it('is taken, and given back as it was', async () => {
      for (const [i, spec] of taken.entries()) {
        const [made] = await cluster.apply(object(`taken-${i}`, spec));
        assert.ok(made !== undefined);
        assert.deepEqual({ ...(made['spec'] as object), ...spec }, made['spec']);
        const path = await cluster.admin.path(made);
        assert.equal(path.includes('/namespaces/metallb-system/'), namespaced);
        assert.deepEqual((await cluster.admin.get(path))['spec'], made['spec']);
      }
    });

    it('is refused where it is wrong', async () => {
      for (const [spec, why, code = 422] of refused) {
        await assert.rejects(cluster.admin.create(object('wrong', spec)), refusal(code, why));
      }
    });
  });
}

describe('CiliumLoadBalancerIPPool of both ages', () => {
  it('is one object in both versions, with a status of its own', async () => {
    const metadata = { name: 'both' };
    const lastTransitionTime = '2026-01-01T00:00:00Z';
    const condition = { type: 'cilium.io/PoolConflict', reason: 'cidr_overlap', message: 'x' };
    await cluster.apply({
      ...{ apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumLoadBalancerIPPool', metadata },
      spec: { blocks: [{ cidr: '203.0.113.0/24' }] },
      status: { conditions: [{ ...condition, status: 'True', lastTransitionTime }] },
    });
    const pool = await cluster.admin.get('/apis/cilium.io/v2/ciliumloadbalancerippools/both');
    assert.deepEqual(pool['spec'], { blocks: [{ cidr: '203.0.113.0/24' }], disabled: false });
    const { columns, rows } = await cluster.admin.table(
      '/apis/cilium.io/v2/ciliumloadbalancerippools',
    );
    assert.deepEqual(columns.slice(0, 3), ['Name', 'Disabled', 'Conflicting']);
    const row = rows.find(([name]) => name === 'both');
    assert.deepEqual(row?.slice(0, 3), ['both', 'false', 'True']);
  });

  it('before Cilium 1.18 has no v2, and may have cidrs for blocks', async () => {
    await using old = await KubeCluster.start();
    await old.define('before-1.18/ciliumloadbalancerippools');
    const pool = {
      ...{ apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumLoadBalancerIPPool' },
      ...{ metadata: { name: 'old' }, spec: { cidrs: [{ cidr: '203.0.113.0/24' }] } },
    };
    const [made] = await old.apply(pool);
    assert.deepEqual(made?.['spec'], { ...pool.spec, disabled: false });
    await assert.rejects(
      old.admin.list('/apis/cilium.io/v2/ciliumloadbalancerippools'),
      refusal(404),
    );
  });
});
