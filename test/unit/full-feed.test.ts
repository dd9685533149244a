import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '../../src/desired/engine.js';
import { readFullFeed } from '../../src/full-feed.js';
import type { Source, SourceEvent, SourceState } from '../../src/source/source.js';
import { config, RESET, SYNCED, table } from './desired/build.js';
import { FakeClock } from './reconcile/fake-clock.js';

const SINCE = 0;
const CONNECTING: SourceState = {
  ...{ state: 'connecting', since: SINCE, attempts: 3 },
  lastError: 'connect ECONNREFUSED 127.0.0.1:50051',
};

/** A source that feeds what the test says, when it says so. */
class Scripted implements Source {
  readonly name = 'gobgp';
  readonly sessions = undefined;
  readonly offers = 'best';
  current: SourceState = CONNECTING;
  feed = (_: readonly SourceEvent[]): void => {};

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    const fed = new Promise<readonly SourceEvent[] | undefined>((resolve) => {
      this.feed = resolve;
      signal.addEventListener('abort', () => resolve(undefined));
    });
    const events = await fed;
    if (events !== undefined) yield events;
  }

  state = () => this.current;
  peers = () => [];
  counters = () => ({ undecodable: 0, lastEventAt: undefined });
}

function reading() {
  const clock = new FakeClock();
  const source = new Scripted();
  const stop = new AbortController();
  const waits: string[] = [];
  const engine = new Engine({
    config: config(table()),
    now: clock.monotonic(),
    latched: new Set(),
  });
  const done = readFullFeed({
    ...{ engine, source, clock, signal: stop.signal },
    onWait: (wait) => waits.push(wait),
  });
  return { clock, source, stop, waits, done };
}

test('a feed that comes at once is waited for in silence', async () => {
  const { clock, source, waits, done } = reading();
  await clock.advance(1_900);
  source.feed([RESET, ...SYNCED]);
  await done;
  assert.deepEqual(waits, []);
  assert.equal(clock.waiting, 0);
});

test('after two seconds it says what it waits for, and again when that changes', async () => {
  const { clock, source, waits, done } = reading();
  await clock.advance(2_000);
  assert.deepEqual(waits, ['waiting for gobgp: connect ECONNREFUSED 127.0.0.1:50051']);
  await clock.advance(3_000);
  assert.equal(waits.length, 1);
  const states: readonly SourceState[] = [
    { state: 'bgp-not-started', since: SINCE },
    { state: 'syncing', since: SINCE, waitingFor: 'peer 10.9.0.2 to establish' },
    { state: 'syncing', since: SINCE, waitingFor: 'End-of-RIB of 10.9.0.2 ipv4' },
    { state: 'lost', since: SINCE, attempts: 1, retryAt: SINCE, reason: 'it was stopped' },
  ];
  for (const state of states) {
    source.current = state;
    await clock.advance(500);
  }
  assert.deepEqual(waits.slice(1), [
    'waiting for BGP to be started in gobgp',
    'waiting for gobgp: peer 10.9.0.2 to establish',
    'waiting for gobgp: End-of-RIB of 10.9.0.2 ipv4',
    'waiting for gobgp to come back: it was stopped',
  ]);
  source.feed([RESET, ...SYNCED]);
  await done;
});

test('a source that is lost on the way and stays away ends it; one that reads for long does not', async () => {
  const { clock, source, done } = reading();
  const lost = assert.rejects(done, { name: 'StartFault', message: 'gobgp: it was stopped' });
  source.current = { state: 'syncing', since: SINCE, waitingFor: 'the end of routes.yaml' };
  await clock.advance(60_000);
  source.current = {
    state: 'lost',
    since: SINCE,
    attempts: 1,
    retryAt: SINCE,
    reason: 'it was stopped',
  };
  await clock.advance(9_000);
  assert.ok(clock.waiting > 0);
  await clock.advance(2_000);
  await lost;
});

test('one that others are to call is waited for until that is overdue, and no longer', async () => {
  const { clock, source, waits, done } = reading();
  const overdue = assert.rejects(done, { name: 'StartFault', message: 'gobgp: a peer to call' });
  const expectedBy = clock.now() + 60_000;
  source.current = { state: 'connecting', since: SINCE, lastError: 'a peer to call', expectedBy };
  await clock.advance(59_000);
  assert.deepEqual(waits, ['waiting for gobgp: a peer to call']);
  await clock.advance(10_000);
  assert.ok(clock.waiting > 0);
  await clock.advance(2_000);
  await overdue;
});

test('a source that does not answer ends it, and so does the signal', async () => {
  const absent = reading();
  const refused = assert.rejects(absent.done, {
    name: 'StartFault',
    message: 'gobgp: connect ECONNREFUSED 127.0.0.1:50051',
  });
  await absent.clock.advance(10_000);
  await refused;
  assert.equal(absent.clock.waiting, 0);

  const stopped = reading();
  const interrupted = assert.rejects(stopped.done, { name: 'AbortError' });
  stopped.stop.abort();
  await interrupted;
});
