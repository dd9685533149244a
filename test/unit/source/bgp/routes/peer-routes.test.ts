import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BgpRole } from '../../../../../src/config/config.js';
import { asPathLength, asPathText } from '../../../../../src/rib/path.js';
import {
  encodeKeepalive,
  encodeRouteRefresh,
} from '../../../../../src/source/bgp/message/encode.js';
import { isLeak } from '../../../../../src/source/bgp/routes/eligibility.js';
import { announcement, type FeedAttributes, message } from '../../../../support/bgp-wire.js';
import { BOTH, ends, FOUR_OCTET, peerOpen, restarts } from '../memory-transport.js';
import { announce, PeerFixture, withdraw } from '../peer-fixture.js';

const V4 = ['10.1.0.0/16', '10.2.0.0/16'];
const V6 = ['2001:db8:1::/48'];
const held = ({ offered }: PeerFixture) => [...offered.keys()].sort();

describe('when a peer has told all it has', () => {
  const capabilities = [...BOTH, FOUR_OCTET, restarts(0)];
  const waiting = ({ peer }: PeerFixture) => peer.waitingFor('ipv4');

  it('at End-of-RIB, of one that promises it', async () => {
    const fixture = new PeerFixture({ holdTime: 0 });
    assert.equal(waiting(fixture), 'peer 10.9.0.2 to establish');
    const session = fixture.establish(peerOpen({ capabilities }));
    await fixture.clock.advance(300_000);
    assert.equal(waiting(fixture), 'End-of-RIB of 10.9.0.2 ipv4');
    session.hear(ends[1] as Buffer);
    assert.equal(waiting(fixture), 'End-of-RIB of 10.9.0.2 ipv4');
    session.hear(ends[0] as Buffer);
    assert.equal(waiting(fixture), undefined);
  });

  const silence = async (fixture: PeerFixture, ms: number) => {
    for (let past = 0; past < ms; past += 250) await fixture.clock.advance(250);
  };

  it('of one that does not, after two seconds of silence', async () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(V4));
    await silence(fixture, 1_750);
    session.hear(announce(V6));
    await silence(fixture, 1_750);
    assert.equal(waiting(fixture), 'the updates of 10.9.0.2 to end');
    await silence(fixture, 250);
    assert.equal(waiting(fixture), undefined);
  });

  it('after five where it has said nothing at all', async () => {
    const fixture = new PeerFixture();
    fixture.establish();
    await silence(fixture, 4_750);
    assert.notEqual(waiting(fixture), undefined);
    await silence(fixture, 250);
    assert.equal(waiting(fixture), undefined);
  });

  it('never of a feed that has said nothing: it may not have met its own peers', async () => {
    const fixture = new PeerFixture({ role: 'feed', holdTime: 0 });
    fixture.establish();
    await silence(fixture, 120_000);
    assert.equal(waiting(fixture), 'the first route of 10.9.0.2');
  });

  it('not at End-of-RIB of a feed without a route: it may not have met its own peers', async () => {
    const fixture = new PeerFixture({ role: 'feed', holdTime: 0 });
    const session = fixture.establish(peerOpen({ capabilities }));
    session.hear(...ends);
    await silence(fixture, 120_000);
    assert.equal(waiting(fixture), 'the first route of 10.9.0.2: its End-of-RIB came without any');
    // It has met one: what it tells now has no mark at its end, but silence.
    session.hear(announce(V4));
    await silence(fixture, 1_750);
    assert.equal(waiting(fixture), 'the updates of 10.9.0.2 to end');
    session.hear(announce(V4.slice(1), { med: 7 }));
    await silence(fixture, 1_750);
    assert.equal(waiting(fixture), 'the updates of 10.9.0.2 to end');
    await silence(fixture, 250);
    assert.equal(waiting(fixture), undefined);
    assert.equal(fixture.peer.waitingFor('ipv6'), undefined);
  });

  it('at once at End-of-RIB of a feed that has told a route, of the other family too', () => {
    const fixture = new PeerFixture({ role: 'feed', holdTime: 0 });
    const session = fixture.establish(peerOpen({ capabilities }));
    session.hear(announce(V4), ...ends);
    assert.equal(waiting(fixture), undefined);
    assert.equal(fixture.peer.waitingFor('ipv6'), undefined);
  });

  it('a withdrawal, or a route that is not taken, is not the first route of a feed', async () => {
    const fixture = new PeerFixture({ role: 'feed', holdTime: 0, bgpRole: 'peer' });
    const session = fixture.establish(peerOpen({ capabilities }));
    session.hear(withdraw(V4), withOtc('10.1.0.0/16', 65009), ...ends);
    await silence(fixture, 10_000);
    assert.equal(fixture.offered.size, 0);
    assert.equal(waiting(fixture), 'the first route of 10.9.0.2: its End-of-RIB came without any');
  });

  const restarted = (promised: boolean) => {
    const fixture = new PeerFixture({ role: 'feed', holdTime: 0 });
    const open = peerOpen(promised ? { capabilities } : {});
    const session = fixture.establish(open);
    session.hear(announce(V4), announce(V6), ...ends);
    session.break();
    return { fixture, again: fixture.establish(open) };
  };

  it('not at End-of-RIB of a family that a feed had routes of, and has none now', async () => {
    const { fixture, again } = restarted(true);
    // Its IPv4 upstream is back, its IPv6 one is not.
    again.hear(announce(V4), withdraw(V6), ...ends);
    assert.equal(waiting(fixture), undefined);
    const missing = 'the first ipv6 route of 10.9.0.2: its End-of-RIB came without any';
    assert.equal(fixture.peer.waitingFor('ipv6'), missing);
    for (let i = 0; i < 30; i++) {
      again.hear(announce(V4, { med: i }));
      await silence(fixture, 4_000);
      assert.equal(fixture.peer.waitingFor('ipv6'), missing);
    }
    again.hear(announce(['2001:db8:2::/48']));
    await silence(fixture, 1_750);
    assert.equal(fixture.peer.waitingFor('ipv6'), 'the updates of 10.9.0.2 to end');
    assert.deepEqual(held(fixture), [...V4, '2001:db8:2::/48'], 'V6 was taken back');
    await silence(fixture, 250);
    assert.equal(fixture.peer.waitingFor('ipv6'), undefined);
  });

  it('what that family had stays meanwhile', async () => {
    const { fixture, again } = restarted(true);
    again.hear(announce(V4.slice(1)), ...ends);
    await silence(fixture, 120_000);
    assert.deepEqual(held(fixture), [...V4.slice(1), ...V6]);
  });

  it('nor by silence, where it does not promise End-of-RIB', async () => {
    const { fixture, again } = restarted(false);
    again.hear(announce(V4));
    await silence(fixture, 10_000);
    assert.equal(waiting(fixture), undefined);
    assert.equal(fixture.peer.waitingFor('ipv6'), 'the first ipv6 route of 10.9.0.2');
    assert.deepEqual(held(fixture), [...V4, ...V6]);
  });

  it('a family in its first table for a minute is settled, whatever the other one did', async () => {
    const { fixture, again } = restarted(true);
    again.hear(...ends, announce(V4));
    await silence(fixture, 59_000);
    let past = 0;
    for (; fixture.peer.waitingFor('ipv6') !== undefined && past < 100; past++) {
      again.hear(announce(V6, { med: past }));
      await silence(fixture, 1_000);
    }
    assert.equal(past, 60);
  });

  it('an early End-of-RIB of a feed is forgotten with its session', async () => {
    const fixture = new PeerFixture({ role: 'feed', holdTime: 0 });
    const session = fixture.establish(peerOpen({ capabilities }));
    session.hear(...ends);
    session.break('gone');
    await fixture.clock.advance(1_000);
    const again = fixture.establish(peerOpen({ capabilities }));
    again.hear(announce(V4));
    await silence(fixture, 10_000);
    assert.equal(waiting(fixture), 'End-of-RIB of 10.9.0.2 ipv4');
  });

  it('after a minute where it is never silent', async () => {
    const fixture = new PeerFixture({ holdTime: 0 });
    const session = fixture.establish();
    for (let i = 0; i < 60; i++) {
      assert.notEqual(waiting(fixture), undefined);
      session.hear(announce(V4, { med: i }));
      await silence(fixture, 1_000);
    }
    assert.equal(waiting(fixture), undefined);
  });

  it('at End-of-RIB too, of one that had not promised it', () => {
    const fixture = new PeerFixture();
    fixture.establish().hear(...ends);
    assert.equal(waiting(fixture), undefined);
  });

  it('a family that it does not speak is not waited for', () => {
    const fixture = new PeerFixture({ families: ['ipv6'] });
    assert.equal(waiting(fixture), undefined);
  });

  it('and again in the next session', async () => {
    const fixture = new PeerFixture();
    const session = fixture.establish(peerOpen({ capabilities }));
    session.hear(...ends);
    session.break('gone');
    assert.equal(waiting(fixture), 'peer 10.9.0.2 to establish (gone)');
    await fixture.clock.advance(1_000);
    fixture.establish(peerOpen({ capabilities }));
    assert.equal(waiting(fixture), 'End-of-RIB of 10.9.0.2 ipv4');
  });
});

