import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CEASE,
  ERROR_CODE,
  sessionError,
} from '../../../../../src/source/bgp/message/error-code.js';
import { notification, peerOpen } from '../memory-transport.js';
import { announce, PeerFixture, withdraw } from '../peer-fixture.js';

const PREFIXES = Array.from({ length: 1000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);

function feed() {
  const fixture = new PeerFixture({ role: 'feed', holdTime: 0 });
  const session = fixture.establish(peerOpen({ holdTime: 0 }));
  session.hear(announce(PREFIXES));
  assert.equal(fixture.offered.size, 1000);
  return { fixture, session };
}

describe('withdrawals of a feed', () => {
  it('a few are believed at once', () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES.slice(0, 16)));
    assert.equal(fixture.offered.size, 984);
  });

  it('many are believed after two seconds of silence', async () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES.slice(0, 500)));
    assert.equal(fixture.offered.size, 984);
    await fixture.clock.advance(1_999);
    session.hear(withdraw(PREFIXES.slice(500, 600)));
    await fixture.clock.advance(1_999);
    assert.equal(fixture.offered.size, 984);
    await fixture.clock.advance(1);
    assert.equal(fixture.offered.size, 400);
  });

  it('and after half a minute without any silence', async () => {
    const { fixture, session } = feed();
    for (let i = 0; i < 30; i++) {
      session.hear(withdraw(PREFIXES.slice(i * 20, i * 20 + 20)));
      assert.ok(fixture.offered.size >= 984);
      await fixture.clock.advance(1_000);
    }
    assert.equal(fixture.offered.size, 400);
  });

  it('where the session ends instead, none of them has happened', async () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES.slice(0, 700)));
    await fixture.clock.advance(1_500);
    session.hear(withdraw(PREFIXES.slice(700)), notification(6, 3));
    assert.equal(fixture.offered.size, 1000);
    await fixture.clock.advance(60_000);
    assert.equal(fixture.offered.size, 1000);
  });

  it('those that were believed before stay believed', async () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES.slice(0, 16)));
    await fixture.clock.advance(2_000);
    session.hear(withdraw(PREFIXES.slice(16)), notification(6, 3));
    assert.equal(fixture.offered.size, 984);
  });

  it('what is announced anew meanwhile stays, and as it is announced', async () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES));
    session.hear(announce(PREFIXES.slice(0, 100), { nextHop: '10.9.0.7' }));
    await fixture.clock.advance(2_000);
    assert.equal(fixture.offered.size, 100);
    assert.equal(fixture.offered.get('10.0.0.0/24'), '10.9.0.7');
  });

  it('announced anew, and the session ends: as it was announced last', () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES));
    session.hear(announce(PREFIXES.slice(0, 100), { nextHop: '10.9.0.7' }), notification(6, 3));
    assert.equal(fixture.offered.size, 1000);
    assert.equal(fixture.offered.get('10.0.0.0/24'), '10.9.0.7');
  });

  it('withdrawn, announced and withdrawn again is withdrawn', async () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES), announce(PREFIXES), withdraw(PREFIXES));
    await fixture.clock.advance(2_000);
    assert.equal(fixture.offered.size, 0);
  });

  it('a peer that is disabled keeps none of them', () => {
    const { fixture, session } = feed();
    session.hear(withdraw(PREFIXES.slice(0, 500)));
    fixture.peer.disable(sessionError(ERROR_CODE.cease, CEASE.maximumPrefixes, 'too many'));
    assert.equal(fixture.offered.size, 0);
  });

  it('those of a neighbour are believed, whatever their number', () => {
    const fixture = new PeerFixture();
    const session = fixture.establish();
    session.hear(announce(PREFIXES), withdraw(PREFIXES.slice(1)));
    assert.equal(fixture.offered.size, 1);
  });
});
