import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BgpPeerConfig } from '../../../../../src/config/config.js';
import { encodeKeepalive } from '../../../../../src/source/bgp/message/encode.js';
import type { Capability } from '../../../../../src/source/bgp/message/message.js';
import { settled } from '../../fake-clock.js';
import {
  BOTH,
  ends,
  FOUR_OCTET,
  type MemoryTransport,
  notification,
  peerOpen,
  restarts,
} from '../memory-transport.js';
import { announce, PeerFixture, withdraw } from '../peer-fixture.js';

const V4 = ['10.1.0.0/16', '10.2.0.0/16'];
const V6 = ['2001:db8:1::/48'];
const ALL = [...V4, ...V6];
const NEW_V6 = ['2001:db8:2::/48'];

const with_ = (...more: readonly Capability[]) =>
  peerOpen({ capabilities: [...BOTH, FOUR_OCTET, ...more] });

function longLived(time: number, forwarding = true): Capability {
  return {
    type: 'long-lived-graceful-restart',
    families: [
      { afi: 1, safi: 1, forwarding, time },
      { afi: 2, safi: 1, forwarding, time },
    ],
  };
}

/** A session with all routes told. */
function told(open = with_(restarts(120)), change: Partial<BgpPeerConfig> = {}) {
  const fixture = new PeerFixture(change);
  const session = fixture.establish(open);
  session.hear(announce(V4), announce(V6), ...ends);
  assert.equal(fixture.offered.size, 3);
  return { fixture, session };
}

const held = ({ offered }: PeerFixture) => [...offered.keys()].sort();

describe('which end of a session its routes survive', () => {
  const hold = async (fixture: PeerFixture) => {
    for (let i = 0; i < 3; i++) await fixture.clock.advance(30_000);
    await settled();
  };
  const hardReset = Buffer.from([6, 2]);
  type End = (session: MemoryTransport, fixture: PeerFixture) => void | Promise<void>;
  const lost: End = (session) => session.break();
  const ceased: End = (session) => session.hear(notification(6, 2));
  const reset: End = (session) => session.hear(notification(6, 9, hardReset));
  const silent: End = (_session, fixture) => hold(fixture);
  const wrong: End = (session) => session.hear(Buffer.alloc(19));
  const rows: readonly [string, Capability | undefined, End, boolean][] = [
    ['nothing was promised', undefined, lost, false],
    ['the connection is lost', restarts(120), lost, true],
    ['a NOTIFICATION', restarts(120), ceased, false],
    ['a NOTIFICATION, by RFC 8538', restarts(120, { notification: true }), ceased, true],
    ['a hard reset', restarts(120, { notification: true }), reset, false],
    ['the hold timer', restarts(120), silent, false],
    ['the hold timer, by RFC 8538', restarts(120, { notification: true }), silent, true],
    ['a fault of its own', restarts(120), wrong, false],
    ['no time to restart in', restarts(0), lost, false],
    ['no families', { ...restarts(120), families: [] } as Capability, lost, false],
  ];
  for (const [name, capability, end, survive] of rows) {
    it(`${name}: ${survive ? 'kept' : 'gone'}`, async () => {
      const { fixture, session } = told(capability === undefined ? with_() : with_(capability));
      await end(session, fixture);
      assert.deepEqual(held(fixture), survive ? ALL : []);
      assert.equal(fixture.peer.keeps, survive);
      assert.match(fixture.told.at(-1) ?? '', survive ? /^lost, kept: / : /^lost: /);
    });
  }

  it('only the families that were promised', () => {
    const capability = { ...restarts(120), families: [{ afi: 2, safi: 1, forwarding: false }] };
    const { fixture, session } = told(with_(capability as Capability));
    session.break();
    assert.deepEqual(held(fixture), V6);
  });
});

