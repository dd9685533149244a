/** Real programs, and what becomes of them and of all that they start. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { systemClock } from '../../../src/clock.js';
import { type ProgramEnd, runProgram } from '../../../src/hooks/program.js';
import { scratchDirectory } from '../../support/leftovers.js';
import { until } from '../../support/wait.js';

const scratch = scratchDirectory('program');
after(() => scratch.remove());

/** More than any of these takes on a busy machine. */
const LONG_MS = 60_000;
const NEVER = new AbortController().signal;

async function shell(script: string, timeout = LONG_MS, signal = NEVER): Promise<ProgramEnd> {
  return program(['/bin/sh', '-c', script], timeout, signal);
}

async function program(
  run: readonly [string, ...string[]],
  timeout = LONG_MS,
  signal = NEVER,
): Promise<ProgramEnd> {
  const environment = { PATH: '/usr/bin:/bin', ANSWER: '42' };
  return runProgram({ run, timeout, environment, clock: systemClock, signal });
}

/** Waits for a number that a script wrote into a file. */
async function pidIn(file: string): Promise<number> {
  return until(() => Number(readFileSync(file, 'utf8').trim()), { what: `a pid in ${file}` });
}

/** Gone, or ended and not yet taken notice of by init. */
async function goes(pid: number): Promise<void> {
  await until(
    () =>
      !existsSync(`/proc/${pid}`) ||
      /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
    { what: `process ${pid} ends` },
  );
}

describe('a program that ends by itself', () => {
  const rows: readonly (readonly [script: string, end: ProgramEnd])[] = [
    ['exit 0', { result: 'ok', detail: '', output: '' }],
    ['echo out; echo err >&2', { result: 'ok', detail: '', output: 'out\nerr' }],
    ['echo no; exit 7', { result: 'failed', detail: 'exit code 7', output: 'no' }],
    ['kill -SEGV $$', { result: 'failed', detail: 'SIGSEGV', output: '' }],
    ['echo $ANSWER; pwd; cat', { result: 'ok', detail: '', output: '42\n/' }],
  ];
  for (const [script, end] of rows) {
    it(script, async () => {
      const { output, ...rest } = await shell(script);
      assert.deepEqual(
        { ...rest, output: output.split('\n').sort().join('\n') },
        {
          ...end,
          output: end.output.split('\n').sort().join('\n'),
        },
      );
    });
  }

  it('gets its arguments as they are', async () => {
    const end = await program(['/bin/echo', '$ANSWER', 'a  b', '', "'"]);
    assert.equal(end.output, "$ANSWER a  b  '");
  });

  it('keeps the last of a long output', async () => {
    const { result, output } = await shell('seq 1 20000');
    assert.equal(result, 'ok');
    assert.match(output, /\n19999\n20000$/);
    assert.ok(output.length <= 1_000, `${output.length} characters`);
  });
});

describe('a program that cannot be started', () => {
  it('is not there', async () => {
    assert.deepEqual(await program(['/nowhere/program']), {
      ...{ result: 'failed', detail: 'cannot be started: spawn /nowhere/program ENOENT' },
      output: '',
    });
  });

  it('is not executable', async () => {
    const file = join(scratch.path, 'text');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o644);
    const { result, detail } = await program([file]);
    assert.equal(result, 'failed');
    assert.match(detail, /^cannot be started: .*EACCES/);
  });

  it('has more arguments than the kernel takes', async () => {
    const { result, detail } = await program(['/bin/true', 'a'.repeat(1 << 20)]);
    assert.equal(result, 'failed');
    assert.match(detail, /^cannot be started: .*E2BIG/);
  });
});

describe('a program that does not end', () => {
  it('is killed with what it started, deaf to SIGTERM as they are', async () => {
    const [leader, child] = [join(scratch.path, 'leader'), join(scratch.path, 'child')];
    const script = `trap '' TERM; echo $$ > ${leader}; sh -c 'echo $$ > ${child}; sleep 1000' & wait; sleep 1000`;
    const end = shell(script, 1_500);
    const pids = [await pidIn(leader), await pidIn(child)];
    assert.deepEqual(await end, {
      ...{ result: 'timeout', detail: 'not ended within 1500ms, and killed', output: '' },
    });
    for (const pid of pids) await goes(pid);
  });

  it('is killed when nobody waits for it any more', async () => {
    const file = join(scratch.path, 'stopped');
    const stop = new AbortController();
    const end = shell(`echo $$ > ${file}; sleep 1000`, LONG_MS, stop.signal);
    const pid = await pidIn(file);
    stop.abort();
    assert.equal((await end).result, 'stopped');
    await goes(pid);
  });

  it('is killed when it floods its output, and the daemon does not read on', async () => {
    const before = process.cpuUsage();
    const { result, detail, output } = await shell('yes floods; sleep 1000');
    assert.deepEqual([result, detail], ['failed', 'wrote more than 1 MiB, and was killed']);
    assert.ok(output.length <= 1_000);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms of CPU`);
  });
});

describe('what a program leaves behind', () => {
  it('goes with it', async () => {
    const file = join(scratch.path, 'left');
    const end = await shell(`sleep 1000 & echo $! > ${file}; echo done`);
    assert.deepEqual(end, { result: 'ok', detail: '', output: 'done' });
    await goes(await pidIn(file));
  });

  it('in a session of its own stays, and is not waited for', async () => {
    const file = join(scratch.path, 'escaped');
    const script = `setsid sh -c 'echo $$ > ${file}; exec sleep 1000' & while [ ! -s ${file} ]; do sleep 0.01; done; echo done`;
    const begun = performance.now();
    const end = await shell(script);
    const pid = await pidIn(file);
    process.kill(pid, 'SIGKILL');
    assert.deepEqual(end, { result: 'ok', detail: '', output: 'done' });
    assert.ok(performance.now() - begun < LONG_MS / 2);
    await goes(pid);
  });
});
