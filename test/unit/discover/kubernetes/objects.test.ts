/** Peers, services, endpoints, nodes and ranges: what is kept of each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  parseCiliumNode,
  parseNode,
  parsePodPool,
  parseServiceCidr,
} from '../../../../src/discover/kubernetes/cluster-ranges.js';
import {
  parseAllEndpoints,
  parseEndpointsOn,
} from '../../../../src/discover/kubernetes/endpoints.js';
import { ObjectFault } from '../../../../src/discover/kubernetes/fields.js';
import { gatewaysOf, parseMetallbPeer } from '../../../../src/discover/kubernetes/metallb-peers.js';
import { askedAddresses, parseService } from '../../../../src/discover/kubernetes/services.js';
import { matchLabels, object, parsed, type Shape, spec, texts } from './build.js';

/** Labels, spec, and the leg: `GATEWAY%INTERFACE*WEIGHT`. */
const PEERS: readonly (readonly [object, Shape, string | undefined])[] = [
  [{}, { peerAddress: '10.9.0.2' }, '10.9.0.2%*1'],
  [{}, { peerAddress: '2001:db8::2', ebgpMultiHop: true }, '2001:db8::2%*1'],
  [{}, { peerAddress: 'fe80::1', interface: 'eth1' }, 'fe80::1%eth1*1'],
  [{ 'rib2fib/enabled': 'true' }, { peerAddress: '10.9.0.2' }, '10.9.0.2%*1'],
  [{ 'rib2fib/enabled': 'false' }, { peerAddress: '10.9.0.2' }, undefined],
  [{ 'rib2fib/enabled': 'No' }, { peerAddress: '10.9.0.2' }, undefined],
  [{ 'rib2fib/enabled': '0' }, { peerAddress: '10.9.0.2' }, undefined],
  [{ 'rib2fib/address': '10.9.0.254' }, { peerAddress: '10.9.0.2' }, '10.9.0.254%*1'],
  [{ 'rib2fib/weight': '256' }, { peerAddress: '10.9.0.2' }, '10.9.0.2%*256'],
  // In a table of its own, and without an address: no gateway.
  [{}, { peerAddress: '10.9.0.2', vrf: 'red' }, undefined],
  [{}, { interface: 'eth1' }, undefined],
  [{ 'rib2fib/address': '10.9.0.254' }, { interface: 'eth1' }, '10.9.0.254%eth1*1'],
];

const PEER_FAULTS: readonly (readonly [object, Shape, string])[] = [
  [
    { 'rib2fib/enabled': 'off' },
    { peerAddress: '10.9.0.2' },
    'rib2fib/enabled is neither true nor false: off',
  ],
  [
    { 'rib2fib/weight': '0' },
    { peerAddress: '10.9.0.2' },
    'rib2fib/weight is not from 1 to 256: 0',
  ],
  [
    { 'rib2fib/weight': '257' },
    { peerAddress: '10.9.0.2' },
    'rib2fib/weight is not from 1 to 256: 257',
  ],
  [
    { 'rib2fib/address': 'router' },
    { peerAddress: '10.9.0.2' },
    'peerAddress is no address: router',
  ],
  [{}, { peerAddress: 'fe80::1' }, 'peerAddress is link-local, and there is no interface: fe80::1'],
  [{}, { peerAddress: '0.0.0.0' }, 'peerAddress is no address: 0.0.0.0'],
  [{}, { peerAddress: 7 }, 'spec.peerAddress is not text'],
];

describe('BGPPeer', () => {
  const legText = (labels: object, fields: Shape): string | undefined => {
    const peer = parsed(parseMetallbPeer, spec('m/p', fields, labels));
    return peer && `${peer.leg.gateway}%${peer.leg.interface ?? ''}*${peer.leg.weight}`;
  };

  for (const [labels, fields, wanted] of PEERS) {
    it(`${JSON.stringify(fields)} ${JSON.stringify(labels)} is ${wanted ?? 'no gateway'}`, () => {
      assert.equal(legText(labels, fields), wanted);
    });
  }

  for (const [labels, fields, message] of PEER_FAULTS) {
    it(`is none: ${message}`, () => {
      assert.throws(() => legText(labels, fields), new ObjectFault(message));
    });
  }

  it('may say in an annotation what no label can hold', () => {
    const annotations = { 'rib2fib/address': '2001:db8::254' };
    const labels = { 'rib2fib/address': '10.9.0.254' };
    const shape = object('p', { spec: { peerAddress: '10.9.0.2' } }, { labels, annotations });
    assert.equal(parsed(parseMetallbPeer, shape)?.leg.gateway?.text, '2001:db8::254');
  });

  it('is a gateway of the nodes it is for, once, with the greater weight', () => {
    const zone = (value: string) => ({ matchLabels: { zone: value } });
    const shapes = [
      spec('all', { peerAddress: '10.9.0.9' }),
      spec('here', { peerAddress: '10.9.0.2', nodeSelectors: [zone('b'), zone('a')] }),
      spec('there', { peerAddress: '10.9.0.3', nodeSelectors: [zone('b')] }),
      spec('again', { peerAddress: '10.9.0.9' }, { 'rib2fib/weight': '5' }),
    ];
    const peers = shapes.map((shape) => parsed(parseMetallbPeer, shape)).filter((one) => !!one);
    const found = (node: Record<string, string> | undefined) =>
      gatewaysOf(peers, node).map(({ gateway, weight }) => `${gateway}*${weight}`);
    assert.deepEqual(found({ zone: 'a' }), ['10.9.0.2*1', '10.9.0.9*5']);
    assert.deepEqual(found({ zone: 'c' }), ['10.9.0.9*5']);
    assert.deepEqual(found(undefined), ['10.9.0.9*5']);
  });
});

