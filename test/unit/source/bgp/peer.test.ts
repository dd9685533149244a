import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeKeepalive, encodeOpen } from '../../../../src/source/bgp/message/encode.js';
import { CEASE, ERROR_CODE, sessionError } from '../../../../src/source/bgp/message/error-code.js';
import { settled } from '../fake-clock.js';
import {
  BOTH,
  FOUR_OCTET,
  handshake,
  MemoryTransport,
  notification,
  peerOpen,
  restarts,
} from './memory-transport.js';
import type { OWN } from './peer-config.js';
import { announce, PeerFixture } from './peer-fixture.js';

const SHUTDOWN = sessionError(ERROR_CODE.cease, CEASE.administrativeShutdown, 'shutdown');

describe('a peer that calls', () => {
  it('gets our OPEN at once, then a session', () => {
    const fixture = new PeerFixture();
    assert.equal(fixture.state, 'active');
    const transport = fixture.call();
    assert.equal(fixture.state, 'opensent');
    transport.hear(encodeOpen(peerOpen()));
    assert.equal(fixture.state, 'openconfirm');
    transport.hear(encodeKeepalive());
    assert.equal(fixture.state, 'established');
    assert.deepEqual(transport.take(), [
      ...['open', 'keepalive', 'end-of-rib ipv4', 'end-of-rib ipv6'],
    ]);
    assert.deepEqual(fixture.told, ['established']);
    assert.equal(fixture.calls.length, 0);
  });

  it('is never called when it is to call', async () => {
    const fixture = new PeerFixture({ connect: false });
    fixture.peer.start();
    await fixture.clock.advance(600_000);
    assert.equal(fixture.calls.length, 0);
  });

  it('takes the place of an earlier call of its own that got nowhere', () => {
    const fixture = new PeerFixture();
    const first = fixture.call();
    const second = fixture.call();
    assert.deepEqual(first.words(), ['open', '6/7']);
    assert.ok(first.closed && !second.closed);
    second.hear(...handshake());
    assert.equal(fixture.state, 'established');
  });
});

describe('a peer that is called', () => {
  it('is called at once; a session comes of it', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    assert.equal(fixture.state, 'connect');
    const transport = await fixture.answer();
    assert.equal(fixture.state, 'opensent');
    transport.hear(...handshake());
    assert.equal(fixture.state, 'established');
  });

  it('and again when it does not answer, at longer and longer intervals', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const calls = fixture.calls.length;
      fixture.calls.at(-1)?.fail(new Error('connect ECONNREFUSED'));
      await settled();
      assert.equal(fixture.state, 'active');
      await fixture.clock.advance(wait - 1);
      assert.equal(fixture.calls.length, calls);
      await fixture.clock.advance(1);
      assert.equal(fixture.calls.length, calls + 1);
    }
    assert.match(
      fixture.peer.waitingFor('ipv4') ?? '',
      /10\.9\.0\.2 to establish \(connect ECONNREFUSED\)/,
    );
    assert.equal(fixture.peer.status().lastError, 'connect ECONNREFUSED');
    fixture.establish();
    assert.equal(fixture.peer.status().lastError, undefined);
  });

  it('for half a minute each time', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    await fixture.clock.advance(29_999);
    assert.equal(fixture.calls[0]?.signal.aborted, false);
    await fixture.clock.advance(1);
    await settled();
    assert.equal(fixture.calls[0]?.signal.aborted, true);
    assert.equal(fixture.state, 'active');
    await fixture.clock.advance(1_000);
    assert.equal(fixture.calls.length, 2);
  });

  it('no more once it has called itself', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    fixture.establish();
    await settled();
    assert.equal(fixture.calls[0]?.signal.aborted, true);
    await fixture.clock.advance(80_000);
    assert.equal(fixture.calls.length, 1);
  });

  it('a call that is answered too late is hung up on', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    fixture.establish();
    const late = new MemoryTransport();
    fixture.calls[0]?.answer(late);
    await settled();
    assert.equal(fixture.state, 'established');
  });
});