describe('enhanced route refresh (RFC 7313)', () => {
  const known = [{ type: 'route-refresh' }, { type: 'enhanced-route-refresh' }] as const;
  const refresh = (kind: 'begin' | 'end', afi: number) =>
    encodeRouteRefresh({ kind, afi, safi: 1 });

  function told(capabilities: Parameters<typeof peerOpen>[0] = {}) {
    const fixture = new PeerFixture();
    const session = fixture.establish(
      peerOpen({ capabilities: [...BOTH, FOUR_OCTET, ...known], ...capabilities }),
    );
    session.hear(announce(V4), announce(V6), ...ends);
    return { fixture, session };
  }

  it('what is not repeated between beginning and end goes, of that family alone', () => {
    const { fixture, session } = told();
    session.hear(refresh('begin', 1), announce(V4.slice(1)));
    assert.deepEqual(held(fixture), [...V4, ...V6]);
    session.hear(refresh('end', 1));
    assert.deepEqual(held(fixture), [...V4.slice(1), ...V6]);
  });

  it('what is told first within it stays', () => {
    const { fixture, session } = told();
    session.hear(refresh('begin', 1), announce(V4), announce(['10.3.0.0/16']), refresh('end', 1));
    assert.deepEqual(held(fixture), [...V4, '10.3.0.0/16', ...V6]);
  });

  it('an end without a beginning does nothing; nor does one of another family', () => {
    const { fixture, session } = told();
    session.hear(refresh('end', 1), refresh('begin', 1), refresh('end', 2));
    assert.deepEqual(held(fixture), [...V4, ...V6]);
  });

  it('without an end what was not repeated goes when the time for it is over', async () => {
    const { fixture, session } = told();
    session.hear(refresh('begin', 1), announce(V4.slice(1)));
    for (let i = 0; i < 12; i++) {
      assert.deepEqual(held(fixture), [...V4, ...V6]);
      await fixture.clock.advance(30_000);
      session.hear(encodeKeepalive());
    }
    assert.deepEqual(held(fixture), [...V4.slice(1), ...V6]);
  });

  it('not before the first table has been told, nor of one who never offered it', () => {
    const early = new PeerFixture();
    const capabilities = [...BOTH, FOUR_OCTET, ...known];
    const session = early.establish(peerOpen({ capabilities }));
    session.hear(announce(V4), refresh('begin', 1), refresh('end', 1));
    assert.deepEqual(held(early), V4);
    const { fixture, session: plain } = told({ capabilities: [...BOTH, FOUR_OCTET] });
    plain.hear(refresh('begin', 1), refresh('end', 1));
    assert.deepEqual(held(fixture), [...V4, ...V6]);
  });

  it('ends with the session', async () => {
    const { fixture, session } = told();
    session.hear(refresh('begin', 1));
    session.break();
    await fixture.clock.advance(2_000);
    assert.equal(fixture.clock.waiting, 0);
  });

  it('a request for our routes is answered by none', () => {
    const { session } = told();
    session.take();
    session.hear(encodeRouteRefresh({ kind: 'request', afi: 1, safi: 1 }));
    assert.deepEqual(session.take(), ['refresh begin 1/1', 'refresh end 1/1']);
  });
});

