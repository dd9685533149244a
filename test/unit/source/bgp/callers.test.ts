import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BgpPeerConfig } from '../../../../src/config/config.js';
import { Callers } from '../../../../src/source/bgp/callers.js';
import { encodeKeepalive, encodeOpen } from '../../../../src/source/bgp/message/encode.js';
import { CEASE, ERROR_CODE, sessionError } from '../../../../src/source/bgp/message/error-code.js';
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
    assert.deepEqual(states(), [
      '127.0.0.1 (10.255.0.2) established',
      '127.0.0.1 (10.255.0.3) established',
    ]);
    third?.hear(encodeOpen(peerOpen({ routerId: 9 })));
    assert.deepEqual(third?.words(), ['2/3']);
    assert.ok(third.closed);
  });

  it('of one that rests, what is told is why', () => {
    const { call, called } = callers(
      at('127.0.0.1', { routerId: 0x0aff0002 }),
      at('127.0.0.1', { routerId: 0x0aff0003 }),
    );
    const wrong = encodeOpen(peerOpen({ as: 65009, capabilities: [] }));
    const answers = [0, 1].map(() => {
      const transport = call('127.0.0.1');
      transport.hear(wrong);
      return transport.words().at(-1);
    });
    assert.deepEqual(answers, ['2/2', '6/5']);
    assert.match(called.configured[0]?.waitingFor('ipv4') ?? '', /AS number 65009/);
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

  it('from a prefix with an interface, only there; of one link-local address on two links, two', () => {
    const { call, states } = callers(
      from('fe80::/10', { interface: 'eth1' }),
      from('fe80::/64', { as: 65003 }),
    );
    const third = encodeOpen(peerOpen({ as: 65003, capabilities: [] }));
    assert.deepEqual(call('fe80:1::1', 'eth1').words(), []);
    assert.ok(call('fe80:1::1', 'eth2').closed);
    for (const zone of ['eth2', 'eth3']) call('fe80::1', zone).hear(third, encodeKeepalive());
    assert.deepEqual(states(), ['fe80::1%eth2 established', 'fe80::1%eth3 established']);
  });

  it('two of one address in a prefix are two peers', () => {
    const { call, states } = callers(from('10.9.0.0/16'));
    call('10.9.0.5').hear(...handshake());
    call('10.9.0.5').hear(...handshake(peerOpen({ routerId: 9 })));
    assert.equal(states().length, 2);
  });

  it('one of a prefix that goes is told as down for hold, and then forgotten', async () => {
    const { call, called, fixture } = callers(from('10.9.0.0/16'));
    const states = () =>
      called
        .shown()
        .map((peer) => peer.status())
        .map(({ sessionState }) => sessionState);
    const transport = call('10.9.0.5');
    transport.hear(...handshake(), announce(['10.1.0.0/16']));
    assert.deepEqual(states(), ['established']);
    transport.break();
    called.forgetGone();
    assert.deepEqual(states(), ['idle']);
    await fixture.clock.advance(1_000);
    assert.deepEqual(states(), ['active']);
    await fixture.clock.advance(119_999);
    assert.deepEqual(states(), ['active']);
    // Back in time, and gone once more: hold begins anew.
    const again = call('10.9.0.5');
    again.hear(...handshake());
    assert.deepEqual(states(), ['established']);
    again.break();
    await fixture.clock.advance(10_000);
    assert.deepEqual(states(), ['active']);
    await fixture.clock.advance(119_999);
    assert.deepEqual(states(), ['active']);
    await fixture.clock.advance(1);
    assert.deepEqual(states(), []);
    assert.deepEqual(called.peers, []);
  });

  it('one that comes back with another router id is not told beside itself', async () => {
    const { call, called, fixture } = callers(
      from('10.9.0.0/16', { role: 'feed' }),
      at('10.8.0.2', { routerId: 1 }),
      at('10.8.0.2', { routerId: 0x0aff0002, holdTime: 0 }),
    );
    const states = () =>
      called
        .shown()
        .map((peer) => peer.status())
        .map(({ peer, established }) => [peer, established]);
    const configured = [
      ['10.8.0.2', false],
      ['10.8.0.2', true],
    ];
    call('10.8.0.2').hear(...handshake());
    const before = call('10.9.0.5');
    before.hear(...handshake(), announce(['10.1.0.0/16']));
    before.break();
    assert.deepEqual(states(), [...configured, ['10.9.0.5', false]]);
    const other = call('10.9.0.5');
    other.hear(...handshake(peerOpen({ routerId: 9 })));
    assert.deepEqual(states(), [...configured, ['10.9.0.5', true]]);
    assert.equal(called.peers.length, 4, 'its routes are kept');
    other.break();
    await fixture.clock.advance(120_000);
    assert.deepEqual(states(), [...configured, ['10.9.0.5', false]]);
    await fixture.clock.advance(120_000);
    assert.deepEqual(states(), configured);
  });

  it('one that was never up is not remembered', async () => {
    const { call, called, fixture } = callers(from('10.9.0.0/16'));
    const transport = call('10.9.0.5');
    transport.hear(encodeOpen(peerOpen()));
    assert.equal(called.shown().length, 1);
    transport.break();
    await fixture.clock.advance(1_000);
    assert.deepEqual(called.shown(), []);
  });
});

