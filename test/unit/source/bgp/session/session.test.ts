import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AttributeCache } from '../../../../../src/source/bgp/message/attribute-set.js';
import {
  encodeKeepalive,
  encodeOpen,
  encodeRouteRefresh,
} from '../../../../../src/source/bgp/message/encode.js';
import { encodeEndOfRib } from '../../../../../src/source/bgp/message/end-of-rib.js';
import type { OpenMessage } from '../../../../../src/source/bgp/message/message.js';
import { agree, offerTo } from '../../../../../src/source/bgp/session/agreement.js';
import { Session } from '../../../../../src/source/bgp/session/session.js';
import type {
  SessionEnd,
  SessionOwner,
  SessionState,
} from '../../../../../src/source/bgp/session/session-owner.js';
import { announcement, message } from '../../../../support/bgp-wire.js';
import { FakeClock, settled } from '../../fake-clock.js';
import {
  BOTH,
  FOUR_OCTET,
  handshake,
  MemoryTransport,
  notification,
  peerOpen,
} from '../memory-transport.js';
import { OWN, peerConfig } from '../peer-config.js';

/** A session, and all that its owner was told. */
class Fixture implements SessionOwner {
  readonly clock = new FakeClock();
  readonly transport = new MemoryTransport();
  readonly told: string[] = [];
  readonly session: Session;
  end: SessionEnd | undefined;
  room: Promise<void> | undefined;

  constructor(
    readonly config = peerConfig(),
    early = true,
  ) {
    this.session = new Session({
      ...{ transport: this.transport, direction: 'incoming', owner: this, clock: this.clock },
      ...{ offer: early ? offerTo(OWN, config) : undefined, random: () => 1 },
      cache: new AttributeCache(),
      room: () => this.room,
    });
    this.session.start();
  }

  opened(_session: Session, open: OpenMessage) {
    this.told.push('opened');
    return { offer: offerTo(OWN, this.config), agreement: agree(OWN, this.config, open) };
  }

  established(): void {
    this.told.push('established');
  }

  update(): void {
    this.told.push('update');
  }

  refresh(): void {
    this.told.push('refresh');
  }

  ended(_session: Session, end: SessionEnd, before: SessionState): void {
    this.end = end;
    this.told.push(`ended in ${before.state} by ${end.by}: ${end.reason}`);
  }
}

const UPDATE = announcement(
  'ipv4',
  ['10.0.0.0/8'],
  { nextHop: '10.9.0.2' },
  {
    localAs: 65001,
    internal: false,
  },
)[0] as Buffer;

const SAYS = {
  open: encodeOpen(peerOpen()),
  keepalive: encodeKeepalive(),
  update: UPDATE,
  refresh: encodeRouteRefresh({ kind: 'request', afi: 1, safi: 1 }),
  notification: notification(6, 4),
  garbage: Buffer.alloc(19),
  'unknown type': message(9, Buffer.alloc(0)),
} as const;

/** The way into each state, and what the peer says there: what we answer, and the state after. */
const ROWS: readonly [SessionState['state'], keyof typeof SAYS, string, SessionState['state']][] = [
  ['open-awaited', 'open', 'open keepalive', 'open-confirm'],
  ['open-awaited', 'keepalive', '5/1', 'closed'],
  ['open-awaited', 'update', '5/1', 'closed'],
  ['open-awaited', 'refresh', '5/1', 'closed'],
  ['open-awaited', 'notification', '', 'closed'],
  ['open-awaited', 'garbage', '1/1', 'closed'],
  ['open-awaited', 'unknown type', '1/3', 'closed'],
  ['open-sent', 'open', 'keepalive', 'open-confirm'],
  ['open-sent', 'keepalive', '5/1', 'closed'],
  ['open-sent', 'update', '5/1', 'closed'],
  ['open-sent', 'refresh', '5/1', 'closed'],
  ['open-sent', 'notification', '', 'closed'],
  ['open-sent', 'garbage', '1/1', 'closed'],
  ['open-sent', 'unknown type', '1/3', 'closed'],
  ['open-confirm', 'open', '5/2', 'closed'],
  ['open-confirm', 'keepalive', 'end-of-rib ipv4 end-of-rib ipv6', 'established'],
  ['open-confirm', 'update', '5/2', 'closed'],
  ['open-confirm', 'refresh', '5/2', 'closed'],
  ['open-confirm', 'notification', '', 'closed'],
  ['open-confirm', 'garbage', '1/1', 'closed'],
  ['open-confirm', 'unknown type', '1/3', 'closed'],
  ['established', 'open', '5/3', 'closed'],
  ['established', 'keepalive', '', 'established'],
  ['established', 'update', '', 'established'],
  ['established', 'refresh', '', 'established'],
  ['established', 'notification', '', 'closed'],
  ['established', 'garbage', '1/1', 'closed'],
  ['established', 'unknown type', '1/3', 'closed'],
];

