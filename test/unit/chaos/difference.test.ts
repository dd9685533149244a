import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration } from '../../chaos/configuration.js';
import { FIRST } from '../../chaos/configuration.js';
import { differenceFrom, strangersFrom } from '../../chaos/difference.js';
import { type Look, look } from '../../chaos/look.js';
import { expect, type Offers } from '../../chaos/model.js';
import { GATEWAY, POOL, REMOTE, REMOTE_NET, SIDE, SIDES, TABLES } from '../../chaos/network.js';

/** Rows as `ip -j` gives them, by what was asked for. */
interface Kernel {
  readonly '-4 route': Row[];
  readonly '-6 route': Row[];
  readonly '-4 rule': Row[];
  readonly '-6 rule': Row[];
  readonly nexthop: Row[];
  readonly address: Row[];
}
type Row = Record<string, unknown>;

const OFFERS: Offers = new Map([
  ['10.1.0.0/24', [SIDE.a.router.ipv4]],
  ['10.1.1.0/24', [SIDE.a.router.ipv4, SIDE.b.router.ipv4]],
  ['10.1.2.0/24', [REMOTE.ipv4]],
  ['2001:db8:1000::/64', [SIDE.a.router.ipv6, SIDE.b.router.ipv6]],
]);

const OWN = { protocol: '178', flags: [] };
const leg = (gateway: string, dev: string) => ({ gateway, dev, weight: 1, flags: [] });
const A = leg(SIDE.a.router.ipv4, SIDE.a.port);
const B = leg(SIDE.b.router.ipv4, SIDE.b.port);
const A6 = leg(SIDE.a.router.ipv6, SIDE.a.port);
const B6 = leg(SIDE.b.router.ipv6, SIDE.b.port);

/** What the node has when all is well: table 100 inline, 101 on objects. */
function kernel(): Kernel {
  const main = (dst: string, dev: string, rest: Row = {}) => {
    return { type: 'unicast', dst, dev, protocol: 'kernel', flags: [], ...rest };
  };
  const connected4 = ['192.0.2.0/24 eth0', '10.9.0.0/24 eth1', '10.9.1.0/24 eth2'];
  const connected6 = ['2001:db8:2::/64 eth0', '2001:db8:9::/64 eth1', '2001:db8:a::/64 eth2'];
  const connected = (list: readonly string[]) =>
    list.map((text) => {
      const [dst = '', dev = ''] = text.split(' ');
      return main(dst, dev);
    });
  const ours = (table: number, dst: string, rest: Row) => {
    const type = 'unicast';
    return { ...OWN, type, table: String(table), dst, metric: 20, ...rest };
  };
  const kept = (table: number, list: readonly string[]) =>
    list.map((text) => ours(table, text.split(' ')[0] ?? '', { type: 'throw' }));
  const rule = (table: number, src: string, srclen?: number) => ({
    ...{ priority: 10_000, src, table: String(table), protocol: '178' },
    ...(srclen === undefined ? {} : { srclen }),
  });
  const on = (table: number, nhid: number) => (table === 101 ? { nhid } : {});
  const side = (table: number) => SIDE[table === 100 ? 'a' : 'b'];
  return {
    '-4 route': [
      ...connected(connected4),
      main(REMOTE_NET.ipv4, 'eth1', { gateway: SIDE.a.router.ipv4, protocol: 'static' }),
      main('default', 'eth0', { gateway: GATEWAY.ipv4, protocol: 'static' }),
      ...TABLES.flatMap((table) => [
        ours(table, '10.1.0.0/24', { ...A, ...on(table, 11) }),
        ours(table, '10.1.1.0/24', { nexthops: [A, B], ...on(table, 12) }),
        ours(table, '10.1.2.0/24', { ...A, ...on(table, 11) }),
        ours(table, 'default', { ...leg(GATEWAY.ipv4, 'eth0'), metric: 1020 }),
        ...kept(table, connected4),
      ]),
      main('10.99.0.0/16', 'eth0', { table: '100', type: 'unicast', protocol: 'bgp', metric: 5 }),
    ],
    '-6 route': [
      ...connected(connected6),
      main(REMOTE_NET.ipv6, 'eth1', { gateway: SIDE.a.router.ipv6, protocol: 'static' }),
      ...TABLES.flatMap((table) => [
        ours(table, '2001:db8:1000::/64', { nexthops: [A6, B6], ...on(table, 13) }),
        ours(table, 'default', { ...leg(GATEWAY.ipv6, 'eth0'), metric: 1020 }),
        ...kept(table, connected6),
      ]),
    ],
    '-4 rule': TABLES.flatMap((table) => [
      rule(table, POOL[table].ipv4.replace('/24', ''), 24),
      rule(table, side(table).node.ipv4),
    ]),
    '-6 rule': TABLES.flatMap((table) => [
      rule(table, POOL[table].ipv6.replace('/56', ''), 56),
      rule(table, side(table).node.ipv6),
    ]),
    nexthop: [
      ...[A, B, A6, B6].map((one, i) => ({ ...OWN, id: i + 1, ...one })),
      { ...OWN, id: 11, group: [{ id: 1 }] },
      { ...OWN, id: 12, group: [{ id: 1 }, { id: 2 }] },
      { ...OWN, id: 13, group: [{ id: 3 }, { id: 4 }] },
    ],
    address: ['eth0', ...SIDES.map((one) => SIDE[one].port)].map((ifname, i) => ({
      ifname,
      flags: ['UP', 'LOWER_UP'],
      addr_info: Object.values(i === 1 ? SIDE.a.node : i === 2 ? SIDE.b.node : {}).map((local) => ({
        ...{ local, scope: 'global' },
      })),
    })),
  };
}

