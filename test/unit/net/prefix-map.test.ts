import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Address } from '../../../src/net/address.js';
import { FAMILIES } from '../../../src/net/family.js';
import { Prefix } from '../../../src/net/prefix.js';
import { PrefixMap } from '../../../src/net/prefix-map.js';
import { PrefixSlots } from '../../../src/net/prefix-slots.js';
import { sharedSlots } from '../../../src/net/shared-slots.js';
import { anyPrefix } from './arbitrary.js';

function ipv4(word: number, length = 32): Prefix {
  return Prefix.of(new Address('ipv4', word), length);
}

test('after any run of changes it holds what a map by text holds', () => {
  const known = fc.array(anyPrefix, { minLength: 1, maxLength: 40 });
  const steps = fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'set', 'delete'), fc.nat()), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(known, steps, (prefixes, changes) => {
      const map = new PrefixMap<number>();
      const model = new Map<string, number>();
      for (const [which, change, value] of changes) {
        const prefix = prefixes[which % prefixes.length] as Prefix;
        if (change === 'set') {
          map.set(prefix, value);
          model.set(prefix.text, value);
        } else assert.equal(map.delete(prefix), model.delete(prefix.text));
      }
      for (const prefix of prefixes) {
        assert.equal(map.get(prefix), model.get(prefix.text));
        assert.equal(map.has(prefix), model.has(prefix.text));
      }
      assert.equal(map.size, model.size);
      const entries = [...map.entries()].map(([prefix, value]) => [prefix.text, value]);
      assert.deepEqual(entries.sort(), [...model].sort());
      assert.deepEqual([...map.values()].sort(), [...model.values()].sort());
      for (const family of FAMILIES) {
        const texts = [...map.entriesOf(family)].map(([prefix]) => prefix.text);
        assert.equal(map.sizeOf(family), texts.length);
        assert.ok(texts.every((text) => text.includes(':') === (family === 'ipv6')));
      }
    }),
    { numRuns: 300 },
  );
});

test('those of one whole table that another does not have, in the order of the first', () => {
  const slot = fc.record({ at: fc.nat(40), six: fc.boolean() });
  const prefixOf = ({ at, six }: { at: number; six: boolean }) =>
    six ? Prefix.of(new Address('ipv6', 0x20010db8, at), 64) : ipv4(at << 8, 24);
  fc.assert(
    fc.property(fc.array(slot), fc.array(slot), fc.array(slot), (ones, others, gone) => {
      const [map, other] = [PrefixMap.ofTable<true>(), PrefixMap.ofTable<number>()];
      for (const one of others) other.set(prefixOf(one), 0);
      for (const one of ones) map.set(prefixOf(one), true);
      for (const one of gone) other.delete(prefixOf(one));
      const beside = [...map.keysBeside(other)].map(String);
      assert.deepEqual(beside, [...map.keys()].filter((prefix) => !other.has(prefix)).map(String));
    }),
  );
  const apart = new PrefixMap<true>();
  assert.throws(() => [...PrefixMap.ofTable<true>().keysBeside(apart)], TypeError);
});

test('prefixes of all lengths and neighbouring addresses are kept apart, while it grows and shrinks', () => {
  const map = new PrefixMap<number>();
  const all: Prefix[] = [];
  for (let i = 0; i < 20_000; i++) all.push(ipv4(i << 8, 24));
  for (let length = 0; length <= 32; length++) all.push(ipv4(1 << 31, length));
  for (let i = 0; i < 5_000; i++)
    all.push(Prefix.of(new Address('ipv6', 0x20010db8, i, 0, i), 128));
  const distinct = new Map(all.map((prefix, i) => [prefix.text, i]));
  all.forEach((prefix, i) => {
    map.set(prefix, i);
  });
  assert.equal(map.size, distinct.size);
  for (const prefix of all) assert.equal(map.get(prefix), distinct.get(prefix.text));
  all.forEach((prefix, i) => {
    if (i % 3 !== 0) map.delete(prefix);
  });
  all.forEach((prefix, i) => {
    assert.equal(map.has(prefix), i % 3 === 0 && distinct.get(prefix.text) === i, prefix.text);
  });
});

test('the order is that of arrival, and what is removed on the way is not met', () => {
  const map = new PrefixMap<string>();
  const [a, b, c, d] = [ipv4(3), ipv4(1), ipv4(2), ipv4(4)];
  for (const prefix of [a, b, c]) map.set(prefix, prefix.text);
  const met: string[] = [];
  for (const [prefix] of map.entries()) {
    met.push(prefix.text);
    map.delete(b);
    map.set(a, 'again');
  }
  assert.deepEqual(met, [a.text, c.text]);
  map.set(d, d.text);
  assert.deepEqual([...map.keys()].map(String).sort(), [a.text, c.text, d.text].sort());
});

