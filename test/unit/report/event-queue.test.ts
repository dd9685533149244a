/** Which Events wait, which are told as one, and which go untold. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Happening } from '../../../src/report/event.js';
import { EventQueue } from '../../../src/report/event-queue.js';
import { FakeClock } from '../reconcile/fake-clock.js';

let clock: FakeClock;
let queue: EventQueue;

beforeEach(() => {
  clock = new FakeClock();
  queue = new EventQueue(clock);
});

const happening = (reason: string, message = reason): Happening => ({
  ...{ type: 'Warning', reason, message },
});

/** All that is told by now, in order. */
function told(): readonly string[] {
  const lines: string[] = [];
  for (let event = queue.first(); event !== undefined; event = queue.first()) {
    queue.shift();
    lines.push(
      `${event.count} × ${event.happening.message}, ${(event.lastAt - event.at) / 1000} s`,
    );
  }
  return lines;
}

test('one after the other, each once, the same until it is shifted', () => {
  for (const reason of ['A', 'B', 'A']) queue.add(happening(reason));
  assert.equal(queue.first(), queue.first());
  assert.equal(queue.untilDue(), 0);
  assert.deepEqual(told(), ['1 × A, 0 s', '1 × B, 0 s', '1 × A, 0 s']);
  assert.equal(queue.untilDue(), Number.POSITIVE_INFINITY);
});

test('what comes and goes all the time is told five times, and then as one, every ten minutes', async () => {
  const heard: (readonly string[])[] = [];
  for (let second = 0; second < 1_800; second += 10) {
    queue.add(happening('Lost', `Lost at ${second}`));
    queue.add(happening('Back', `Back at ${second}`));
    if (second === 0) queue.add(happening('Other'));
    const lines = told();
    if (lines.length > 0) heard.push(lines);
    await clock.advance(10_000);
  }
  assert.deepEqual(heard.flat(), [
    ...['1 × Lost at 0, 0 s', '1 × Back at 0, 0 s', '1 × Other, 0 s'],
    ...[10, 20, 30, 40].flatMap((at) => [`1 × Lost at ${at}, 0 s`, `1 × Back at ${at}, 0 s`]),
    ...['55 × Lost at 590, 540 s', '55 × Back at 590, 540 s'],
    ...['60 × Lost at 1190, 590 s', '60 × Back at 1190, 590 s'],
  ]);
  assert.equal(queue.untilDue(), 0, 'the last ten minutes are over');
  assert.equal(told().length, 2);
});

test('the sum is told when the window ends, without another; then they count singly again', async () => {
  for (let i = 0; i < 7; i++) queue.add(happening('Lost'));
  assert.equal(told().length, 5);
  assert.equal(queue.untilDue(), 600_000);
  await clock.advance(600_000);
  assert.deepEqual(told(), ['2 × Lost, 0 s']);
  await clock.advance(600_000);
  queue.add(happening('Lost'));
  assert.deepEqual(told(), ['1 × Lost, 0 s']);
});

test('numbers are never the same', async () => {
  const serials: number[] = [];
  for (let i = 0; i < 20; i++) {
    queue.add(happening('A'));
    queue.add(happening('B'));
  }
  await clock.advance(600_000);
  for (let event = queue.first(); event !== undefined; event = queue.first()) {
    queue.shift();
    serials.push(event.serial);
  }
  assert.equal(serials.length, 12);
  assert.equal(new Set(serials).size, 12);
});

test('fifty wait, the oldest of more goes, and is counted once', () => {
  for (let i = 0; i < 53; i++) queue.add(happening(`R${i}`));
  assert.equal(queue.takeDropped(), 3);
  assert.equal(queue.takeDropped(), 0);
  const lines = told();
  assert.equal(lines.length, 50);
  assert.equal(lines[0], '1 × R3, 0 s');
});
