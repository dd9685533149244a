/** What a cluster says, asked once, for the commands that need no daemon. */
import type { Clock } from './clock.js';
import type { Engine } from './desired/engine.js';
import type { ResourceStatus } from './discover/discovered.js';
import type { Discovery } from './discover/discovery.js';

/** A server that has not answered for so long will not answer a command. */
const PATIENCE_MS = 10_000;

export interface DiscoverOnceOptions {
  readonly discovery: Discovery;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Fills the engine with what is found, until nothing more is awaited or patience ends. Returns what was
 * not to be had, one line each, for people: what came of it before stays in the kernel. Rejects with
 * the signal's reason when that aborts.
 */
export async function discoverOnce(options: DiscoverOnceOptions): Promise<readonly string[]> {
  const { discovery, engine, clock, signal } = options;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const late = clock.delay(PATIENCE_MS, both).then(
    () => stop.abort(),
    () => undefined,
  );
  let notes: readonly string[] = [];
  // What ends the wait ends the reflectors too, and how they stood is forgotten then.
  both.addEventListener('abort', () => (notes = notesOf(discovery)), { once: true });
  for await (const discovered of discovery.snapshots(both)) {
    engine.setDiscovered(discovered);
    const tables = [...discovered.tables.values()];
    const all = [discovered.keptKnowledge, ...tables.map(({ knowledge }) => knowledge)];
    if (!all.includes('awaited')) stop.abort();
  }
  stop.abort();
  await late;
  signal.throwIfAborted();
  return notes;
}

function notesOf(discovery: Discovery): readonly string[] {
  return discovery.resources().flatMap(noteOf);
}

function noteOf({ resource, state, lastError }: ResourceStatus): readonly string[] {
  switch (state) {
    case 'synced':
    case 'absent':
      return [];
    case 'listing':
    case 'stale': {
      const why = lastError ?? 'no answer yet';
      return [`discovery: ${resource} is not known, and what came of it before stays: ${why}`];
    }
    case 'refused':
      return [
        `discovery: ${resource} may not be read, and what came of it before stays: ${lastError}`,
      ];
  }
}
