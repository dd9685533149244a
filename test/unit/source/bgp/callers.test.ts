import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BgpPeerConfig } from '../../../../src/config/config.js';
import { Callers } from '../../../../src/source/bgp/callers.js';
import { encodeOpen } from '../../../../src/source/bgp/encode.js';
import { CEASE, ERROR_CODE, sessionError } from '../../../../src/source/bgp/error-code.js';
import { address, prefix } from '../build.js';
import { handshake, MemoryTransport, peerOpen } from './memory-transport.js';
import { peerConfig } from './peer-config.js';
import { announce, PeerFixture } from './peer-fixture.js';

const WHY = sessionError(ERROR_CODE.cease, CEASE.maximumPrefixes, 'too many');

function at(text: string, change: Partial<BgpPeerConfig> = {}): BgpPeerConfig {
  return peerConfig({ neighbour: { kind: 'address', address: address(text) }, ...change });
}

function from(text: string, change: Partial<BgpPeerConfig> = {}): BgpPeerConfig {
  return peerConfig({ neighbour: { kind: 'prefix', prefix: prefix(text) }, ...change });
}

function callers(...peers: readonly BgpPeerConfig[]) {
  const fixture = new PeerFixture();
  const called = new Callers(peers, fixture.around);
  const bounds: number[] = [];
  const call = (remote: string, zone?: string) => {
    const transport = new MemoryTransport(remote, zone);
    called.incoming(transport, (least) => bounds.push(least));
    return transport;
  };
  const states = () =>
    called.peers.map((peer) => `${peer.name} ${peer.status().sessionState}`).sort();
  return { fixture, called, call, states, bounds };
}

describe('who calls', () => {
  it('a configured address is its peer, and is told our OPEN at once', () => {
    const { call, states } = callers(at('10.9.0.2'), at('10.9.0.3'));
    const transport = call('10.9.0.3');
    assert.deepEqual(transport.words(), ['open']);
    transport.hear(...handshake());
    assert.deepEqual(states(), ['10.9.0.2 active', '10.9.0.3 established']);
  });

  it('a stranger is hung up on without a word', () => {
    const { call, states } = callers(at('10.9.0.2'), from('10.8.0.0/16'));
    const transport = call('10.7.0.1');
    assert.ok(transport.closed);
    assert.deepEqual(transport.words(), []);
    assert.deepEqual(states(), ['10.9.0.2 active']);
  });

  it('a link-local address is a peer on its interface only', () => {
    const { call } = callers(at('fe80::2', { interface: 'eth1' }));
    assert.deepEqual(call('fe80::2', 'eth1').words(), ['open']);
    assert.ok(call('fe80::2', 'eth0').closed);
  });

  it('several of one address are told apart by router id, once they have said it', () => {
    const { call, states } = callers(
      at('127.0.0.1', { routerId: 0x0aff0002 }),
      at('127.0.0.1', { routerId: 0x0aff0003, as: 65003 }),
    );
    const [first, second, third] = [call('127.0.0.1'), call('127.0.0.1'), call('127.0.0.1')];
    assert.deepEqual(first?.words(), []);
    second?.hear(...handshake(peerOpen({ routerId: 0x0aff0003, as: 65003, capabilities: [] })));
    first?.hear(...handshake());
    assert.deepEqual(states(), ['127.0.0.1 established', '127.0.0.1 established']);
    third?.hear(encodeOpen(peerOpen({ routerId: 9 })));
    assert.deepEqual(third?.words(), ['2/3']);
    assert.ok(third.closed);
  });

  it('whoever calls from a prefix is a peer of its own, of the longest prefix that fits', () => {
    const { call, called, states } = callers(
      from('10.0.0.0/8', { as: 65009 }),
      from('10.9.0.0/16'),
      at('10.9.0.2'),
    );
    for (const remote of ['10.9.0.5', '10.9.0.6', '10.9.0.2']) call(remote).hear(...handshake());
    assert.deepEqual(states(), [
      '10.9.0.2 established',
      '10.9.0.5 established',
      '10.9.0.6 established',
    ]);
    assert.deepEqual(
      called.configured.map(({ name }) => name),
      ['10.9.0.2'],
    );
  });

  it('two of one address in a prefix are two peers', () => {
    const { call, states } = callers(from('10.9.0.0/16'));
    call('10.9.0.5').hear(...handshake());
    call('10.9.0.5').hear(...handshake(peerOpen({ routerId: 9 })));
    assert.equal(states().length, 2);
  });

  it('one of a prefix is forgotten with its last route, once it has rested', async () => {
    const { call, called, states, fixture } = callers(from('10.9.0.0/16'));
    const transport = call('10.9.0.5');
    transport.hear(...handshake(), announce(['10.1.0.0/16']));
    called.forgetGone();
    assert.equal(states().length, 1);
    transport.break();
    called.forgetGone();
    assert.deepEqual(states(), ['10.9.0.5 idle']);
    await fixture.clock.advance(1_000);
    called.forgetGone();
    assert.deepEqual(states(), []);
  });
});

describe('what callers may cost', () => {
  it('no more than 128 connections that have not said who they are', () => {
    const { call } = callers(from('10.9.0.0/16'));
    const all = Array.from({ length: 130 }, (_, i) => call(`10.9.1.${i}`));
    assert.equal(all.filter(({ closed }) => closed).length, 2);
    all[0]?.break();
    assert.equal(call('10.9.2.1').closed, false);
  });

  it('each ends after four minutes without an OPEN', async () => {
    const { call, fixture } = callers(from('10.9.0.0/16'));
    const transport = call('10.9.0.5');
    await fixture.clock.advance(240_000);
    await fixture.clock.advance(0);
    assert.ok(transport.closed);
    assert.equal(fixture.clock.waiting, 0);
  });

  it('an address is disabled with all its peers, those that are still to call included', () => {
    const { call, called, states } = callers(from('10.9.0.0/16'));
    const transport = call('10.9.0.5');
    transport.hear(...handshake());
    called.disable('10.9.0.5', WHY);
    assert.equal(transport.words().at(-1), '6/1');
    const other = call('10.9.0.5');
    other.hear(encodeOpen(peerOpen({ routerId: 9 })));
    assert.equal(other.words().at(-1), '6/5');
    assert.deepEqual(states(), ['10.9.0.5 idle (admin down)', '10.9.0.5 idle (admin down)']);
    called.enable('10.9.0.5');
    call('10.9.0.5').hear(...handshake());
    assert.ok(states().includes('10.9.0.5 established'));
  });
});

describe('TTL security (RFC 5082)', () => {
  it('is asked of the connection before a word is said', () => {
    const { call, bounds } = callers(at('10.9.0.2', { ttlSecurity: 1 }), at('10.9.0.3'));
    call('10.9.0.2');
    call('10.9.0.3');
    assert.deepEqual(bounds, [255]);
  });

  it('a connection that cannot have it is hung up on', () => {
    const fixture = new PeerFixture();
    const called = new Callers([at('10.9.0.2', { ttlSecurity: 3 })], fixture.around);
    const transport = new MemoryTransport('10.9.0.2');
    called.incoming(transport, () => {
      throw new Error('this kernel has no IP_MINTTL');
    });
    assert.ok(transport.closed);
    assert.deepEqual(transport.words(), []);
  });
});
