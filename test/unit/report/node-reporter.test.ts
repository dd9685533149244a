/** When a node writes to its cluster, and what becomes of it where the cluster does not take it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { AlertReport, StatusReport } from '../../../src/admin/report.js';
import type { ClusterApi } from '../../../src/report/cluster-writer.js';
import { NodeReporter } from '../../../src/report/node-reporter.js';
import type { NodeRoutesStatus } from '../../../src/report/node-routes.js';
import { STATUS } from '../admin/sample-status.js';
import { FakeClock, settled } from '../reconcile/fake-clock.js';

type Request = Parameters<ClusterApi['json']>[0];

class Refusal extends Error {
  constructor(readonly code: number) {
    super(`HTTP ${code}`);
  }
}

let clock: FakeClock;
let status: StatusReport;
let requests: Request[];
let logged: string[];
/** What the server does with a request; default: takes it. */
let refuse: (request: Request) => number | undefined;
let reporter: NodeReporter;
let stop: AbortController;
let daemon: AbortController;
let running: Promise<void>;

beforeEach(() => {
  clock = new FakeClock();
  status = { ...STATUS, alerts: [] };
  [requests, logged] = [[], []];
  refuse = () => undefined;
  const log = (_: object, message: string) => void logged.push(message);
  reporter = new NodeReporter({
    api: {
      async json(request) {
        requests.push(request);
        const code = refuse(request);
        if (code !== undefined) throw new Refusal(code);
        return { metadata: { uid: 'a-b-c' } };
      },
    },
    ...{ node: 'node-a', status: () => ({ ...status, now: clock.now() }) },
    ...{ clock, random: () => 1, log: { debug: log, info: log, warn: log, error: log } },
  });
  stop = new AbortController();
  daemon = new AbortController();
  running = reporter.run(stop.signal, daemon.signal);
});
afterEach(async () => {
  stop.abort();
  await running;
});

/** Time passes, and all that it wakes is done. */
async function pass(seconds: number): Promise<void> {
  await settled();
  await clock.advance(seconds * 1_000);
}
const words = () =>
  requests.map(({ method, path }) => `${method} ${path.split('/').slice(-2).join('/')}`);

const STATUS_PATCH = 'PATCH node-a/status';

function counts(heard: number): void {
  status = {
    ...status,
    tables: status.tables.map((table) => {
      const ipv4 = { ...table.routes.ipv4, heard };
      return { ...table, routes: { ...table.routes, ipv4 } };
    }),
  };
  reporter.wake();
}

const alert = (name: string): AlertReport => ({
  ...{ name, severity: 'warning', labels: {}, since: 1, summary: name },
});

test('it writes at its start, and then every five minutes where nothing changes', async () => {
  await pass(1);
  assert.deepEqual(words(), [STATUS_PATCH]);
  await pass(299);
  assert.equal(requests.length, 1);
  await pass(3);
  assert.deepEqual(words(), [STATUS_PATCH, STATUS_PATCH]);
});

test('it applies the status as its own, whole', async () => {
  await pass(1);
  const [{ query, type, body } = {}] = requests;
  assert.deepEqual(query, { fieldManager: 'rib2fib', force: 'true' });
  assert.equal(type, 'application/apply-patch+yaml');
  const { apiVersion, kind, metadata } = body as Record<string, unknown>;
  assert.deepEqual(
    { apiVersion, kind, metadata },
    {
      ...{ apiVersion: 'rib2fib.io/v1alpha1', kind: 'NodeRoutes', metadata: { name: 'node-a' } },
    },
  );
});

/** When a status was written, in seconds of the clock, while something is done every second. */
async function writes(seconds: number, every: (second: number) => void): Promise<number[]> {
  const at: number[] = [];
  for (let second = 0; second < seconds; second++) {
    every(second);
    const before = requests.length;
    await pass(1);
    if (requests.length > before) at.push(second);
  }
  return at;
}