describe('routes that are leaked (RFC 9234)', () => {
  const PEER = 65001;
  const rows: readonly [BgpRole, number, boolean][] = [
    ['provider', PEER, true],
    ['provider', 65009, true],
    ['rs', PEER, true],
    ['peer', PEER, false],
    ['peer', 65009, true],
    ['customer', 65009, false],
    ['rs-client', 65009, false],
  ];
  for (const [role, otc, leak] of rows) {
    it(`we are ${role}, marked by AS ${otc}: ${leak ? 'refused' : 'taken'}`, () => {
      assert.equal(isLeak(role, PEER, otc), leak);
    });
  }

  it('are as if they had been withdrawn, and told of', () => {
    const fixture = new PeerFixture({ bgpRole: 'peer' });
    const session = fixture.establish();
    session.hear(withOtc('10.1.0.0/16', 65001), announce(['10.2.0.0/16']));
    assert.deepEqual(held(fixture), V4);
    session.hear(withOtc('10.1.0.0/16', 65009));
    assert.deepEqual(held(fixture), ['10.2.0.0/16']);
    assert.match(fixture.told.at(-1) ?? '', /route leak/);
  });

  it('where we have no role nothing is leaked', () => {
    const fixture = new PeerFixture();
    fixture.establish().hear(withOtc('10.1.0.0/16', 65009));
    assert.deepEqual(held(fixture), ['10.1.0.0/16']);
  });
});

