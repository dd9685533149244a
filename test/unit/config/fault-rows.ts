import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { formatFault } from '../../../src/config/fault.js';
import { loadConfig } from '../../../src/config/load.js';
import { withFiles } from './files-in-directory.js';

/** One row a fault: what stands in c.yaml (beside other files), and exactly what is told of it. */
export type FaultRow = readonly [
  name: string,
  text: string,
  faults: readonly string[],
  files?: Readonly<Record<string, string>>,
];

/** The first line of a file that is otherwise about something else. */
export const SOURCE = 'source: { gobgp: { address: "127.0.0.1:50051" } }\n';

/** The first three lines: a table to write more keys of. */
export const TABLE = `${SOURCE}tables:\n  - id: 100\n`;

/** Keys of that table, from line 4, column 5. */
export function inTable(text: string): string {
  return TABLE + text.replaceAll(/^(?=.)/gm, '    ');
}

export const TOP_KEYS =
  'source, hold, sync, tables, prefixLists, discovery, metrics, admin, alerts, log';
export const TABLE_KEYS =
  'id, name, metric, filters, acceptDefault, limits, multipath, bestPath, nextHop, foreign, static, onMiss, keepInMain, rules';

/** Directories are cut off the faults. */
export async function faultsOf(
  text: string | Buffer,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  return withFiles({ ...files, 'c.yaml': text }, async (directory) => {
    const result = await loadConfig(join(directory, 'c.yaml'));
    const faults = result.ok ? [] : result.faults.map(formatFault);
    return faults.map((fault) => fault.replaceAll(`${directory}/`, '').replaceAll(directory, '.'));
  });
}

/** A test for each row; `fileOf` makes the whole file of what the row holds. */
export function testFaults(
  title: string,
  rows: readonly FaultRow[],
  fileOf: (text: string) => string,
): void {
  describe(title, () => {
    for (const [name, text, faults, files] of rows) {
      it(name, async () => {
        assert.deepEqual(await faultsOf(fileOf(text), files), faults);
      });
    }
  });
}
