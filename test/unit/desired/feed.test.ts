import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Feed } from '../../../src/desired/feed.js';

const HOLD = 100;

/** `stale until 100`, `syncing`, `synced`, `expired`; and which families may be swept. */
function state(feed: Feed): string {
  const { phase } = feed;
  const sweepable = (['ipv4', 'ipv6'] as const).filter((family) => feed.sweepable(family));
  const until = phase.phase === 'stale' ? ` until ${phase.until}` : '';
  return `${phase.phase}${until} [${sweepable.join(' ')}]${feed.complete ? ' complete' : ''}`;
}

type Step = [at: number, what: 'reset' | 'ipv4' | 'ipv6' | 'lost' | 'expire', state: string];

function walk(title: string, ...steps: Step[]): void {
  test(title, () => {
    const feed = new Feed(HOLD, 0);
    for (const [at, what, expected] of steps) {
      if (what === 'reset') feed.reset(at);
      else if (what === 'lost') feed.lost('gone', at);
      else if (what === 'expire') feed.expire(at);
      else feed.synced(what, at);
      assert.equal(state(feed), expected, `${what} at ${at}`);
    }
  });
}

walk(
  'a source that is fed in time is synced; a family is sweepable as soon as its own feed has ended',
  [10, 'reset', 'syncing []'],
  [200, 'expire', 'syncing []'],
  [210, 'ipv6', 'syncing [ipv6]'],
  [220, 'ipv4', 'synced [ipv4 ipv6] complete'],
  [900, 'expire', 'synced [ipv4 ipv6] complete'],
);

walk(
  'one that never comes is waited for as long as one that is lost',
  [99, 'expire', 'stale until 100 []'],
  [100, 'expire', 'expired [ipv4 ipv6]'],
  [101, 'lost', 'expired [ipv4 ipv6]'],
  [102, 'reset', 'syncing [ipv4 ipv6]'],
  [103, 'ipv4', 'syncing [ipv4 ipv6]'],
  [104, 'ipv6', 'synced [ipv4 ipv6] complete'],
);

walk(
  'hold counts the time without a source since the loss of a complete feed, not the feeds in between',
  [1, 'reset', 'syncing []'],
  [2, 'ipv4', 'syncing [ipv4]'],
  [3, 'ipv6', 'synced [ipv4 ipv6] complete'],
  [50, 'lost', 'stale until 150 [ipv4 ipv6]'],
  [60, 'lost', 'stale until 150 [ipv4 ipv6]'],
  [100, 'reset', 'syncing [ipv4 ipv6]'],
  [110, 'ipv4', 'syncing [ipv4 ipv6]'],
  [120, 'lost', 'stale until 170 [ipv4 ipv6]'],
  [169, 'expire', 'stale until 170 [ipv4 ipv6]'],
  [170, 'expire', 'expired [ipv4 ipv6]'],
);

walk(
  'a reset without a loss leaves the feed complete: nothing was missed',
  [1, 'reset', 'syncing []'],
  [2, 'ipv4', 'syncing [ipv4]'],
  [3, 'ipv6', 'synced [ipv4 ipv6] complete'],
  [4, 'reset', 'syncing [ipv4 ipv6] complete'],
  [50, 'lost', 'stale until 150 [ipv4 ipv6]'],
);

test('a changed hold counts from the loss; forever has no deadline', () => {
  const feed = new Feed(HOLD, 0);
  assert.equal(feed.deadline, 100);
  feed.reconfigure(Number.POSITIVE_INFINITY);
  assert.equal(feed.deadline, undefined);
  assert.equal(feed.expire(1e15), false);
  feed.reconfigure(30);
  assert.equal(feed.deadline, 30);
  feed.reset(20);
  assert.equal(feed.deadline, undefined);
  feed.reconfigure(HOLD);
  assert.deepEqual(feed.pending, ['ipv4', 'ipv6']);
  assert.deepEqual(feed.phase, { phase: 'syncing', since: 20 });
});

test('whatever is told: nothing may be swept before its feed has ended or hold has, and expiry is told once', () => {
  const steps = fc.array(
    fc.tuple(fc.nat(60), fc.constantFrom('reset', 'ipv4', 'ipv6', 'lost', 'expire' as const)),
  );
  fc.assert(
    fc.property(steps, (told) => {
      const feed = new Feed(HOLD, 0);
      let now = 0;
      let entitled = { ipv4: false, ipv6: false };
      for (const [step, what] of told) {
        now += step;
        if (what === 'reset') feed.reset(now);
        else if (what === 'lost') feed.lost('x', now);
        else if (what === 'ipv4' || what === 'ipv6') {
          feed.synced(what, now);
          entitled = { ...entitled, [what]: true };
        } else {
          const was = feed.phase.phase;
          const ends = feed.expire(now);
          assert.equal(ends, feed.phase.phase === 'expired' && was === 'stale');
          if (ends) entitled = { ipv4: true, ipv6: true };
        }
        assert.equal(feed.sweepable('ipv4'), entitled.ipv4);
        assert.equal(feed.sweepable('ipv6'), entitled.ipv6);
        assert.ok(feed.deadline === undefined || feed.phase.phase === 'stale');
      }
    }),
  );
});
