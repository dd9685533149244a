import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  EMPTY_STATE,
  loadState,
  type SavedState,
  saveState,
  statePath,
} from '../../src/state-file.js';

const STATE: SavedState = {
  latched: ['fabric/all/ipv4'],
  disabledPeers: [
    {
      ...{ peer: '10.9.0.2', limit: 'fabric/10.9.0.2/ipv4', restoreAt: 1_700_000_000_000 },
      gobgp: { address: '127.0.0.1:50051', tls: { ca: '/ca.pem', cert: '/c.pem', key: '/k.pem' } },
    },
    {
      ...{ peer: '2001:db8::2', limit: 'fabric/2001:db8::2/ipv6', restoreAt: null },
      gobgp: { address: 'unix:///run/gobgp.sock', tls: undefined },
    },
  ],
};

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rib2fib-state-'));
  path = statePath(join(directory, 'admin.sock'));
});
afterEach(() => rm(directory, { recursive: true }));

test('it stands beside the admin socket', () => {
  assert.equal(statePath('/run/rib2fib/admin.sock'), '/run/rib2fib/state.json');
});

test('what was saved is loaded, the last one; nobody else may read it, and nothing is left beside it', async () => {
  await saveState(path, EMPTY_STATE);
  await saveState(path, STATE);
  assert.deepEqual(await loadState(path), JSON.parse(JSON.stringify(STATE)));
  assert.deepEqual(await readdir(directory), ['state.json']);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('no file yet is an empty state; its directory is made when there is something to keep', async () => {
  const deep = join(directory, 'a', 'b', 'state.json');
  assert.deepEqual(await loadState(deep), EMPTY_STATE);
  await saveState(deep, STATE);
  assert.equal((await loadState(deep)).disabledPeers.length, 2);
});

test('a save that fails leaves the last one as it was, and the next one works', async () => {
  await saveState(path, STATE);
  await mkdir(`${path}.new`);
  await assert.rejects(saveState(path, EMPTY_STATE), { code: 'EISDIR' });
  assert.equal((await loadState(path)).disabledPeers.length, 2);
  await rm(`${path}.new`, { recursive: true });
  await writeFile(`${path}.new`, 'half a fi');
  await chmod(`${path}.new`, 0o600);
  await saveState(path, EMPTY_STATE);
  assert.deepEqual(await loadState(path), EMPTY_STATE);
});

test('a damaged file is told, whatever is wrong with it', async () => {
  await saveState(path, STATE);
  const whole = await readFile(path, 'utf8');
  const damaged = [
    '',
    whole.slice(0, 40),
    'null',
    '[]',
    '{"latched":[],"disabledPeers":{}}',
    '{"latched":[1],"disabledPeers":[]}',
    '{"latched":[],"disabledPeers":[{"peer":"10.9.0.2","limit":"x"}]}',
    '{"latched":[],"disabledPeers":[{"peer":"10.9.0.2","limit":"x","restoreAt":"soon"}]}',
    '{"latched":[],"disabledPeers":[null]}',
    '{"latched":[],"disabledPeers":[{"peer":"10.9.0.2","limit":"x","restoreAt":null,"gobgp":{"address":"x","tls":{"ca":1}}}]}',
  ];
  for (const text of damaged) {
    await writeFile(path, text);
    await assert.rejects(loadState(path), text);
  }
});

test('a file that cannot be read is told too', async () => {
  await mkdir(path);
  await assert.rejects(loadState(path), { code: 'EISDIR' });
});
