/** A hook's orphans where the daemon is the first process of a PID namespace, as in a container: nobody else takes notice of their end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const SOURCE = new URL('../../src', import.meta.url).href;

/** Runs each script as a hook; a line each: its end, and what is left of it. */
const INIT = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { systemClock } from '${SOURCE}/clock.ts';
  import { runProgram } from '${SOURCE}/hooks/program.ts';
  const signal = new AbortController().signal;
  const left = () => readdirSync('/proc').filter(Number).flatMap((pid) => {
    const [, name, state] = /\\((.*)\\) (.)/.exec(readFileSync('/proc/' + pid + '/stat', 'utf8'));
    return name === 'sleep' || name === 'sh' ? [name + ' ' + state] : [];
  });
  for (const [script, timeout] of JSON.parse(process.argv[1])) {
    const run = ['/bin/sh', '-c', script];
    const { result } = await runProgram({ run, timeout, environment: process.env, clock: systemClock, signal });
    console.log(process.pid + ' ' + result + ': ' + left().join());
  }
`;

const SCRIPTS = [
  ['sleep 1000 & exit 0', 20_000],
  ['(sleep 1000 & sleep 1000) > /dev/null 2>&1 & exit 0', 20_000],
  ['sleep 1000 | sleep 1000', 300],
] as const;

test('none of them stays as a zombie', async () => {
  const { stdout } = await promisify(execFile)('unshare', [
    ...['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, '--import', 'tsx'],
    ...['--input-type=module', '-e', INIT, JSON.stringify(SCRIPTS)],
  ]);
  assert.deepEqual(stdout.split('\n'), ['1 ok: ', '1 ok: ', '1 timeout: ', '']);
});