test('counts that change all the time are written more and more rarely, down to every minute', async () => {
  await pass(5);
  const at = await writes(600, counts);
  const gaps = at.slice(1).map((second, i) => second - (at[i] ?? 0));
  // A second and a half more goes by between a change and its write.
  for (const [i, least] of [20, 40, 60, 60, 60, 60].entries()) {
    const gap = gaps[i] ?? 0;
    assert.ok(gap >= least && gap <= least + 3, `${gaps}`);
  }
  assert.ok(at.length <= 14, `${at}`);
  // After a pause the first change is told at once, and the next is soon again.
  await pass(700);
  const again = await writes(30, counts);
  assert.ok((again[0] ?? 99) <= 2 && (again[1] ?? 99) <= 14, `${again}`);
});

test('words of a condition that count something are counts', async () => {
  await pass(5);
  status = { ...status, ready: false, unready: '9000 changes not yet in the kernel' };
  reporter.wake();
  await pass(2);
  const at = await writes(60, (second) => {
    status = { ...status, unready: `${8999 - second} changes not yet in the kernel` };
    reporter.wake();
  });
  assert.ok(at.length >= 2 && at.length <= 4, `${at}`);
  status = { ...status, ready: true, unready: undefined };
  reporter.wake();
  requests = [];
  await pass(2);
  assert.deepEqual(words(), [STATUS_PATCH], 'a verdict is told at once');
});

test('Events that are refused keep no status back', async () => {
  await pass(5);
  refuse = ({ path }) => (path.endsWith('/events') ? 403 : undefined);
  status = { ...status, alerts: [alert('Rib2fibContested')] };
  reporter.wake();
  await pass(1_000);
  status = { ...status, ready: false, unready: 'syncing' };
  reporter.wake();
  requests = [];
  await pass(2);
  assert.ok(words().includes(STATUS_PATCH), `${words()}`);
  assert.equal(logged.length, 1);
});

test('an Event that the server takes for wrong is given up, and those behind it are told', async () => {
  await pass(5);
  refuse = ({ path, body }) =>
    path.endsWith('/events') && (body as { reason: string }).reason === 'Bad' ? 422 : undefined;
  status = { ...status, alerts: [alert('Rib2fibBad'), alert('Rib2fibGood')] };
  reporter.wake();
  await pass(2);
  const reasons = requests
    .filter(({ path }) => path.endsWith('/events'))
    .map(({ body }) => (body as { reason: string }).reason);
  assert.deepEqual(reasons, ['Bad', 'Good']);
  assert.equal(logged.length, 1);
});

test('an alert that comes and goes is summed up, with its first and last time', async () => {
  await pass(5);
  for (let i = 0; i < 100; i++) {
    status = { ...status, alerts: i % 2 === 0 ? [alert('Rib2fibContested')] : [] };
    reporter.wake();
    await pass(4);
  }
  await pass(300);
  const events = requests
    .filter(({ path }) => path.endsWith('/events'))
    .map(({ body }) => body as Record<string, unknown>);
  assert.deepEqual(events.map(({ reason, count }) => [reason, count]).slice(-2), [
    ['Contested', 45],
    ['ContestedOver', 45],
  ]);
  assert.equal(events.length, 12);
  const { firstTimestamp, lastTimestamp } = events.at(-1) ?? {};
  assert.ok(Date.parse(String(lastTimestamp)) - Date.parse(String(firstTimestamp)) > 300_000);
});

test('a condition that changes is written within two seconds', async () => {
  await pass(5);
  status = { ...status, ready: false, unready: 'syncing' };
  reporter.wake();
  await pass(2);
  assert.deepEqual(words(), [STATUS_PATCH, STATUS_PATCH]);
});

