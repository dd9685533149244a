/** Commands at a shell: on a terminal, in pipes, completed; and beside a large table. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CleanupReport, RouteReport } from '../../src/admin/command-report.js';
import type { StatusReport } from '../../src/admin/report.js';
import { type Daemon, PROGRAM, rib2fib } from '../support/daemon.js';
import { kernelDump, ownLines } from '../support/kernel-dump.js';
import { ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { here } from '../support/netns.js';
import { Terminal } from '../support/terminal.js';
import { ROUTER1, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const ESCAPE = '\x1b[';
const CLEAR = `${ESCAPE}H${ESCAPE}2J`;
const GREEN = `${ESCAPE}32m`;
const scratch = scratchDirectory('shell');
after(() => scratch.remove());

describe('on terminals, in pipes and beside a large table', () => {
  const COUNT = 20_000;
  let lab: TwoFabrics;
  let daemon: Daemon;
  const command = (...args: string[]) =>
    [process.execPath, PROGRAM, ...args, '--socket', daemon.adminSocket].join(' ');
  const bash = (script: string) => lab.node.exec('bash', '-c', `set -o pipefail; ${script}`);

  before(async () => {
    lab = await TwoFabrics.create();
    const prefixes = Array.from(
      { length: COUNT },
      (_, i) => `172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`,
    );
    await lab.feed(prefixes.map((prefix) => ({ prefix, nextHop: ROUTER1 })));
    daemon = await lab.daemon({ tables: [{ id: 100, filters: [{ permit: {} }] }] });
  });
  after(() => lab[Symbol.asyncDispose]());

  it('all of a long list reaches a slow reader; one that has enough ends it without a word', async () => {
    const listed = await daemon.cliJson<readonly RouteReport[]>('routes', '--state', 'installed');
    assert.equal(listed.length, COUNT);
    const slow = `${command('routes')} | { read -r header; ${process.execPath} -e 'setTimeout(() => {}, 300)'; cat; } | wc -l`;
    assert.ok(Number(await bash(slow)) >= COUNT);
    const header = await bash(`${command('routes')} 2>&1 | head -1`);
    assert.match(header, /^STATE +TABLE +ROUTE [^\n]*\n$/);
  });

  it('status --watch: a screen again and again on a terminal, in colour, unless NO_COLOR is set', async () => {
    const watched = async (env: string) => {
      const terminal = Terminal.open(lab.node, `${env} ${command('status', '--watch')}`);
      await until(() => terminal.shown.split('rib2fib ').length > 2, { what: 'a second frame' });
      return { shown: terminal.shown, code: await terminal.interrupt() };
    };
    const [colour, plain] = await Promise.all([watched(''), watched('NO_COLOR=1')]);
    assert.deepEqual([colour.code, plain.code], [0, 0]);
    assert.ok(colour.shown.includes(GREEN) && colour.shown.includes(CLEAR));
    assert.ok(plain.shown.includes(CLEAR));
    assert.ok(!plain.shown.replaceAll(CLEAR, '').includes(ESCAPE));
  });

  it('status --watch --json: one document a line', async () => {
    const [, ...argv] = command('status', '--watch', '--json').split(' ');
    const child = lab.node.spawn([process.execPath, ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    await until(() => text.split('\n').length > 2, { what: 'two lines' });
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    assert.deepEqual(await exit, [0, null]);
    const reports = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StatusReport);
    assert.ok(reports.every(({ ready }) => ready));
  });

  it('status names the configuration by its whole path, however the daemon was told', async () => {
    await using other = await TwoFabrics.create();
    const relative = await other.daemon(
      { tables: [{ id: 100 }] },
      {
        wrap: (argv) => {
          const file = argv.at(-1) ?? '';
          return ['env', `--chdir=${dirname(file)}`, ...argv.slice(0, -1), basename(file)];
        },
      },
    );
    assert.equal((await relative.status()).config.file, relative.configFile);
  });

  it("the admin socket is its owner's alone", () => {
    assert.equal(statSync(daemon.adminSocket).mode & 0o777, 0o600);
  });

  it('a plain stop leaves everything; run --flush takes it out, and so does cleanup', async () => {
    const { node } = lab;
    assert.equal(await daemon.stop(), 0);
    assert.equal((await ownRoutes(node, 100)).size, COUNT);
    const silent = await daemon.cli('status');
    assert.deepEqual(
      [silent.code, silent.stdout, silent.stderr],
      [1, '', `rib2fib: no rib2fib daemon is running at ${daemon.adminSocket}\n`],
    );
    await daemon.launch({ args: ['--flush'] });
    assert.equal((await ownRoutes(node, 100)).size, COUNT);
    assert.equal(await daemon.stop(), 0);
    assert.deepEqual(ownLines(await kernelDump(node)), []);

    // An apply of that size shows how far it is, on a terminal.
    const args = ['apply', '--config', daemon.configFile];
    const terminal = Terminal.open(node, [process.execPath, PROGRAM, ...args].join(' '));
    assert.equal(await terminal.ended(), 0);
    const bars = terminal.shown.split(`\r${ESCAPE}K`);
    assert.ok(
      bars.some((bar) => /^\[#+\.+\] \d+ % {2}[\d,]+ of 20,\d+/.test(bar)),
      'progress',
    );
    assert.match(terminal.shown, /20,\d+ added, 0 replaced, 0 removed, 0 unchanged/);
    const { code, stdout } = await rib2fib(node, ['cleanup', '--json']);
    assert.equal(code, 0);
    const { routes, rules, failed } = JSON.parse(stdout) as CleanupReport;
    assert.ok(routes > COUNT);
    assert.deepEqual([rules, failed], [0, []]);
    assert.deepEqual(ownLines(await kernelDump(node)), []);
  });
});

describe('completion', () => {
  for (const shell of ['bash', 'zsh']) {
    it(`${shell}: a script that is well-formed`, async () => {
      const { code, stdout } = await rib2fib(here, ['completion', shell]);
      assert.equal(code, 0);
      const file = join(scratch.path, shell);
      await writeFile(file, stdout);
      await here.exec('bash', '-n', file);
    });
  }

  it('bash: completes commands, options and choices', async () => {
    const completes = async (...words: string[]) => {
      const script = `
        rib2fib() { "${process.execPath}" "${PROGRAM}" "$@"; }
        source "${join(scratch.path, 'bash')}"
        COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
        COMP_CWORD=${words.length - 1}
        _rib2fib
        echo "\${COMPREPLY[@]}"`;
      return (await here.exec('bash', '-c', script)).trim().split(' ');
    };
    const all = await Promise.all([
      completes('rib2fib', 're'),
      completes('rib2fib', 'routes', '--st'),
      completes('rib2fib', 'routes', '--state', 'inst'),
    ]);
    assert.deepEqual(all, [['reload'], ['--state'], ['installed']]);
  });
});