describe('routes that come back to where they have been', () => {
  const internal = (attributes: Partial<FeedAttributes>, prefix = '10.1.0.0/16') =>
    Buffer.concat(
      announcement(
        'ipv4',
        [prefix],
        { nextHop: '10.9.0.2', ...attributes },
        { localAs: 65000, internal: true },
      ),
    );
  const own = peerOpen({
    as: 65000,
    capabilities: [...BOTH, { type: 'four-octet-as', as: 65000 }],
  });
  const AS_LOOP = 'refused: our own AS number is in the path (allowOwnAs)';

  it('with our AS number in their path are not taken, and told of once a session', () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(V4));
    session.hear(announce(V4.slice(0, 1), { asPath: [65000] }));
    session.hear(announce(['10.3.0.0/16'], { asPath: [65002, [65003, 65000]] }));
    assert.deepEqual(held(fixture), V4.slice(1), 'what was told before is gone');
    assert.deepEqual(fixture.told, ['established', AS_LOOP]);
    assert.deepEqual(fixture.peer.status().received, { ipv4: 1, ipv6: 0 });
    session.hear(announce(V4.slice(0, 1), { asPath: [65002] }));
    assert.deepEqual(held(fixture), V4);
  });

  for (const [allowOwnAs, taken] of [
    [0, 0],
    [1, 1],
    [2, 2],
    [Number.POSITIVE_INFINITY, 3],
  ] as const) {
    it(`may have it ${allowOwnAs} times: of one, two and three times ${taken} are taken`, () => {
      const fixture = new PeerFixture({ allowOwnAs });
      const session = fixture.establish();
      for (const times of [1, 2, 3]) {
        session.hear(announce([`10.${times}.0.0/16`], { asPath: new Array(times).fill(65000) }));
      }
      assert.equal(fixture.offered.size, taken);
    });
  }

  it('that we have originated, as a reflector says, are not taken (RFC 4456 8)', () => {
    for (const role of ['neighbour', 'feed'] as const) {
      const fixture = new PeerFixture({ as: 65000, role });
      const session = fixture.establish(own);
      session.hear(
        internal({ originatorId: '10.255.0.1', clusterList: ['10.255.0.2'] }),
        internal({ originatorId: '10.255.0.9', clusterList: ['10.255.0.2'] }, '10.2.0.0/16'),
      );
      assert.deepEqual(held(fixture), V4.slice(1));
      assert.equal(fixture.told.at(-1), 'refused: its originator has our own router id');
    }
  });
});

