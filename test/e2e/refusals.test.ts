/** Bad input, and circumstances that cannot work: one clear line, the exit code for it, and no harm done. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConfigValue, type Daemon, rib2fib } from '../support/daemon.js';
import { kernelDump, ownLines } from '../support/kernel-dump.js';
import { kernelRoutes, kernelRules, ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { here } from '../support/netns.js';
import { tcpStranger } from '../support/tcp-stranger.js';
import { POOL, POOL_V6, ROUTER1, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('refusals');
after(() => scratch.remove());

const fabric = {
  id: 100,
  filters: [{ permit: {} }],
  rules: { priority: 10_000, from: [POOL, POOL_V6] },
};

/** Starts a daemon that is to end by itself; resolves with its exit code and all it printed. */
async function refused(
  lab: TwoFabrics,
  config: ConfigValue,
): Promise<{ code: number | null; output: string }> {
  const daemon = await lab.daemon(config, { until: 'nothing' });
  await until(() => !daemon.running && daemon.output !== '', { what: 'it has ended' });
  const { exitCode, output } = daemon;
  assert.deepEqual(daemon.log, []);
  return { code: exitCode, output: output.trimEnd() };
}

describe('a configuration with faults', () => {
  const good = 'source: { file: { path: routes.yaml } }\ntables: [ { id: 100 } ]\n';
  const rows: readonly (readonly [name: string, text: string, fault: RegExp])[] = [
    [
      'an unknown key',
      'source: { file: { path: routes.yaml } }\ntables:\n  - id: 100\n    metrik: 5\n',
      /^FILE:4:5: tables\[0\]\.metrik: .*metric/,
    ],
    [
      'a value of the wrong type',
      'source: { file: { path: routes.yaml } }\ntables:\n  - { id: 100, metric: low }\n',
      /^FILE:3:24: tables\[0\]\.metric: .*1 to 4294966295/,
    ],
    ...[0, 253, 254, 255].map(
      (id) =>
        [`table ${id}`, good.replace('100', `${id}`), /^FILE:2:17: tables\[0\]\.id: /] as const,
    ),
    ['an anchor', good.replace('id: 100', 'id: &a 100'), /^FILE:2:\d+: .*anchor/],
    ['an empty file', '', /^FILE:1:1: /],
    ['a file of 10 MB', `${good}# ${'x'.repeat(10 * 2 ** 20)}\n`, /^FILE:1:1: .*256 KiB/],
  ];
  for (const [i, [name, text, fault]] of rows.entries()) {
    it(`is refused with its place: ${name}`, async () => {
      const file = join(scratch.path, `bad-${i}.yaml`);
      await writeFile(file, text);
      await writeFile(join(scratch.path, 'routes.yaml'), '[]');
      const commands =
        i === 0 ? (['check', 'run', 'plan', 'apply'] as const) : (['check'] as const);
      for (const command of commands) {
        const { code, stdout, stderr } = await rib2fib(here, [command, '--config', file]);
        assert.equal(code, 78);
        const lines = (stdout + stderr).replaceAll(file, 'FILE').trimEnd().split('\n');
        assert.ok(
          lines.some((line) => fault.test(line)),
          lines.join('\n'),
        );
        assert.ok(lines.length <= 2, 'the fault, and that it was refused');
      }
    });
  }

  it('one that does not exist', async () => {
    const { code, stderr, stdout } = await rib2fib(here, ['run', '--config', '/nowhere.yaml']);
    assert.equal(code, 78);
    assert.match(stderr + stdout, /^\/nowhere\.yaml:1:1: .*$/m);
  });
});