describe('what callers may cost', () => {
  it('no more than 128 connections that have not said who they are', () => {
    const { call } = callers(from('10.9.0.0/16'));
    const all = Array.from({ length: 130 }, (_, i) => call(`10.9.1.${i}`));
    const gone = all.filter(({ closed }) => closed);
    assert.deepEqual(gone, all.slice(0, 2), 'those that were silent longest make way');
    assert.deepEqual(gone[0]?.words(), ['6/8']);
    all[2]?.break();
    assert.equal(call('10.9.2.1').closed, false);
    assert.equal(all[3]?.closed, false);
  });

  it('nor more than 32 of one address: it keeps nobody else out', () => {
    const { call, states, fixture } = callers(from('10.9.0.0/16'));
    const patient = call('10.9.0.7');
    const flood = Array.from({ length: 1_000 }, () => call('10.9.0.5'));
    assert.equal(flood.filter(({ closed }) => !closed).length, 32);
    patient.hear(...handshake());
    assert.deepEqual(states(), ['10.9.0.7 established']);
    assert.equal(flood.at(-1)?.closed, false);
    for (const one of flood) one.break();
    patient.break();
    assert.ok(fixture.clock.waiting <= 2, 'its timers are gone');
  });

  it('nor more than 1024 peers of prefixes; they are told why, and there is room again', async () => {
    const { call, called, fixture } = callers(from('10.9.0.0/16'));
    const all = Array.from({ length: 1024 }, (_, i) => {
      const transport = call(`10.9.${i >> 8}.${i & 255}`);
      transport.hear(...handshake());
      return transport;
    });
    assert.equal(called.peers.filter(({ isUp }) => isUp).length, 1024);
    const late = call('10.9.9.9');
    late.hear(...handshake());
    assert.deepEqual(late.words(), ['6/8']);
    all[0]?.break();
    await fixture.clock.advance(1_000);
    const again = call('10.9.9.9');
    again.hear(...handshake());
    assert.equal(called.peers.filter(({ isUp }) => isUp).length, 1024);
    assert.equal(again.closed, false);
  });

  it('nobody becomes a peer by an OPEN that is refused', () => {
    const { call, called } = callers(from('10.9.0.0/16'));
    for (let i = 1; i <= 2_000; i++) {
      const transport = call('10.9.0.5');
      transport.hear(encodeOpen(peerOpen({ as: 65009, routerId: i, capabilities: [] })));
      assert.deepEqual(transport.words(), ['2/2']);
    }
    assert.deepEqual(called.peers, []);
  });

  it('one line an hour of what anybody can do as often as he likes', async () => {
    const { call, fixture } = callers(from('10.9.0.0/16'), at('10.9.0.2'));
    const storm = () => {
      for (let i = 0; i < 100; i++) {
        call('10.7.0.1');
        call('10.9.0.5').hear(encodeOpen(peerOpen({ as: 65009, capabilities: [] })));
      }
    };
    storm();
    assert.deepEqual(fixture.warnings, [
      'a call from nobody we know',
      'no BGP session: OPEN: AS number 65009, must be 65001',
    ]);
    for (let i = 0; i < 100; i++) call(`10.6.0.${i}`);
    assert.equal(fixture.warnings.length, 21);
    call('10.9.0.6').hear(encodeOpen(peerOpen({ as: 65009, capabilities: [] })));
    assert.equal(fixture.warnings.length, 22, 'strangers crowd nobody out');
    await fixture.clock.advance(3_600_000);
    storm();
    assert.equal(fixture.warnings.length, 24);
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
    for (let i = 9; i < 1_200; i++) {
      const other = call('10.9.0.5');
      other.hear(encodeOpen(peerOpen({ routerId: i })));
      assert.equal(other.words().at(-1), '6/5');
    }
    assert.deepEqual(states(), ['10.9.0.5 idle (admin down)']);
    called.enable('10.9.0.5');
    call('10.9.0.5').hear(...handshake());
    call('10.9.0.5').hear(...handshake(peerOpen({ routerId: 9 })));
    assert.deepEqual(states(), ['10.9.0.5 established', '10.9.0.5 established']);
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
