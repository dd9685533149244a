import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { type Alert, AlertSender } from '../../../src/observe/alerts.js';
import { until } from '../../support/wait.js';
import { FakeClock } from '../reconcile/fake-clock.js';

const LIMIT: Alert = {
  name: 'Rib2fibPrefixLimitExceeded',
  severity: 'critical',
  labels: { table: 'fabric', peer: '10.9.0.2' },
  summary: 'fabric/10.9.0.2/ipv4 is over 500',
  description: 'New prefixes are refused.',
};

interface Posted {
  readonly labels: { readonly alertname: string; readonly [name: string]: string };
  readonly annotations: Record<string, string>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** How an Alertmanager takes what it is sent: status 200 or another, or not at all. */
type Manner = number | 'away';

/** Moves the clock once the sender waits for it. */
async function advance(ms: number): Promise<void> {
  await rest();
  await clock.advance(ms);
}

/** The sender has nothing to do until time passes. */
function rest(): Promise<unknown> {
  return until(() => clock.waiting > 0, { what: 'the sender rests', everyMs: 2 });
}

/** So many seconds after the start, as Alertmanager is told. */
function at(seconds: number): string {
  return new Date(start + seconds * 1000).toISOString();
}

function posted(times: number): Promise<unknown> {
  return until(() => posts.length === times, { what: `${times} posts`, everyMs: 2 });
}

function told(lines: number): Promise<unknown> {
  return until(() => logged.length === lines, { what: `${lines} lines of log`, everyMs: 2 });
}

let clock: FakeClock;
let start: number;
let logged: string[];
let posts: Posted[][];
let stop: AbortController;
let running: Promise<void> | undefined;
let server: Server | undefined;

beforeEach(() => {
  clock = new FakeClock();
  start = clock.now();
  logged = [];
  posts = [];
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await running;
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

function sender(port: number | undefined): AlertSender {
  const line = (_: object, message: string) => void logged.push(message);
  const alerts = new AlertSender({
    alertmanager: port === undefined ? undefined : `http://127.0.0.1:${port}/am/`,
    labels: { instance: 'node1' },
    clock,
    log: { debug: line, info: line, warn: line, error: line },
  });
  running = alerts.run(stop.signal);
  return alerts;
}

/** An Alertmanager on a port of its own, which it keeps while it is away. */
async function listen(answer: Manner = 200): Promise<{ readonly port: number; answer: Manner }> {
  const manner = { port: 0, answer };
  const started = createServer((request, response) => {
    if (manner.answer === 'away') {
      request.destroy();
      return;
    }
    const { answer } = manner;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      assert.equal(`${request.method} ${request.url}`, 'POST /am/api/v2/alerts');
      posts.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  server = started;
  manner.port = (started.address() as AddressInfo).port;
  return manner;
}

test('raised, repeated while it fires, resolved once', async () => {
  const alerts = sender((await listen()).port);
  alerts.raise(LIMIT);
  alerts.raise(LIMIT);
  await posted(1);
  assert.deepEqual(posts[0], [
    {
      labels: {
        instance: 'node1',
        table: 'fabric',
        peer: '10.9.0.2',
        alertname: 'Rib2fibPrefixLimitExceeded',
        severity: 'critical',
      },
      annotations: {
        summary: 'fabric/10.9.0.2/ipv4 is over 500',
        description: 'New prefixes are refused.',
      },
      startsAt: at(0),
      endsAt: at(240),
    },
  ]);

  await advance(60_000);
  await posted(2);
  assert.equal(posts[1]?.[0]?.startsAt, at(0));
  assert.equal(posts[1]?.[0]?.endsAt, at(300));

  alerts.resolve({ name: LIMIT.name, labels: { peer: '10.9.0.2', table: 'fabric' } });
  assert.deepEqual(alerts.active(), []);
  await posted(3);
  assert.equal(posts[2]?.[0]?.endsAt, at(60));

  await advance(60_000);
  await advance(60_000);
  await rest();
  assert.equal(posts.length, 3);
  assert.deepEqual(logged, ['alert raised', 'alert resolved']);
});

test('an Alertmanager that is away loses nothing and is told of once', async () => {
  const alertmanager = await listen('away');
  const alerts = sender(alertmanager.port);
  alerts.raise(LIMIT);
  await told(2);
  await advance(1_000);
  await advance(2_000);
  alerts.raise({ ...LIMIT, name: 'Rib2fibSourceLost', labels: { source: 'gobgp' } });
  alerts.resolve(LIMIT);
  await rest();
  alertmanager.answer = 200;
  await advance(4_000);
  await posted(1);
  assert.deepEqual(
    posts[0]?.map(({ labels, endsAt }) => `${labels.alertname} ${endsAt}`),
    [`Rib2fibPrefixLimitExceeded ${at(3)}`, `Rib2fibSourceLost ${at(7 + 240)}`],
  );
  await told(5);
  assert.deepEqual(logged, [
    'alert raised',
    'Alertmanager does not take alerts, retrying',
    'alert raised',
    'alert resolved',
    'Alertmanager takes alerts again',
  ]);
});

test('a refusal is retried as well', async () => {
  const alerts = sender((await listen(503)).port);
  alerts.raise(LIMIT);
  await posted(1);
  await advance(1_000);
  await posted(2);
});

test('a resolved alert that Alertmanager has let expire is not retried for ever', async () => {
  const alertmanager = await listen('away');
  const alerts = sender(alertmanager.port);
  alerts.raise(LIMIT);
  alerts.resolve(LIMIT);
  await told(3);
  await advance(241_000);
  await rest();
  alertmanager.answer = 200;
  await advance(60_000);
  await rest();
  assert.deepEqual(posts, []);
});

test('without an Alertmanager: the log and the list of active ones', async () => {
  const alerts = sender(undefined);
  alerts.raise(LIMIT);
  const since = clock.now();
  alerts.raise({ ...LIMIT, severity: 'warning', summary: 'less bad' });
  assert.deepEqual(alerts.active(), [
    {
      name: LIMIT.name,
      severity: 'warning',
      labels: LIMIT.labels,
      since,
      summary: 'less bad',
    },
  ]);
  alerts.resolve(LIMIT);
  alerts.resolve(LIMIT);
  assert.deepEqual(alerts.active(), []);
  assert.deepEqual(logged, ['alert raised', 'alert raised', 'alert resolved']);
});

test('another severity is another alert to Alertmanager: the one before it is resolved', async () => {
  const alerts = sender((await listen()).port);
  alerts.raise({ ...LIMIT, severity: 'warning' });
  await posted(1);
  await advance(1_000);
  alerts.raise(LIMIT);
  await posted(2);
  const endings = posts[1]?.map(({ labels, endsAt }) => [
    labels['severity'],
    Date.parse(endsAt) <= clock.now(),
  ]);
  assert.deepEqual(endings, [
    ['warning', true],
    ['critical', false],
  ]);
  assert.equal(alerts.active().length, 1);
});

test('bounded: a flood of alerts is cut off, and told', () => {
  const alerts = sender(undefined);
  for (let i = 0; i < 1_100; i++) alerts.raise({ ...LIMIT, labels: { peer: String(i) } });
  assert.equal(alerts.active().length, 1_000);
  assert.ok(logged.includes('too many alerts'));
});