describe('a running daemon', () => {
  let lab: TwoFabrics;
  let daemon: Daemon;
  before(async () => {
    lab = await TwoFabrics.create();
    await lab.feed([{ prefix: '10.1.0.0/16', nextHop: ROUTER1 }]);
    daemon = await lab.daemon({ tables: [fabric] });
  });
  after(() => lab[Symbol.asyncDispose]());

  it('keeps its last good configuration, and says so everywhere', async () => {
    const had = ownLines(await kernelDump(lab.node));
    await daemon.configure({ source: lab.source, tables: [{ ...fabric, metrik: 5 }] });
    const line = await daemon.logged(({ fault }) => fault !== undefined, 'the fault');
    const { fault } = line;
    assert.match(String(fault), /rib2fib\.yaml:\d+:\d+: tables\[0\]\.metrik: /);
    const { config, ready, alerts } = await daemon.status();
    assert.equal(config.stale, true);
    assert.deepEqual(config.faults, [fault]);
    assert.ok(ready);
    assert.deepEqual(
      alerts.map(({ name }) => name),
      ['Rib2fibConfigRefused'],
    );
    assert.match((await daemon.http('/metrics')).body, /^rib2fib_config_stale 1$/m);
    const reload = await daemon.cli('reload', '--socket', daemon.adminSocket);
    assert.equal(reload.code, 78);
    assert.match(reload.stdout + reload.stderr, /tables\[0\]\.metrik/);
    await lab.feed([]);
    await until(async () => (await ownRoutes(lab.node, 100)).size === 0, {
      what: 'it works on with the configuration it has',
    });
    await lab.feed([{ prefix: '10.1.0.0/16', nextHop: ROUTER1 }]);
    await until(async () => (await ownRoutes(lab.node, 100)).size === 1, { what: 'the feed' });
    assert.deepEqual(ownLines(await kernelDump(lab.node)), had);

    await daemon.configure({ source: lab.source, tables: [{ ...fabric, metric: 30 }] });
    await until(async () => !(await daemon.status()).config.stale, { what: 'the good one is in' });
    const metrics = async () => (await kernelRoutes(lab.node, 100)).map(({ metric }) => metric);
    await until(async () => (await metrics()).every((metric) => metric === 30), {
      what: 'metric 30',
    });
    assert.deepEqual((await daemon.status()).alerts, []);
    await daemon.configure({ source: lab.source, tables: [fabric] });
    await until(async () => (await metrics()).every((metric) => metric === 20), {
      what: 'metric 20',
    });
  });

  it('is the only one in its namespace', async () => {
    const { code, output } = await refused(lab, { tables: [fabric], metrics: { listen: 'off' } });
    assert.equal(code, 1);
    assert.equal(output, 'rib2fib: another rib2fib runs in this network namespace');
    assert.ok(daemon.running && (await daemon.status()).ready);
  });
});