function inState(state: SessionState['state']): Fixture {
  const fixture = new Fixture(peerConfig(), state !== 'open-awaited');
  const { transport } = fixture;
  if (state === 'open-confirm' || state === 'established') transport.hear(SAYS.open);
  if (state === 'established') transport.hear(SAYS.keepalive);
  assert.equal(fixture.session.state.state, state);
  transport.take();
  return fixture;
}

describe('a session, in each of its states', () => {
  for (const [state, says, answer, after] of ROWS) {
    it(`${state}: ${says}`, () => {
      const { transport, session, told } = inState(state);
      transport.hear(SAYS[says]);
      assert.equal(transport.take().join(' '), answer);
      assert.equal(session.state.state, after);
      assert.equal(transport.closed, after === 'closed');
      assert.equal(
        told.filter((line) => line.startsWith('ended')).length,
        after === 'closed' ? 1 : 0,
      );
    });

    it(`${state}: ${says}, an octet at a time`, () => {
      const { transport, session } = inState(state);
      for (const octet of SAYS[says]) transport.hear(Buffer.from([octet]));
      assert.equal(transport.take().join(' '), answer);
      assert.equal(session.state.state, after);
    });
  }

  for (const state of ['open-awaited', 'open-sent', 'open-confirm', 'established'] as const) {
    it(`${state}: the connection breaks`, () => {
      const { transport, session, told } = inState(state);
      transport.break('ECONNRESET');
      assert.equal(session.state.state, 'closed');
      assert.equal(told.at(-1), `ended in ${state} by connection: ECONNRESET`);
      assert.deepEqual(transport.take(), []);
    });
  }

  for (const [state, says, type] of [
    ['open-sent', 'update', 2],
    ['open-sent', 'keepalive', 4],
    ['open-confirm', 'open', 1],
    ['open-confirm', 'refresh', 5],
    ['established', 'open', 1],
  ] as const) {
    it(`${state}: ${says}, the type of which it is told back (RFC 6608 4)`, () => {
      const { transport } = inState(state);
      transport.hear(SAYS[says]);
      assert.deepEqual([...(transport.sent.at(-1)?.subarray(21) ?? [])], [type]);
    });
  }

  it('is not brought back to life by an OPEN that was the end of it', () => {
    const fixture = new Fixture();
    const { session } = fixture;
    session.owner = Object.assign(Object.create(fixture) as Fixture, {
      opened: (one: Session, open: OpenMessage) => {
        one.abandon('another connection ended it');
        return fixture.opened(one, open);
      },
    });
    fixture.transport.hear(SAYS.open, SAYS.keepalive);
    assert.equal(session.state.state, 'closed');
    assert.deepEqual(fixture.transport.take(), ['open']);
    assert.equal(fixture.clock.waiting, 0);
  });

  it('tells a peer why it is refused, before it has said who we are', () => {
    const fixture = new Fixture(peerConfig(), false);
    fixture.transport.hear(encodeOpen(peerOpen({ as: 65002, capabilities: [] })));
    assert.deepEqual(fixture.transport.take(), ['2/2']);
  });

  it('says in words what the peer ended it with', () => {
    const { transport, end, told } = inState('established');
    const words = Buffer.from('upgrade');
    transport.hear(notification(6, 2, Buffer.concat([Buffer.from([words.length]), words])));
    assert.equal(end, undefined);
    assert.equal(
      told.at(-1),
      'ended in established by peer: Cease/Administrative Shutdown (6/2): "upgrade"',
    );
  });

  it('hears nothing more of a chunk once it has ended', () => {
    const { transport, told } = inState('established');
    transport.hear(Buffer.concat([SAYS.update, SAYS.notification, SAYS.update]));
    assert.equal(told.filter((line) => line === 'update').length, 1);
  });

  it('ends once, whatever ends it', () => {
    const { transport, session, told } = inState('established');
    transport.hear(SAYS.notification);
    session.abandon('again');
    transport.break();
    assert.equal(told.filter((line) => line.startsWith('ended')).length, 1);
  });
});

