import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config } from '../../src/config/config.js';
import type { SessionControl } from '../../src/source/source.js';
import type { DisabledPeer } from '../../src/state-file.js';
import { disableAgain } from '../../src/teardown.js';
import { config, limit, table } from './desired/build.js';

const PEER = '10.9.0.2';
const TEARDOWN = limit('teardown', 2, { peer: PEER });
const OWN: Config = {
  ...config(table({ limits: [TEARDOWN] })),
  source: { kind: 'bgp', bgp: { listen: [], as: 65000, routerId: 1, peers: [] } },
};
const TORN: DisabledPeer = { peer: PEER, limit: TEARDOWN.id, restoreAt: 5_000 };

/** What is called, with these peers in the state file, at 1 s. */
async function calls(of: Config, disabled: DisabledPeer, now = 1_000): Promise<readonly string[]> {
  const told: string[] = [];
  const sessions: SessionControl = {
    disable: async (peer, words, cause) => void told.push(`${peer} ${cause}: ${words}`),
    enable: async (peer) => void told.push(`enable ${peer}`),
  };
  await disableAgain({ config: of, peers: [disabled], sessions, now });
  return told;
}

describe('a command that reads the source once', () => {
  it('leaves a peer alone that its limit has torn down', async () => {
    const expected = [`${PEER} maximum-prefixes: prefix limit ${TEARDOWN.id} exceeded`];
    assert.deepEqual(await calls(OWN, TORN), expected);
    assert.deepEqual(await calls(OWN, { ...TORN, restoreAt: null }), expected);
  });

  it('and no other: its time has come, its limit is gone or ends no sessions, it is at a gobgpd', async () => {
    assert.deepEqual(await calls(OWN, TORN, 5_000), []);
    assert.deepEqual(await calls({ ...OWN, tables: [table()] }, TORN), []);
    const blocks = { ...TEARDOWN, action: 'block' } as const;
    assert.deepEqual(await calls({ ...OWN, tables: [table({ limits: [blocks] })] }, TORN), []);
    const gobgp = { address: 'unix:///run/gobgp.sock', tls: undefined };
    assert.deepEqual(await calls(OWN, { ...TORN, gobgp }), []);
    const source = { kind: 'gobgp', gobgp: { ...gobgp, paths: 'best' } } as const;
    assert.deepEqual(await calls({ ...OWN, source }, TORN), []);
  });
});