describe('how long they survive', () => {
  it('the time that the peer asked for', async () => {
    const { fixture, session } = told();
    session.break();
    await fixture.clock.advance(119_999);
    assert.deepEqual(held(fixture), ALL);
    await fixture.clock.advance(1);
    assert.deepEqual(held(fixture), []);
  });

  it('and no longer than we allow', async () => {
    const gracefulRestart = { restartTime: 5_000, staleTime: 1, longLivedTime: 0 };
    const { fixture, session } = told(with_(restarts(120)), { gracefulRestart });
    session.break();
    await fixture.clock.advance(5_000);
    assert.deepEqual(held(fixture), []);
  });

  it('not at all where we allow none', () => {
    const gracefulRestart = { restartTime: 0, staleTime: 1, longLivedTime: 0 };
    const { fixture, session } = told(with_(restarts(120)), { gracefulRestart });
    session.break();
    assert.deepEqual(held(fixture), []);
  });
});

describe('a peer that is back', () => {
  async function back(open = with_(restarts(120))) {
    const { fixture, session } = told();
    session.break();
    await fixture.clock.advance(10_000);
    const emitted = fixture.emitted;
    return { fixture, session: fixture.establish(open), emitted };
  }

  it('repeats all: nobody is told anything', async () => {
    const { fixture, session, emitted } = await back();
    session.hear(announce(V4), announce(V6), ...ends);
    assert.deepEqual(held(fixture), ALL);
    assert.equal(fixture.emitted, emitted);
  });

  it('does not repeat all: the rest goes with End-of-RIB, family by family', async () => {
    const { fixture, session } = await back();
    session.hear(announce(V4.slice(1)));
    assert.deepEqual(held(fixture), ALL);
    session.hear(ends[0] as Buffer);
    assert.deepEqual(held(fixture), [...V4.slice(1), ...V6]);
    session.hear(ends[1] as Buffer);
    assert.deepEqual(held(fixture), V4.slice(1));
  });

  it('tells other routes: each takes the place of the old one at once', async () => {
    const { fixture, session } = await back();
    session.hear(announce(V4.slice(0, 1), { nextHop: '10.9.0.9' }));
    assert.equal(fixture.offered.get(V4[0] as string), '10.9.0.9');
    session.hear(withdraw(V4.slice(1)), ...ends);
    assert.deepEqual([...fixture.offered], [[V4[0], '10.9.0.9']]);
  });

  it('without End-of-RIB the rest goes when the time for it is over', async () => {
    const { fixture, session } = await back();
    session.hear(announce(V4));
    for (let i = 0; i < 12; i++) {
      assert.deepEqual(held(fixture), ALL);
      await fixture.clock.advance(30_000);
      session.hear(encodeKeepalive());
    }
    assert.deepEqual(held(fixture), V4);
  });

  const rows: readonly [string, Parameters<typeof peerOpen>[0]][] = [
    [
      'without its forwarding state',
      { capabilities: [...BOTH, restarts(120, { forwarding: false })] },
    ],
    ['without graceful restart', { capabilities: [...BOTH] }],
    [
      'without the families',
      { capabilities: [...BOTH, { ...restarts(120), families: [] } as Capability] },
    ],
  ];
  for (const [name, change] of rows) {
    it(`${name}: what it had goes at once`, async () => {
      const { fixture } = await back(peerOpen(change));
      assert.deepEqual(held(fixture), []);
    });
  }

  it('and gone again before it repeated all: what was stale goes (RFC 4724 4.2)', async () => {
    const { fixture, session } = await back();
    session.hear(announce(V4.slice(0, 1)));
    session.break();
    assert.deepEqual(held(fixture), V4.slice(0, 1));
  });

  it('keeps the age of what it repeats', async () => {
    const { fixture, session } = await back();
    session.hear(announce(V4.slice(0, 1)), announce(V4.slice(1), { med: 7 }));
    fixture.routes.beginFeed();
    const now = fixture.clock.now();
    const ages = V4.map((text) => now - (fixture.pathOf(text).receivedAt ?? 0));
    assert.deepEqual(ages, [10_000, 0]);
  });
});

