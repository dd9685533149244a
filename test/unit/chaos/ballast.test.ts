import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ballast } from '../../chaos/ballast.js';
import { type BallastLook, readBallast, routesIn } from '../../chaos/ballast-look.js';
import { FIRST } from '../../chaos/configuration.js';
import { ballastDifference } from '../../chaos/difference.js';
import { expect, type Facts } from '../../chaos/model.js';
import { SIDE, SIDES, TABLES } from '../../chaos/network.js';
import { nextHopOf } from '../../chaos/router.js';

const COUNT = 2_000;
const OPTIONS = { count: COUNT, version: '4.8', multipath: true } as const;
const BALLAST = new Ballast(OPTIONS);

const FACTS: Facts = {
  links: new Map(['eth0', 'eth1', 'eth2'].map((name) => [name, { usable: true }])),
  main: SIDES.flatMap((side) =>
    (['ipv4', 'ipv6'] as const).map((family) => ({
      prefix:
        family === 'ipv4'
          ? `10.9.${side === 'a' ? 0 : 1}.0/24`
          : `2001:db8:${side === 'a' ? 9 : 'a'}::/64`,
      gateway: undefined,
      dev: SIDE[side].port,
      usable: true,
    })),
  ),
  addresses: new Map(),
  taken: new Set(),
};

/** Every prefix of the ballast, with its class. */
const PREFIXES = BALLAST.prefixes().map(
  (prefix) => [prefix, BALLAST.sampleOf(prefix) ?? ''] as const,
);
const OFFERS = new Map(
  BALLAST.classes.map(({ sample, from }) => [
    sample,
    SIDES.filter((side) => from === side || from === 'both').map((side) =>
      nextHopOf(side, sample, { nextHop: 'own', prepend: 0 }),
    ),
  ]),
);
const EXPECTED = expect(OFFERS, FIRST, FACTS);

/** What `ip -o route show table all` prints where all is well: table 100 inline, 101 on objects. */
function shown(): string[] {
  return TABLES.flatMap((table) =>
    PREFIXES.map(([prefix, sample]) => {
      const nextHops = OFFERS.get(sample) ?? [];
      const legs = nextHops.map((gateway) => {
        const dev = SIDES.find((side) => Object.values(SIDE[side].router).includes(gateway));
        return `via ${gateway} dev ${SIDE[dev ?? 'a'].port} `;
      });
      const common = `table ${table} proto 178 metric 20 `;
      const nhid = table === 101 ? 'nhid 1073741826 ' : '';
      const pref = prefix.includes(':') ? 'pref medium' : '';
      return legs.length === 1
        ? `${prefix} ${nhid}${legs[0]}${common}${pref}`
        : `${prefix} ${nhid}${common}${pref}\\${legs.map((leg) => `\tnexthop ${leg}weight 1 `).join('\\')}`;
    }),
  );
}

function difference(lines: readonly string[], anyLegs = false): readonly string[] {
  const seen: BallastLook = readBallast(`${lines.join('\n')}\n`, BALLAST);
  return ballastDifference(EXPECTED, seen, BALLAST, { anyLegs });
}

/** Of the class of both routers: a prefix other than the sample, and how many there are. */
function someOfBoth(): { at: number; prefix: string; sample: string; size: number } {
  const both = BALLAST.classes.find(({ family, from }) => family === 'ipv4' && from === 'both');
  assert.ok(both);
  const { sample, size } = both;
  const at = PREFIXES.findIndex(([prefix, of]) => of === sample && prefix !== sample);
  return { at, prefix: PREFIXES[at]?.[0] ?? '', sample, size };
}

test('the classes of a ballast are its prefixes, a third of them from both routers, a tenth IPv6', () => {
  assert.equal(PREFIXES.length, COUNT);
  assert.equal(new Set(PREFIXES.map(([prefix]) => prefix)).size, COUNT);
  assert.equal(
    BALLAST.classes.reduce((sum, { size }) => sum + size, 0),
    COUNT,
  );
  assert.equal(BALLAST.classes.length, 6);
  const share = (pick: (one: (typeof BALLAST.classes)[number]) => boolean) =>
    BALLAST.classes.filter(pick).reduce((sum, { size }) => sum + size, 0) / COUNT;
  assert.ok(Math.abs(share(({ from }) => from === 'both') - 1 / 3) < 0.1);
  assert.equal(
    share(({ family }) => family === 'ipv6'),
    0.1,
  );
});

