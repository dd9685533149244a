import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PrefixListConfig, PrefixListEntry } from '../../../src/config/config.js';
import { Address } from '../../../src/net/address.js';
import { type Family, familyBits } from '../../../src/net/family.js';
import { Prefix } from '../../../src/net/prefix.js';
import { compilePrefixLists, PrefixList } from '../../../src/policy/prefix-list.js';
import { countMapGets, entry, prefix } from './build.js';

function list(...entries: string[]): PrefixList {
  const all = entries.map(entry);
  return new PrefixList({
    ipv4: all.filter((each) => each.prefix.family === 'ipv4'),
    ipv6: all.filter((each) => each.prefix.family === 'ipv6'),
  });
}

function permitted(compiled: PrefixList, prefixes: string): string[] {
  return prefixes.split(' ').filter((text) => compiled.permits(prefix(text)));
}

test('ge and le mean what they mean in FRR', () => {
  const asked = '10.0.0.0/7 10.0.0.0/8 10.0.0.0/9 10.1.0.0/16 10.1.0.0/24 10.1.0.1/32 11.0.0.0/8';
  const table: [string, string][] = [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.0/8 le 16', '10.0.0.0/8 10.0.0.0/9 10.1.0.0/16'],
    ['10.0.0.0/8 ge 16', '10.1.0.0/16 10.1.0.0/24 10.1.0.1/32'],
    ['10.0.0.0/8 ge 9 le 24', '10.0.0.0/9 10.1.0.0/16 10.1.0.0/24'],
    ['10.0.0.0/8 ge 24 le 24', '10.1.0.0/24'],
    ['10.0.0.0/8 le 8', '10.0.0.0/8'],
    ['0.0.0.0/0', ''],
    ['0.0.0.0/0 le 32', asked],
    ['0.0.0.0/0 ge 32', '10.1.0.1/32'],
  ];
  for (const [words, expected] of table) {
    const actual = permitted(list(`seq 5 permit ${words}`), asked);
    assert.deepEqual(actual, expected.split(' ').filter(Boolean), words);
  }
});

test('the lowest seq that matches decides, not the longest prefix, and not the place', () => {
  const compiled = list(
    'seq 30 permit 0.0.0.0/0 le 32',
    'seq 10 deny 10.1.0.0/16 le 24',
    'seq 5 permit 10.0.0.0/8 ge 24',
    'seq 20 deny 10.1.1.0/24',
  );
  const decided = (text: string) => compiled.decidedBy(prefix(text))?.seq;
  assert.equal(decided('10.1.1.0/24'), 5);
  assert.equal(decided('10.1.0.0/16'), 10);
  assert.equal(decided('10.0.0.0/8'), 30);
  assert.deepEqual(permitted(compiled, '10.1.1.0/24 10.1.0.0/16 10.0.0.0/8'), [
    '10.1.1.0/24',
    '10.0.0.0/8',
  ]);
});

test('a list that exists without entries permits everything, as in FRR', () => {
  const empty = list();
  assert.equal(empty.permits(prefix('10.0.0.0/8')), true);
  assert.equal(empty.permits(prefix('::/0')), true);
  assert.equal(empty.decidedBy(prefix('10.0.0.0/8')), undefined);
});

test('nothing matching is denied, and a family without entries is another, undefined list', () => {
  const compiled = list('seq 5 permit 10.0.0.0/8');
  assert.equal(compiled.permits(prefix('11.0.0.0/8')), false);
  assert.equal(compiled.permits(prefix('::/0')), false);
});

test('IPv6, at and across the 32-bit words', () => {
  const compiled = list(
    'seq 5 deny 2001:db8:0:1::/64 le 128',
    'seq 10 permit 2001:db8::/32 le 64',
    'seq 15 permit 2001:db8:0:2::8000/113 ge 128',
    'seq 20 permit ::/0',
  );
  const asked =
    '::/0 ::/1 2001:db8::/32 2001:db8::/31 2001:db8:0:1::/64 2001:db8:0:1::5/128 2001:db8:0:2::/65 2001:db8:0:2::8001/128 2001:db8:0:2::1/128';
  assert.deepEqual(permitted(compiled, asked), ['::/0', '2001:db8::/32', '2001:db8:0:2::8001/128']);
});

test('lists keep their names', () => {
  const lists = compilePrefixLists(
    new Map([['a', { ipv4: [entry('seq 5 permit 10.0.0.0/8')], ipv6: [] }]]),
  );
  assert.equal(lists.get('a')?.permits(prefix('10.0.0.0/8')), true);
  assert.equal(lists.get('b'), undefined);
});

