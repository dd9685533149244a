/**
 * Runs the given test files, each in a process of its own, prints node's report,
 * and tells the parent the outcome over IPC: run-test-files.ts CONCURRENCY FILE…
 */
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Node's own totals (`tests`, `pass`, `fail`, `skipped` …) and the files in which something failed. */
export interface Outcome {
  readonly counts: Readonly<Record<string, number>>;
  readonly failed: readonly string[];
}

/** A file that takes longer hangs. */
const FILE_TIMEOUT_MS = 240_000;

const [concurrency = '1', ...files] = process.argv.slice(2);
const counts: Record<string, number> = {};
const failed = new Set<string>();

const stream = run({ files, concurrency: Number(concurrency), timeout: FILE_TIMEOUT_MS });
stream.on('test:fail', ({ file, name }) => {
  failed.add(file === undefined ? name : relative(process.cwd(), file));
});
stream.on('test:diagnostic', ({ message, nesting }) => {
  const [what, count] = message.split(' ');
  if (nesting === 0 && what !== undefined && /^\d+$/.test(count ?? ''))
    counts[what] = Number(count);
});
stream.on('end', () => {
  process.exitCode = failed.size === 0 ? 0 : 1;
  process.send?.({ counts, failed: [...failed] } satisfies Outcome, () => process.disconnect());
});
// The totals are the parent's to print, over all workers.
const details = stream.filter(({ type, data }) => type !== 'test:diagnostic' || data.nesting > 0);
details.pipe(new spec()).pipe(process.stdout);
