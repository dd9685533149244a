import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { STATUS } from '../admin/sample-status.js';
import * as sample from './sample-reports.js';

const DOC = readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8');

/** The JSON blocks of one command's section. */
function documented(command: string): unknown[] {
  const section = DOC.split(/^## /m).find((part) => part.startsWith(`${command}\n`)) ?? '';
  return [...section.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json]) =>
    JSON.parse(json ?? ''),
  );
}

/** Typed reports: a field that is added or renamed does not compile here, or differs there. */
const REPORTS: Readonly<Record<string, readonly unknown[]>> = {
  status: [STATUS],
  routes: [sample.ROUTES],
  explain: [sample.EXPLAIN],
  plan: [sample.PLAN],
  apply: [sample.APPLY],
  reload: [sample.RELOAD, sample.REFUSED],
  'limit clear': [sample.CLEARED],
  cleanup: [sample.CLEANUP],
};

for (const [command, reports] of Object.entries(REPORTS)) {
  test(`docs/commands.md shows what ${command} --json prints`, () => {
    assert.deepEqual(documented(command), JSON.parse(JSON.stringify(reports)));
  });
}
