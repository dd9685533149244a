import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { Alarm } from '../../../src/reconcile/alarm.js';
import { FakeClock, settled } from './fake-clock.js';

/** Whether the sleeper is awake by now. */
function sleeper(alarm: Alarm, ms: number, signal = new AbortController().signal) {
  const state = { awake: false };
  alarm.wait(ms, signal).then(() => (state.awake = true));
  return state;
}

test('wakes when rung, when its time has come, or when it is to stop', async () => {
  const clock = new FakeClock();
  const alarm = new Alarm(clock);
  const timed = sleeper(alarm, 100);
  await clock.advance(99);
  assert.equal(timed.awake, false);
  await clock.advance(1);
  assert.equal(timed.awake, true);

  const rung = sleeper(alarm, Number.POSITIVE_INFINITY);
  await settled();
  assert.equal(rung.awake, false);
  alarm.ring();
  alarm.ring();
  await settled();
  assert.equal(rung.awake, true);

  const stop = new AbortController();
  const stopped = sleeper(alarm, 100, stop.signal);
  stop.abort();
  await settled();
  assert.equal(stopped.awake, true);
});

test('rung while awake, the next sleep ends at once, the one after it does not', async () => {
  const alarm = new Alarm(new FakeClock());
  alarm.ring();
  alarm.ring();
  const first = sleeper(alarm, 100);
  await settled();
  assert.equal(first.awake, true);
  const second = sleeper(alarm, 100);
  await settled();
  assert.equal(second.awake, false);
  alarm.ring();
});

test('however often it is rung, there is one timer and one listener, and none once it is to stop', async () => {
  const clock = new FakeClock();
  const alarm = new Alarm(clock);
  const stop = new AbortController();
  for (let i = 0; i < 50; i++) {
    const state = sleeper(alarm, 100 + i, stop.signal);
    await settled();
    alarm.ring();
    await settled();
    assert.equal(state.awake, true);
  }
  assert.equal(clock.waiting, 1);
  assert.equal(getEventListeners(stop.signal, 'abort').length, 1);
  const last = sleeper(alarm, 100, stop.signal);
  stop.abort();
  await settled();
  assert.deepEqual([last.awake, clock.waiting], [true, 0]);
  assert.deepEqual(getEventListeners(stop.signal, 'abort'), []);
});

test('a timer of an earlier sleep wakes nobody before their time', async () => {
  const clock = new FakeClock();
  const alarm = new Alarm(clock);
  sleeper(alarm, 100);
  await settled();
  alarm.ring();
  await settled();
  const later = sleeper(alarm, 500);
  await settled();
  await clock.advance(499);
  assert.equal(later.awake, false);
  await clock.advance(1);
  assert.equal(later.awake, true);
});

test('a sleep that ends before the timer of an earlier one ends in time', async () => {
  const clock = new FakeClock();
  const alarm = new Alarm(clock);
  sleeper(alarm, 500);
  await settled();
  alarm.ring();
  await settled();
  const sooner = sleeper(alarm, 100);
  await settled();
  await clock.advance(100);
  assert.equal(sooner.awake, true);
  assert.equal(clock.waiting, 0);
});