function service(name: string, rest: Shape = {}, ips: readonly object[] = [], labels = {}): Shape {
  const fields = { type: 'LoadBalancer', clusterIPs: ['10.96.0.9', 'fd00:96::9'], ...rest };
  return object(name, { spec: fields, status: { loadBalancer: { ingress: ips } } }, { labels });
}

describe('Service', () => {
  const asked = (shape: Shape, given: Partial<Parameters<typeof askedAddresses>[0]> = {}) => {
    const entry = { kind: 'services', class: undefined, selector: undefined } as const;
    const all = { ...entry, namespaces: [], externalIPs: false, ...given };
    return texts(askedAddresses(all, parsed(parseService, shape)));
  };
  const web = service(
    'shop/web',
    { loadBalancerClass: 'io.cilium/bgp', externalIPs: ['198.51.100.7'] },
    [{ ip: '203.0.113.7', ipMode: 'VIP' }, { hostname: 'lb.example' }, { ip: '2001:db8::7' }],
    { tier: 'edge' },
  );

  it('is known by the addresses in its status', () => {
    assert.equal(asked(web), '203.0.113.7/32 2001:db8::7/128');
    assert.equal(texts(parsed(parseService, web).clusterIPs), '10.96.0.9/32 fd00:96::9/128');
  });

  it('is asked for by class, label and namespace', () => {
    const both = '203.0.113.7/32 2001:db8::7/128';
    assert.equal(asked(web, { class: 'io.cilium/bgp' }), both);
    assert.equal(asked(web, { class: 'other' }), '');
    assert.equal(asked(service('a/b', {}, [{ ip: '10.0.0.1' }]), { class: 'other' }), '');
    assert.equal(asked(web, { selector: matchLabels({ tier: 'edge' }) }), both);
    assert.equal(asked(web, { selector: matchLabels({ tier: 'core' }) }), '');
    assert.equal(asked(web, { namespaces: ['a', 'shop'] }), both);
    assert.equal(asked(web, { namespaces: ['a'] }), '');
  });

  it('has external addresses where those are asked for, whatever its type', () => {
    const plain = service('a/b', { type: 'ClusterIP', externalIPs: ['198.51.100.8'] }, [
      { ip: '10.0.0.1' },
    ]);
    assert.equal(asked(plain), '');
    assert.equal(asked(plain, { externalIPs: true }), '198.51.100.8/32');
    assert.equal(asked(plain, { externalIPs: true, class: 'x' }), '');
    assert.equal(
      asked(web, { externalIPs: true }),
      '203.0.113.7/32 2001:db8::7/128 198.51.100.7/32',
    );
  });

  it('without a head or a status has none', () => {
    const shape = object('a/b', { spec: { type: 'LoadBalancer', clusterIPs: ['None'] } });
    assert.equal(texts(parsed(parseService, shape).clusterIPs), '');
    assert.equal(asked(shape), '');
  });

  it('with an address that is none is none', () => {
    const fault = (message: string) => new ObjectFault(message);
    assert.throws(
      () => asked(service('a/b', {}, [{ ip: 'x' }])),
      fault('status.loadBalancer.ingress[0].ip is no address: x'),
    );
    assert.throws(
      () => asked(service('a/b', { externalIPs: ['10.0.0.0/8'] })),
      fault('spec.externalIPs is no address: 10.0.0.0/8'),
    );
  });
});