describe('the timers of a session', () => {
  it('ends one that says nothing for the hold time agreed on', async () => {
    const fixture = new Fixture(peerConfig({ holdTime: 30_000 }));
    fixture.transport.hear(...handshake());
    for (let i = 0; i < 4; i++) {
      await fixture.clock.advance(9_999);
      if (i < 2) fixture.transport.hear(SAYS.keepalive);
    }
    assert.equal(fixture.session.state.state, 'established');
    await fixture.clock.advance(10_002);
    await settled();
    assert.equal(fixture.told.at(-1), 'ended in established by us: BGP: hold timer expired');
    assert.equal(fixture.transport.take().at(-1), '4/0');
  });

  it('does not take its own deafness for silence: while there is no room, nothing is read', async () => {
    const fixture = inState('established');
    const { transport, clock, session } = fixture;
    let makeRoom = () => {};
    fixture.room = new Promise((resolve) => {
      makeRoom = resolve;
    });
    const next = transport.hear(SAYS.keepalive);
    assert.ok(next !== undefined, 'the transport is told to wait');
    await clock.advance(1_000_000);
    assert.equal(session.state.state, 'established');
    fixture.room = undefined;
    makeRoom();
    await next;
    await clock.advance(90_001);
    await settled();
    assert.equal(fixture.told.at(-1), 'ended in established by us: BGP: hold timer expired');
  });

  it('does not count octets of a message that never ends', async () => {
    const { transport, clock, session } = inState('established');
    for (let i = 0; i < 18; i++) {
      await clock.advance(5_000);
      transport.hear(SAYS.keepalive.subarray(i, i + 1));
    }
    await settled();
    assert.equal(session.state.state, 'closed');
  });

  it('hears what has come while the process was held up, before it ends a session', async () => {
    const { transport, clock, session } = inState('established');
    const advanced = clock.stall(100_000);
    // The timer has run out; what lay in the socket comes with the next turn of the loop.
    for (let i = 0; i < 5; i++) await Promise.resolve();
    transport.hear(SAYS.keepalive);
    await advanced;
    await settled();
    await settled();
    assert.equal(session.state.state, 'established');
  });

  it('sends a KEEPALIVE every third of the hold time', async () => {
    const { transport, clock } = inState('established');
    for (let i = 0; i < 6; i++) {
      await clock.advance(29_999);
      assert.deepEqual(transport.take(), []);
      await clock.advance(1);
      assert.deepEqual(transport.take(), ['keepalive']);
      transport.hear(SAYS.keepalive);
    }
  });

  it('without a hold time sends none, and waits for ever', async () => {
    const fixture = new Fixture(peerConfig({ holdTime: 0 }));
    fixture.transport.hear(...handshake());
    fixture.transport.take();
    await fixture.clock.advance(10_000_000);
    await settled();
    assert.equal(fixture.session.state.state, 'established');
    assert.deepEqual(fixture.transport.take(), []);
  });

  for (const state of ['open-awaited', 'open-sent'] as const) {
    it(`waits four minutes for an OPEN: ${state}`, async () => {
      const { clock, session, transport } = inState(state);
      await clock.advance(239_999);
      await settled();
      assert.equal(session.state.state, state);
      await clock.advance(1);
      await settled();
      assert.equal(session.state.state, 'closed');
      assert.deepEqual(transport.take(), ['4/0']);
    });
  }

  it('does not wait for ever for the KEEPALIVE of a peer without a hold time', async () => {
    const fixture = new Fixture(peerConfig({ holdTime: 0 }));
    fixture.transport.hear(SAYS.open);
    await fixture.clock.advance(240_000);
    await settled();
    assert.equal(fixture.session.state.state, 'closed');
  });

  it('ends one that takes nothing for eight minutes, though it speaks', async () => {
    const { transport, clock, session } = inState('established');
    transport.unsent = 100;
    for (let i = 0; i < 16; i++) {
      await clock.advance(30_000);
      transport.hear(SAYS.keepalive);
    }
    assert.equal(session.state.state, 'closed');
    assert.equal(transport.take().at(-1), '8/0');
  });

  it('not one that has taken something meanwhile', async () => {
    const { transport, clock, session } = inState('established');
    for (let i = 0; i < 40; i++) {
      transport.unsent = i % 10 === 9 ? 0 : 100;
      await clock.advance(30_000);
      transport.hear(SAYS.keepalive);
    }
    assert.equal(session.state.state, 'established');
  });

  it('has none left once it has ended', () => {
    const { transport, clock } = inState('established');
    transport.break();
    assert.equal(clock.waiting, 0);
  });
});