describe('long-lived graceful restart (RFC 9494)', () => {
  const gracefulRestart = { restartTime: 600_000, staleTime: 360_000, longLivedTime: 3_600_000 };
  const STALE = ' 65535:6';

  async function stale(open = with_(restarts(120), longLived(1000))) {
    const { fixture, session } = told(open, { gracefulRestart });
    session.break();
    await fixture.clock.advance(120_000);
    return fixture;
  }

  it('after the time to restart in, routes are marked as a last resort', async () => {
    const fixture = await stale();
    assert.deepEqual(held(fixture), ALL);
    assert.equal(fixture.offered.get(V4[0] as string), `10.9.0.2${STALE}`);
    assert.ok(fixture.peer.keeps);
  });

  it('and go after the time for that', async () => {
    const fixture = await stale();
    await fixture.clock.advance(999_999);
    assert.deepEqual(held(fixture), ALL);
    await fixture.clock.advance(1);
    assert.deepEqual(held(fixture), []);
    assert.equal(fixture.peer.keeps, false);
  });

  it('or after the time that we allow', async () => {
    const fixture = await stale(with_(restarts(120), longLived(100_000)));
    await fixture.clock.advance(3_600_000);
    assert.deepEqual(held(fixture), []);
  });

  it('at once where there is no time to restart in', () => {
    const { fixture, session } = told(with_(restarts(0), longLived(1000)), { gracefulRestart });
    session.break();
    assert.equal(fixture.offered.get(V4[0] as string), `10.9.0.2${STALE}`);
  });

  it('not those that say NO_LLGR; one that is marked already stays as it is', async () => {
    const { fixture, session } = told(with_(restarts(120), longLived(1000)), { gracefulRestart });
    session.hear(
      announce(V4.slice(0, 1), { communities: ['65535:7'] }),
      announce(V4.slice(1), { communities: ['65535:6'] }),
    );
    session.break();
    await fixture.clock.advance(120_000);
    assert.deepEqual(held(fixture), [...V4.slice(1), ...V6]);
    assert.equal(fixture.offered.get(V4[1] as string), `10.9.0.2${STALE}`);
  });

  it('a peer that is back takes the mark off what it repeats, and the rest goes', async () => {
    const fixture = await stale();
    const session = fixture.establish(with_(restarts(120), longLived(1000)));
    session.hear(announce(V4.slice(0, 1)));
    assert.equal(fixture.offered.get(V4[0] as string), '10.9.0.2');
    assert.equal(fixture.offered.get(V4[1] as string), `10.9.0.2${STALE}`);
    session.hear(...ends);
    assert.deepEqual(held(fixture), V4.slice(0, 1));
  });

  it('what it had goes at once where it is back without its forwarding state', async () => {
    const fixture = await stale();
    fixture.establish(with_(restarts(120), longLived(1000, false)));
    assert.deepEqual(held(fixture), []);
  });

  const again = with_(restarts(120), longLived(1000));

  it('a peer that is back and gone before it repeated all loses nothing by it, nor wins time', async () => {
    const fixture = await stale();
    await fixture.clock.advance(500_000);
    const session = fixture.establish(again);
    session.hear(announce(V4.slice(0, 1)));
    session.break();
    assert.deepEqual(held(fixture), ALL);
    await fixture.clock.advance(120_000);
    assert.equal(fixture.offered.get(V4[0] as string), `10.9.0.2${STALE}`);
    await fixture.clock.advance(379_999);
    assert.deepEqual(held(fixture), ALL);
    await fixture.clock.advance(1);
    assert.deepEqual(held(fixture), []);
    assert.equal(fixture.clock.waiting, 0);
  });

  it('again and again, too: the time of a last resort runs from the first loss', async () => {
    const fixture = await stale();
    for (let i = 0; i < 3; i++) {
      await fixture.clock.advance(300_000);
      fixture.establish(again).break();
      assert.deepEqual(held(fixture), ALL, `loss ${i}`);
      // So that its sessions are none that flap, and the time to restart in does not end.
      await fixture.clock.advance(20_000);
    }
    await fixture.clock.advance(40_000 - 1);
    assert.deepEqual(held(fixture), ALL);
    await fixture.clock.advance(1);
    assert.deepEqual(held(fixture), []);
  });

  it('what was a last resort goes in its time while the peer is waited for, what it repeated stays', async () => {
    const fixture = await stale();
    await fixture.clock.advance(950_000);
    const session = fixture.establish(again);
    session.hear(announce(V4.slice(0, 1)));
    session.break();
    await fixture.clock.advance(50_000);
    assert.deepEqual(held(fixture), V4.slice(0, 1));
    assert.equal(fixture.offered.get(V4[0] as string), '10.9.0.2');
    await fixture.clock.advance(70_000);
    assert.equal(fixture.offered.get(V4[0] as string), `10.9.0.2${STALE}`);
    await fixture.clock.advance(1_000_000);
    assert.deepEqual(held(fixture), []);
  });

  it('nor where there is no time to restart in', async () => {
    const open = with_(restarts(0), longLived(1000));
    const { fixture, session } = told(open, { gracefulRestart });
    session.break();
    await fixture.clock.advance(600_000);
    fixture.establish(open).break();
    await fixture.clock.advance(399_999);
    assert.deepEqual(held(fixture), ALL);
    await fixture.clock.advance(1);
    assert.deepEqual(held(fixture), []);
  });

  it('and at once where its time was over when the peer went again', async () => {
    const fixture = await stale();
    await fixture.clock.advance(900_000);
    const session = fixture.establish(again);
    session.hear(announce(V4.slice(0, 1)));
    for (let i = 0; i < 3; i++) {
      await fixture.clock.advance(50_000);
      session.hear(encodeKeepalive());
    }
    assert.deepEqual(held(fixture), ALL, 'it may repeat them still');
    session.break();
    assert.deepEqual(held(fixture), V4.slice(0, 1));
  });

  it('once it has repeated all, the next loss has all the time again', async () => {
    const fixture = await stale();
    await fixture.clock.advance(900_000);
    const session = fixture.establish(again);
    session.hear(announce(V4.slice(0, 1)), ...ends);
    session.break();
    await fixture.clock.advance(120_000);
    await fixture.clock.advance(999_999);
    assert.deepEqual(held(fixture), V4.slice(0, 1));
    await fixture.clock.advance(1);
    assert.deepEqual(held(fixture), []);
  });

  it('is not ours where we do not offer it', async () => {
    const { fixture, session } = told(with_(restarts(120), longLived(1000)));
    session.break();
    await fixture.clock.advance(120_000);
    assert.deepEqual(held(fixture), []);
  });

  it('shares one set of attributes among the paths that it marks', async () => {
    const fixture = await stale();
    const [one, other] = V4.map((text) => fixture.pathOf(text));
    assert.equal(one, other);
    assert.deepEqual(one?.attributes.communities, [0xffff0006]);
  });
});

