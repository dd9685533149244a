/** What every source's `events` has in common: something runs, and its queue is handed out until it ends. */
import type { EventQueue } from './event-queue.js';
import type { SourceEvent } from './source.js';

/**
 * Yields what `queue` has while `run` does what fills it. `run` gets a signal
 * that aborts with `signal`, with the consumer's leaving and with its own
 * failure, resolves once that has aborted, and is waited for. What it rejects
 * with is thrown.
 */
export async function* eventStream(
  queue: EventQueue,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<unknown>,
): AsyncGenerator<readonly SourceEvent[]> {
  const ending = new AbortController();
  const end = () => ending.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const running = run(ending.signal);
  running.catch((error) => ending.abort(error));
  try {
    while (!ending.signal.aborted) {
      const events = await queue.take(ending.signal).catch((error) => {
        if (!ending.signal.aborted) throw error;
      });
      if (events !== undefined) yield events;
    }
  } finally {
    signal.removeEventListener('abort', end);
    ending.abort();
    await running;
  }
}