describe('two connections with one peer (RFC 4271 6.8)', () => {
  /** We call, it calls; both say OPEN in this order. */
  async function meet(own: typeof OWN, first: 'incoming' | 'outgoing') {
    const fixture = new PeerFixture({ connect: true }, own);
    fixture.peer.start();
    const outgoing = await fixture.answer();
    const incoming = fixture.call();
    const order = first === 'incoming' ? [incoming, outgoing] : [outgoing, incoming];
    for (const transport of order) transport.hear(encodeOpen(peerOpen()));
    return { fixture, incoming, outgoing };
  }
  const lower = { as: 65000, routerId: 0x0aff0001 };
  const higher = { as: 65000, routerId: 0x0aff0003 };
  const sameId = { as: 65000, routerId: 0x0aff0002 };
  const rows = [
    ['we have the lower router id', lower, 'incoming'],
    ['we have the higher router id', higher, 'outgoing'],
    ['both have the same, and we the lower AS number', sameId, 'incoming'],
  ] as const;
  for (const [name, own, stays] of rows) {
    for (const first of ['incoming', 'outgoing'] as const) {
      it(`${name}: the ${stays} one stays; ${first} speaks first`, async () => {
        const { fixture, incoming, outgoing } = await meet(own, first);
        const [kept, gone] = stays === 'incoming' ? [incoming, outgoing] : [outgoing, incoming];
        assert.ok(gone.closed && !kept.closed);
        assert.equal(gone.words().at(-1), '6/7');
        kept.hear(encodeKeepalive());
        assert.equal(fixture.state, 'established');
        assert.deepEqual(fixture.told, ['established']);
      });
    }
  }

  it('one that is established stays, and is made to say whether it lives', () => {
    const fixture = new PeerFixture();
    const first = fixture.establish();
    const second = fixture.call();
    second.hear(encodeOpen(peerOpen()));
    assert.equal(second.words().at(-1), '6/7');
    assert.ok(!first.closed);
    assert.deepEqual(first.take(), ['keepalive']);
    // A host that was restarted knows nothing of the first.
    first.break('ECONNRESET');
    fixture.call();
    assert.equal(fixture.state, 'idle');
  });

  it('but for a peer that restarts gracefully: it has lost the old one (RFC 4724 5)', () => {
    const fixture = new PeerFixture();
    const open = peerOpen({ capabilities: [...BOTH, FOUR_OCTET, restarts(120)] });
    const first = fixture.establish(open);
    first.hear(announce(['10.0.0.0/8']));
    const second = fixture.call();
    second.hear(...handshake(open));
    assert.ok(first.closed && !second.closed);
    assert.equal(fixture.state, 'established');
    assert.deepEqual([...fixture.offered], [['10.0.0.0/8', '10.9.0.2']]);
    assert.deepEqual(fixture.told, [
      'established',
      'lost, kept: 10.9.0.2: the peer has called anew',
      'established',
    ]);
  });
});

describe('damped restarts', () => {
  it('a peer rests longer after each failure; who calls meanwhile is answered after that', async () => {
    const fixture = new PeerFixture();
    for (const rest of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      const wrong = fixture.call();
      wrong.hear(encodeOpen(peerOpen({ as: 65009, capabilities: [] })));
      assert.equal(wrong.words().at(-1), '2/2');
      assert.equal(fixture.state, 'idle');
      const parked = fixture.call();
      await fixture.clock.advance(rest - 1);
      assert.ok(!parked.opened && !parked.closed);
      await fixture.clock.advance(1);
      assert.ok(parked.opened);
      assert.equal(fixture.state, 'opensent');
      parked.break();
    }
  });

  it('of several that call meanwhile the last is answered', async () => {
    const fixture = new PeerFixture();
    fixture.call().hear(notification(2, 2));
    const [first, second] = [fixture.call(), fixture.call()];
    assert.ok(first.closed);
    await fixture.clock.advance(1_000);
    second.hear(...handshake());
    assert.equal(fixture.state, 'established');
  });

  it('a session of a minute ends the damping', async () => {
    const fixture = new PeerFixture();
    fixture.call().hear(notification(2, 2));
    await fixture.clock.advance(1_000);
    const session = fixture.establish();
    for (let i = 0; i < 2; i++) {
      await fixture.clock.advance(30_000);
      session.hear(encodeKeepalive());
    }
    session.break();
    assert.equal(fixture.state, 'active');
    fixture.call().hear(notification(2, 2));
    await fixture.clock.advance(1_000);
    assert.equal(fixture.state, 'active');
  });

  it('a shorter one does not: a peer that flaps rests', async () => {
    const fixture = new PeerFixture();
    for (const rest of [1_000, 2_000, 4_000]) {
      fixture.establish().break();
      assert.equal(fixture.state, 'idle');
      await fixture.clock.advance(rest);
      assert.equal(fixture.state, 'active');
    }
  });

  it('nor does it rest while another connection is on its way', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    const outgoing = await fixture.answer();
    const incoming = fixture.call();
    outgoing.hear(notification(2, 2));
    incoming.break();
    assert.equal(fixture.state, 'connect');
  });

  it('a session is as old as it is, whatever is done to the wall clock meanwhile', async () => {
    for (const jump of [-86_400_000, 86_400_000]) {
      const fixture = new PeerFixture();
      const { monotonic } = fixture.clock;
      fixture.clock.now = () => monotonic() - jump;
      const session = fixture.establish();
      fixture.clock.now = () => monotonic() + jump;
      session.break();
      assert.equal(fixture.state, 'idle');
    }
  });

  const restart = peerOpen({ capabilities: [...BOTH, FOUR_OCTET, restarts(120)] });

  it('one that restarts gracefully is met as soon as it calls, but not for ever', async () => {
    const flapping = new PeerFixture();
    for (let i = 0; i < 3; i++) flapping.establish(restart).break();
    assert.equal(flapping.state, 'active');
    flapping.establish(restart).break();
    assert.equal(flapping.state, 'idle');
    const parked = flapping.call();
    await flapping.clock.advance(7_999);
    assert.deepEqual(parked.words(), []);
    await flapping.clock.advance(1);
    assert.deepEqual(parked.words(), ['open']);
  });

  it('one that flaps does not win by a second connection, held ready', async () => {
    for (const open of [peerOpen(), restart]) {
      const fixture = new PeerFixture();
      let first = fixture.establish(open);
      let sessions = 1;
      for (let i = 0; i < 100; i++) {
        const second = fixture.call();
        first.break();
        second.hear(...handshake(open));
        if (fixture.state !== 'established') break;
        sessions++;
        first = second;
      }
      assert.ok(sessions <= 8, `${sessions} sessions, and no rest`);
      assert.equal(fixture.state, 'idle');
    }
  });

  it('nor by calling anew while it is established: the new connection waits as well', () => {
    const fixture = new PeerFixture();
    fixture.establish(restart);
    for (let i = 0; i < 3; i++) {
      fixture.call().hear(...handshake(restart));
      assert.equal(fixture.state, 'established');
    }
    const last = fixture.call();
    last.hear(...handshake(restart));
    assert.equal(fixture.state, 'idle');
    assert.equal(last.words().at(-1), '6/5');
    assert.ok(last.closed);
  });

  it('one who hangs up before a word is no failure', () => {
    const fixture = new PeerFixture();
    fixture.call().break();
    assert.equal(fixture.state, 'active');
  });
});

