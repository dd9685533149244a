/** The real command line as built, spawned; where a daemon is needed, only its admin socket is there. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { RouteReport } from '../../../src/admin/command-report.js';
import { type AdminServer, serveAdmin } from '../../../src/admin/server.js';
import { AdminFault, type AdminService } from '../../../src/admin/service.js';
import { statusText } from '../../../src/cli/status-text.js';
import { PLAIN } from '../../../src/cli/style.js';
import { PROGRAM } from '../../support/daemon.js';
import { STATUS } from '../admin/sample-status.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function start(
  file: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Outcome> {
  const child = spawn(file, argv, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

function rib2fib(...argv: string[]): Promise<Outcome> {
  return start(process.execPath, [PROGRAM, ...argv]);
}

const ROUTE: RouteReport = {
  table: 'fabric',
  prefix: '10.1.0.0/16',
  state: 'installed',
  route: '10.1.0.0/16 via 10.9.0.2 dev eth1 proto 178 metric 20',
  peer: '10.9.0.2',
  asPath: '65001',
  reason: undefined,
};

const service: AdminService = {
  status: () => STATUS,
  routes: ({ limit }) => Array<RouteReport>(limit ?? 100_000).fill(ROUTE),
  explain: async (query) => {
    throw new AdminFault(`"${query}" is no prefix and no address`);
  },
  plan: async (configPath) => ({
    changes: [{ op: '+', kind: 'route', text: `10.1.0.0/16 for ${configPath}` }],
    evaluatedBy: 'daemon',
    notes: [],
  }),
  reload: async () => ({ applied: false, faults: ['rib2fib.yaml:1:1: nothing in it'] }),
  clearLimit: (selector) => ({ cleared: selector === 'all' ? ['fabric/all/ipv4'] : [] }),
};

let directory: string;
let good: string;
let bad: string;
let daemon: AdminServer;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rib2fib-cli-'));
  const socket = join(directory, 'admin.sock');
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  daemon = await serveAdmin({ socket, service, log: quiet });
  writeFileSync(join(directory, 'routes.yaml'), '');
  good = join(directory, 'good.yaml');
  writeFileSync(
    good,
    `source: { file: { path: routes.yaml } }
tables:
  - id: 100
    name: fabric
    filters: [ { permit: { prefix: 10.0.0.0/8, le: 24 } } ]
admin: { socket: ${socket} }
`,
  );
  bad = join(directory, 'bad.yaml');
  writeFileSync(bad, 'source: { file: { path: routes.yaml } }\ntables:\n  - id: 254\n');
});

after(async () => {
  await daemon.close();
  rmSync(directory, { recursive: true });
});

const USAGE: readonly (readonly [argv: string[], message: RegExp])[] = [
  [[], /^rib2fib: a command is needed \(see rib2fib --help\)\n$/],
  [['statis'], /^rib2fib: Did you mean status\? /],
  [['status', '--bogus'], /^rib2fib: Unknown argument: bogus /],
  [['run', '--bogus'], /^rib2fib: Unknown argument: bogus /],
  [['limit'], /^rib2fib: limit needs a command /],
  [['explain'], /^rib2fib: Not enough non-option arguments/],
  [['routes', '--state', 'lost'], /^rib2fib: Invalid values: Argument: state, Given: "lost"/],
  [['routes', '--limit', 'some'], /^rib2fib: --limit takes a whole number above 0\n$/],
];

for (const [argv, message] of USAGE) {
  test(`usage: rib2fib ${argv.join(' ')}`, async () => {
    const { code, out, err } = await rib2fib(...argv);
    assert.equal(code, 64);
    assert.equal(out, '');
    assert.match(err, message);
  });
}

test('help and version are no faults', async () => {
  const help = await rib2fib('--help');
  assert.equal(help.code, 0);
  for (const command of ['run', 'check', 'plan', 'apply', 'status', 'routes', 'explain <query>']) {
    assert.ok(help.out.includes(`rib2fib ${command} `), command);
  }
  assert.match(
    (await rib2fib('limit', 'clear', '--help')).out,
    /^rib2fib limit clear <selector>\n/,
  );
  assert.match((await rib2fib('--version')).out, /^\d+\.\d+\.\d+\n$/);
});

test('check: a good file, a bad one, a missing one', async () => {
  const fine = await rib2fib('check', '--config', good);
  assert.equal(fine.code, 0);
  assert.equal(
    fine.out,
    `ok: ${good}: source file, 1 table: fabric (100) with 1 filter and 0 limits\n`,
  );
  const faulty = await rib2fib('check', '--config', bad);
  assert.equal(faulty.code, 78);
  assert.ok(faulty.out.startsWith(`${bad}:3:9: tables[0].id: `), faulty.out);
  const missing = await rib2fib('check', '--json', '--config', join(directory, 'none.yaml'));
  assert.equal(missing.code, 78);
  assert.equal(JSON.parse(missing.out).ok, false);
});

test('plan: the running daemon evaluates; 2 only on request; a bad file is 78', async () => {
  const plan = await rib2fib('plan', '--config', good);
  assert.equal(plan.code, 0);
  assert.equal(
    plan.out,
    `+ 10.1.0.0/16 for ${good}\n1 to add, 0 to replace, 0 to remove, by the running daemon's feed.\n`,
  );
  assert.equal((await rib2fib('plan', '--exit-code', '--config', good)).code, 2);
  const faulty = await rib2fib('plan', '--config', bad);
  assert.equal(faulty.code, 78);
  assert.equal(faulty.out, '');
  assert.ok(faulty.err.startsWith(`rib2fib: the configuration is refused\n${bad}:3:9: `));
});

test('run: a bad file is 78, before anything is touched', async () => {
  const { code, out, err } = await rib2fib('run', '--config', bad);
  assert.equal(code, 78);
  assert.equal(out, '');
  assert.ok(err.startsWith(`rib2fib: the configuration is refused\n${bad}:3:9: `), err);
});

test('status: plain text off a terminal, and JSON', async () => {
  const plain = await rib2fib('status', '--config', good);
  assert.deepEqual(plain, { code: 0, out: `${statusText(STATUS, PLAIN)}\n`, err: '' });
  const json = await rib2fib('status', '--json', '--socket', join(directory, 'admin.sock'));
  assert.deepEqual(JSON.parse(json.out), JSON.parse(JSON.stringify(STATUS)));
});

test('a configuration with faults still leads to its daemon, with a note', async () => {
  const broken = join(directory, 'broken.yaml');
  const socket = join(directory, 'admin.sock');
  writeFileSync(broken, `tables: [ { id: 254 }\nadmin: { socket: ${socket} }\n`);
  const note = `note: ${broken} has faults (see rib2fib check); asking at ${socket}\n`;
  assert.deepEqual(await rib2fib('status', '--config', broken), {
    code: 0,
    out: `${statusText(STATUS, PLAIN)}\n`,
    err: note,
  });
  const explain = await rib2fib('explain', 'nonsense', '--config', broken);
  assert.equal(explain.err, `${note}rib2fib: "nonsense" is no prefix and no address\n`);
  const reload = await rib2fib('reload', '--json', '--config', broken);
  assert.deepEqual([reload.code, reload.err], [78, note]);
  assert.equal(JSON.parse(reload.out).applied, false);
});

test('no colour off a terminal, whatever else the environment says', async () => {
  const env = { ...process.env, CI: 'true', FORCE_COLOR: '1' };
  const argv = [PROGRAM, 'status', '--config'];
  const answered = await start(process.execPath, [...argv, good], env);
  assert.equal(answered.out, `${statusText(STATUS, PLAIN)}\n`);
  const refused = await start(process.execPath, [...argv, bad], env);
  assert.match(refused.err, /^rib2fib: /);
});

test('routes --json is one document', async () => {
  const { code, out } = await rib2fib('routes', '--json', '--limit', '3', '--config', good);
  assert.equal(code, 0);
  const { reason: _, ...route } = ROUTE;
  assert.deepEqual(JSON.parse(out), [route, route, route]);
});

test('routes | head: no complaint', async () => {
  const command = `"${process.execPath}" "${PROGRAM}" routes --config "${good}" | head -2; echo "\${PIPESTATUS[0]}"`;
  const { out, err } = await start('bash', ['-c', command]);
  assert.equal(err, '');
  assert.match(out, /^STATE .*\ninstalled .*\n0\n$/);
});

test('a refused reload is 78, a question without an answer 1', async () => {
  const reload = await rib2fib('reload', '--config', good);
  assert.equal(reload.code, 78);
  assert.match(reload.out, /^rib2fib\.yaml:1:1: nothing in it\nrefused: /);
  const explain = await rib2fib('explain', 'nonsense', '--config', good);
  assert.deepEqual(explain, {
    code: 1,
    out: '',
    err: 'rib2fib: "nonsense" is no prefix and no address\n',
  });
});

test('limit clear says what it released', async () => {
  assert.equal(
    (await rib2fib('limit', 'clear', 'all', '--config', good)).out,
    'cleared fabric/all/ipv4\n',
  );
  assert.equal(
    (await rib2fib('limit', 'clear', 'fabric', '--config', good)).out,
    'nothing was latched\n',
  );
});

test('no daemon: one line, exit 1', async () => {
  const socket = join(directory, 'nobody.sock');
  assert.deepEqual(await rib2fib('status', '--socket', socket), {
    code: 1,
    out: '',
    err: `rib2fib: no rib2fib daemon is running at ${socket}\n`,
  });
});

test('bash completes commands, options and choices', async () => {
  const wrapper = join(directory, 'rib2fib');
  writeFileSync(wrapper, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(wrapper, 0o755);
  const complete = async (...words: string[]) => {
    const script = `source <(rib2fib completion bash)
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _rib2fib; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { PATH = '' } = process.env;
    const { out, err } = await start('bash', ['-c', script], {
      ...process.env,
      PATH: directory + delimiter + PATH,
    });
    assert.equal(err, '');
    return out.trim().split('\n');
  };
  assert.deepEqual(await complete('rib2fib', 'r'), ['run', 'routes', 'reload']);
  assert.deepEqual(await complete('rib2fib', 'routes', '--fam'), ['--family']);
  assert.deepEqual(await complete('rib2fib', 'routes', '--state', 'sta'), ['stale', 'static']);
  assert.deepEqual(await complete('rib2fib', 'check', '--config', bad.slice(0, -2)), [bad]);
});