function see(rows: Kernel): Promise<Look> {
  return look({
    ipJson: async <T>(...args: string[]) => {
      const [first = '', second = ''] = args;
      const key = first.startsWith('-') ? `${first} ${second}` : first;
      return rows[key as keyof Kernel] as readonly unknown[] as readonly T[];
    },
  });
}

async function difference(rows: Kernel, config: Configuration, anyLegs = false) {
  const seen = await see(rows);
  const { objects, keeps } = config;
  return differenceFrom(expect(OFFERS, config, seen.facts), seen, { objects, keeps, anyLegs });
}

/** Of the rows that are ours, which the model does not read. */
const ours = (rows: readonly Row[], dst: string, table: string) => {
  const found = rows.find((row) => row['dst'] === dst && row['table'] === table);
  assert.ok(found);
  return found;
};
const take = (rows: Row[], row: Row) => void rows.splice(rows.indexOf(row), 1);

const LINE = 'route 101 10.1.1.0/24 metric 20 via 10.9.0.2 dev eth1, via 10.9.1.2 dev eth2';

const CASES: readonly (readonly [string, (rows: Kernel) => void, readonly string[]])[] = [
  ['nothing', () => {}, []],
  [
    'a route that is missing',
    (rows) => take(rows['-4 route'], ours(rows['-4 route'], '10.1.0.0/24', '100')),
    ['- route 100 10.1.0.0/24 metric 20 via 10.9.0.2 dev eth1'],
  ],
  [
    'a fallback that is missing',
    (rows) => take(rows['-6 route'], ours(rows['-6 route'], 'default', '101')),
    ['- route 101 ::/0 metric 1020 via 2001:db8:2::1 dev eth0'],
  ],
  [
    'a route too much',
    (rows) => {
      const row = ours(rows['-6 route'], '2001:db8:1000::/64', '100');
      rows['-6 route'].push({ ...row, dst: '2001:db8:9999::/64', nexthops: [A6] });
    },
    ['+ route 100 2001:db8:9999::/64 metric 20 via 2001:db8:9::2 dev eth1'],
  ],
  [
    'a route under another metric besides',
    (rows) => {
      const row = ours(rows['-4 route'], '10.1.0.0/24', '100');
      rows['-4 route'].push({ ...row, metric: 21 });
    },
    ['+ route 100 10.1.0.0/24 metric 21 via 10.9.0.2 dev eth1'],
  ],
  [
    'a leg that is missing',
    (rows) => Object.assign(ours(rows['-4 route'], '10.1.1.0/24', '101'), { nexthops: [B] }),
    [`- ${LINE}`, '+ route 101 10.1.1.0/24 metric 20 via 10.9.1.2 dev eth2'],
  ],
  [
    'a leg out of another interface',
    (rows) =>
      Object.assign(ours(rows['-4 route'], '10.1.1.0/24', '101'), {
        nexthops: [A, { ...B, dev: 'eth0' }],
      }),
    [`- ${LINE}`, `+ ${LINE.replace('eth2', 'eth0')}`],
  ],
  [
    'a leg of another weight',
    (rows) =>
      Object.assign(ours(rows['-4 route'], '10.1.1.0/24', '101'), {
        nexthops: [A, { ...B, weight: 2 }],
      }),
    [`- ${LINE}`, `+ ${LINE} weight 2`],
  ],
  [
    'a dead leg',
    (rows) =>
      Object.assign(ours(rows['-4 route'], '10.1.1.0/24', '101'), {
        nexthops: [A, { ...B, flags: ['dead', 'linkdown'] }],
      }),
    [`- ${LINE}`, `+ ${LINE} dead linkdown`],
  ],
  [
    'a route that leads nowhere',
    (rows) => Object.assign(ours(rows['-4 route'], '10.1.0.0/24', '100'), { type: 'blackhole' }),
    [
      '- route 100 10.1.0.0/24 metric 20 via 10.9.0.2 dev eth1',
      '+ route 100 blackhole 10.1.0.0/24 metric 20',
    ],
  ],
  [
    'a rule that is missing',
    (rows) => void rows['-6 rule'].shift(),
    ['- rule 10000: from 2001:db8:100::/56 lookup 100'],
  ],
  [
    'a rule into another table',
    (rows) => Object.assign(rows['-4 rule'][1] ?? {}, { table: '101' }),
    ['- rule 10000: from 10.9.0.1/32 lookup 100', '+ rule 10000: from 10.9.0.1/32 lookup 101'],
  ],
  [
    'a group that nothing stands on',
    (rows) => void rows.nexthop.push({ ...OWN, id: 14, group: [{ id: 2 }] }),
    ['+ nexthop 14, unused'],
  ],
];