describe('the length of messages', () => {
  /** An UPDATE of exactly so many octets. */
  const update = (length: number) => {
    const attributes = length - 19 - 4;
    const body = Buffer.alloc(length - 19);
    body.writeUInt16BE(attributes, 2);
    body.set([0xd0, 99], 4); // Optional, transitive, extended length; nobody knows it.
    body.writeUInt16BE(attributes - 4, 6);
    return message(2, body);
  };
  const established = (...more: Parameters<typeof peerOpen>) => {
    const fixture = new Fixture();
    fixture.transport.hear(...handshake(peerOpen(...more)));
    return fixture;
  };

  it('4096 octets, and not one more, without RFC 8654', () => {
    const { transport, session, told } = established();
    transport.hear(update(4096));
    assert.equal(told.at(-1), 'update');
    transport.hear(update(4097));
    assert.equal(session.state.state, 'closed');
    assert.equal(transport.take().at(-1), '1/2');
  });

  it('65535 octets with it', () => {
    const capabilities = [...BOTH, FOUR_OCTET, { type: 'extended-message' } as const];
    const { transport, session, told } = established({ capabilities });
    const bytes = update(65535);
    for (let at = 0; at < bytes.length; at += 1000) transport.hear(bytes.subarray(at, at + 1000));
    assert.equal(told.at(-1), 'update');
    assert.equal(session.state.state, 'established');
  });

  it('but no OPEN of so many', () => {
    const { transport, session } = new Fixture();
    const long = message(1, Buffer.alloc(5000));
    transport.hear(long);
    assert.equal(session.state.state, 'closed');
    assert.equal(transport.take().at(-1), '1/2');
  });
});

describe('what else it says', () => {
  it('answers a request for routes by a refresh of nothing, where both know of that', () => {
    const plain = inState('established');
    plain.session.answerRefresh({ type: 'route-refresh', kind: 'request', afi: 1, safi: 1 });
    assert.deepEqual(plain.transport.take(), []);
    const fixture = new Fixture();
    const known = [{ type: 'route-refresh' }, { type: 'enhanced-route-refresh' }] as const;
    const one = new Fixture();
    const ipv4 = { type: 'multiprotocol', afi: 1, safi: 1 } as const;
    one.transport.hear(...handshake(peerOpen({ capabilities: [ipv4, FOUR_OCTET, ...known] })));
    one.transport.take();
    one.session.answerRefresh({ type: 'route-refresh', kind: 'request', afi: 2, safi: 1 });
    assert.deepEqual(one.transport.take(), []);
    const capabilities = [...BOTH, FOUR_OCTET, ...known];
    fixture.transport.hear(...handshake(peerOpen({ capabilities })));
    fixture.transport.take();
    fixture.session.answerRefresh({ type: 'route-refresh', kind: 'request', afi: 2, safi: 1 });
    assert.deepEqual(fixture.transport.take(), ['refresh begin 2/1', 'refresh end 2/1']);
    // Nor of a family that was not agreed on (RFC 2918 4).
    fixture.session.answerRefresh({ type: 'route-refresh', kind: 'request', afi: 25, safi: 1 });
    fixture.session.answerRefresh({ type: 'route-refresh', kind: 'request', afi: 1, safi: 128 });
    assert.deepEqual(fixture.transport.take(), []);
    // Nor one that takes nothing: its answers would pile up.
    fixture.transport.unsent = 70_000;
    fixture.session.answerRefresh({ type: 'route-refresh', kind: 'request', afi: 2, safi: 1 });
    assert.deepEqual(fixture.transport.take(), []);
  });

  it('End-of-RIB is an UPDATE of 23 octets, or of 29 with MP_UNREACH_NLRI (RFC 4724 2)', () => {
    assert.equal(encodeEndOfRib('ipv4').toString('hex', 16), '0017020000' + '0000');
    assert.equal(encodeEndOfRib('ipv6').toString('hex', 16), '001d0200000006800f03000201');
  });
});
