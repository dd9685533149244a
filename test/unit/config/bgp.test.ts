import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { BgpConfig, Config } from '../../../src/config/config.js';
import { diffConfigs } from '../../../src/config/diff.js';
import { loadConfig } from '../../../src/config/load.js';
import { withFiles } from './files-in-directory.js';

async function load(bgp: string): Promise<Config> {
  const text = `source: { bgp: { as: 65000, routerId: 10.255.0.1, ${bgp} } }\ntables: [ { id: 100 } ]\n`;
  return withFiles({ 'c.yaml': text, secret: 'pässword\n' }, async (directory) => {
    const result = await loadConfig(join(directory, 'c.yaml'));
    assert.ok(result.ok, JSON.stringify(result));
    assert.equal(result.config.files.length, bgp.includes('passwordFile') ? 2 : 1);
    return result.config;
  });
}

async function bgpOf(bgp: string): Promise<BgpConfig> {
  const { source } = await load(bgp);
  assert.ok(source.kind === 'bgp');
  return source.bgp;
}

describe('source bgp, loaded', () => {
  it('defaults', async () => {
    const { listen, as, routerId, peers } = await bgpOf('peers: [ { address: 10.9.0.2, as: 1 } ]');
    assert.deepEqual(listen, [{ host: '0.0.0.0', port: 179 }]);
    assert.deepEqual([as, routerId], [65000, 0x0aff0001]);
    const [peer] = peers;
    assert.deepEqual(
      { ...peer, neighbour: undefined },
      {
        ...{ neighbour: undefined, interface: undefined, as: 1, routerId: undefined },
        ...{ connect: false, port: 179, localAddress: undefined, role: 'neighbour' },
        ...{ password: undefined, ttlSecurity: undefined, holdTime: 90_000 },
        ...{ families: ['ipv4', 'ipv6'], addPath: false, bgpRole: undefined },
        ...{ confederation: false, allowOwnAs: 0 },
        gracefulRestart: { restartTime: 600_000, staleTime: 360_000, longLivedTime: 0 },
      },
    );
    assert.equal(peer?.neighbour.kind === 'address' && peer.neighbour.address.text, '10.9.0.2');
  });

  it('all of it', async () => {
    const { listen, peers } = await bgpOf(
      'listen: [ "127.0.0.2:1790", "[::1]:179" ], peers: [ { prefix: 127.0.0.0/8, as: 65000, role: feed, passwordFile: secret, ttlSecurity: 1, holdTime: 0s, families: [ ipv6, ipv4 ], addPath: true, gracefulRestart: { restartTime: 0s, longLivedTime: forever } } ]',
    );
    assert.deepEqual(listen, [
      { host: '127.0.0.2', port: 1790 },
      { host: '::1', port: 179 },
    ]);
    const [peer] = peers;
    assert.ok(peer?.neighbour.kind === 'prefix');
    assert.deepEqual(
      [peer.role, peer.password, peer.ttlSecurity, peer.holdTime, peer.families, peer.addPath],
      ['feed', 'pässword', 1, 0, ['ipv4', 'ipv6'], true],
    );
    assert.equal(peer.gracefulRestart.longLivedTime, Number.POSITIVE_INFINITY);
  });

  it('our AS number in a path: of a feed it is not looked at, unless it says so', async () => {
    const { peers } = await bgpOf(
      'peers: [ { address: 10.9.0.2, as: 1, role: feed }, { address: 10.9.0.3, as: 1, role: feed, allowOwnAs: 0 }, { address: 10.9.0.4, as: 1, allowOwnAs: 2, confederation: true } ]',
    );
    assert.deepEqual(
      peers.map(({ allowOwnAs, confederation }) => [allowOwnAs, confederation]),
      [
        [Number.POSITIVE_INFINITY, false],
        [0, false],
        [2, true],
      ],
    );
  });
});

describe('what a reload changed in source bgp', () => {
  const rows: readonly [string, string, string, readonly string[]][] = [
    [
      'nothing',
      'peers: [ { address: 10.9.0.2, as: 1 } ]',
      'peers: [ { address: 10.9.0.2, as: 1 } ]',
      [],
    ],
    [
      'where it listens',
      'peers: [ { address: 10.9.0.2, as: 1 } ]',
      'listen: "[::]:179", peers: [ { address: 10.9.0.2, as: 1 } ]',
      ['source.listen: 0.0.0.0:179 -> [::]:179'],
    ],
    [
      'peers come and go',
      'peers: [ { address: 10.9.0.2, as: 1 } ]',
      'peers: [ { address: 10.9.0.3, as: 1, routerId: 1.2.3.4 } ]',
      ['source.peers[10.9.0.2]: removed', 'source.peers[10.9.0.3 1.2.3.4]: added'],
    ],
    [
      'a peer’s options, and not its password',
      'peers: [ { address: 10.9.0.2, as: 1, password: old } ]',
      'peers: [ { address: 10.9.0.2, as: 2, allowOwnAs: 1, confederation: true, password: new, connect: true, holdTime: 9s, families: [ ipv4 ], ttlSecurity: 1, gracefulRestart: { staleTime: 1s } } ]',
      [
        'source.peers[10.9.0.2].as: 1 -> 2',
        'source.peers[10.9.0.2].connect: false -> true',
        'source.peers[10.9.0.2].ttlSecurity: none -> 1',
        'source.peers[10.9.0.2].holdTime: 90s -> 9s',
        'source.peers[10.9.0.2].families: ipv4 ipv6 -> ipv4',
        'source.peers[10.9.0.2].confederation: false -> true',
        'source.peers[10.9.0.2].allowOwnAs: 0 -> 1',
        'source.peers[10.9.0.2].gracefulRestart: 10m 6m 0ms -> 10m 1s 0ms',
        'source.peers[10.9.0.2].password: changed',
      ],
    ],
  ];
  for (const [name, before, after, lines] of rows) {
    it(name, async () => {
      assert.deepEqual(diffConfigs(await load(before), await load(after)), lines);
    });
  }

  it('the kind of source', async () => {
    const bgp = await load('peers: [ { address: 10.9.0.2, as: 1 } ]');
    const file: Config = { ...bgp, source: { kind: 'file', file: { path: '/r.yaml' } } };
    assert.deepEqual(diffConfigs(file, bgp), ['source: file /r.yaml -> bgp 0.0.0.0:179']);
  });
});
