import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../chaos/ledger.js';

const NONE: ReadonlySet<string> = new Set();

test('an outage counts from the look that missed the route to the one that found it', () => {
  const ledger = new Ledger(['a', 'b']);
  ledger.saw('a', true, 0);
  ledger.saw('a', false, 100);
  ledger.saw('a', false, 200);
  ledger.saw('a', true, 300);
  assert.deepEqual(ledger.settle(1000), [{ destination: 'a', from: 100, to: 300, unexcused: 200 }]);
  assert.deepEqual(ledger.settle(2000), []);
});

test('what was excused is taken off, of one destination only', () => {
  const ledger = new Ledger(['a', 'b']);
  ledger.excuse(new Set(['a']), 50);
  for (const one of ['a', 'b']) ledger.saw(one, false, 100);
  ledger.excuse(NONE, 400);
  for (const one of ['a', 'b']) ledger.saw(one, true, 600);
  assert.deepEqual(
    ledger.settle(1000).map(({ unexcused }) => unexcused),
    [200, 500],
  );
});

test('one that lasts is told again, with all its time and its excuses', () => {
  const ledger = new Ledger(['a']);
  ledger.saw('a', false, 100);
  ledger.excuse(new Set(['a']), 200);
  assert.equal(ledger.settle(300)[0]?.unexcused, 100);
  ledger.excuse(NONE, 400);
  assert.equal(ledger.settle(700)[0]?.unexcused, 400);
  ledger.saw('a', true, 800);
  assert.equal(ledger.settle(900)[0]?.unexcused, 500);
});
