import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type HealthServer, serveHealth } from '../../../src/observe/health.js';

const logged: string[] = [];
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (_: object, message: string) => void logged.push(message),
};

let open: HealthServer[] = [];

afterEach(async () => {
  await Promise.all(open.map((server) => server.close()));
  open = [];
  logged.length = 0;
});

async function serve(options: {
  unready?: () => string | undefined;
  render?: () => Promise<string>;
  port?: number;
}): Promise<HealthServer> {
  const server = await serveHealth({
    listen: { host: '127.0.0.1', port: options.port ?? 0 },
    log,
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      render: options.render ?? (async () => 'a 1\n'),
    },
    unready: options.unready ?? (() => undefined),
  });
  open.push(server);
  return server;
}

async function get({ listening }: HealthServer, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${listening.port}${path}`, { method });
  return `${response.status} ${response.headers.get('content-type')} ${await response.text()}`;
}

test('the three paths, and nothing else', async () => {
  const server = await serve({});
  assert.equal(await get(server, '/metrics'), '200 text/plain; version=0.0.4 a 1\n');
  assert.equal(await get(server, '/healthz'), '200 text/plain; charset=utf-8 ok\n');
  assert.equal(await get(server, '/readyz?verbose'), '200 text/plain; charset=utf-8 ready\n');
  assert.match(await get(server, '/'), /^404 /);
  assert.match(await get(server, '/metrics', 'POST'), /^405 /);
});

test('not ready: 503 and why', async () => {
  const server = await serve({ unready: () => 'syncing, waiting for 10.9.0.2' });
  assert.equal(
    await get(server, '/readyz'),
    '503 text/plain; charset=utf-8 not ready: syncing, waiting for 10.9.0.2\n',
  );
  assert.match(await get(server, '/healthz'), /^200 /);
});

test('a metric that fails is a 500 and a log line', async () => {
  const server = await serve({ render: async () => Promise.reject(new Error('no status')) });
  assert.match(await get(server, '/metrics'), /^500 /);
  assert.deepEqual(logged, ['metrics request failed']);
});

test('a port in use is one clear error', async () => {
  const { listening } = await serve({});
  await assert.rejects(serve({ port: listening.port }), {
    name: 'HealthListenError',
    message: `metrics.listen 127.0.0.1:${listening.port}: the port is in use by another process`,
  });
});
