import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LimitAction, LimitConfig } from '../../../src/config/config.js';
import { LimitTracker } from '../../../src/policy/limit.js';

function config(action: LimitAction, max: number, given: Partial<LimitConfig> = {}): LimitConfig {
  return {
    id: 'fabric/all/ipv4',
    peer: undefined,
    family: 'ipv4',
    max,
    warnPercent: 75,
    count: 'accepted',
    action,
    restartAfter: Infinity,
    ...given,
  };
}

function tracker(action: LimitAction, max: number, given: Partial<LimitConfig> = {}): LimitTracker {
  return new LimitTracker(config(action, max, given), { latched: false });
}

/** Offers each letter; the admitted ones in upper case. */
function offer(limit: LimitTracker, keys: string): string {
  return [...keys].map((key) => (limit.offer(key) ? key.toUpperCase() : key)).join('');
}

function withdraw(limit: LimitTracker, keys: string): void {
  for (const key of keys) limit.withdraw(key);
}

test('a warning begins at its percentage and ends five points below', () => {
  const limit = tracker('warn', 100);
  const keys = Array.from({ length: 101 }, (_, i) => `${i}`);
  const stateAt = (count: number) => {
    for (const [i, key] of keys.entries()) {
      if (i < count) limit.offer(key);
      else limit.withdraw(key);
    }
    return limit.state;
  };
  const walk: [number, string][] = [
    [74, 'ok'],
    [75, 'warning'],
    [74, 'warning'],
    [70, 'warning'],
    [69, 'ok'],
    [74, 'ok'],
    [100, 'warning'],
    [101, 'exceeded'],
    [100, 'warning'],
    [101, 'exceeded'],
    [69, 'ok'],
    [0, 'ok'],
  ];
  for (const [count, state] of walk) assert.equal(stateAt(count), state, `${count}`);
});

test('a warning below five percent ends when nothing is left', () => {
  const limit = tracker('warn', 100, { warnPercent: 1 });
  limit.offer('a');
  assert.equal(limit.state, 'warning');
  limit.withdraw('a');
  assert.equal(limit.state, 'ok');
});

test('warn admits everything', () => {
  const limit = tracker('warn', 2);
  assert.equal(offer(limit, 'abcd'), 'ABCD');
  assert.deepEqual(limit.snapshot(), {
    id: 'fabric/all/ipv4',
    action: 'warn',
    max: 2,
    count: 4,
    waiting: 0,
    state: 'exceeded',
    latched: false,
  });
});

test('block keeps what is in, and lets the waiting in by order of arrival', () => {
  const limit = tracker('block', 2);
  assert.equal(offer(limit, 'abcd'), 'ABcd');
  assert.equal(limit.state, 'exceeded');
  assert.equal(limit.reason, 'limit-blocked');
  assert.equal(offer(limit, 'dcba'), 'dcBA');
  assert.deepEqual(limit.admissible(), []);
  withdraw(limit, 'a');
  assert.equal(offer(limit, 'ed'), 'ed', 'nobody overtakes c');
  assert.deepEqual(limit.admissible(), ['c']);
  assert.deepEqual(limit.admissible(), []);
  withdraw(limit, 'bd');
  assert.deepEqual(limit.admissible(), ['e']);
  assert.equal(limit.state, 'warning');
  assert.equal(offer(limit, 'ce'), 'CE');
});

test('a prefix withdrawn between its release and the telling is not told', () => {
  const limit = tracker('freeze', 1);
  offer(limit, 'ab');
  withdraw(limit, 'a');
  limit.clear();
  withdraw(limit, 'b');
  assert.deepEqual(limit.admissible(), []);
});

test('freeze admits nothing more until it is cleared', () => {
  const limit = tracker('freeze', 2);
  assert.equal(offer(limit, 'abc'), 'ABc');
  assert.equal(limit.reason, 'limit-frozen');
  assert.equal(limit.state, 'exceeded', 'in the midst of a batch nothing latches');
  assert.deepEqual(limit.admissible(true), []);
  assert.equal(limit.state, 'exceeded', 'nor while a feed is being repeated');
  assert.deepEqual(limit.admissible(), []);
  assert.equal(limit.state, 'latched');
  withdraw(limit, 'bc');
  assert.equal(limit.state, 'latched');
  assert.equal(offer(limit, 'bda'), 'bdA');
  assert.deepEqual(limit.admissible(), []);
  limit.clear();
  assert.deepEqual(limit.admissible(), ['b']);
  assert.equal(limit.state, 'latched', 'three are offered still');
  withdraw(limit, 'd');
  limit.clear();
  assert.equal(limit.state, 'warning');
});

