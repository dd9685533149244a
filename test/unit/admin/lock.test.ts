import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acquireLock } from '../../../src/admin/lock.js';

test('one holder at a time', async () => {
  const name = `\0rib2fib-test-${process.pid}`;
  const first = await acquireLock(name);
  assert.ok(first !== undefined);
  assert.equal(await acquireLock(name), undefined);
  first.release();
  const second = await acquireLock(name);
  assert.ok(second !== undefined);
  second.release();
});
