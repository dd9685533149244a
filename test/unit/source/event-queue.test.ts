import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventQueue } from '../../../src/source/event-queue.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { path, prefix } from './build.js';
import { settled } from './fake-clock.js';

const A = prefix('10.1.0.0/16');
const B = prefix('10.2.0.0/16');
const FIRST = [path('10.9.0.2')];
const SECOND = [path('10.9.0.3')];
const never = new AbortController().signal;

function text(events: readonly SourceEvent[]): string {
  return events
    .map((event) => {
      if (event.type === 'synced') return `synced ${event.family}`;
      if (event.type !== 'updates') return event.type;
      const updates = event.updates.map(
        (update) => `${update.prefix}=${update.paths.map(({ peer }) => peer)}`,
      );
      return `[${updates.join(' ')}]`;
    })
    .join(', ');
}

describe('EventQueue', () => {
  it('hands a change to a waiting consumer without any timer', async () => {
    const queue = new EventQueue();
    const taken = queue.take(never);
    queue.update(A, FIRST);
    assert.equal(text(await taken), '[10.1.0.0/16=10.9.0.2]');
  });

  it('keeps the last whole set of a prefix, in one batch', async () => {
    const queue = new EventQueue();
    queue.update(A, FIRST);
    queue.update(B, FIRST);
    queue.update(A, SECOND);
    queue.update(B, []);
    assert.equal(text(await queue.take(never)), '[10.1.0.0/16=10.9.0.3 10.2.0.0/16=]');
  });

  it('does not let updates cross other events', async () => {
    const queue = new EventQueue();
    queue.update(A, FIRST);
    queue.synced('ipv4');
    queue.update(A, SECOND);
    queue.lost('gone');
    queue.update(A, []);
    assert.equal(
      text(await queue.take(never)),
      '[10.1.0.0/16=10.9.0.2], synced ipv4, [10.1.0.0/16=10.9.0.3], lost, [10.1.0.0/16=]',
    );
  });

  it('holds no more than one feed before the last reset, however many there were', async () => {
    const queue = new EventQueue();
    for (let i = 0; i < 1000; i++) {
      queue.reset();
      queue.update(A, i % 2 === 0 ? FIRST : SECOND);
      queue.lost('gone');
    }
    queue.reset();
    queue.update(B, FIRST);
    assert.equal(
      text(await queue.take(never)),
      '[10.1.0.0/16=10.9.0.3], reset, [10.2.0.0/16=10.9.0.2]',
    );
  });

  it('is empty after each take, and then waits', async () => {
    const queue = new EventQueue();
    queue.reset();
    await queue.take(never);
    let taken = false;
    const next = queue.take(never).then((events) => {
      taken = true;
      return events;
    });
    await settled();
    assert.equal(taken, false);
    queue.synced('ipv6');
    assert.equal(text(await next), 'synced ipv6');
  });

  it('stops waiting when the signal aborts', async () => {
    const queue = new EventQueue();
    const stop = new AbortController();
    const taken = queue.take(stop.signal);
    stop.abort(new Error('stop'));
    await assert.rejects(taken, /stop/);
    await assert.rejects(queue.take(stop.signal), /stop/);
  });
});
