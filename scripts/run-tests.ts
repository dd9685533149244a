/**
 * Runs test files in a random order that a seed reproduces: unit files together,
 * kernel files two at a time, each in a network namespace of its own, e2e files (which make their
 * namespaces themselves) together again, and so the long ones with other daemons and
 * those before a Kubernetes API server, where they are asked for. Fails when a test failed, and when one was skipped or
 * left to do. What tests draw at random is of the same seed.
 *
 *   run-tests.ts [unit|kernel|e2e|daemons|kube|FILE …] [--seed N]
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Outcome } from './run-test-files.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKER = fileURLToPath(new URL('./run-test-files.ts', import.meta.url));
/** They mostly wait for a daemon, and some load whole tables. */
const E2E_AT_ONCE = 2;
/** They mostly wait for the kernel's clock. */
const KERNEL_AT_ONCE = 2;
const GROUPS = ['unit', 'kernel', 'e2e', 'daemons', 'kube'] as const;
type Group = (typeof GROUPS)[number];
const BY_DEFAULT: readonly Group[] = ['unit', 'kernel', 'e2e'];

/** A worker command and what it runs. */
interface Job {
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly isolated: boolean;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const again = ['scripts/test', ...positionals, '--seed', seed].join(' ');
print(`test files in random order; again with: ${again}\n`);

const outcomes: Outcome[] = [];
for (const together of waves(jobs(shuffled(chosen(positionals), seed))))
  outcomes.push(...(await Promise.all(together.map(run))));
process.exitCode = summarize(outcomes) ? 0 : 1;

function chosen(names: readonly string[]): string[] {
  const wanted = names.length === 0 ? BY_DEFAULT : names;
  return wanted.flatMap((name) => {
    const path = isGroup(name) ? join(ROOT, 'test', name) : resolve(name);
    if (!existsSync(path)) return [];
    if (path.endsWith('.ts')) return [relative(ROOT, path)];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .sort()
      .map((file) => relative(ROOT, join(path, file)));
  });
}

function isGroup(name: string): name is Group {
  return GROUPS.some((group) => group === name);
}

function jobs(files: readonly string[]): Job[] {
  const under = (group: Group) => files.filter((file) => file.startsWith(join('test', group)));
  const unit = under('unit');
  const e2e = [...under('e2e'), ...under('daemons'), ...under('kube')];
  const found: Job[] = [];
  if (unit.length > 0) {
    found.push({ files: unit, concurrency: availableParallelism(), isolated: false });
  }
  for (const file of under('kernel')) found.push({ files: [file], concurrency: 1, isolated: true });
  if (e2e.length > 0) found.push({ files: e2e, concurrency: E2E_AT_ONCE, isolated: false });
  return found;
}

/** Jobs that may run at the same time: those that are isolated from each other. */
function waves(all: readonly Job[]): readonly (readonly Job[])[] {
  const found: Job[][] = [];
  for (const job of all) {
    const last = found.at(-1);
    const joins = job.isolated && last?.[0]?.isolated === true && last.length < KERNEL_AT_ONCE;
    if (joins) last.push(job);
    else found.push([job]);
  }
  return found;
}

function run({ files, concurrency, isolated }: Job): Promise<Outcome> {
  const worker = [process.execPath, '--import', import.meta.resolve('tsx'), WORKER];
  const command = [...worker, String(concurrency), ...files];
  const [file = '', ...args] = isolated
    ? ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command]
    : command;
  return new Promise((done) => {
    const child = spawn(file, args, {
      cwd: ROOT,
      stdio: ['ignore', isolated ? 'pipe' : 'inherit', 'inherit', 'ipc'],
      env: {
        ...process.env,
        RIB2FIB_TEST_SEED: String(seed),
        ...(isolated ? { RIB2FIB_TEST_NETNS: '1' } : {}),
      },
    });
    let outcome: Outcome | undefined;
    // Of two at once, one after the other.
    const report: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => void report.push(part));
    child.on('message', (message: Outcome) => {
      outcome = message;
    });
    child.on('close', () => {
      print(Buffer.concat(report).toString());
      done(outcome ?? { counts: {}, failed: [...files] });
    });
  });
}

/** Prints the totals in the words of node's own reporter; true when all is well. */
function summarize(all: readonly Outcome[]): boolean {
  const total = (what: string) => all.reduce((sum, { counts }) => sum + (counts[what] ?? 0), 0);
  const failed = all.flatMap((outcome) => outcome.failed);
  for (const what of ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo']) {
    print(`ℹ ${what} ${total(what)}\n`);
  }
  print(`ℹ duration_ms ${Math.round(performance.now())}\n`);
  for (const file of failed) print(`failed: ${file}\n`);
  const left = total('skipped') + total('todo');
  if (left > 0) print(`failed: ${left} tests were skipped or left to do\n`);
  const good = failed.length === 0 && left === 0 && total('pass') > 0;
  if (!good) print(`again with: ${again}\n`);
  return good;
}

/** Fisher and Yates, drawing from a linear congruential generator. */
function shuffled(files: readonly string[], from: number): string[] {
  const deck = [...files];
  let state = from >>> 0;
  for (let i = deck.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [deck[i], deck[j]] = [deck[j] as string, deck[i] as string];
  }
  return deck;
}

function print(text: string): void {
  process.stdout.write(text);
}