for (const [what, alter, expected] of CASES) {
  test(`the difference shows ${what}, and nothing else`, async () => {
    const rows = kernel();
    alter(rows);
    assert.deepEqual(await difference(rows, FIRST), expected);
  });
}

test('where any way will do, legs are not compared, and a route that is missing still is', async () => {
  const rows = kernel();
  Object.assign(ours(rows['-4 route'], '10.1.1.0/24', '101'), { nexthops: [B] });
  take(rows['-4 route'], ours(rows['-4 route'], '10.1.0.0/24', '100'));
  assert.deepEqual(await difference(rows, FIRST, true), ['- route 100 10.1.0.0/24 metric 20']);
});

test('of a prefix whose place is taken by somebody else, one of ours may be there or not', async () => {
  const rows = kernel();
  const place = ours(rows['-4 route'], '10.1.0.0/24', '100');
  Object.assign(place, { protocol: 'static' });
  assert.deepEqual(await difference(rows, FIRST), []);
  rows['-4 route'].push({ ...place, protocol: '178', metric: 30 });
  assert.deepEqual(await difference(rows, FIRST), []);
});

test('what is of others is held against what it was, line by line', async () => {
  const before = (await see(kernel())).foreign;
  const rows = kernel();
  Object.assign(ours(rows['-4 route'], '10.99.0.0/16', '100'), { metric: 6 });
  const changed = strangersFrom(before, await see(rows));
  assert.deepEqual(
    changed.map((line) => `${line[0]} ${/"metric":(\d)/.exec(line)?.[1]}`),
    ['- 5', '+ 6'],
  );
  assert.deepEqual(strangersFrom(before, await see(kernel())), []);
});
