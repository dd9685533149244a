import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../src/clock.js';
import { type Alert, AlertSender } from '../../../src/observe/alerts.js';

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

/** Time stands still until the test moves it on; waits end when it has passed them. */
class BentClock implements Clock {
  #time = Date.parse('2026-03-01T12:00:00Z');
  #waits = new Set<{ readonly at: number; readonly end: () => void }>();

  now = () => this.#time;
  monotonic = () => this.#time;

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait = { at: this.#time + ms, end: resolve };
      this.#waits.add(wait);
      signal?.addEventListener('abort', () => {
        this.#waits.delete(wait);
        reject(signal.reason);
      });
    });
  }

  /** The sender waits for time to pass. */
  rest(): Promise<void> {
    return until(() => this.#waits.size > 0);
  }

  async advance(ms: number): Promise<void> {
    await this.rest();
    this.#time += ms;
    for (const wait of this.#waits) {
      if (wait.at > this.#time) continue;
      this.#waits.delete(wait);
      wait.end();
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the condition did not come true in 5 s');
    await sleep(2);
  }
}

let clock: BentClock;
let logged: string[];
let posts: Posted[][];
let stop: AbortController;
let running: Promise<void> | undefined;
let server: Server | undefined;

beforeEach(() => {
  clock = new BentClock();
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

/** An Alertmanager; `port` 0 takes a free one. */
async function listen(port = 0, status = 200): Promise<number> {
  const started = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      assert.equal(`${request.method} ${request.url}`, 'POST /am/api/v2/alerts');
      posts.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => started.listen(port, '127.0.0.1', resolve));
  server = started;
  return (started.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const port = await listen();
  await new Promise((resolve) => server?.close(resolve));
  return port;
}

test('raised, repeated while it fires, resolved once', async () => {
  const alerts = sender(await listen());
  alerts.raise(LIMIT);
  alerts.raise(LIMIT);
  await until(() => posts.length === 1);
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
      startsAt: '2026-03-01T12:00:00.000Z',
      endsAt: '2026-03-01T12:04:00.000Z',
    },
  ]);

  await clock.advance(60_000);
  await until(() => posts.length === 2);
  assert.equal(posts[1]?.[0]?.startsAt, '2026-03-01T12:00:00.000Z');
  assert.equal(posts[1]?.[0]?.endsAt, '2026-03-01T12:05:00.000Z');

  alerts.resolve({ name: LIMIT.name, labels: { peer: '10.9.0.2', table: 'fabric' } });
  assert.deepEqual(alerts.active(), []);
  await until(() => posts.length === 3);
  assert.equal(posts[2]?.[0]?.endsAt, '2026-03-01T12:01:00.000Z');

  await clock.advance(60_000);
  await clock.advance(60_000);
  await clock.rest();
  assert.equal(posts.length, 3);
  assert.deepEqual(logged, ['alert raised', 'alert resolved']);
});

test('an Alertmanager that is away loses nothing and is told of once', async () => {
  const port = await freePort();
  const alerts = sender(port);
  alerts.raise(LIMIT);
  await until(() => logged.length === 2);
  await clock.advance(1_000);
  await clock.advance(2_000);
  alerts.raise({ ...LIMIT, name: 'Rib2fibSourceLost', labels: { source: 'gobgp' } });
  alerts.resolve(LIMIT);
  await clock.rest();
  await listen(port);
  await clock.advance(4_000);
  await until(() => posts.length === 1);
  assert.deepEqual(
    posts[0]?.map(({ labels, endsAt }) => `${labels.alertname} ${endsAt}`),
    [
      'Rib2fibPrefixLimitExceeded 2026-03-01T12:00:03.000Z',
      'Rib2fibSourceLost 2026-03-01T12:04:07.000Z',
    ],
  );
  await until(() => logged.length === 5);
  assert.deepEqual(logged, [
    'alert raised',
    'Alertmanager does not take alerts, retrying',
    'alert raised',
    'alert resolved',
    'Alertmanager takes alerts again',
  ]);
});

test('a refusal is retried as well', async () => {
  const alerts = sender(await listen(0, 503));
  alerts.raise(LIMIT);
  await until(() => posts.length === 1);
  await clock.advance(1_000);
  await until(() => posts.length === 2);
});

test('a resolved alert that Alertmanager has let expire is not retried for ever', async () => {
  const port = await freePort();
  const alerts = sender(port);
  alerts.raise(LIMIT);
  alerts.resolve(LIMIT);
  await until(() => logged.length === 3);
  await clock.advance(241_000);
  await clock.rest();
  await listen(port);
  await clock.advance(60_000);
  await clock.rest();
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
  const alerts = sender(await listen());
  alerts.raise({ ...LIMIT, severity: 'warning' });
  await until(() => posts.length === 1);
  await clock.advance(1_000);
  alerts.raise(LIMIT);
  await until(() => posts.length === 2);
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
