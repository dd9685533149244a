import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/clock.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import { ConfigKeeper } from '../../src/config-keeper.js';
import type { Log } from '../../src/log-port.js';
import { withFiles } from './config/files-in-directory.js';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

const text = (hold: string): string =>
  `source: { fpm: {} }\nhold: ${hold}\ntables: [ { id: 100, filters: { file: filters.yaml } } ]\n`;

const FILES = { 'c.yaml': text('1m'), 'filters.yaml': '- permit: {}\n' };

/** Loads, lets `meanwhile` go by, watches, and resolves with what is put in force next. */
async function nextInForce(meanwhile: (directory: string) => Promise<void>): Promise<Config> {
  return await withFiles(FILES, async (directory) => {
    const path = join(directory, 'c.yaml');
    const loaded = await loadConfig(path);
    assert.ok(loaded.ok);
    await meanwhile(directory);
    let keeper: ConfigKeeper | undefined;
    try {
      return await new Promise<Config>((resolve, reject) => {
        keeper = new ConfigKeeper({
          ...{ path, loaded, clock: systemClock, log: silent },
          faultsHere: async () => [],
          apply: resolve,
          onReload: () => undefined,
        });
        keeper.watch();
        AbortSignal.timeout(20_000).addEventListener('abort', () => {
          reject(new Error('nothing was reloaded'));
        });
      });
    } finally {
      keeper?.stop();
    }
  });
}

test('what was written between the load for the start and the watch is put in force', async () => {
  const config = await nextInForce((directory) => writeFile(join(directory, 'c.yaml'), text('2m')));
  assert.equal(config.hold, 120_000);
});

test('so is what was written to a file that it names', async () => {
  const config = await nextInForce((directory) =>
    writeFile(join(directory, 'filters.yaml'), '- deny: {}\n'),
  );
  assert.equal(config.tables[0]?.filters[0]?.action, 'deny');
});