/** What FRR's lib/plist.c says, entry by entry. */
function naive(config: PrefixListConfig, asked: Prefix): PrefixListEntry | undefined {
  return [...config[asked.family]]
    .sort((a, b) => a.seq - b.seq)
    .find(({ prefix: { address, length }, ge, le }) => {
      if (!Prefix.of(address, length).contains(asked)) return false;
      if (ge === 0 && le === 0) return asked.length === length;
      return (le === 0 || asked.length <= le) && (ge === 0 || asked.length >= ge);
    });
}

/** Few distinct bits, so that prefixes nest and collide. */
function nested(family: Family): fc.Arbitrary<Prefix> {
  const word = fc.constantFrom(0, 0x0a000000, 0x0a010000, 0x0a010100, 0x0a0101ff, -1);
  const bits = familyBits(family);
  return fc.tuple(word, word, word, word, fc.nat(bits)).map(([w0, w1, w2, w3, length]) => {
    const address =
      family === 'ipv4' ? new Address('ipv4', w0) : new Address('ipv6', w0, w1 & 1, w2 & 1, w3);
    return Prefix.of(address, length);
  });
}

for (const family of ['ipv4', 'ipv6'] as const) {
  const bits = familyBits(family);
  const entries = fc.uniqueArray(
    fc
      .tuple(nested(family), fc.nat(bits), fc.nat(bits), fc.boolean(), fc.nat(1000))
      .map(([prefix, a, b, permit, seq]): PrefixListEntry => {
        const ge = Math.max(a, prefix.length + 1);
        const le = Math.max(b, prefix.length);
        return {
          seq,
          action: permit ? 'permit' : 'deny',
          prefix,
          ge: a % 3 === 0 || ge > le ? 0 : ge,
          le: b % 3 === 0 ? 0 : le,
        };
      }),
    { selector: ({ seq }) => seq, maxLength: 60 },
  );
  test(`${family}: every decision is that of a linear walk`, () => {
    fc.assert(
      fc.property(
        entries,
        fc.array(nested(family), { minLength: 1, maxLength: 40 }),
        (all, asked) => {
          const config = { ipv4: [], ipv6: [], [family]: all };
          const compiled = new PrefixList(config);
          for (const each of [...asked, ...all.map((one) => one.prefix)]) {
            assert.equal(compiled.decidedBy(each), naive(config, each), each.text);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
}

test('a look-up in 100,000 entries probes no more than one in ten', () => {
  const entries = (n: number) =>
    Array.from({ length: n }, (_, i): PrefixListEntry => {
      const length = 20 + (i % 5);
      const prefix = Prefix.of(new Address('ipv4', (i * 0x9e3779b1) | 0), length);
      return { seq: i + 1, action: 'permit', prefix, ge: 0, le: i % 2 === 0 ? 32 : 0 };
    });
  const probes = (n: number) => {
    const compiled = new PrefixList({ ipv4: entries(n), ipv6: [] });
    return countMapGets(() => {
      compiled.permits(prefix('203.0.113.7/32'));
      compiled.permits(prefix('203.0.113.0/24'));
      compiled.permits(prefix('10.0.0.0/8'));
    });
  };
  const few = probes(10);
  assert.ok(few > 0 && few <= 10, `${few}`);
  assert.equal(probes(100_000), few);
});

test('100,000 exact entries cost one probe', () => {
  const ipv4 = Array.from({ length: 100_000 }, (_, i) => ({
    seq: i + 1,
    action: 'permit' as const,
    prefix: Prefix.of(new Address('ipv4', i << 8), 16 + (i % 9)),
    ge: 0,
    le: 0,
  }));
  const compiled = new PrefixList({ ipv4, ipv6: [] });
  assert.equal(
    countMapGets(() => compiled.permits(prefix('0.1.0.0/24'))),
    1,
  );
});

test('many entries of one prefix stay as cheap as its lengths', () => {
  const ipv4 = Array.from({ length: 20_000 }, (_, i) => ({
    seq: i + 1,
    action: i % 2 === 0 ? ('deny' as const) : ('permit' as const),
    prefix: prefix('10.0.0.0/8'),
    ge: 9 + (i % 24),
    le: 9 + (i % 24),
  }));
  const compiled = new PrefixList({ ipv4, ipv6: [] });
  assert.equal(compiled.decidedBy(prefix('10.0.0.0/9'))?.seq, 1);
  assert.equal(compiled.decidedBy(prefix('10.0.0.0/32'))?.seq, 24);
  assert.equal(compiled.decidedBy(prefix('10.0.0.0/8')), undefined);
});
