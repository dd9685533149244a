/** One full feed of a source, for the commands that need no daemon. */
import type { Clock } from './clock.js';
import type { Engine } from './desired/engine.js';
import type { Source } from './source/source.js';
import { StartFault } from './start-fault.js';

/** A source that has been away for so long will not answer a command. */
const CONNECT_MS = 10_000;

/** A wait that is over sooner is none to speak of. */
const SILENT_MS = 2_000;

/** Between looks at what is waited for. */
const LOOK_MS = 500;

export interface FullFeedOptions {
  readonly engine: Engine;
  readonly source: Source;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told after two seconds what the feed waits for, a line for people, and again whenever that changes. */
  readonly onWait: (wait: string) => void;
}

/**
 * Fills the engine until the source has fed both families in full. Throws
 * {@link StartFault} when the source does not answer, and the signal's reason
 * when that aborts.
 */
export async function readFullFeed(options: FullFeedOptions): Promise<void> {
  const { engine, source, clock, signal } = options;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const beside = [giveUp(source, clock, both, stop), tellWaits(options, both)];
  try {
    for await (const events of source.events(both)) {
      engine.apply(events, clock.monotonic());
      engine.setReceived(source.offers === 'all' ? [] : source.peers());
      if (engine.feed.complete) break;
    }
    signal.throwIfAborted();
    if (stop.signal.reason instanceof StartFault) throw stop.signal.reason;
  } finally {
    stop.abort();
    await Promise.all(beside);
  }
}

/** Ends the wait for a source that is not there: at first, or since it was lost on the way. */
async function giveUp(
  source: Source,
  clock: Clock,
  signal: AbortSignal,
  stop: AbortController,
): Promise<void> {
  let absentSince = clock.monotonic();
  while (await elapsed(clock, LOOK_MS, signal)) {
    const absence = absenceText(source, clock.now());
    if (absence === undefined) absentSince = clock.monotonic();
    else if (clock.monotonic() - absentSince >= CONNECT_MS) stop.abort(new StartFault(absence, 1));
  }
}

/** `undefined` while it answers. */
function absenceText(source: Source, now: number): string | undefined {
  const { name } = source;
  const state = source.state();
  switch (state.state) {
    case 'connecting':
      if (state.expectedBy !== undefined && now < state.expectedBy) return undefined;
      return `${name}: ${state.lastError ?? 'no answer'}`;
    case 'bgp-not-started':
      return `${name}: BGP has not been started in it`;
    case 'lost':
      return `${name}: ${state.reason}`;
    default:
      return undefined;
  }
}

async function tellWaits(
  { source, clock, onWait }: FullFeedOptions,
  signal: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  for (let pause = SILENT_MS; await elapsed(clock, pause, signal); pause = LOOK_MS) {
    const wait = waitText(source);
    if (wait !== told) onWait(wait);
    told = wait;
  }
}

function waitText(source: Source): string {
  const { name } = source;
  const state = source.state();
  switch (state.state) {
    case 'connecting':
      return `waiting for ${name}: ${state.lastError ?? 'no answer yet'}`;
    case 'bgp-not-started':
      return `waiting for BGP to be started in ${name}`;
    case 'syncing':
      return `waiting for ${name}: ${state.waitingFor}`;
    case 'refused':
      return `waiting for ${name} to be mended: ${state.reason}`;
    case 'lost':
      return `waiting for ${name} to come back: ${state.reason}`;
    case 'synced':
    case 'stopped':
      return `reading the routes of ${name}`;
  }
}

/** False when the signal ended the wait. */
function elapsed(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return clock.delay(ms, signal).then(
    () => true,
    () => false,
  );
}