test('flush refuses everything until it is cleared, then starts anew', () => {
  const limit = tracker('flush', 2);
  assert.equal(offer(limit, 'ab'), 'AB');
  assert.equal(limit.admitsNothing, false);
  assert.equal(limit.offer('c'), false);
  assert.deepEqual(limit.admissible(), []);
  assert.equal(limit.admitsNothing, true);
  assert.equal(limit.reason, 'limit-flushed');
  assert.equal(offer(limit, 'abc'), 'abc');
  assert.deepEqual(limit.snapshot().waiting, 3);
  limit.clear();
  assert.deepEqual(limit.admissible(), []);
  assert.equal(limit.admitsNothing, true, 'three are offered still');
  withdraw(limit, 'a');
  assert.deepEqual(limit.admissible(), []);
  limit.clear();
  assert.equal(limit.admitsNothing, false);
  assert.deepEqual(limit.admissible(), ['b', 'c']);
});

test('teardown asks for the end of the session once an excess', () => {
  const limit = tracker('teardown', 2);
  assert.equal(offer(limit, 'ab'), 'AB');
  assert.equal(limit.takeTeardown(), false);
  assert.equal(offer(limit, 'cd'), 'cd');
  assert.equal(limit.reason, 'limit-teardown');
  assert.deepEqual(limit.admissible(), []);
  assert.equal(limit.takeTeardown(), true);
  assert.equal(limit.takeTeardown(), false);
  withdraw(limit, 'a');
  assert.deepEqual(limit.admissible(), ['c'], 'meanwhile it acts as block does');
  withdraw(limit, 'bcd');
  assert.equal(limit.state, 'latched');
  limit.restored();
  assert.equal(limit.state, 'ok');
  assert.equal(offer(limit, 'abc'), 'ABc');
  assert.deepEqual(limit.admissible(), []);
  assert.equal(limit.takeTeardown(), true);
});

test('a latch survives a restart, without a second teardown', () => {
  const frozen = new LimitTracker(config('freeze', 2), { latched: true });
  frozen.reserve(['a', 'b', 'c']);
  assert.equal(offer(frozen, 'xab'), 'xAB', 'what the kernel has stays');
  assert.equal(offer(frozen, 'c'), 'c');
  const flushed = new LimitTracker(config('flush', 2), { latched: true });
  flushed.reserve(['a']);
  assert.equal(flushed.admitsNothing, true);
  assert.equal(offer(flushed, 'a'), 'a');
  const torn = new LimitTracker(config('teardown', 1), { latched: true });
  assert.equal(offer(torn, 'ab'), 'Ab');
  assert.equal(torn.takeTeardown(), false);
  assert.equal(new LimitTracker(config('block', 1), { latched: true }).state, 'ok');
});

test('reserved prefixes have the first claim until the feed is complete', () => {
  const limit = tracker('block', 3);
  limit.reserve('abc');
  assert.equal(offer(limit, 'xyc'), 'xyC');
  assert.equal(limit.state, 'warning');
  assert.equal(offer(limit, 'a'), 'A');
  assert.deepEqual(limit.admissible(), []);
  limit.releaseReserved();
  assert.deepEqual(limit.admissible(), ['x']);
  assert.equal(offer(limit, 'b'), 'b');
});

test('of more claims than places, the first to be offered are kept', () => {
  const limit = tracker('block', 2);
  limit.reserve('abcd');
  assert.equal(offer(limit, 'xdbac'), 'xDBac');
  limit.releaseReserved();
  assert.deepEqual(limit.admissible(), []);
});

test('a limit of one peer keeps its routes among the claims of all peers', () => {
  const limit = tracker('block', 2, { peer: '10.9.0.2' });
  limit.reserve('opqrab');
  assert.equal(offer(limit, 'xab'), 'xAB');
  withdraw(limit, 'opqr');
  assert.deepEqual(limit.admissible(), []);
  withdraw(limit, 'a');
  assert.deepEqual(limit.admissible(), ['x']);
});

test('a claim that is withdrawn makes room', () => {
  const limit = tracker('block', 1);
  limit.reserve('a');
  assert.equal(offer(limit, 'x'), 'x');
  withdraw(limit, 'a');
  assert.deepEqual(limit.admissible(), ['x']);
});

test('received counts are set from outside; above max no more than max are let in', () => {
  const limit = tracker('block', 4, { count: 'received' });
  limit.reserve('r');
  assert.equal(offer(limit, 'ab'), 'AB');
  assert.equal(limit.state, 'ok');
  limit.setReceived(5);
  assert.equal(limit.state, 'exceeded');
  assert.equal(offer(limit, 'abcder'), 'ABCdeR');
  assert.equal(limit.snapshot().count, 5);
  limit.setReceived(4);
  assert.equal(limit.state, 'warning');
  assert.deepEqual(limit.admissible(), ['d', 'e']);
});

test('received counts latch as well', () => {
  const flush = tracker('flush', 10, { count: 'received' });
  offer(flush, 'ab');
  flush.setReceived(11);
  assert.deepEqual(flush.admissible(), []);
  assert.equal(offer(flush, 'ab'), 'ab');
  flush.setReceived(5);
  assert.deepEqual(flush.admissible(), []);
  flush.clear();
  assert.deepEqual(flush.admissible(), ['a', 'b']);
  const teardown = tracker('teardown', 10, { count: 'received' });
  teardown.setReceived(11);
  teardown.setReceived(12);
  assert.deepEqual(teardown.admissible(), []);
  assert.equal(teardown.takeTeardown(), true);
  assert.equal(teardown.takeTeardown(), false);
});