describe('a feed', () => {
  it('is held for, whatever ended its session', async () => {
    for (const end of [notification(6, 2), Buffer.alloc(19)]) {
      const { fixture, session } = told(with_(), { role: 'feed' });
      session.hear(end);
      assert.deepEqual(held(fixture), ALL);
      assert.match(fixture.told.at(-1) ?? '', /^lost, kept: /);
      await fixture.clock.advance(119_999);
      assert.deepEqual(held(fixture), ALL);
      await fixture.clock.advance(1);
      assert.deepEqual(held(fixture), []);
    }
  });

  it('that is back is marked and swept, whatever it says of its forwarding state', async () => {
    const { fixture, session } = told(with_(), { role: 'feed' });
    session.break();
    await fixture.clock.advance(10_000);
    const again = fixture.establish(with_(restarts(0, { forwarding: false })));
    assert.deepEqual(held(fixture), ALL);
    again.hear(announce(V4.slice(0, 1)), announce(NEW_V6), ...ends);
    assert.deepEqual(held(fixture), [...V4.slice(0, 1), ...NEW_V6]);
  });

  it('that is back and gone again before it repeated all loses nothing by it', async () => {
    const { fixture, session } = told(with_(), { role: 'feed' });
    session.break();
    await fixture.clock.advance(10_000);
    const again = fixture.establish(with_(restarts(0)));
    again.hear(announce(V4.slice(0, 1)));
    again.break();
    assert.deepEqual(held(fixture), ALL);
  });

  const missing = ({ peer }: PeerFixture) => [peer.waitingFor('ipv4'), peer.waitingFor('ipv6')];
  const away = 'peer 10.9.0.2 to establish (ECONNRESET)';

  it('that had told all is not waited for while it is held', async () => {
    const { fixture, session } = told(with_(), { role: 'feed' });
    session.break();
    assert.deepEqual(missing(fixture), [undefined, undefined]);
    fixture.establish(with_(restarts(0))).break();
    assert.deepEqual(missing(fixture), [undefined, undefined], 'nothing has gone');
    await fixture.clock.advance(120_000);
    assert.deepEqual(missing(fixture), [away, away]);
  });

  it('of which something was dropped before it repeated all is waited for', async () => {
    const { fixture, session } = told(with_(), { role: 'feed', holdTime: 0 });
    session.break();
    const again = fixture.establish(with_(restarts(0)));
    await fixture.clock.advance(360_000);
    assert.deepEqual(held(fixture), []);
    again.break();
    assert.deepEqual(missing(fixture), [away, away]);
  });

  it('that had told half of its first table is waited for', () => {
    const fixture = new PeerFixture({ role: 'feed' });
    const session = fixture.establish(with_(restarts(0)));
    session.hear(announce(V4), ...ends.slice(0, 1));
    session.break();
    assert.deepEqual(missing(fixture), [undefined, away]);
  });

  it('has told all of a family that was not agreed on; and nothing, once it is', () => {
    const fixture = new PeerFixture({ role: 'feed' });
    const one = peerOpen({ capabilities: [...BOTH.slice(0, 1), FOUR_OCTET, restarts(0)] });
    const session = fixture.establish(one);
    session.hear(announce(V4), ...ends.slice(0, 1));
    session.break();
    assert.deepEqual(missing(fixture), [undefined, undefined]);
    const again = fixture.establish(with_(restarts(0)));
    again.hear(announce(V6));
    again.break();
    assert.deepEqual(missing(fixture), [undefined, away]);
  });

  it('that promises no End-of-RIB is swept once it is silent', async () => {
    const { fixture, session } = told(with_(), { role: 'feed' });
    session.break();
    await fixture.clock.advance(10_000);
    const again = fixture.establish(with_());
    again.hear(announce(V4), announce(NEW_V6));
    for (let i = 0; i < 8; i++) await fixture.clock.advance(250);
    assert.deepEqual(held(fixture), [...V4, ...NEW_V6]);
  });
});

