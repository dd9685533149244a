import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../../src/kernel/deadline.js';

test('expires once after silence', async () => {
  let expired = 0;
  await new Promise<void>((resolve) => {
    new Deadline(5, () => {
      expired++;
      resolve();
    }).kick();
  });
  assert.equal(expired, 1);
});

test('what came while the process was stopped counts', async () => {
  let expired = false;
  const deadline = new Deadline(5, () => {
    expired = true;
  });
  deadline.kick();
  // Due when the loop turns again, and heard of in the same turn, behind the timers.
  const until = performance.now() + 20;
  while (performance.now() < until);
  await new Promise<void>((resolve) => setImmediate(resolve));
  deadline.stop();
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(expired, false);
});
