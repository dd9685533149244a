/** What comes from outside may be anything: it is understood, or costs itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../../../src/discover/kubernetes/api-error.js';
import { Fields, ObjectFault } from '../../../../src/discover/kubernetes/fields.js';
import { ObjectStore } from '../../../../src/discover/kubernetes/object-store.js';
import { resourcesOf } from '../../../../src/discover/kubernetes/resources.js';
import { listPage, watchEvent } from '../../../../src/discover/kubernetes/watch-event.js';
import { spec, texts } from './build.js';

/** Every field that is read, so that chance meets them. */
const FIELDS = [
  ...['metadata', 'name', 'namespace', 'labels', 'annotations', 'resourceVersion', 'continue'],
  ...['spec', 'status', 'blocks', 'cidrs', 'cidr', 'start', 'stop', 'addresses', 'address', 'ip'],
  ...['ipAddressPools', 'ipAddressPoolSelectors', 'nodeSelectors', 'matchLabels'],
  ...['matchExpressions', 'key', 'operator', 'values', 'peerAddress', 'interface', 'vrf'],
  ...['rib2fib/enabled', 'rib2fib/address', 'rib2fib/weight', 'type', 'loadBalancerClass'],
  ...['loadBalancer', 'ingress', 'externalIPs', 'clusterIPs', 'endpoints', 'conditions', 'ready'],
  ...['nodeName', 'kubernetes.io/service-name', 'addressType', 'podCIDR', 'podCIDRs', 'ipam'],
  ...['pools', 'allocated', 'ipv4', 'ipv6', 'items', 'object', 'code', '__proto__', 'constructor'],
];

const TEXTS = [
  ...[
    '10.0.0.0/8',
    '10.0.0.1',
    '10.0.0.1-10.0.0.9',
    '0.0.0.0/0',
    '::/0',
    'fd00::/8',
    'fe80::1',
    '',
  ],
  ...['In', 'Exists', 'LoadBalancer', 'InternalIP', 'ADDED', 'BOOKMARK', 'ERROR', 'node-a', 'x-y'],
];

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'large', withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, 7, -1, 410, 1.5),
    fc.constantFrom(...TEXTS),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie('value'), { maxKeys: 6 }),
  ),
}));

const SELECTORS = [
  { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] },
];

/** One good object of each kind, with all that is read of it. */
const SAMPLES = {
  ciliumPools: spec('p', {
    blocks: [{ cidr: '10.0.0.0/8' }, { start: '10.0.0.1', stop: '10.0.0.2' }],
  }),
  metallbPools: spec('m/p', { addresses: ['10.0.0.0/8', '10.0.0.1-10.0.0.9'] }),
  advertisements: spec('m/a', {
    ...{ ipAddressPools: ['p'], ipAddressPoolSelectors: SELECTORS, nodeSelectors: SELECTORS },
  }),
  peers: spec(
    'm/r',
    { peerAddress: '10.9.0.2', interface: 'eth1', vrf: '', nodeSelectors: SELECTORS },
    { 'rib2fib/enabled': 'true', 'rib2fib/address': '10.9.0.3', 'rib2fib/weight': '2' },
  ),
  services: {
    ...spec('s/w', {
      ...{ type: 'LoadBalancer', loadBalancerClass: 'x', externalIPs: ['10.0.0.1'] },
      clusterIPs: ['10.96.0.1'],
    }),
    status: { loadBalancer: { ingress: [{ ip: '10.0.0.2' }] } },
  },
  endpoints: {
    metadata: { name: 'w-1', namespace: 's', labels: { 'kubernetes.io/service-name': 'w' } },
    addressType: 'IPv4',
    endpoints: [
      {
        ...{ addresses: ['10.244.1.1'], nodeName: 'node-a' },
        conditions: { ready: true, serving: true, terminating: false },
      },
    ],
  },
  nodes: {
    ...spec('node-a', { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] }),
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
  },
  ciliumNodes: spec('node-a', {
    addresses: [{ type: 'InternalIP', ip: '192.0.2.1' }],
    ipam: {
      podCIDRs: ['10.0.1.0/24'],
      pools: { allocated: [{ pool: 'p', cidrs: ['10.1.0.0/24'] }] },
    },
  }),
  podPools: spec('p', {
    ipv4: { cidrs: ['10.1.0.0/16'] },
    ipv6: { cidrs: [{ cidr: 'fd00::/56' }] },
  }),
  serviceCidrs: spec('kubernetes', { cidrs: ['10.96.0.0/16'] }),
};

type Place = readonly string[];

/** Every place below, by its keys. */
function* placesIn(part: unknown, above: Place = []): Generator<Place> {
  yield above;
  if (typeof part !== 'object' || part === null) return;
  for (const [key, inner] of Object.entries(part)) yield* placesIn(inner, [...above, key]);
}

/** The same with another part at that place. */
function withPart(whole: unknown, [key, ...rest]: Place, part: unknown): unknown {
  if (key === undefined) return part;
  const copy = Array.isArray(whole) ? [...whole] : { ...(whole as object) };
  (copy as Record<string, unknown>)[key] = withPart(
    (whole as Record<string, unknown>)[key],
    rest,
    part,
  );
  return copy;
}