describe('until when they are held, for people', () => {
  const left = ({ peer, clock }: PeerFixture) => {
    const { heldUntil } = peer.status();
    return typeof heldUntil === 'number' ? heldUntil - clock.now() : heldUntil;
  };

  it('of a router: its restart time, then the long-lived one, then no more', async () => {
    const gracefulRestart = { restartTime: 600_000, staleTime: 1, longLivedTime: 3_600_000 };
    const open = with_(restarts(120), longLived(3_600));
    const { fixture, session } = told(open, { gracefulRestart });
    assert.equal(left(fixture), undefined);
    session.break();
    assert.equal(left(fixture), 3_720_000);
    await fixture.clock.advance(20_000);
    assert.equal(left(fixture), 3_700_000);
    await fixture.clock.advance(100_000);
    assert.equal(left(fixture), 3_600_000);
    const back = fixture.establish(open);
    assert.equal(left(fixture), undefined);
    back.break();
  });

  it('of a feed: hold; nothing of one that had told nothing, or whose routes are gone', async () => {
    const { fixture, session } = told(undefined, { role: 'feed' });
    session.break();
    assert.equal(left(fixture), 120_000);
    assert.equal(fixture.peer.status().role, 'feed');
    await fixture.clock.advance(120_000);
    assert.equal(left(fixture), undefined);
    const empty = new PeerFixture({ role: 'feed' });
    empty.establish().break();
    assert.equal(left(empty), undefined);
  });

  it('and for ever', () => {
    const fixture = new PeerFixture({ role: 'feed' }, undefined, Number.POSITIVE_INFINITY);
    const session = fixture.establish();
    session.hear(announce(V4));
    session.break();
    assert.equal(left(fixture), null);
  });
});

describe('a router id, for people', () => {
  it('is what the peer must have, or has said', () => {
    const fixture = new PeerFixture();
    assert.equal(fixture.peer.status().routerId, undefined);
    fixture.establish().break();
    assert.equal(fixture.peer.status().routerId, '10.255.0.2');
    assert.equal(new PeerFixture({ routerId: 1 }).peer.status().routerId, '0.0.0.1');
  });
});
