import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { configurationPage, schemaFile } from '../../../scripts/config-docs.js';
import { loadConfig } from '../../../src/config/load.js';
import { withFiles } from './files-in-directory.js';

async function docs(name: string): Promise<string> {
  return readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

it('docs/configuration.md is what the schema says', async () => {
  assert.equal(await docs('configuration.md'), configurationPage());
});

it('docs/rib2fib.schema.json is what the schema says', async () => {
  assert.equal(await docs('rib2fib.schema.json'), schemaFile());
});

it('the example of docs/configuration.md loads', async () => {
  const [, example] = /```yaml\n(.*?)```/s.exec(await docs('configuration.md')) ?? [];
  assert.ok(example !== undefined);
  await withFiles({ 'c.yaml': example }, async (directory) => {
    const result = await loadConfig(join(directory, 'c.yaml'));
    assert.deepEqual(result.ok ? [] : result.faults, []);
  });
});

it('every key has a type and a meaning', () => {
  const rows = configurationPage()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  assert.ok(rows.length > 60);
  for (const row of rows) assert.match(row, /^\| `[^`]+` \| [^|]+ \| [^|]*\| \S.*\. \|$/);
});