test('alerts are Events on the Node, raised and over', async () => {
  await pass(5);
  status = { ...status, alerts: [alert('Rib2fibSourceLost')] };
  reporter.wake();
  await pass(2);
  status = { ...status, alerts: [] };
  reporter.wake();
  await pass(2);
  const events = requests.filter(({ path }) => path.endsWith('/events')).map(({ body }) => body);
  assert.deepEqual(
    events.map((event) => {
      const { type, reason, involvedObject } = event as Record<string, unknown>;
      return { type, reason, involvedObject };
    }),
    [
      ['Warning', 'SourceLost'],
      ['Normal', 'SourceBack'],
    ].map(([type, reason]) => ({
      ...{ type, reason },
      involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'node-a' },
    })),
  );
  const names = events.map((event) => (event as { metadata: { name: string } }).metadata.name);
  assert.equal(new Set(names).size, 2);
});

test('an object that there is not is made, owned by the Node', async () => {
  await pass(1);
  requests = [];
  let there = false;
  refuse = ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/noderoutes')) there = true;
    return path.endsWith('/status') && !there ? 404 : undefined;
  };
  counts(7);
  await pass(12);
  assert.deepEqual(words(), [
    ...[STATUS_PATCH, 'GET nodes/node-a', 'POST v1alpha1/noderoutes', STATUS_PATCH],
  ]);
  const [, , made] = requests;
  const { metadata } = (made?.body ?? {}) as { metadata?: object };
  assert.deepEqual(metadata, {
    name: 'node-a',
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'a-b-c' }],
  });
  assert.deepEqual(logged, []);
});

for (const [code, message] of [
  [403, /RBAC/],
  [404, /not installed/],
  [500, /HTTP 500/],
] as const) {
  test(`a server that answers ${code} is asked more and more rarely, and told of once`, async () => {
    refuse = () => code;
    await pass(3_600);
    assert.equal(logged.length, 1);
    assert.match(logged[0] ?? '', message);
    const patches = words().filter((word) => word === STATUS_PATCH).length;
    assert.ok(patches > 10 && patches < 30, String(patches));
    refuse = () => undefined;
    await pass(301);
    assert.match(logged[1] ?? '', /again/);
  });
}

test('Events wait in order while the server is away, and no more than fifty', async () => {
  await pass(5);
  refuse = () => 503;
  for (let i = 0; i < 60; i++) {
    status = { ...status, alerts: [alert(`Rib2fibNumber${i}`)] };
    reporter.wake();
    await pass(400);
  }
  requests = [];
  refuse = () => undefined;
  await pass(400);
  const reasons = requests
    .filter(({ path }) => path.endsWith('/events'))
    .map(({ body }) => (body as { reason: string }).reason);
  assert.equal(reasons.length, 50);
  assert.deepEqual(reasons.slice(-2), ['Number59', 'Number58Over']);
  assert.ok(logged.some((line) => /too many/.test(line)));
});

test('an Event whose answer was lost is not told twice', async () => {
  await pass(5);
  let first = true;
  refuse = ({ path }) => {
    if (!path.endsWith('/events')) return undefined;
    const code = first ? 503 : 409;
    first = false;
    return code;
  };
  status = { ...status, alerts: [alert('Rib2fibContested')] };
  reporter.wake();
  await pass(30);
  const events = requests.filter(({ path }) => path.endsWith('/events'));
  const names = events.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
  assert.equal(names.length, 2);
  assert.equal(names[0], names[1]);
});

for (const [what, ends, word] of [
  ['it has stopped, with the daemon', true, 'False Stopped'],
  ['nobody knows, where only the report ends', false, 'Unknown NotReported'],
] as const) {
  test(`its last word is that ${what}`, async () => {
    await pass(5);
    if (ends) daemon.abort();
    stop.abort();
    await running;
    const { status: last } = (requests.at(-1)?.body ?? {}) as { status?: NodeRoutesStatus };
    const ready = last?.conditions.find(({ type }) => type === 'Ready');
    assert.equal(`${ready?.status} ${ready?.reason}`, word);
  });
}
