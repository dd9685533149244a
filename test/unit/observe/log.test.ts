import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../../../src/observe/log.js';

test('JSON lines: level in words, ISO time, our name, fields, an error with its stack', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
  log.debug({}, 'too much detail');
  log.info({ table: 'fabric', routes: 812 }, 'synced');
  log.error({ err: new Error('broken') }, 'failed');
  log.setLevel('debug');
  log.debug({}, 'now wanted');

  const [first, second, third] = lines.map((line) => JSON.parse(line));
  assert.equal(lines.length, 3);
  assert.match(first.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(
    { ...first, time: '' },
    { level: 'info', time: '', name: 'rib2fib', table: 'fabric', routes: 812, msg: 'synced' },
  );
  assert.equal(second.err.message, 'broken');
  assert.match(second.err.stack, /log\.test/);
  assert.equal(third.msg, 'now wanted');
});