test('without multipath no path of a router is as good as the other one of the same prefix', () => {
  for (const multipath of [true, false]) {
    const ballast = new Ballast({ ...OPTIONS, multipath });
    const both = ballast.classes.filter(({ from }) => from === 'both');
    assert.ok(both.length > 0);
    for (const one of both)
      assert.equal(ballast.prepend('a', one) === ballast.prepend('b', one), multipath);
    const size = (side: 'a' | 'b') => ballast.dump(side).length;
    assert.ok(size('a') > 0 && size('b') > 0);
  }
});

test('a kernel that has all of the ballast, inline and on objects, differs in nothing', () => {
  assert.deepEqual(difference(shown()), []);
});

test('a single prefix that is missing is seen', () => {
  const { at, sample, size } = someOfBoth();
  const lines = shown();
  lines.splice(at, 1);
  assert.deepEqual(difference(lines), [
    `- 1 of ${size}: route 100 ${sample} metric 20 via 10.9.0.2 dev eth1, via 10.9.1.2 dev eth2`,
  ]);
});

test('one that is there twice does not stand for one that is missing', () => {
  const { at } = someOfBoth();
  const lines = shown();
  const twice = PREFIXES.findIndex(([, of], i) => of === PREFIXES[at]?.[1] && i !== at);
  lines[at] = lines[twice] ?? '';
  assert.match(difference(lines).join(), /^- 1 of \d+: /);
});

const ALTERED: readonly (readonly [string, (line: string) => string, RegExp])[] = [
  [
    'lacks a leg',
    (line) => line.replace(/\tnexthop via 10.9.1.2[^\\]*/, ''),
    /via 10\.9\.0\.2 dev eth1$/,
  ],
  [
    'is dead',
    (line) => line.replace('eth2 weight 1', 'eth2 weight 1 dead linkdown'),
    /eth2 dead linkdown$/,
  ],
  [
    'is a blackhole',
    (line) => `blackhole ${line.split(' ')[0]} table 100 proto 178 metric 20 `,
    /blackhole 6/,
  ],
  ['has another metric', (line) => line.replace('metric 20', 'metric 21'), /metric 21 via/],
  [
    'is under another mark',
    (line) => line.replace('proto 178', 'proto bgp'),
    /proto bgp metric 20/,
  ],
  ['is in another table', (line) => line.replace('table 100', 'table 777'), /route 777 /],
];

for (const [how, alter, surplus] of ALTERED) {
  test(`a single prefix that ${how} is seen`, () => {
    const { at, prefix, size } = someOfBoth();
    const lines = shown();
    lines[at] = alter(lines[at] ?? '');
    const [missing = '', more = '', ...rest] = difference(lines);
    assert.ok(missing.startsWith(`- 1 of ${size}: route 100 `), missing);
    assert.ok(more.startsWith(`+ 1, ${prefix} among them: route `), more);
    assert.match(more, surplus);
    assert.deepEqual(rest, []);
  });
}

test('what is in the space of the ballast and is none of it is seen', () => {
  const stray = '64.0.0.0/9 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20 ';
  assert.deepEqual(difference([...shown(), stray]), [
    '+ 1, 64.0.0.0/9 among them: route 100 64.0.0.0/9 metric 20 via 10.9.0.2 dev eth1',
  ]);
});

test('where any way will do, legs are not compared, and a route that is missing still is', () => {
  const { at, size } = someOfBoth();
  const lines = shown();
  lines[at] = (lines[at] ?? '').replace(/\tnexthop via 10.9.1.2[^\\]*/, '');
  assert.deepEqual(difference(lines, true), []);
  lines.splice(at, 1);
  assert.match(difference(lines, true).join(), new RegExp(`^- 1 of ${size}: `));
});

test("a table is counted with its ballast, and with no other table's", () => {
  const seen = readBallast(`${shown().slice(1).join('\n')}\n`, BALLAST);
  const own = new Set(['route 100 ::/0 metric 1020 via 2001:db8:2::1 dev eth0', 'rule 100: x']);
  assert.equal(routesIn(100, own, seen), COUNT);
  assert.equal(routesIn(101, own, seen), COUNT);
  assert.equal(routesIn(10, own, seen), 0);
});

test('of a class that the kernel takes no new routes of, some may be there', () => {
  const { sample } = someOfBoth();
  const seen = readBallast(`${shown().join('\n')}\n`, BALLAST);
  const lines = new Set(
    [...EXPECTED.lines].filter((line) => !line.startsWith(`route 100 ${sample} `)),
  );
  const undecided = new Set([`100 ${sample}`]);
  const left = ballastDifference({ ...EXPECTED, lines, undecided }, seen, BALLAST, {
    anyLegs: false,
  });
  assert.deepEqual(left, []);
});
