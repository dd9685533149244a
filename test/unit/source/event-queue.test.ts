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

  const MANY = Array.from({ length: 2_500 }, (_, i) => prefix(`20.${i >> 8}.${i & 255}.0/24`));
  const counted = (events: readonly SourceEvent[]) =>
    events.map((event) =>
      event.type === 'updates' ? `${event.updates.length}${event.more ? ' more' : ''}` : event.type,
    );

  it('hands a backlog over in lots, and says of each whether others follow', async () => {
    const queue = new EventQueue();
    for (const one of MANY) queue.update(one, FIRST);
    queue.synced('ipv4');
    queue.update(A, FIRST);
    assert.deepEqual(counted(await queue.take(never)), ['1024 more']);
    assert.deepEqual(counted(await queue.take(never)), ['1024 more']);
    assert.deepEqual(counted(await queue.take(never)), ['452', 'synced', '1']);
  });

  it('coalesces what comes in with the rest of a backlog that is being taken', async () => {
    const queue = new EventQueue();
    const [first = A, , , last = B] = [...MANY.slice(0, 3), ...MANY.slice(-1)];
    for (const one of MANY) queue.update(one, []);
    await queue.take(never);
    queue.update(last, FIRST);
    queue.update(first, SECOND);
    const taken = [...(await queue.take(never)), ...(await queue.take(never))];
    const heard = taken.flatMap((event) => (event.type === 'updates' ? event.updates : []));
    const of = (one: typeof A) => heard.filter(({ prefix }) => prefix.equals(one));
    assert.deepEqual(of(last), [{ prefix: last, paths: FIRST }]);
    assert.deepEqual(of(first), []);
    // It came behind all that was due: a batch of its own.
    assert.equal(text(await queue.take(never)), `[${first}=10.9.0.3]`);
  });

  it('ends a batch even though more comes in than is taken', async () => {
    const queue = new EventQueue();
    for (const one of MANY) queue.update(one, FIRST);
    const lots: string[] = [];
    for (let i = 0; i < 9; i++) {
      lots.push(...counted(await queue.take(never)));
      for (const one of MANY) queue.update(one, i % 2 === 0 ? SECOND : FIRST);
    }
    assert.ok(lots.includes('452'), lots.join());
    assert.deepEqual(lots.slice(0, 6), ['1024 more', '1024 more', '452', ...lots.slice(0, 3)]);
  });

  it('merges what is left of a backlog into what stands before a reset', async () => {
    const queue = new EventQueue();
    for (const one of MANY) queue.update(one, FIRST);
    await queue.take(never);
    for (let i = 0; i < 5; i++) {
      queue.reset();
      for (const one of MANY) queue.update(one, SECOND);
    }
    const taken: string[] = [];
    for (let i = 0; i < 5; i++) taken.push(...counted(await queue.take(never)));
    assert.deepEqual(taken, [
      ...['1024 more', '1024 more', '452', 'reset', '572 more'],
      ...['1024 more', '904'],
    ]);
  });

  it('has no room from 16,384 waiting updates on, until 8,192 are left', async () => {
    const queue = new EventQueue();
    const some = (count: number, from = 0) => {
      for (let i = from; i < from + count; i++)
        queue.update(prefix(`10.${i >> 8}.${i & 255}.0/24`), FIRST);
    };
    some(16_383);
    assert.equal(queue.room(), undefined);
    some(1, 16_383);
    let told = false;
    const room = queue.room();
    assert.ok(room !== undefined);
    void room.then(() => {
      told = true;
    });
    for (let left = 16_384; left > 9_216; left -= 1_024) await queue.take(never);
    assert.equal(told, false);
    assert.equal(queue.room(), room);
    await queue.take(never);
    await settled();
    assert.equal(told, true);
    assert.equal(queue.room(), undefined);
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