describe('EndpointSlice', () => {
  const slice = (
    endpoints: readonly Shape[],
    rest: Shape = {},
    labels: object = { 'kubernetes.io/service-name': 'web' },
  ) => object('shop/web-x', { addressType: 'IPv4', endpoints, ...rest }, { labels });
  const at = (address: string, nodeName: string | undefined, conditions?: Shape): Shape => ({
    ...{ addresses: [address], nodeName, conditions },
  });

  it('tells who answers here: ready, serving or on the way out', () => {
    const shape = slice([
      at('10.244.1.1', 'node-a', { ready: true }),
      at('10.244.1.2', 'node-a'),
      at('10.244.1.3', 'node-a', { ready: null }),
      at('10.244.1.4', 'node-a', { ready: false, serving: true, terminating: true }),
      at('10.244.1.5', 'node-a', { ready: false, serving: false, terminating: true }),
      at('10.244.1.6', 'node-a', { ready: false, serving: false, terminating: false }),
      at('10.244.2.1', 'node-b', { ready: true }),
      at('10.244.3.1', undefined, { ready: true }),
    ]);
    const found = parsed((fields) => parseEndpointsOn('node-a', fields), shape);
    assert.equal(found?.service, 'shop/web');
    assert.equal(texts(found.addresses), [1, 2, 3, 4, 5].map((n) => `10.244.1.${n}/32`).join(' '));
    assert.equal(parsed(parseAllEndpoints, shape)?.addresses.length, 8);
  });

  it('of another node, of no service, or of names is of no use', () => {
    const one = at('10.244.1.1', 'node-a');
    assert.equal(
      parsed((fields) => parseEndpointsOn('node-b', fields), slice([one])),
      undefined,
    );
    assert.equal(parsed(parseAllEndpoints, slice([one], {}, {})), undefined);
    assert.equal(
      parsed(parseAllEndpoints, slice([at('a.example', 'node-a')], { addressType: 'FQDN' })),
      undefined,
    );
    assert.equal(parsed(parseAllEndpoints, slice([], { endpoints: null })), undefined);
  });

  it('with an address that is none is none', () => {
    const fault = new ObjectFault('endpoints[0].addresses has no address: x');
    assert.throws(() => parsed(parseAllEndpoints, slice([at('x', 'node-a')])), fault);
  });
});

describe("the cluster's own ranges", () => {
  it('of a Node', () => {
    const node = parsed(
      parseNode,
      object('node-a', {
        spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
        status: {
          addresses: [
            { type: 'InternalIP', address: '192.0.2.10' },
            { type: 'Hostname', address: 'node-a' },
            { type: 'InternalIP', address: '2001:db8:2::10' },
            { type: 'ExternalIP', address: '198.51.100.10' },
          ],
        },
      }),
    );
    assert.equal(texts(node.podCidrs), '10.244.1.0/24 fd00:244:1::/64');
    assert.equal(texts(node.addresses), '192.0.2.10/32 2001:db8:2::10/128 198.51.100.10/32');
    assert.equal(texts(parsed(parseNode, object('new', {})).podCidrs), '');
  });

  it('of a CiliumNode, in both modes', () => {
    const node = parsed(
      parseCiliumNode,
      spec('node-a', {
        addresses: [
          { type: 'InternalIP', ip: '192.0.2.10' },
          { type: 'CiliumInternalIP', ip: '10.0.1.44' },
          { type: 'Hostname', ip: 'node-a' },
        ],
        ipam: {
          podCIDRs: ['10.0.1.0/24'],
          pools: { allocated: [{ pool: 'default', cidrs: ['10.10.0.0/24', '10.0.1.0/24'] }] },
        },
      }),
    );
    assert.equal(texts(node.podCidrs), '10.0.1.0/24 10.10.0.0/24');
    assert.equal(texts(node.addresses), '192.0.2.10/32 10.0.1.44/32');
  });

  it('of a CiliumPodIPPool, in both shapes', () => {
    const old = spec('p', {
      ipv4: { cidrs: ['10.10.0.0/16'], maskSize: 24 },
      ipv6: { cidrs: ['fd10::/56'], maskSize: 64 },
    });
    const coming = spec('p', { ipv4: { cidrs: [{ cidr: '10.10.0.0/16' }], maskSize: 24 } });
    assert.equal(texts(parsed(parsePodPool, old).prefixes), '10.10.0.0/16 fd10::/56');
    assert.equal(texts(parsed(parsePodPool, coming).prefixes), '10.10.0.0/16');
    const fault = new ObjectFault('spec.ipv4.cidrs[0].cidr is missing');
    assert.throws(() => parsed(parsePodPool, spec('p', { ipv4: { cidrs: [{}] } })), fault);
  });

  it('of a ServiceCIDR', () => {
    const shape = spec('kubernetes', { cidrs: ['10.96.0.0/16', 'fd00:96::/112'] });
    assert.equal(texts(parsed(parseServiceCidr, shape).prefixes), '10.96.0.0/16 fd00:96::/112');
    const fault = new ObjectFault('spec.cidrs has no CIDR: x');
    assert.throws(() => parsed(parseServiceCidr, spec('k', { cidrs: ['x'] })), fault);
  });
});
