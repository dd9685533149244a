import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Prefix } from '../../../src/net/prefix.js';
import { PrefixMap } from '../../../src/net/prefix-map.js';
import { PrefixQueue } from '../../../src/net/prefix-queue.js';
import { anyPrefix } from './arbitrary.js';

function taken(queue: PrefixQueue<number>, count = Number.POSITIVE_INFINITY): [string, number][] {
  const all: [string, number][] = [];
  queue.take(count, (prefix, value) => all.push([prefix.text, value]));
  return all;
}

test('each prefix waits once, in the order of its first arrival, with its last value', () => {
  const known = fc.array(anyPrefix, { minLength: 1, maxLength: 40 });
  const steps = fc.array(
    fc.tuple(fc.constantFrom('set', 'set', 'set', 'take', 'table'), fc.nat(), fc.nat()),
    { maxLength: 400 },
  );
  fc.assert(
    fc.property(known, steps, (prefixes, changes) => {
      const queue = new PrefixQueue<number>();
      const model = new Map<string, number>();
      // Shares its numbers with the queue, and gives up those that it drops.
      const table = PrefixMap.ofTable<number>();
      for (const [change, which, value] of changes) {
        const prefix = prefixes[which % prefixes.length] as Prefix;
        switch (change) {
          case 'set':
            queue.set(prefix, value);
            model.set(prefix.text, value);
            break;
          case 'table':
            if (!table.delete(prefix)) table.set(prefix, value);
            break;
          case 'take': {
            const first = [...model].slice(0, value % 3);
            assert.deepEqual(taken(queue, value % 3), first);
            for (const [text] of first) model.delete(text);
          }
        }
        assert.equal(queue.size, model.size);
      }
      assert.deepEqual(taken(queue), [...model]);
    }),
    { numRuns: 300 },
  );
});

test('a queue that is never empty stays as large as what waits in it', () => {
  const queue = new PrefixQueue<number>();
  const prefixes = fc.sample(anyPrefix, { numRuns: 3_000, seed: 7 });
  const distinct = [...new Map(prefixes.map((prefix) => [prefix.text, prefix])).values()];
  const waiting: string[] = [];
  for (let i = 0; i < distinct.length * 4; i++) {
    const prefix = distinct[i % distinct.length] as Prefix;
    queue.set(prefix, i);
    if (!waiting.includes(prefix.text)) waiting.push(prefix.text);
    if (i >= 200) assert.equal(taken(queue, 1)[0]?.[0], waiting.shift());
  }
  assert.equal(queue.size, 200);
  assert.deepEqual(
    taken(queue).map(([text]) => text),
    waiting,
  );
});

test('the numbers of what waits are nobody else’s meanwhile', () => {
  const queue = new PrefixQueue<number>();
  const prefixes = fc.sample(anyPrefix, { numRuns: 6_000, seed: 8 });
  const [first, ...others] = [...new Map(prefixes.map((one) => [one.text, one])).values()];
  queue.set(first as Prefix, 1);
  // Enough comes and goes for the numbers to be given out anew several times over.
  const table = PrefixMap.ofTable<number>();
  for (let round = 0; round < 3; round++) {
    for (const prefix of others) table.set(prefix, round);
    for (const prefix of others) table.delete(prefix);
  }
  assert.deepEqual(taken(queue), [[(first as Prefix).text, 1]]);
});