describe('a peer that is disabled', () => {
  it('is told so; its routes go; it is not answered until it is enabled', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    const session = fixture.establish();
    session.hear(announce(['10.0.0.0/8']));
    fixture.peer.disable(SHUTDOWN);
    assert.equal(session.words().at(-1), '6/2');
    assert.equal(fixture.offered.size, 0);
    assert.equal(fixture.state, 'idle (admin down)');
    assert.ok(fixture.peer.status().adminDown);
    assert.equal(fixture.peer.status().lastError, undefined);
    assert.equal(fixture.peer.waitingFor('ipv4'), undefined);
    assert.ok(fixture.call().closed);
    await fixture.clock.advance(3_600_000);
    assert.equal(fixture.calls.length, 1);
    fixture.peer.enable();
    fixture.peer.enable();
    assert.equal(fixture.calls.length, 2);
    assert.equal(fixture.state, 'connect');
    fixture.establish();
  });

  it('even where it promised to restart gracefully, or is a feed', () => {
    for (const role of ['feed', 'neighbour'] as const) {
      const fixture = new PeerFixture({ role });
      const capabilities = [...BOTH, FOUR_OCTET, restarts(120, { notification: true })];
      fixture.establish(peerOpen({ capabilities })).hear(announce(['10.0.0.0/8']));
      fixture.peer.disable(SHUTDOWN);
      assert.equal(fixture.offered.size, 0);
      assert.equal(fixture.peer.keeps, false);
      assert.match(fixture.told.at(-1) ?? '', /^lost: /);
    }
  });
});

describe('a peer that is stopped', () => {
  it('is told so, and leaves its routes to the consumer', () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(['10.0.0.0/8']));
    fixture.peer.stop(SHUTDOWN);
    assert.equal(session.words().at(-1), '6/2');
    assert.equal(fixture.offered.size, 1);
    assert.deepEqual(fixture.told, ['established']);
    assert.equal(fixture.clock.waiting, 0);
    assert.ok(fixture.call().closed);
  });

  it('calls nobody any more', async () => {
    const fixture = new PeerFixture({ connect: true });
    fixture.peer.start();
    fixture.peer.stop(SHUTDOWN);
    await settled();
    assert.equal(fixture.calls[0]?.signal.aborted, true);
    await fixture.clock.advance(600_000);
    assert.equal(fixture.calls.length, 1);
    assert.equal(fixture.clock.waiting, 0);
  });
});
