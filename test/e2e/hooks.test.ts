/** Hooks of a real daemon: real programs around real changes, and how those fare that do not end well. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type ConfigValue, type Daemon, rib2fib } from '../support/daemon.js';
import { kernelRoutes, ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { POOL, ROUTER1, ROUTER2, TwoFabrics } from '../support/two-fabrics.js';
import { stays, until } from '../support/wait.js';

const scratch = scratchDirectory('hooks');
after(() => scratch.remove());

let scripts = 0;

/** A program of these lines of shell; `$OUT` is a file of its own. */
function script(...lines: string[]): { readonly program: string; readonly out: string } {
  const program = join(scratch.path, `hook${++scripts}`);
  const out = `${program}.out`;
  writeFileSync(program, ['#!/bin/sh', `OUT=${out}`, ...lines, ''].join('\n'));
  chmodSync(program, 0o755);
  return { program, out };
}

function linesOf(file: string): readonly string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}

const FABRIC = {
  ...{ id: 100, name: 'fabric', filters: [{ permit: {} }] },
  ...{ nextHop: { objects: 'never' }, rules: { priority: 10_000, from: [POOL] } },
};

function config(hooks: ConfigValue): ConfigValue {
  return { tables: [FABRIC], hooks };
}

const NET = '10.1.0.0/16';
/** `throw` routes that come with the first route out of a fabric: connected prefixes, fe80::/64 among them. */
const KEPT = 3;

async function installed(lab: TwoFabrics, prefix = NET, deadlineMs = 10_000): Promise<void> {
  await until(async () => (await ownRoutes(lab.node, 100)).has(prefix), {
    what: `${prefix} is in the kernel`,
    deadlineMs,
  });
}

async function count(daemon: Daemon, hook: string, result: string): Promise<number> {
  const { body } = await daemon.http('/metrics');
  const line = `rib2fib_hook_runs_total{hook="${hook}",result="${result}"} `;
  const found = body.split('\n').find((one) => one.startsWith(line));
  return Number(found?.slice(line.length) ?? 0);
}

/** `status` once a hook has run so often. */
async function runsOf(daemon: Daemon, hook: string, runs: number) {
  return until(
    async () => (await daemon.status()).hooks.find((one) => one.hook === hook && one.runs >= runs),
    { what: `${hook} has run ${runs} times` },
  );
}

/** Sockets and pipes of the daemon, but for what it has of this process. */
function ownFiles({ pid }: Daemon): readonly string[] {
  const given = new Set(filesOf(process.pid));
  const own = filesOf(pid).filter((file) => /^(socket|pipe):/.test(file) && !given.has(file));
  assert.ok(own.length > 8, own.join());
  return own;
}

function filesOf(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(`${directory}/${fd}`)];
    } catch {
      return []; // The one that the directory was read with.
    }
  });
}

/** The start, which may be a batch or two, is over: nothing has run for a while. */
async function rested(daemon: Daemon): Promise<void> {
  let [known, since] = ['', performance.now()];
  await until(
    async () => {
      const { ready, hooks } = await daemon.status();
      const state = JSON.stringify(hooks);
      if (state !== known || !ready || hooks.some(({ runningSince }) => runningSince !== undefined))
        [known, since] = [state, performance.now()];
      return performance.now() - since > 800;
    },
    { what: 'the hooks have come to rest' },
  );
}