test('a reload keeps the members', () => {
  const limit = tracker('block', 4);
  assert.equal(offer(limit, 'abcd'), 'ABCD');
  limit.reconfigure(config('block', 2));
  assert.equal(limit.state, 'exceeded');
  assert.equal(offer(limit, 'abcde'), 'ABCDe');
  withdraw(limit, 'ab');
  assert.deepEqual(limit.admissible(), []);
  limit.reconfigure(config('block', 3));
  assert.deepEqual(limit.admissible(), ['e']);
  limit.offer('f');
  limit.reconfigure(config('warn', 3));
  assert.equal(offer(limit, 'f'), 'F');
});

test('a reload keeps a latch as long as the action is the same', () => {
  const limit = tracker('freeze', 1);
  offer(limit, 'ab');
  limit.admissible();
  limit.reconfigure(config('freeze', 5));
  assert.equal(limit.state, 'latched');
  assert.deepEqual(limit.admissible(), []);
  limit.reconfigure(config('block', 5));
  assert.deepEqual(limit.admissible(), ['b']);
  limit.reconfigure(config('flush', 1));
  assert.deepEqual(limit.admissible(), []);
  assert.equal(limit.admitsNothing, true);
});

test('a max of 0 admits nothing under block', () => {
  const limit = tracker('block', 0);
  assert.equal(offer(limit, 'a'), 'a');
  assert.equal(limit.state, 'exceeded');
});

const key = fc.constantFrom(...'abcdefghijkl');
const steps = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('offer' as const), key }),
    fc.record({ op: fc.constant('withdraw' as const), key }),
    fc.record({ op: fc.constant('admissible' as const), key }),
  ),
  { maxLength: 80 },
);

test('block: never above max, stable, in order of arrival, and nothing is lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), steps, (max, all) => {
      const limit = tracker('block', max);
      const admitted = new Set<string>();
      const waiting: string[] = [];
      for (const step of all) {
        switch (step.op) {
          case 'offer': {
            const known = admitted.has(step.key) || waiting.includes(step.key);
            const fits = !known && waiting.length === 0 && admitted.size < max;
            assert.equal(limit.offer(step.key), fits || admitted.has(step.key));
            if (fits) admitted.add(step.key);
            else if (!known) waiting.push(step.key);
            break;
          }
          case 'withdraw':
            limit.withdraw(step.key);
            admitted.delete(step.key);
            if (waiting.includes(step.key)) waiting.splice(waiting.indexOf(step.key), 1);
            break;
          case 'admissible': {
            const fitting = waiting.splice(0, max - admitted.size);
            assert.deepEqual(limit.admissible(), fitting);
            for (const each of fitting) admitted.add(each);
            break;
          }
        }
        const now = limit.snapshot();
        assert.ok(admitted.size <= max);
        assert.equal(now.waiting, waiting.length);
        assert.equal(now.count, admitted.size + waiting.length);
        assert.equal(now.state === 'exceeded', now.count > max);
      }
    }),
    { numRuns: 500 },
  );
});

test('every action: counts are conserved and agree with the answers', () => {
  const action = fc.constantFrom<LimitAction>('warn', 'block', 'freeze', 'flush', 'teardown');
  fc.assert(
    fc.property(action, fc.nat(5), fc.array(key), steps, (what, max, reserved, all) => {
      const limit = tracker(what, max);
      limit.reserve(reserved);
      const offered = new Set<string>();
      all.forEach((step, i) => {
        if (i === 20) limit.releaseReserved();
        if (i === 30) limit.clear();
        if (step.op === 'offer') {
          limit.offer(step.key);
          offered.add(step.key);
        } else if (step.op === 'withdraw') {
          limit.withdraw(step.key);
          offered.delete(step.key);
        } else {
          for (const each of limit.admissible()) assert.equal(limit.offer(each), true);
        }
        const now = limit.snapshot();
        assert.equal(now.count, offered.size);
        const open = [...offered].filter((each) => limit.offer(each));
        assert.equal(open.length, now.count - now.waiting);
        if (what !== 'warn') assert.ok(open.length <= max);
      });
    }),
    { numRuns: 500 },
  );
});

test('block: after a restart the same prefixes are in, whatever the order of the feed', () => {
  const keys = [...'abcdefghij'];
  fc.assert(
    fc.property(fc.nat(10), fc.shuffledSubarray(keys), fc.gen(), (max, feed, gen) => {
      const before = tracker('block', max);
      const installed = feed.filter((each) => before.offer(each));
      const after = tracker('block', max);
      after.reserve(installed);
      const again = gen(fc.shuffledSubarray, feed, { minLength: feed.length });
      for (const each of again) after.offer(each);
      after.releaseReserved();
      assert.deepEqual(after.admissible(), []);
      assert.deepEqual(new Set(again.filter((each) => after.offer(each))), new Set(installed));
    }),
  );
});
