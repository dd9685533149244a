import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { AdminClient } from '../../../src/admin/client.js';
import type { RouteReport, RoutesQuery } from '../../../src/admin/command-report.js';
import { type AdminServer, serveAdmin } from '../../../src/admin/server.js';
import { AdminFault, type AdminService } from '../../../src/admin/service.js';
import { STATUS } from './sample-status.js';

const ALL: RoutesQuery = {
  table: undefined,
  family: undefined,
  state: undefined,
  reason: undefined,
  peer: undefined,
  limit: undefined,
};

const asked: unknown[] = [];

function* manyRoutes(count: number): Generator<RouteReport> {
  for (let i = 0; i < count; i++) {
    yield {
      table: 'fabric',
      prefix: `10.${i >> 8}.${i & 255}.0/24`,
      state: 'installed',
      route: `10.${i >> 8}.${i & 255}.0/24 via 10.9.0.2 dev eth1`,
      peer: '10.9.0.2',
      asPath: '65001',
      reason: undefined,
    };
  }
}

const service: AdminService = {
  status: () => STATUS,
  routes: (query) => {
    asked.push(query);
    return manyRoutes(query.limit ?? 20_000);
  },
  explain: async (query) => {
    if (query === 'nonsense') throw new AdminFault('"nonsense" is no prefix and no address');
    return { query, prefix: '10.0.0.0/8', tables: [] };
  },
  plan: async (configPath) => {
    asked.push(configPath);
    return { changes: [], evaluatedBy: 'daemon', notes: [] };
  },
  reload: async () => {
    throw new Error('the disk is gone');
  },
  clearLimit: (selector) => ({ cleared: [selector] }),
};

const logged: string[] = [];
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (_: object, message: string) => void logged.push(message),
};

let directory: string;
let socket: string;
let open: AdminServer[] = [];

beforeEach(() => {
  asked.length = 0;
  logged.length = 0;
  directory = mkdtempSync(join(tmpdir(), 'rib2fib-admin-'));
  socket = join(directory, 'run', 'admin.sock');
});

afterEach(async () => {
  await Promise.all(open.map((server) => server.close()));
  open = [];
  rmSync(directory, { recursive: true });
});

async function serve(): Promise<AdminClient> {
  open.push(await serveAdmin({ socket, service, log }));
  return new AdminClient(socket);
}

test('makes its directory, and is private from the start', async () => {
  const mask = process.umask();
  await serve();
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(process.umask(), mask);
});

test('answers every question', async () => {
  const client = await serve();
  assert.deepEqual(await client.status(), JSON.parse(JSON.stringify(STATUS)));
  assert.deepEqual(await client.explain('10.1.2.3'), {
    query: '10.1.2.3',
    prefix: '10.0.0.0/8',
    tables: [],
  });
  assert.deepEqual(await client.plan('/tmp/a b.yaml'), {
    changes: [],
    evaluatedBy: 'daemon',
    notes: [],
  });
  assert.deepEqual(await client.clearLimit('fabric/all/ipv4'), { cleared: ['fabric/all/ipv4'] });
  assert.deepEqual(asked, ['/tmp/a b.yaml']);
});

test('streams a table, whole and in order', async () => {
  const client = await serve();
  let count = 0;
  let last = '';
  for await (const route of client.routes(ALL)) {
    count++;
    last = route.prefix;
  }
  assert.equal(count, 20_000);
  assert.equal(last, '10.78.31.0/24');
});

test('conditions arrive as they were given', async () => {
  const client = await serve();
  const query: RoutesQuery = {
    table: 'fabric',
    family: 'ipv6',
    state: 'rejected',
    reason: 'no-match',
    peer: '2001:db8::1',
    limit: 3,
  };
  let count = 0;
  for await (const _ of client.routes(query)) count++;
  assert.equal(count, 3);
  assert.deepEqual(asked, [query]);
});

test('a reader that has had enough stops the answer', async () => {
  const client = await serve();
  for await (const route of client.routes(ALL)) {
    assert.equal(route.prefix, '10.0.0.0/24');
    break;
  }
  assert.equal((await client.status()).pid, STATUS.pid);
  assert.deepEqual(logged, []);
});

