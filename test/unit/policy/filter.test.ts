import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FilterRule } from '../../../src/config/config.js';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import { compileFilter, type Filter } from '../../../src/policy/filter.js';
import { PrefixList } from '../../../src/policy/prefix-list.js';
import { asPathText, originAs, type Path, UNKNOWN_AS_PATH } from '../../../src/rib/path.js';
import { attributes, countMapGets, entry, path, prefix, rule, sequence } from './build.js';

const NO_LISTS = new Map<string, PrefixList>();
const COUNT = { count: true };

function decide(filter: Filter, text: string, given: Path = path()): string {
  const { permit, rule: decided } = filter.evaluate(prefix(text), given);
  assert.equal(permit, decided?.action === 'permit');
  return decided?.id ?? 'none';
}

test('the first rule that matches decides, and nothing matching is denied', () => {
  const filter = compileFilter(
    [
      rule('deny', 'pods', { prefix: '10.42.0.0/16 ge 16' }),
      rule('permit', 'ten', { prefix: '10.0.0.0/8 ge 16 le 24' }),
      rule('permit', 'exact', { prefix: '192.0.2.0/24' }),
      rule('permit', 'again', { prefix: '10.42.0.0/16 le 32' }),
    ],
    NO_LISTS,
  );
  assert.equal(decide(filter, '10.42.1.0/24'), 'pods');
  assert.equal(decide(filter, '10.1.0.0/16'), 'ten');
  assert.equal(decide(filter, '10.1.1.1/32'), 'none');
  assert.equal(decide(filter, '192.0.2.0/24'), 'exact');
  assert.equal(decide(filter, '192.0.2.0/25'), 'none');
  assert.equal(decide(filter, '2001:db8::/32'), 'none');
});

test('each criterion, alone', () => {
  const origin65003 = attributes({ asPath: sequence(65001, 65003) });
  const endsInSet = attributes({
    asPath: [...sequence(65001, 65003), { type: 'set', asns: [65003] }],
  });
  const table: [Partial<FilterRule>, matching: Path, other: Path][] = [
    [{ peer: '10.9.0.2' }, path(), path({ peer: '10.9.0.3' })],
    [{ peerAs: 65001 }, path(), path({ peerAs: 65002 })],
    [{ originAs: 65003 }, path({ attributes: origin65003 }), path({ attributes: endsInSet })],
    [{ asPath: '^65001_65003$' }, path({ attributes: origin65003 }), path()],
    [
      { community: 0xfde8_0064 },
      path({ attributes: attributes({ communities: [1, 0xfde8_0064] }) }),
      path({ attributes: attributes({ communities: [1] }) }),
    ],
    [
      { largeCommunity: '65000:1:2' },
      path({ attributes: attributes({ largeCommunities: ['65000:1:2'] }) }),
      path({ attributes: attributes({ largeCommunities: ['65000:1:3'] }) }),
    ],
  ];
  for (const [{ prefix: _, ...criterion }, matching, other] of table) {
    const filter = compileFilter([rule('permit', 'it', criterion)], NO_LISTS);
    const name = JSON.stringify(criterion);
    assert.equal(decide(filter, '10.0.0.0/8', matching), 'it', name);
    assert.equal(decide(filter, '10.0.0.0/8', other), 'none', name);
  }
});

test('the criteria of one rule must all match', () => {
  const filter = compileFilter(
    [rule('permit', 'it', { prefix: '10.0.0.0/8 le 24', peer: '10.9.0.2', originAs: 65001 })],
    NO_LISTS,
  );
  const full = path({ attributes: attributes({ asPath: sequence(65001) }) });
  assert.equal(decide(filter, '10.1.0.0/16', full), 'it');
  assert.equal(decide(filter, '10.1.0.0/25', full), 'none');
  assert.equal(decide(filter, '11.0.0.0/16', full), 'none');
  assert.equal(decide(filter, '10.1.0.0/16', { ...full, peer: '10.9.0.3' }), 'none');
  assert.equal(decide(filter, '10.1.0.0/16', path()), 'none');
});

test('a rule without keys matches everything, one with a family that family', () => {
  const filter = compileFilter(
    [
      rule('permit', 'six', { family: 'ipv6' }),
      rule('deny', 'never', { family: 'ipv6', prefix: '10.0.0.0/8' }),
      rule('permit', 'rest'),
    ],
    NO_LISTS,
  );
  assert.equal(decide(filter, '::/0'), 'six');
  assert.equal(decide(filter, '::1/128'), 'six');
  assert.equal(decide(filter, '10.0.0.0/8'), 'rest');
  assert.equal(decide(filter, '0.0.0.0/0'), 'rest');
});

test('a prefix list matches what it permits, in permit and deny rules alike', () => {
  const customers = new PrefixList({
    ipv4: [entry('seq 5 deny 172.16.9.0/24 le 32'), entry('seq 10 permit 172.16.0.0/12 le 32')],
    ipv6: [],
  });
  const lists = new Map([
    ['customers', customers],
    ['empty', new PrefixList({ ipv4: [], ipv6: [] })],
  ]);
  const denying = compileFilter(
    [rule('deny', 'list', { prefixList: 'customers' }), rule('permit', 'rest')],
    lists,
  );
  assert.equal(decide(denying, '172.16.1.0/24'), 'list');
  assert.equal(decide(denying, '172.16.9.0/24'), 'rest');
  assert.equal(decide(denying, '2001:db8::/32'), 'rest');
  const others = compileFilter(
    [
      rule('permit', 'undefined', { prefixList: 'nowhere' }),
      rule('permit', 'empty', { prefixList: 'empty', peer: '10.9.0.2' }),
    ],
    lists,
  );
  assert.equal(decide(others, '10.0.0.0/8'), 'empty');
  assert.equal(decide(others, '10.0.0.0/8', path({ peer: '10.9.0.3' })), 'none');
});