test("a slot stays its prefix's own until that is removed, and is then given to another", () => {
  const slots = new PrefixSlots('ipv4');
  const first = slots.add(ipv4(1));
  const second = slots.add(ipv4(2));
  for (let i = 3; i < 1000; i++) slots.add(ipv4(i));
  assert.deepEqual([slots.find(ipv4(1)), slots.find(ipv4(2))], [first, second]);
  assert.equal(slots.remove(ipv4(1)), first);
  assert.equal(slots.remove(ipv4(1)), -1);
  assert.equal(slots.isUsed(first), false);
  assert.equal(slots.end, 999);
  assert.equal(slots.add(ipv4(7_000)), first);
  assert.equal(slots.end, 999);
  assert.equal(slots.prefixAt(first).text, ipv4(7_000).text);
});

test('room is given back once nothing is left', () => {
  const slots = new PrefixSlots('ipv6');
  const prefixes = Array.from({ length: 500 }, (_, i) =>
    Prefix.of(new Address('ipv6', 0x20010000, i), 64),
  );
  for (const prefix of prefixes) slots.add(prefix);
  for (const prefix of prefixes) slots.remove(prefix);
  assert.deepEqual([slots.size, slots.end], [0, 0]);
});

test('room at the end is given back when what had it is removed, and the holes are filled from the first', () => {
  for (const family of FAMILIES) {
    const slots = new PrefixSlots(family);
    const nth = (i: number) =>
      family === 'ipv4' ? ipv4(i) : Prefix.of(new Address('ipv6', 0x20010000, i), 64);
    for (let i = 0; i < 10_000; i++) slots.add(nth(i));
    slots.removeUnless((slot) => slot < 2_000 && slot % 2 === 0);
    assert.deepEqual([slots.size, slots.end], [1_000, 1_999]);
    for (let i = 0; i < 10_000; i++) {
      assert.equal(slots.find(nth(i)), i < 2_000 && i % 2 === 0 ? i : -1);
    }
    assert.equal(slots.add(nth(20_000)), 1);
    assert.equal(slots.add(nth(20_001)), 3);
    for (let i = 0; i < 10_000; i++) slots.add(nth(30_000 + i));
    assert.deepEqual([slots.size, slots.end], [11_002, 11_002]);
    for (let i = 0; i < 10_000; i++) {
      const slot = slots.find(nth(30_000 + i));
      assert.ok(slots.prefixAt(slot).equals(nth(30_000 + i)));
    }
  }
});

test('after a leaked full table what is walked is again what is held', () => {
  const [few, all] = [PrefixMap.ofTable<object>(), PrefixMap.ofTable<object>()];
  const leaked = (i: number) => ipv4((201 << 24) | i);
  const value = {};
  few.set(ipv4(202 << 24), value);
  const before = sharedSlots.ipv4.end;
  for (let i = 0; i < 100_000; i++) all.set(leaked(i), value);
  assert.ok(sharedSlots.ipv4.end >= 100_000);
  for (let i = 0; i < 100_000; i++) all.delete(leaked(i));
  few.set(ipv4(203 << 24), value);
  assert.ok(sharedSlots.ipv4.end < before + 2_000, `${sharedSlots.ipv4.end}`);
  assert.deepEqual(
    [...few.keys()].map(String).sort(),
    [ipv4(202 << 24), ipv4(203 << 24)].map(String).sort(),
  );
});

test('whole tables number their prefixes alike, and what none of them holds makes room', () => {
  const [a, b] = [PrefixMap.ofTable<object>(), PrefixMap.ofTable<object>()];
  const value = {};
  for (let i = 0; i < 3_000; i++) {
    const prefix = ipv4((200 << 24) | i);
    a.set(prefix, value);
    if (i % 2 === 0) b.set(prefix, value);
  }
  const before = sharedSlots.ipv4.end;
  // Withdrawn and announced as others, many times over: the numbers do not go up for ever.
  for (let round = 1; round < 20; round++) {
    for (let i = 0; i < 3_000; i++) a.delete(ipv4((200 << 24) | ((round - 1) << 14) | i));
    for (let i = 0; i < 3_000; i++) a.set(ipv4((200 << 24) | (round << 14) | i), value);
  }
  assert.ok(sharedSlots.ipv4.end < before + 8_000, `${sharedSlots.ipv4.end}`);
  assert.deepEqual([a.sizeOf('ipv4'), b.sizeOf('ipv4')], [3_000, 1_500]);
  for (let i = 0; i < 3_000; i++) {
    assert.equal(b.has(ipv4((200 << 24) | i)), i % 2 === 0);
    assert.equal(a.has(ipv4((200 << 24) | (19 << 14) | i)), true);
  }
  a.clear();
  assert.equal(a.size, 0);
  assert.equal([...b.keys()].length, 1_500);
});