describe('circumstances at the start', { concurrency: 2 }, () => {
  it('a rule priority at or before the local rule: exit 78, nothing written', async () => {
    await using lab = await TwoFabrics.create();
    for (const family of ['-4', '-6']) {
      await lab.node.ip(family, 'rule', 'add', 'lookup', 'local', 'priority', '10000');
      await lab.node.ip(family, 'rule', 'del', 'lookup', 'local', 'priority', '0');
    }
    for (const priority of [9_999, 10_000]) {
      const rules = { ...fabric.rules, priority };
      const { code, output } = await refused(lab, { tables: [{ ...fabric, rules }] });
      assert.equal(code, 78);
      assert.match(
        output,
        new RegExp(
          `^\\S+\\.yaml:\\d+:\\d+: tables\\[0\\]\\.rules\\.priority: ${priority} is not behind the ipv4 rule of table local, .* 10000`,
          'm',
        ),
      );
      const file = join(scratch.path, 'misplaced.yaml');
      const text = { source: lab.source, tables: [{ ...fabric, rules }] };
      await writeFile(file, JSON.stringify(text));
      const check = await rib2fib(lab.node, ['check', '--config', file]);
      assert.equal(check.code, 78);
      assert.match(check.stdout, /misplaced\.yaml:1:\d+: tables\[0\]\.rules\.priority: /);
      assert.equal((await rib2fib(here, ['check', '--config', file])).code, 0);
    }
    assert.deepEqual(ownLines(await kernelDump(lab.node)), []);
    const rules = { ...fabric.rules, priority: 10_001 };
    await lab.daemon({ tables: [{ ...fabric, rules }] });
    assert.equal((await kernelRules(lab.node)).length, 2);
  });

  it('a table of foreign routes with foreign: fail: exit 1, and a reload to it is refused', async () => {
    await using lab = await TwoFabrics.create();
    const foreign = Array.from({ length: 200 }, (_, i) => `10.${i}.0.0/16 via 10.9.0.9 table 100`);
    await lab.node.ipBatch(foreign.map((route) => `route add ${route} proto static`));
    const table = { ...fabric, name: 'fabric', foreign: 'fail' };
    const { code, output } = await refused(lab, { tables: [table] });
    assert.equal(code, 1);
    assert.match(
      output,
      /^\S+\.yaml:\d+:\d+: tables\[0\]\.foreign: table 100 \(fabric\) holds 200 routes of others, the first 10\.0\.0\.0\/16 with protocol 4, and foreign is fail$/m,
    );
    assert.deepEqual(ownLines(await kernelDump(lab.node)), []);
    const daemon = await lab.daemon({ tables: [{ ...table, foreign: 'preserve' }] });
    await daemon.configure({ source: lab.source, tables: [table] });
    await until(async () => (await daemon.status()).config.stale, { what: 'it is refused' });
    assert.match((await daemon.status()).config.faults.join(), /holds 200 routes of others/);
  });

  it('foreign: fail holds later too: the table is not touched while there are any', async () => {
    await using lab = await TwoFabrics.create();
    await lab.feed([{ prefix: '10.1.0.0/16', nextHop: ROUTER1 }]);
    const daemon = await lab.daemon({ tables: [{ ...fabric, foreign: 'fail' }] });
    const own = async () => [...(await ownRoutes(lab.node, 100)).keys()].sort();
    assert.deepEqual(await own(), ['10.1.0.0/16']);
    const intruder = ['route', 'add', '10.99.0.0/16', 'via', '10.9.0.9', 'table', '100'];
    await lab.node.ip(...intruder);
    await until(async () => (await daemon.status()).tables[0]?.foreignRoutes === 1, {
      what: 'notice',
    });
    await lab.feed([{ prefix: '10.2.0.0/16', nextHop: ROUTER1 }]);
    await until(async () => (await daemon.routes({ reason: 'foreign-route' })).length > 0, {
      what: 'the new route has its reason',
    });
    assert.deepEqual(await own(), ['10.1.0.0/16']);
    const { alerts, tables } = await daemon.status();
    assert.deepEqual(
      alerts.map(({ name }) => name),
      ['Rib2fibForeignRoutes'],
    );
    assert.deepEqual(tables[0]?.rejected, { 'foreign-route': 1 });
    await lab.node.ip('route', 'del', '10.99.0.0/16', 'table', '100');
    await until(async () => (await own()).join() === '10.2.0.0/16', { what: 'it goes on' });
  });

  it('an admin socket in use, or something else in its place: exit 1; a stale one is taken over', async () => {
    await using lab = await TwoFabrics.create();
    const socket = join(scratch.path, 'taken.sock');
    const server = createServer().listen(socket);
    await until(() => existsSync(socket), { what: 'the socket' });
    const config = { admin: { socket }, tables: [fabric] };
    const inUse = await refused(lab, config);
    assert.deepEqual(inUse, {
      code: 1,
      output: `rib2fib: admin socket ${socket} is in use by another process`,
    });
    server.close();

    const file = join(scratch.path, 'a-file');
    await writeFile(file, '');
    const other = await refused(lab, { ...config, admin: { socket: file } });
    assert.deepEqual(other, {
      code: 1,
      output: `rib2fib: admin socket ${file}: there is something else than a socket`,
    });
    assert.deepEqual(ownLines(await kernelDump(lab.node)), []);

    const first = await lab.daemon(config);
    await first.stop('SIGKILL');
    assert.ok(existsSync(socket), 'a killed daemon leaves its socket');
    assert.ok((await (await lab.daemon(config)).status()).ready);
  });

  it('a metrics port in use: exit 1, and no admin socket left behind', async () => {
    await using lab = await TwoFabrics.create();
    await using _other = await tcpStranger(lab.node, 9469, {});
    const socket = join(scratch.path, 'never.sock');
    assert.deepEqual(await refused(lab, { admin: { socket }, tables: [fabric] }), {
      code: 1,
      output: 'rib2fib: metrics.listen 127.0.0.1:9469: the port is in use by another process',
    });
    assert.ok(!existsSync(socket));
    assert.deepEqual(ownLines(await kernelDump(lab.node)), []);
  });
});