test('an AS path that is not known matches no pattern, not even that of an empty one', () => {
  for (const asPath of ['^$', '.*', '_65001_']) {
    const filter = compileFilter([rule('permit', 'it', { asPath })], NO_LISTS);
    const unknown = path({ attributes: attributes({ asPath: UNKNOWN_AS_PATH }) });
    assert.equal(filter.evaluate(prefix('10.0.0.0/8'), unknown).permit, false, asPath);
    const empty = path({ attributes: attributes({ asPath: [] }) });
    assert.equal(filter.evaluate(prefix('10.0.0.0/8'), empty).permit, asPath !== '_65001_');
  }
});

test('hits are counted only when asked', () => {
  const rules = [
    rule('deny', 'a', { prefix: '10.0.0.0/8' }),
    rule('permit', 'b', { prefix: '11.0.0.0/8' }),
    rule('permit', 'c', { peer: '10.9.0.3' }),
  ];
  const filter = compileFilter(rules, NO_LISTS);
  for (const text of ['10.0.0.0/8', '11.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8']) {
    filter.evaluate(prefix(text), path(), COUNT);
    filter.evaluate(prefix(text), path());
    filter.evaluate(prefix(text), path(), { count: false });
  }
  assert.deepEqual(
    filter.hits(),
    [1, 2, 0].map((hits, i) => ({ rule: rules[i], hits })),
  );
});

test('a pattern that does not compile is thrown, not ignored', () => {
  assert.throws(() => compileFilter([rule('permit', 'a', { asPath: '(' })], NO_LISTS), /AS-path/);
});

test('100,000 inline rules cost no more probes than ten', () => {
  const probes = (n: number) => {
    const rules = Array.from({ length: n }, (_, i) => ({
      ...rule(i % 2 === 0 ? 'permit' : 'deny', `filters[${i}]`),
      prefix: {
        prefix: Prefix.of(new Address('ipv4', i << 8), 24),
        minLength: 24,
        maxLength: 24 + (i % 3),
      },
    }));
    const filter = compileFilter([...rules, rule('permit', 'last', { family: 'ipv6' })], NO_LISTS);
    return countMapGets(() => {
      assert.equal(decide(filter, '0.0.5.0/26'), 'filters[5]');
      assert.equal(decide(filter, '0.0.6.0/25'), 'none');
      assert.equal(decide(filter, '::/0'), 'last');
    });
  };
  assert.equal(probes(100_000), probes(10));
});

/** The rules' own words, rule by rule. */
function naive(rules: readonly FilterRule[], asked: Prefix, { peer, attributes: a }: Path) {
  return rules.find(
    (each) =>
      (each.family === undefined || each.family === asked.family) &&
      (each.prefix === undefined ||
        (each.prefix.prefix.contains(asked) &&
          asked.length >= each.prefix.minLength &&
          asked.length <= each.prefix.maxLength)) &&
      (each.peer === undefined || each.peer === peer) &&
      (each.originAs === undefined || each.originAs === originAs(a)) &&
      (each.asPath === undefined || asPathText(a).includes('65002')) &&
      (each.community === undefined || a.communities.includes(each.community)),
  );
}

test('blocks and caches decide as a walk of the rules does', () => {
  const maybe = <T>(value: T) => fc.constantFrom(undefined, undefined, undefined, value);
  const asked = fc.constantFrom(
    ...['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '11.0.0.0/8', '::/0'],
    ...['2001:db8::/32', '2001:db8:1::/48'],
  );
  const rules = fc.array(
    fc.record({
      permit: fc.boolean(),
      family: maybe('ipv4' as const),
      at: fc.option(asked, { nil: undefined }),
      le: fc.boolean(),
      peer: maybe('10.9.0.2'),
      originAs: maybe(65002),
      asPath: maybe('_65002_'),
      community: maybe(7),
    }),
    { maxLength: 25 },
  );
  const paths = [
    path(),
    path({ peer: '10.9.0.3', attributes: attributes({ asPath: sequence(65002, 65003) }) }),
    path({ attributes: attributes({ asPath: sequence(65001, 65002), communities: [7] }) }),
  ];
  fc.assert(
    fc.property(rules, fc.array(asked, { minLength: 1 }), (given, texts) => {
      const all = given.map(({ permit, at, le, ...criteria }, i) => {
        const bits = at?.includes(':') ? 128 : 32;
        const words = at === undefined ? {} : { prefix: le ? `${at} le ${bits}` : at };
        return rule(permit ? 'permit' : 'deny', `filters[${i}]`, { ...criteria, ...words });
      });
      const filter = compileFilter(all, NO_LISTS);
      for (const text of texts) {
        for (const each of paths) {
          const expected = naive(all, prefix(text), each);
          assert.deepEqual(filter.evaluate(prefix(text), each), {
            permit: expected?.action === 'permit',
            rule: expected,
          });
        }
      }
    }),
    { numRuns: 500 },
  );
});
