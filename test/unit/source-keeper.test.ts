import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../../src/config/config.js';
import { Engine } from '../../src/desired/engine.js';
import type { PeerStatus, Source, SourceEvent } from '../../src/source/source.js';
import { SourceKeeper } from '../../src/source-keeper.js';
import { until } from '../support/wait.js';
import { config, limit, RESET, SYNCED, table, updates } from './desired/build.js';
import { FakeClock, settled } from './reconcile/fake-clock.js';

/** One whose every word the test gives. */
class SpokenSource implements Source {
  readonly name = 'spoken';
  readonly sessions = undefined;
  readonly #words: (readonly SourceEvent[])[] = [];
  counts: readonly PeerStatus[] = [];
  begun = false;
  ended = false;

  constructor(readonly offers: 'best' | 'all') {}

  say(...events: SourceEvent[]): void {
    this.#words.push(events);
  }

  /** Its last word may come after the end, as that of a source which was in the midst of one. */
  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    this.begun = true;
    while (!signal.aborted || this.#words.length > 0) {
      const word = this.#words.shift();
      if (word === undefined) await pause(1);
      else yield word;
    }
    this.ended = true;
  }

  state() {
    return { state: 'synced', since: 0 } as const;
  }

  peers(): readonly PeerStatus[] {
    return this.counts;
  }

  counters() {
    return { undecodable: 0, lastEventAt: undefined };
  }
}

function keeping(
  t: TestContext,
  of: Config,
  offers: 'best' | 'all' = 'best',
  mayBegin = () => Promise.resolve(),
) {
  const clock = new FakeClock();
  const engine = new Engine({ config: of, now: clock.monotonic(), latched: new Set() });
  const made: SpokenSource[] = [];
  const seen = { changes: 0, looks: 0 };
  const keeper = new SourceKeeper({
    ...{ engine, clock, mayBegin },
    create: () => {
      const one = new SpokenSource(offers);
      made.push(one);
      return one;
    },
    onChange: () => void seen.changes++,
    onLook: () => void seen.looks++,
  });
  const stop = new AbortController();
  const ended = keeper.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
  });
  const last = (): SpokenSource => made.at(-1) as SpokenSource;
  const heard = () => [...engine.rib.entries('ipv4')].map(({ prefix }) => `${prefix}`);
  return { clock, engine, keeper, made, seen, last, heard };
}

const everyMs = 1;

test('what the source says goes to the engine, once it may begin', async (t) => {
  const gate = new AbortController();
  const opened = new Promise<void>((resolve) => {
    gate.signal.addEventListener('abort', () => resolve());
  });
  const kept = keeping(t, config(table()), 'best', () => opened);
  kept.last().say(RESET, updates('10.1.0.0/16 via 10.9.0.2'));
  await settled();
  assert.equal(kept.last().begun, false);
  gate.abort();
  await until(async () => kept.seen.changes === 1, { what: 'it is taken in', everyMs });
  assert.deepEqual(kept.heard(), ['10.1.0.0/16']);
});

test('a source that was replaced is heard no more, and its routes are held', async (t) => {
  const kept = keeping(t, config(table()));
  const first = kept.last();
  first.say(RESET, updates('10.1.0.0/16 via 10.9.0.2'), ...SYNCED);
  await until(async () => kept.seen.changes === 1, { what: 'it is taken in', everyMs });
  kept.keeper.replace(config(table()));
  first.say(updates('10.2.0.0/16 via 10.9.0.2'));
  assert.notEqual(kept.keeper.current, first);
  await until(async () => kept.last().begun && kept.made.length === 2, {
    what: 'the next runs',
    everyMs,
  });
  assert.deepEqual(kept.heard(), ['10.1.0.0/16']);
  assert.deepEqual(kept.engine.feed.phase, {
    phase: 'stale',
    since: 1_000,
    until: 121_000,
    reason: 'the source was changed by a reload',
  });
  kept.last().say(RESET, updates('10.3.0.0/16 via 10.9.0.2'), ...SYNCED);
  await until(async () => kept.heard().join() === '10.3.0.0/16', { what: 'it is all', everyMs });
});

const COUNTED = config(table({ limits: [limit('warn', 100, { count: 'received' })] }));

function peer(received: number): PeerStatus {
  return {
    ...{ peer: '10.9.0.2', as: 65001, established: true, sessionState: 'established' },
    ...{ adminDown: false, received: { ipv4: received, ipv6: 0 }, since: 0, lastError: undefined },
  };
}

for (const [offers, used] of [
  ['best', 60],
  // Every path is heard, so what was heard is the count.
  ['all', 0],
] as const) {
  test(`a limit on what is received, of a source that offers ${offers}`, async (t) => {
    const kept = keeping(t, COUNTED, offers);
    kept.last().counts = [peer(60)];
    await settled();
    await kept.clock.advance(1_000);
    assert.equal(kept.engine.tables.get(100)?.limits[0]?.snapshot().count, used);
    assert.deepEqual(kept.seen, { changes: 1, looks: 1 });
    await kept.clock.advance(1_000);
    assert.deepEqual(kept.seen, { changes: 1, looks: 2 }, 'the same counts are no change');
  });
}

test('counts that no limit asks for are not looked at', async (t) => {
  const kept = keeping(t, config(table()));
  kept.last().counts = [peer(60)];
  await settled();
  await kept.clock.advance(10_000);
  assert.deepEqual(kept.seen, { changes: 0, looks: 1 });
});