test('a fault of the question is its answer; one of ours is logged too', async () => {
  const client = await serve();
  await assert.rejects(client.explain('nonsense'), {
    name: 'AdminFault',
    message: '"nonsense" is no prefix and no address',
  });
  await assert.rejects(client.explain(''), { message: 'query is missing' });
  await assert.rejects(client.reload(), { name: 'AdminFault', message: 'the disk is gone' });
  assert.deepEqual(logged, ['admin request failed']);
});

test('a value outside its set is refused with the set', async () => {
  const client = await serve();
  const query = { ...ALL, family: 'ipx' } as unknown as RoutesQuery;
  await assert.rejects(client.routes(query).next(), {
    message: 'family: "ipx" is none of ipv4, ipv6',
  });
});

test('a socket that nobody answers is replaced', async () => {
  await serve();
  leaveStaleSocket(join(directory, 'stale.sock'));
  socket = join(directory, 'stale.sock');
  const client = await serve();
  assert.equal((await client.status()).pid, STATUS.pid);
});

test('a socket that somebody answers is left alone', async () => {
  const first = await serve();
  await assert.rejects(serve(), {
    name: 'AdminSocketError',
    message: `admin socket ${socket} is in use by another process`,
  });
  assert.equal((await first.status()).pid, STATUS.pid);
});

test('a file in its place is left alone', async () => {
  socket = join(directory, 'file');
  writeFileSync(socket, 'precious');
  await assert.rejects(serve(), { message: /there is something else than a socket/ });
});

test('no daemon: one clear line, whether the socket is missing or dead', async () => {
  const expected = { name: 'AdminUnreachable', kind: 'absent' };
  await assert.rejects(new AdminClient(socket).status(), {
    ...expected,
    message: `no rib2fib daemon is running at ${socket}`,
  });
  const stale = join(directory, 'stale.sock');
  leaveStaleSocket(stale);
  await assert.rejects(new AdminClient(stale).status(), expected);
});

test('something else than rib2fib at the socket', async () => {
  const path = join(directory, 'other.sock');
  const other = await listening(path);
  other.on('connection', (connection) => connection.resume().end('SSH-2.0-OpenSSH\r\n'));
  await assert.rejects(new AdminClient(path).status(), {
    name: 'AdminUnreachable',
    kind: 'broken',
  });
  await new Promise((resolve) => other.close(resolve));
});

test('somebody who takes the question and says nothing: asked in vain for so long, and no longer', async () => {
  const path = join(directory, 'silent.sock');
  const silent = await listening(path);
  const connections: Socket[] = [];
  silent.on('connection', (connection) => connections.push(connection.resume()));
  const client = new AdminClient(path, { answer: 20, work: 40 });
  for (const ask of [
    () => client.status(),
    () => client.explain('10.0.0.0/8'),
    () => client.routes(ALL).next(),
    () => client.clearLimit('all'),
  ]) {
    await assert.rejects(ask(), {
      name: 'AdminUnreachable',
      message: `the daemon at ${path} cannot be asked: no answer for 0.02 s`,
    });
  }
  await assert.rejects(client.plan('/x.yaml'), { message: /no answer for 0\.04 s$/ });
  await assert.rejects(client.reload(), { message: /no answer for 0\.04 s$/ });
  for (const connection of connections) connection.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

test('a place that can hold no socket: one line, at once', async () => {
  for (const [place, errno] of [
    ['/proc/rib2fib', 'ENOENT'],
    ['/dev/null', 'ENOTDIR'],
  ]) {
    socket = `${place}/run/admin.sock`;
    await assert.rejects(serve(), (error: Error) => {
      assert.equal(error.name, 'AdminSocketError');
      assert.match(error.message, new RegExp(`^admin socket ${socket}: ${errno}: .*$`));
      return true;
    });
  }
});

test('closing takes the socket away', async () => {
  await serve();
  await open[0]?.close();
  assert.equal(statSync(socket, { throwIfNoEntry: false }), undefined);
});

function listening(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** What a crash leaves: the file without its listener. */
function leaveStaleSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(statSync(path).isSocket());
}
