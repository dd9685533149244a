import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chosenCiliumPools,
  parseCiliumPool,
} from '../../../../src/discover/kubernetes/cilium-pools.js';
import { ObjectFault } from '../../../../src/discover/kubernetes/fields.js';
import {
  chosenMetallbPools,
  parseAdvertisement,
  parseMetallbPool,
} from '../../../../src/discover/kubernetes/metallb-pools.js';
import { matchLabels, parsed, type Shape, spec, texts } from './build.js';

const CILIUM: readonly (readonly [Shape, string])[] = [
  [
    { blocks: [{ cidr: '203.0.113.0/24' }, { cidr: '2001:db8:100::/56' }] },
    '203.0.113.0/24 2001:db8:100::/56',
  ],
  [{ blocks: [{ cidr: '203.0.113.9/24' }] }, '203.0.113.0/24'],
  [{ blocks: [{ start: '20.0.20.100', stop: '20.0.20.107' }] }, '20.0.20.100/30 20.0.20.104/30'],
  [{ blocks: [{ start: '1.2.3.4' }] }, '1.2.3.4/32'],
  [{ blocks: [{ start: '1.2.3.4', stop: '' }] }, '1.2.3.4/32'],
  [{ blocks: [{ cidr: '10.1.0.0/16', start: '1.2.3.4' }] }, '10.1.0.0/16'],
  [
    { cidrs: [{ cidr: '10.2.0.0/16' }], blocks: [{ cidr: '10.1.0.0/16' }] },
    '10.1.0.0/16 10.2.0.0/16',
  ],
  // Nothing new is given from it, and what was given stays.
  [{ disabled: true, blocks: [{ cidr: '10.1.0.0/16' }] }, '10.1.0.0/16'],
  [{ allowFirstLastIPs: 'No', blocks: [{ cidr: '10.1.0.0/30' }] }, '10.1.0.0/30'],
  [
    { serviceSelector: { matchLabels: { a: 'b' } }, blocks: [{ cidr: '10.1.0.0/16' }] },
    '10.1.0.0/16',
  ],
  [{}, ''],
  [{ blocks: null }, ''],
];

const CILIUM_FAULTS: readonly (readonly [Shape, string])[] = [
  [{ blocks: {} }, 'spec.blocks is not a list'],
  [{ blocks: [7] }, 'spec.blocks[0] is not a mapping'],
  [{ blocks: [{}] }, 'spec.blocks[0].start is missing, and so is cidr'],
  [{ blocks: [{ cidr: '10.1.0.0' }] }, 'spec.blocks[0].cidr is no CIDR: 10.1.0.0'],
  [{ blocks: [{ cidr: '0.0.0.0/0' }] }, 'spec.blocks[0].cidr is no CIDR: 0.0.0.0/0'],
  [{ blocks: [{ cidr: 10 }] }, 'spec.blocks[0].cidr is not text'],
  [
    { blocks: [{ start: '10.0.0.2', stop: '10.0.0.1' }] },
    'spec.blocks[0].start to stop is no range: 10.0.0.2 to 10.0.0.1',
  ],
  [
    { blocks: [{ start: '0.0.0.0', stop: '255.255.255.255' }] },
    'spec.blocks[0].start to stop is no range: 0.0.0.0 to 255.255.255.255',
  ],
];

describe('CiliumLoadBalancerIPPool', () => {
  for (const [fields, wanted] of CILIUM) {
    it(`${JSON.stringify(fields)} is ${wanted || 'nothing'}`, () => {
      assert.equal(texts(parsed(parseCiliumPool, spec('blue', fields)).prefixes), wanted);
    });
  }

  for (const [fields, message] of CILIUM_FAULTS) {
    it(`is none: ${message}`, () => {
      assert.throws(() => parsed(parseCiliumPool, spec('blue', fields)), new ObjectFault(message));
    });
  }

  it('without a name is none', () => {
    const fault = new ObjectFault('metadata.name is missing');
    assert.throws(() => parsed(parseCiliumPool, { spec: {} }), fault);
  });

  it('is chosen by name and by label, where both are given by both', () => {
    const pools = [
      spec('blue', {}, { tier: 'edge' }),
      spec('red', {}, { tier: 'edge' }),
      spec('old', {}),
    ];
    const chosen = (names: string[], tier?: string) =>
      chosenCiliumPools(
        {
          kind: 'ciliumPools',
          names,
          selector: tier === undefined ? undefined : matchLabels({ tier }),
        },
        pools.map((pool) => parsed(parseCiliumPool, pool)),
      ).map(({ name }) => name);
    assert.deepEqual(chosen([]), ['blue', 'red', 'old']);
    assert.deepEqual(chosen(['old', 'gone']), ['old']);
    assert.deepEqual(chosen([], 'edge'), ['blue', 'red']);
    assert.deepEqual(chosen(['old', 'red'], 'edge'), ['red']);
  });
});

