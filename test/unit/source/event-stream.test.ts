import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { EventQueue } from '../../../src/source/event-queue.js';
import { eventStream } from '../../../src/source/event-stream.js';
import { path, prefix } from './build.js';

const A = prefix('10.1.0.0/16');

/** Runs until it is told to end, and says when it has. */
function runner() {
  const seen = { ended: false };
  const run = async (signal: AbortSignal) => {
    if (!signal.aborted) await once(signal, 'abort');
    await Promise.resolve();
    seen.ended = true;
  };
  return { seen, run };
}

describe('eventStream', () => {
  it('hands out what the queue has, and ends with its signal once all has ended', async () => {
    const queue = new EventQueue();
    const ending = new AbortController();
    const { seen, run } = runner();
    queue.update(A, [path('10.9.0.2')]);
    const events = eventStream(queue, ending.signal, run);
    assert.equal((await events.next()).value?.[0]?.type, 'updates');
    const last = events.next();
    ending.abort();
    assert.deepEqual(await last, { done: true, value: undefined });
    assert.ok(seen.ended);
  });

  it('ends what runs when its consumer leaves', async () => {
    const queue = new EventQueue();
    const { seen, run } = runner();
    queue.reset();
    for await (const _ of eventStream(queue, new AbortController().signal, run)) break;
    assert.ok(seen.ended);
  });

  it('throws what fails in what runs, though nothing is in the queue', async () => {
    const events = eventStream(new EventQueue(), new AbortController().signal, async () => {
      throw new Error('the port is taken');
    });
    await assert.rejects(events.next(), /the port is taken/);
  });

  it('yields nothing where the signal has aborted before', async () => {
    const { seen, run } = runner();
    const queue = new EventQueue();
    queue.reset();
    const events = eventStream(queue, AbortSignal.abort(), run);
    assert.equal((await events.next()).done, true);
    assert.ok(seen.ended);
  });
});
