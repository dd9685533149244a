/**
 * Runs one test file in a guest: main.js FILE. Prints node's report, and tells the second serial port how each
 * test and suite ended, a line of JSON each (support/guest.ts reads them).
 */
import { appendFileSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import type { GuestResult } from '../support/guest.js';

const PORT = '/dev/ttyS1';

const [file = ''] = process.argv.slice(2);
const around: string[] = [];
const stream = run({ files: [file] });
stream.on('test:start', ({ name, nesting }) => around.splice(nesting, around.length, name));
stream.on('test:pass', ({ name, nesting, details }) => tell(name, nesting, details.duration_ms));
stream.on('test:fail', ({ name, nesting, details }) => {
  process.exitCode = 1;
  tell(name, nesting, details.duration_ms, details.error);
});
stream.pipe(new spec()).pipe(process.stdout);

function tell(name: string, nesting: number, duration: number, error?: Error): void {
  const result: GuestResult = {
    name: [...around.slice(0, nesting), name].join(': '),
    milliseconds: Math.round(duration),
    ...(error === undefined ? {} : { fault: reason(error) }),
  };
  appendFileSync(PORT, `${JSON.stringify(result)}\n`);
}

/** The runner wraps what a test has thrown. */
function reason({ cause, message }: Error): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : message;
}