const METALLB: readonly (readonly [readonly string[], string])[] = [
  [['203.0.113.0/24', '2001:db8::/64'], '203.0.113.0/24 2001:db8::/64'],
  [['172.29.3.0-172.29.3.255'], '172.29.3.0/24'],
  [['192.168.57.7 - 192.168.57.8'], '192.168.57.7/32 192.168.57.8/32'],
  [
    ['fc00:f853:ccd:e799::1-fc00:f853:ccd:e799::2'],
    'fc00:f853:ccd:e799::1/128 fc00:f853:ccd:e799::2/128',
  ],
  [['10.0.0.9/24'], '10.0.0.0/24'],
];

describe('IPAddressPool', () => {
  for (const [addresses, wanted] of METALLB) {
    it(`${addresses} is ${wanted}`, () => {
      const pool = parsed(parseMetallbPool, spec('metallb-system/blue', { addresses }));
      assert.equal(texts(pool.prefixes), wanted);
      assert.equal(pool.namespace, 'metallb-system');
    });
  }

  for (const text of ['10.0.0.1', '10.0.0.2-10.0.0.1', '10.0.0.1-fd00::1', '::/0', '']) {
    it(`"${text}" costs the pool`, () => {
      const pool = spec('blue', { addresses: ['10.0.0.0/24', text] });
      const fault = new ObjectFault(`spec.addresses has no CIDR and no range: ${text}`);
      assert.throws(() => parsed(parseMetallbPool, pool), fault);
    });
  }
});

const selector = (tier: string) => ({ matchLabels: { tier } });

/** What announces, and the pools that are announced from node-a, which is in zone a. */
const ANNOUNCED: readonly (readonly [
  title: string,
  advertisements: readonly Shape[],
  pools: string,
])[] = [
  ['nothing without an advertisement', [], ''],
  ['all, where neither names nor selectors are given', [{}], 'blue red'],
  ['all, where both are empty', [{ ipAddressPools: [], ipAddressPoolSelectors: [] }], 'blue red'],
  ['by name', [{ ipAddressPools: ['red', 'gone'] }], 'red'],
  ['by selector', [{ ipAddressPoolSelectors: [selector('edge')] }], 'blue'],
  [
    'by either',
    [{ ipAddressPools: ['red'], ipAddressPoolSelectors: [selector('edge')] }],
    'blue red',
  ],
  ['by an empty selector', [{ ipAddressPoolSelectors: [selector('x'), {}] }], 'blue red'],
  ['from this node', [{ nodeSelectors: [{ matchLabels: { zone: 'a' } }] }], 'blue red'],
  [
    'from this node by one of two',
    [{ nodeSelectors: [{ matchLabels: { zone: 'b' } }, { matchLabels: { zone: 'a' } }] }],
    'blue red',
  ],
  ['from another node', [{ nodeSelectors: [{ matchLabels: { zone: 'b' } }] }], ''],
  [
    'one from here, one from elsewhere',
    [
      { ipAddressPools: ['blue'] },
      { ipAddressPools: ['red'], nodeSelectors: [{ matchLabels: { zone: 'b' } }] },
    ],
    'blue',
  ],
];

describe('BGPAdvertisement', () => {
  const pools = [
    spec('m/blue', { addresses: [] }, { tier: 'edge' }),
    spec('m/red', { addresses: [] }),
  ];
  const kept = pools.map((pool) => parsed(parseMetallbPool, pool));
  const entry = { kind: 'metallbPools', names: [], advertised: true } as const;
  const announced = (shapes: readonly Shape[], node?: Record<string, string>, namespace = 'm') => {
    const all = shapes.map((one, i) =>
      parsed(parseAdvertisement, spec(`${namespace}/adv${i}`, one)),
    );
    return chosenMetallbPools(entry, kept, all, node)
      .map(({ name }) => name)
      .join(' ');
  };

  for (const [title, advertisements, wanted] of ANNOUNCED) {
    it(title, () => {
      assert.equal(announced(advertisements, { zone: 'a' }), wanted);
    });
  }

  it('of another namespace announces nothing here', () => {
    assert.equal(announced([{}], { zone: 'a' }, 'other'), '');
  });

  it('with node selectors announces nothing while the node is not known', () => {
    assert.equal(announced([{ nodeSelectors: [{}] }]), '');
    assert.equal(announced([{}]), 'blue red');
  });

  it('is not looked at where that is not asked for', () => {
    const anyway = { ...entry, advertised: false, names: ['red'] };
    assert.deepEqual(
      chosenMetallbPools(anyway, kept, [], undefined).map(({ name }) => name),
      ['red'],
    );
  });
});