describe('a peer of our confederation (RFC 5065)', () => {
  /** AS_PATH (65001) 64999, LOCAL_PREF 300. */
  const attributes = [
    ...[0x40, 1, 1, 0],
    ...[0x40, 2, 12, 3, 1, 0, 0, 0xfd, 0xe9, 2, 1, 0, 0, 0xfd, 0xe7],
    ...[0x40, 3, 4, 10, 9, 0, 2],
    ...[0x40, 5, 4, 0, 0, 1, 44],
  ];
  const route = message(2, Buffer.from([0, 0, 0, attributes.length, ...attributes, 16, 10, 1]));

  it('has its segments and its LOCAL_PREF; the path counts one AS', () => {
    const fixture = new PeerFixture({ confederation: true });
    fixture.establish().hear(route);
    const { attributes: heard, session } = fixture.pathOf('10.1.0.0/16');
    assert.equal(session.type, 'confederation');
    assert.equal(asPathText(heard), '(65001) 64999');
    assert.equal(asPathLength(heard), 1);
    assert.equal(heard.localPref, 300);
    assert.deepEqual(fixture.told, ['established']);
  });

  it('an external one may not: its route is as if it had been withdrawn', () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(['10.1.0.0/16']), route);
    assert.equal(fixture.offered.size, 0);
    assert.equal(fixture.state, 'established');
    assert.ok(fixture.told.includes('AS_PATH: confederation segment of an external peer'));
  });

  it('our own member AS in its segments is a loop', () => {
    const fixture = new PeerFixture({ confederation: true });
    const looped = Buffer.from(route);
    // 65001 of the segment becomes 65000.
    looped[looped.indexOf(Buffer.from([3, 1, 0, 0, 0xfd, 0xe9])) + 5] = 0xe8;
    fixture.establish().hear(looped);
    assert.equal(fixture.offered.size, 0);
    assert.match(fixture.told.at(-1) ?? '', /our own AS number/);
  });
});

describe('what a peer is known to have told', () => {
  it('counts prefixes of each family; none are left once it is gone', () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(V4), announce(V6));
    assert.deepEqual(fixture.peer.status().received, { ipv4: 2, ipv6: 1 });
    session.hear(withdraw(V4.slice(1)));
    assert.deepEqual(fixture.peer.status().received, { ipv4: 1, ipv6: 1 });
    session.break();
    assert.deepEqual(fixture.peer.status().received, { ipv4: 0, ipv6: 0 });
    assert.equal(fixture.offered.size, 0);
  });

  it('a fault in an UPDATE costs its routes, not the session', () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(V4));
    const broken = announce(V4.slice(0, 1));
    // ORIGIN is the first attribute: 40 01 01 00.
    broken[19 + 4 + 3] = 9;
    session.hear(broken);
    assert.equal(fixture.state, 'established');
    assert.deepEqual(held(fixture), V4.slice(1));
    assert.match(fixture.told.at(-1) ?? '', /ORIGIN/);
  });
});

/** The announcement with OTC (RFC 9234 5, type 35) behind its attributes. */
function withOtc(prefix: string, as: number): Buffer {
  const plain = announce([prefix]);
  const at = 19 + 2;
  const length = plain.readUInt16BE(at);
  const otc = Buffer.from([0xc0, 35, 4, 0, 0, 0, 0]);
  otc.writeUInt32BE(as, 3);
  const body = Buffer.concat([
    plain.subarray(19, at + 2 + length),
    otc,
    plain.subarray(at + 2 + length),
  ]);
  body.writeUInt16BE(length + otc.length, 2);
  return message(2, body);
}
