import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { GobgpApiConfig } from '../../src/config/config.js';
import { releaseSavedPeers } from '../../src/peer-release.js';
import { type DisabledPeer, loadState, saveState } from '../../src/state-file.js';
import { FakeClock } from './reconcile/fake-clock.js';
import { linesTo } from './reconcile/node.js';

const A: GobgpApiConfig = { address: 'unix:///run/a.sock', tls: undefined };
const B: GobgpApiConfig = { address: '127.0.0.1:50051', tls: undefined };

/** A peer that is up there, and one whose call fails. */
const UP = '10.9.2.2';
const BREAKS = '10.9.3.2';

let directory: string;
let path: string;
let lines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rib2fib-release-'));
  path = join(directory, 'state.json');
  lines = [];
});
afterEach(() => rm(directory, { recursive: true }));

/** `family` makes it another limit of the same peer. */
function disabled(peer: string, gobgp: GobgpApiConfig, family = 'ipv4'): DisabledPeer {
  return { peer, limit: `fabric/${peer}/${family}`, restoreAt: null, gobgp };
}

/** Returns what was asked for; at `silent` nothing is answered but `refused`. */
async function release(silent?: GobgpApiConfig): Promise<readonly string[]> {
  const asked: string[] = [];
  await releaseSavedPeers(path, {
    clock: new FakeClock(),
    log: linesTo(lines),
    enablePeers: async ({ address }, peers, onDone) => {
      if (address === silent?.address) throw new Error('connection refused');
      asked.push(`${address}: ${peers.join()}`);
      for (const peer of peers) {
        if (peer === BREAKS) throw new Error('connection lost');
        onDone(peer, peer === UP ? 'not-disabled' : 'enabled');
      }
    },
  });
  return asked;
}

test('each gobgpd is asked once, for each of its peers; then they are ours no more, nor are their limits latched', async () => {
  const peers = [disabled('10.9.0.2', A), disabled('10.9.0.2', A, 'ipv6'), disabled('10.9.1.2', B)];
  await saveState(path, {
    latched: [...peers.map(({ limit }) => limit), 'fabric/all/ipv4'],
    disabledPeers: peers,
  });
  assert.deepEqual(await release(), [`${A.address}: 10.9.0.2`, `${B.address}: 10.9.1.2`]);
  assert.equal(lines.length, 3);
  assert.deepEqual(await loadState(path), { latched: ['fabric/all/ipv4'], disabledPeers: [] });
});

test('one that cannot be asked keeps its peers on disk, with what to do by hand; the others are let go', async () => {
  const peers = [disabled('10.9.0.2', A), disabled('10.9.1.2', B)];
  await saveState(path, { latched: peers.map(({ limit }) => limit), disabledPeers: peers });
  assert.deepEqual(await release(A), [`${B.address}: 10.9.1.2`]);
  const [told = ''] = lines.filter((line) => line.startsWith('warn'));
  assert.match(
    told,
    /10\.9\.0\.2 stays disabled at gobgpd unix:\/\/\/run\/a\.sock: connection refu/,
  );
  assert.match(told, /gobgp neighbor 10\.9\.0\.2 enable/);
  const state = await loadState(path);
  assert.deepEqual(state.latched, ['fabric/10.9.0.2/ipv4']);
  assert.equal(state.disabledPeers.length, 1);
});

test('of several peers at one gobgpd: what is said and kept of each is what became of it', async () => {
  const peers = ['10.9.0.2', UP, BREAKS].map((peer) => disabled(peer, A));
  await saveState(path, { latched: [], disabledPeers: peers });
  await release();
  const [enabled, up, broke] = lines;
  assert.match(enabled ?? '', /10\.9\.0\.2 is enabled again/);
  assert.match(up ?? '', /10\.9\.2\.2 is not disabled/);
  assert.match(broke ?? '', /10\.9\.3\.2 stays disabled .*connection lost/);
  const left = (await loadState(path)).disabledPeers.map(({ peer }) => peer);
  assert.deepEqual(left, [BREAKS]);
});

test('a state file that cannot be written is told, and nothing is thrown', async () => {
  await saveState(path, { latched: [], disabledPeers: [disabled('10.9.0.2', A)] });
  await mkdir(`${path}.new`);
  assert.equal((await release()).length, 1);
  assert.match(lines.join(), /EISDIR.*disable these peers again/);
});

test('where there is nothing, nothing is done, said or written; a damaged file is told', async () => {
  assert.deepEqual(await release(), []);
  assert.deepEqual(await readdir(directory), []);
  assert.deepEqual(lines, []);
  await writeFile(path, 'half a fi');
  assert.deepEqual(await release(), []);
  assert.match(lines.join(), /^warn: .*state\.json: .*gobgp neighbor/);
});
