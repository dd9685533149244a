/** How long a change of a status waits, by what it is and by what came before. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type NodeRoutesStatus, nodeRoutesStatus } from '../../../src/report/node-routes.js';
import { WritePace } from '../../../src/report/write-pace.js';
import { STATUS } from '../admin/sample-status.js';

const CALM = nodeRoutesStatus(STATUS, []);
const { source } = CALM;

let now: number;
let serial: number;
let drawn: number;
let pace: WritePace;

beforeEach(() => {
  [now, serial, drawn] = [1_000_000, 0, 1];
  pace = new WritePace(() => drawn);
  pace.wrote(CALM, now);
});

const counted = (): NodeRoutesStatus => ({ ...CALM, rules: 1_000 + ++serial });
const lost = (feed: string): NodeRoutesStatus => ({
  ...CALM,
  ...{ rules: 1_000 + ++serial, source: { ...source, feed } },
});

/** Seconds that each of these waits, the next one coming as soon as the one before is written. */
function waits(statuses: readonly NodeRoutesStatus[]): readonly number[] {
  return statuses.map((status) => {
    const ms = Math.max(0, pace.untilDue(status, now));
    now += ms;
    pace.wrote(status, now);
    return ms / 1000;
  });
}

test('the first is due at once', () => {
  assert.equal(new WritePace(() => 0).untilDue(CALM, 5), 0);
});

test('counts that change all the time wait ten seconds, and then longer, a minute at most', () => {
  assert.deepEqual(waits(Array.from({ length: 6 }, counted)), [10, 20, 40, 60, 60, 60]);
});

test('counts wait for nothing after a pause, and the next again ten seconds', () => {
  waits(Array.from({ length: 6 }, counted));
  now += 145_000;
  assert.deepEqual(waits([counted(), counted(), counted()]), [0, 10, 20]);
});

test('a state is told at once, and what never stops changing every ten seconds', () => {
  now += 60_000;
  const states = Array.from({ length: 9 }, (_, i) => lost(i % 2 === 0 ? 'stale' : 'syncing'));
  assert.deepEqual(waits(states), [0, 0, 1, 2, 4, 8, 10, 10, 10]);
  now += 60_000;
  assert.deepEqual(waits([lost('expired')]), [0]);
});

test('counts that change all the time keep no state back', () => {
  waits(Array.from({ length: 6 }, counted));
  assert.deepEqual(waits([lost('stale')]), [0]);
});

for (const [what, other] of [
  ['another source', { source: { ...source, kind: 'fpm' } }],
  ['a peer that is down', { source: { ...source, peers: [{ address: 'a', established: false }] } }],
  ['a table that is gone', { tables: [] }],
  ['a resource that is stale', { discovery: [{ resource: 'a', state: 'stale', objects: 1 }] }],
  ['a verdict', { conditions: [] }],
] as const) {
  test(`a state is ${what}`, () => {
    assert.ok(pace.untilDue({ ...CALM, ...other }, now) <= 0);
  });
}

test('words and times of a condition are none', () => {
  const conditions = CALM.conditions.map((one) => ({ ...one, message: 'other words' }));
  assert.equal(pace.untilDue({ ...CALM, conditions }, now), 10_000);
});

test('without a change it is repeated after four to five minutes, as was drawn; that is a pause', () => {
  const same = { ...CALM, reportedAt: 'later' };
  assert.equal(pace.untilDue(same, now), 300_000);
  drawn = 0;
  now += 300_000;
  pace.wrote(same, now);
  assert.equal(pace.untilDue(same, now + 100), 239_900);
  waits(Array.from({ length: 6 }, counted));
  const last = pace.status as NodeRoutesStatus;
  pace.wrote(last, now);
  assert.deepEqual(waits([counted()]), [10]);
});