describe('hooks', () => {
  it('before sees the kernel as it was, after as it is; each is told what it is about', async () => {
    await using lab = await TwoFabrics.create();
    const look =
      'echo "$RIB2FIB_HOOK $RIB2FIB_TABLES $RIB2FIB_TABLE_IDS p$RIB2FIB_PREFIXES a$RIB2FIB_ROUTES_ADDED r$RIB2FIB_ROUTES_REPLACED d$RIB2FIB_ROUTES_REMOVED x$RIB2FIB_REFUSED $(ip route show table 100 10.1.0.0/16 | sed s/proto.*//)" >> ';
    const out = join(scratch.path, 'order');
    const hook = script(`${look}${out}`);
    const run = { run: [hook.program] };
    const daemon = await lab.daemon(config({ before: run, after: run }));
    await runsOf(daemon, 'after', 1);
    await rested(daemon);
    const first = linesOf(out);
    assert.match(first[0] ?? '', /^before fabric 100 p a r d x $/, 'the whole table, at the start');
    assert.match(first[1] ?? '', /^after fabric 100 p a0 r0 d0 x0 $/);
    const news = () => linesOf(out).slice(first.length);
    await lab.feed([{ prefix: NET, nextHop: ROUTER1 }]);
    await until(() => news().length === 2, { what: 'both have run' });
    assert.equal(news()[0], `before fabric 100 p${1 + KEPT} a r d x `, 'what is to be looked at');
    assert.equal(
      news()[1],
      `after fabric 100 p a${1 + KEPT} r0 d0 x0 10.1.0.0/16 via 10.9.0.2 dev eth1 `,
    );
    await lab.feed([{ prefix: NET, nextHop: ROUTER2 }]);
    await until(() => news().length === 4, { what: 'both have run again' });
    assert.match(
      news()[2] ?? '',
      /^before fabric 100 p[1-9] a r d x 10\.1\.0\.0\/16 via 10\.9\.0\.2/,
    );
    // fe80::/64 is kept as before.
    assert.equal(
      news()[3],
      `after fabric 100 p a${KEPT - 1} r1 d${KEPT - 1} x0 10.1.0.0/16 via 10.9.1.2 dev eth2 `,
    );
    const text = (await daemon.cli('status')).stdout;
    assert.match(text, /^hooks {4}before \S+: ok in \d+ ms, (.* ago|just now); \d+ runs$/m);
    assert.match(text, /^ {9}after \S+: ok in \d+ ms, (.* ago|just now); \d+ runs$/m);
    assert.equal(await count(daemon, 'after', 'failed'), 0);
  });

  it('a feed of thousands is one batch', async () => {
    await using lab = await TwoFabrics.create();
    const hook = script('echo "$RIB2FIB_ROUTES_ADDED $RIB2FIB_ROUTES_REMOVED" >> $OUT');
    const daemon = await lab.daemon(config({ after: { run: [hook.program] } }));
    await rested(daemon);
    const before = linesOf(hook.out).length;
    const many = Array.from({ length: 5_000 }, (_, i) => ({
      prefix: `11.${i >> 8}.${i & 255}.0/24`,
      nextHop: ROUTER1,
    }));
    await lab.feed(many);
    await until(() => linesOf(hook.out).length > before, { what: 'the hook has run' });
    const added = () =>
      linesOf(hook.out)
        .slice(before)
        .reduce((sum, line) => sum + Number(line.split(' ')[0]), 0);
    await until(() => added() === 5_000 + KEPT, { what: 'all have been told' });
    assert.ok(linesOf(hook.out).length - before <= 3, `${linesOf(hook.out).length} runs`);
  });

  it('a before that hangs keeps one change waiting for its time, and no other after that', async () => {
    await using lab = await TwoFabrics.create();
    const good = script('exit 0');
    const daemon = await lab.daemon(config({ before: { run: [good.program], timeout: '3s' } }));
    await rested(daemon);
    const { runs } = await runsOf(daemon, 'before', 1);
    // It hangs from now on, and its child with it.
    writeFileSync(good.program, `#!/bin/sh\nsleep 1000 & echo $! >> ${good.out}\nsleep 1000\n`);
    const begun = performance.now();
    await lab.feed([{ prefix: NET, nextHop: ROUTER1 }]);
    await stays(async () => !(await ownRoutes(lab.node, 100)).has(NET), {
      what: 'the change waits',
      forMs: 1_000,
    });
    await installed(lab);
    assert.ok(performance.now() - begun >= 2_900);
    const { last } = await runsOf(daemon, 'before', runs + 1);
    assert.deepEqual([last?.result, last?.detail], ['timeout', 'not ended within 3s, and killed']);
    const [child] = linesOf(good.out);
    await until(() => !existsSync(`/proc/${child}`), { what: 'its child is gone too' });
    await lab.feed([
      { prefix: NET, nextHop: ROUTER1 },
      { prefix: '10.2.0.0/16', nextHop: ROUTER1 },
    ]);
    await installed(lab, '10.2.0.0/16');
    const { hooks } = await daemon.status();
    assert.ok(hooks[0]?.runningSince !== undefined, 'it runs again, and nothing waits for it');
    assert.match((await daemon.cli('status')).stdout, /^hooks {4}before \S+: running for /m);
    assert.equal(await count(daemon, 'before', 'timeout'), 1);
    await daemon.logged(
      ({ msg, hook }) => hook === 'before' && (msg ?? '').startsWith('a hook failed'),
      'that it failed',
    );
    assert.equal(await daemon.stop(), 0);
    const latest = linesOf(good.out).at(-1);
    await until(() => !existsSync(`/proc/${latest}`), { what: 'it ends with the daemon' });
  });

  it('a next hop that leads elsewhere is left at once, whatever before does', async () => {
    await using lab = await TwoFabrics.create();
    const hook = script('[ -e $OUT.slow ] && sleep 15; exit 0');
    const run = { run: [hook.program], timeout: '20s' };
    const daemon = await lab.daemon(config({ before: run }));
    await lab.node.ip('route', 'add', '172.16.0.0/24', 'via', ROUTER1);
    await lab.feed([{ prefix: NET, nextHop: '172.16.0.1' }]);
    await installed(lab);
    await rested(daemon);
    writeFileSync(`${hook.out}.slow`, '');
    await lab.feed([
      { prefix: NET, nextHop: '172.16.0.1' },
      { prefix: '10.2.0.0/16', nextHop: ROUTER1 },
    ]);
    await until(async () => (await daemon.status()).hooks[0]?.runningSince !== undefined, {
      what: 'before runs',
    });
    assert.ok(!(await ownRoutes(lab.node, 100)).has('10.2.0.0/16'), 'what is new waits');
    const begun = performance.now();
    await lab.node.ip('route', 'replace', '172.16.0.0/24', 'via', ROUTER2);
    await until(
      async () => (await ownRoutes(lab.node, 100)).get(NET)?.some((leg) => leg.includes(ROUTER2)),
      {
        what: 'the route follows',
        deadlineMs: 8_000,
      },
    );
    assert.ok(performance.now() - begun < 8_000);
    assert.ok((await daemon.status()).hooks[0]?.runningSince !== undefined, 'before runs still');
  });

  for (const [what, lines, detail] of [
    ['fails', ['echo no good >&2; exit 7'], /^exit code 7$/],
    ['floods its output', ['yes'], /^wrote more than 1 MiB, and was killed$/],
    ['is not there', undefined, /^cannot be started: spawn .* ENOENT$/],
  ] as const) {
    it(`one that ${what} is counted, and the change comes`, async () => {
      await using lab = await TwoFabrics.create();
      const program = lines === undefined ? '/nowhere/hook' : script(...lines).program;
      const run = { run: [program], timeout: '20s' };
      const daemon = await lab.daemon(config({ before: run, after: run }));
      await lab.feed([{ prefix: NET, nextHop: ROUTER1 }]);
      await installed(lab);
      const { last, failures } = await runsOf(daemon, 'after', 1);
      assert.equal(last?.result, 'failed');
      assert.match(last?.detail ?? '', detail);
      assert.ok(failures >= 1);
      assert.ok((await count(daemon, 'before', 'failed')) >= 1);
      assert.equal((await daemon.status()).ready, true);
    });
  }

  it('what it leaves behind goes with it, and it holds none of the daemon’s files', async () => {
    await using lab = await TwoFabrics.create();
    const hook = script('sleep 1000 & echo "child $!" >> $OUT', 'ls -l /proc/$$/fd >> $OUT');
    const daemon = await lab.daemon(config({ after: { run: [hook.program] } }));
    const { last } = await runsOf(daemon, 'after', 1);
    assert.equal(last?.result, 'ok');
    assert.ok((last?.took ?? 0) < 10_000, 'the child is not waited for');
    const told = linesOf(hook.out);
    const child = told.find((line) => line.startsWith('child'))?.split(' ')[1];
    await until(() => !existsSync(`/proc/${child}`), { what: 'the child is gone' });
    const files = told.flatMap((line) => / -> (.*)$/.exec(line)?.[1] ?? []);
    assert.ok(files.includes('/dev/null') && files.length >= 3, files.join());
    const shared = ownFiles(daemon).filter((file) => files.includes(file));
    assert.deepEqual(shared, []);
  });

  it('a reload changes them; check warns of one that is not there', async () => {
    await using lab = await TwoFabrics.create();
    const hook = script('echo run >> $OUT');
    const daemon = await lab.daemon(config({}));
    assert.deepEqual((await daemon.status()).hooks, []);
    await daemon.configure({
      source: lab.source,
      ...config({ after: { run: [hook.program, 'x'] } }),
    });
    const change = `hooks.after.run: none -> ${hook.program} x`;
    await daemon.logged(
      ({ changes }) => Array.isArray(changes) && changes.includes(change),
      'what the reload changed',
    );
    await lab.feed([{ prefix: NET, nextHop: ROUTER1 }]);
    await until(() => linesOf(hook.out).length >= 1, { what: 'it has run' });
    await daemon.configure({
      source: lab.source,
      ...config({ after: { run: ['/nowhere/hook'] } }),
    });
    const { code, stdout } = await daemon.cli('check');
    assert.equal(code, 0);
    assert.match(stdout, /^warning: hooks\.after: \/nowhere\/hook is not there$/m);
  });

  it('apply runs them, and says of one that failed; the end of a daemon runs the after', async () => {
    await using lab = await TwoFabrics.create();
    await lab.feed([{ prefix: NET, nextHop: ROUTER1 }]);
    const before = script('echo "$RIB2FIB_HOOK $RIB2FIB_PREFIXES" >> $OUT');
    const failing = script('echo "$RIB2FIB_HOOK $RIB2FIB_RULES_ADDED" >> $OUT; exit 3');
    const file = join(scratch.path, 'apply.yaml');
    const admin = { socket: join(scratch.path, 'apply.sock') };
    const hooks = { before: { run: [before.program] }, after: { run: [failing.program] } };
    writeFileSync(file, JSON.stringify({ source: lab.source, admin, ...config(hooks) }));
    const apply = () => rib2fib(lab.node, ['apply', '--config', file]);
    const first = await apply();
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, new RegExp(`hook after: ${failing.program}: exit code 3`));
    assert.deepEqual(linesOf(before.out), [`before ${1 + KEPT}`]);
    assert.deepEqual(linesOf(failing.out), ['after 1']);
    const second = await apply();
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual([linesOf(before.out).length, linesOf(failing.out).length], [1, 1]);
    assert.deepEqual((await rib2fib(lab.node, ['cleanup'])).code, 0);

    const slow = script('sleep 0.5; echo "$RIB2FIB_ROUTES_REMOVED" >> $OUT');
    const options = { args: ['--flush'] };
    const daemon = await lab.daemon(config({ after: { run: [slow.program] } }), options);
    await runsOf(daemon, 'after', 1);
    assert.equal(await daemon.stop(), 0);
    assert.equal(linesOf(slow.out).at(-1), String(1 + KEPT), 'the flush');
    assert.deepEqual(await kernelRoutes(lab.node, 100), []);
  });
});