/** True, or throws what is neither of these faults. */
function survives(
  work: () => unknown,
  ...faults: readonly (new (
    ...args: never[]
  ) => Error)[]
): true {
  try {
    work();
  } catch (error) {
    assert.ok(
      faults.some((fault) => error instanceof fault),
      String((error as Error).stack),
    );
  }
  return true;
}

describe('anything', () => {
  it('as an object of any resource', () => {
    const resources = Object.values(resourcesOf('node-a'));
    fc.assert(
      fc.property(value, fc.constantFrom(...resources), (shape, { parse }) =>
        survives(() => parse(Fields.of(shape)), ObjectFault),
      ),
      { numRuns: 2_000 },
    );
  });

  it('in the place of any part of a good object', () => {
    const resources = resourcesOf('node-a');
    const samples = Object.entries(SAMPLES).flatMap(([key, sample]) => {
      const { parse } = resources[key as keyof typeof SAMPLES];
      parse(Fields.of(sample));
      return [...placesIn(sample)].map((place) => ({ sample, place, parse }));
    });
    assert.ok(samples.length > 60);
    fc.assert(
      fc.property(fc.constantFrom(...samples), value, ({ sample, place, parse }, other) =>
        survives(() => parse(Fields.of(withPart(sample, place, other))), ObjectFault),
      ),
      { numRuns: 2_000 },
    );
  });

  it('as a line of a watch, and as a list', () => {
    fc.assert(
      fc.property(value, (line) => survives(() => watchEvent(line), ObjectFault, ApiError)),
    );
    fc.assert(fc.property(value, (body) => survives(() => listPage(body), ObjectFault)));
  });
});

it('of what nodes and services there are, only what is of use is asked for', () => {
  const { ownNode, endpoints, nodes } = resourcesOf('node-a');
  assert.deepEqual(ownNode.query, { fieldSelector: 'metadata.name=node-a' });
  assert.deepEqual(endpoints.query, { labelSelector: '!service.kubernetes.io/headless' });
  assert.deepEqual(nodes.query, {});
});

describe('a store of objects', () => {
  const pool = (name: string, cidr: string) => Fields.of(spec(name, { blocks: [{ cidr }] }));
  const made = () => {
    const faults: string[] = [];
    const store = new ObjectStore({
      parse: resourcesOf('node-a').ciliumPools.parse,
      onFault: (object, fault) => void faults.push(`${object}: ${fault}`),
    });
    const known = () =>
      store.values.map(({ name, prefixes }) => `${name} ${texts(prefixes)}`).join();
    return { store, faults, known };
  };

  it('is what it was told, in whatever way: one by one, or as a list', () => {
    const names = ['a', 'b', 'c'];
    const step = fc.oneof(
      fc.tuple(
        fc.constant('put'),
        fc.constantFrom(...names),
        fc.constantFrom('10.0.0.0/8', '10.1.0.0/16'),
      ),
      fc.tuple(fc.constant('remove'), fc.constantFrom(...names), fc.constant('10.0.0.0/8')),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const [one, other] = [made(), made()];
        const model = new Map<string, string>();
        for (const [what, name, cidr] of steps) {
          const before = model.get(name);
          if (what === 'put') model.set(name, cidr);
          else model.delete(name);
          const object = pool(name, cidr);
          const changed = what === 'put' ? one.store.put(object) : one.store.remove(object);
          assert.equal(changed, before !== model.get(name));
          const all = [...model].map(([own, of]) => pool(own, of));
          assert.equal(other.store.replace(all), before !== model.get(name));
        }
        const sorted = (known: string) => known.split(',').sort().join();
        assert.equal(sorted(one.known()), sorted(other.known()));
      }),
    );
  });

  it('takes in a list in parts, and is what it was until the last', () => {
    const { store, known, faults } = made();
    store.replace([pool('a', '10.0.0.0/8'), pool('b', '10.1.0.0/16')]);
    const cut = store.relist();
    cut.add([pool('c', '10.2.0.0/16'), pool('d', 'x')]);
    const listing = store.relist();
    listing.add([pool('b', '10.1.0.0/16')]);
    listing.add([pool('c', '10.2.0.0/16')]);
    assert.deepEqual([known(), store.faulty], ['a 10.0.0.0/8,b 10.1.0.0/16', 0]);
    assert.equal(listing.end(), true);
    assert.deepEqual([known(), store.faulty], ['b 10.1.0.0/16,c 10.2.0.0/16', 0]);
    assert.deepEqual(faults, ['d: spec.blocks[0].cidr is no CIDR: x']);
  });

  it('keeps the last good form of what is no more understood, through a list too', () => {
    const { store, faults, known } = made();
    store.replace([pool('a', '10.0.0.0/8'), pool('b', 'x')]);
    assert.equal(known(), 'a 10.0.0.0/8');
    assert.equal(store.replace([pool('a', 'y'), pool('b', 'x')]), false);
    assert.equal(known(), 'a 10.0.0.0/8');
    assert.equal(store.faulty, 2);
    assert.equal(faults.length, 2, faults.join('\n'));
    assert.equal(store.replace([pool('b', 'x')]), true);
    assert.deepEqual([known(), store.faulty], ['', 1]);
    assert.equal(store.clear(), false);
    assert.equal(store.faulty, 0);
  });
});
