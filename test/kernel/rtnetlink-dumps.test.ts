/** Large readings: beside the event loop, whole, and given up without a trace. Needs root. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openRtnetlink } from '../../src/kernel/rtnetlink.js';
import { until } from '../support/wait.js';
import { ip, openNode } from './rtnetlink-node.js';

const MANY = 60_000;

function fill(): void {
  const routes = Array.from(
    { length: MANY },
    (_, i) => `route add 20.${i >> 8}.${i & 255}.0/24 via 10.9.0.2 table 100 proto 178 metric 20`,
  );
  ip('-batch -', routes.join('\n'));
}

function sockets(): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith('socket:');
    } catch {
      return false; // The listing's own.
    }
  }).length;
}

test('a large table is read whole, each route once, and others have their turn meanwhile', async () => {
  await using node = await openNode();
  fill();
  const read = new Set<string>();
  let routes = 0;
  let turns = 0;
  let done = false;
  const reading = node.kernel
    .readRoutes(new Set([100]), () => (route) => {
      if (route.table !== 100) return;
      routes++;
      read.add(route.prefix.text);
    })
    .finally(() => {
      done = true;
    });
  for (; !done; turns++) await setImmediate();
  await reading;
  assert.equal(read.size, MANY);
  assert.equal(routes, MANY);
  assert.ok(turns >= 10, `${turns} turns`);
});

test('closed in the middle of a reading: ECANCELED, no route after it, and no descriptor is left', async () => {
  await using _ = await openNode();
  fill();
  const before = sockets();
  const kernel = await openRtnetlink();
  let routes = 0;
  let closed = false;
  const reading = kernel.readRoutes(new Set([100]), () => () => {
    assert.ok(!closed, 'handed over after close');
    routes++;
  });
  const refused = assert.rejects(reading, { name: 'KernelError', errno: 'ECANCELED' });
  while (routes === 0) await setImmediate();
  closed = true;
  await kernel.close();
  await refused;
  assert.ok(routes < MANY, 'it was over before it was closed');
  await until(() => sockets() === before, { what: 'the descriptors are closed' });
});
