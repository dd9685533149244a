import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../../src/clock.js';
import type { BgpPeerConfig, ListenAddress } from '../../../../src/config/config.js';
import { createBgpSource } from '../../../../src/source/bgp/bgp-source.js';
import type { Source } from '../../../../src/source/source.js';
import type { TcpSockets } from '../../../../src/source/tcp.js';
import { stays, until } from '../../../support/wait.js';
import { address } from '../build.js';
import { peerConfig } from './peer-config.js';

/** A kernel without TCP MD5 signatures. */
const LACKING: TcpSockets = {
  open() {
    throw new Error('this kernel has no TCP MD5 signatures');
  },
  try() {
    throw new Error('this kernel has no TCP MD5 signatures');
  },
  requireTtl() {},
};

/** A source that runs until disposed, and its log. */
class Running implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly source: Source;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    listen: readonly ListenAddress[],
    peers: readonly BgpPeerConfig[],
    sockets: TcpSockets,
    syncTimeout = 60_000,
  ) {
    const told = (_fields: object, message: string) => void this.lines.push(message);
    const config = { listen, as: 65000, routerId: 1, peers };
    this.source = createBgpSource({
      ...{ config, syncTimeout, hold: () => 1_000, sockets, clock: systemClock, random: () => 0 },
      log: { debug() {}, info: told, warn: told, error: told },
    });
    this.#done = this.#consume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
    assert.equal(this.source.state().state, 'stopped');
  }

  async #consume(): Promise<void> {
    for await (const _ of this.source.events(this.#stop.signal));
  }
}

const LOOPBACK = [{ host: '127.0.0.1', port: 0 }];

describe('source bgp', () => {
  it('waits for its peers, and says for whom', async () => {
    await using running = new Running(LOOPBACK, [peerConfig()], LACKING);
    const { source, lines } = running;
    await until(() => lines.includes('listening for BGP peers'), { what: 'it listens' });
    const state = source.state();
    assert.ok(state.state === 'connecting');
    assert.equal(state.lastError, 'peer 10.9.0.2 to establish');
    assert.deepEqual(source.peers(), [
      {
        ...{ peer: '10.9.0.2', as: 65001, established: false, sessionState: 'active' },
        ...{ adminDown: false, received: { ipv4: 0, ipv6: 0 }, since: undefined },
        ...{ lastError: undefined, role: 'neighbour', routerId: undefined, heldUntil: undefined },
      },
    ]);
    assert.deepEqual([source.name, source.offers], ['bgp', 'all']);
  });

  it('a peer whose password the kernel cannot check has no session; the others may', async () => {
    const local = { kind: 'address', address: address('127.0.0.1') } as const;
    const called = peerConfig({ neighbour: local, port: 1, connect: true });
    const signed = { ...called, as: 65002, password: 'x' };
    await using running = new Running([], [called, signed], LACKING);
    const { source, lines } = running;
    await until(() => source.peers().map(({ sessionState }) => sessionState)[0] === 'active', {
      what: 'the other one is called, and refuses',
    });
    assert.equal(source.peers()[1]?.sessionState, 'idle');
    const refused = () => lines.filter((line) => line.includes('no TCP MD5 signatures')).length;
    await stays(() => refused() === 1, { what: 'it is told once', forMs: 200 });
  });

  it('a place where it cannot listen is told, once, and tried again', async () => {
    const nowhere = [{ host: '192.0.2.1', port: 1790 }];
    await using running = new Running(nowhere, [peerConfig()], LACKING);
    const { source, lines } = running;
    await until(() => lines.length > 0, { what: 'a line' });
    assert.match(lines.join(), /^cannot listen at 192\.0\.2\.1:1790: .*EADDRNOTAVAIL/);
    const state = source.state();
    assert.ok(state.state === 'connecting');
    assert.match(state.lastError ?? '', /cannot listen/);
  });

  it('nor can those call who are to: each says why, but for one that we call', async () => {
    const nowhere = [{ host: '192.0.2.1', port: 1790 }];
    const called = peerConfig({ connect: true, port: 1 });
    await using running = new Running(nowhere, [peerConfig(), called], LACKING);
    const { source, lines } = running;
    await until(() => lines.some((line) => line.includes('cannot listen')), { what: 'a line' });
    const [passive, active] = source.peers();
    assert.match(passive?.lastError ?? '', /^cannot listen at 192\.0\.2\.1:1790: /);
    assert.doesNotMatch(active?.lastError ?? '', /cannot listen/);
    await source.sessions?.disable('10.9.0.2', 'limit', 'maximum-prefixes');
    assert.equal(source.peers()[0]?.lastError, undefined);
  });

  it('without any session within sync.timeout it has no answer: commands need not wait', async () => {
    await using running = new Running(LOOPBACK, [peerConfig()], LACKING, 50);
    const overdue = () => {
      const state = running.source.state();
      return state.state === 'connecting' && (state.expectedBy ?? 0) <= Date.now();
    };
    await until(overdue, { what: 'no answer' });
  });

  it('disables and enables a peer', async () => {
    await using running = new Running(LOOPBACK, [peerConfig()], LACKING);
    const { source } = running;
    await source.sessions?.disable('10.9.0.2', 'limit', 'maximum-prefixes');
    assert.equal(source.peers()[0]?.sessionState, 'idle (admin down)');
    assert.equal(source.state().state, 'synced', 'nobody is left to wait for');
    await source.sessions?.disable('192.0.2.9', 'nobody', 'shutdown');
    await source.sessions?.enable('10.9.0.2');
    assert.equal(source.peers()[0]?.sessionState, 'active');
  });
});
