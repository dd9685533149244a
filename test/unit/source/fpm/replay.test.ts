import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Replay } from '../../../../src/source/fpm/replay.js';

describe('the end of the replay', () => {
  test('without a route of BGP there is none, however long', () => {
    const replay = new Replay(new Set());
    replay.heard(0);
    assert.equal(replay.missing('ipv4', 1e9), 'the first route of BGP');
  });

  test('is two seconds behind the last route, for a family that had none before too', () => {
    const replay = new Replay(new Set());
    replay.taken('ipv4', 1000);
    replay.heard(1000);
    replay.heard(1500);
    assert.equal(replay.missing('ipv4', 3499), 'zebra to fall silent');
    assert.equal(replay.nextLook(3499), 1);
    assert.equal(replay.missing('ipv4', 3500), undefined);
    assert.equal(replay.missing('ipv6', 3500), undefined);
  });

  test('a family that had routes is waited for', () => {
    const replay = new Replay(new Set(['ipv6']));
    replay.taken('ipv4', 0);
    replay.heard(0);
    assert.equal(replay.missing('ipv4', 5000), undefined);
    assert.equal(replay.missing('ipv6', 5000), 'the first ipv6 route of BGP');
    replay.taken('ipv6', 5000);
    replay.heard(5000);
    assert.equal(replay.missing('ipv6', 7000), undefined);
  });

  test('a zebra that never falls silent is past it after a minute', () => {
    const replay = new Replay(new Set());
    replay.taken('ipv4', 0);
    for (let at = 0; at <= 60_000; at += 1000) replay.heard(at);
    assert.equal(replay.missing('ipv4', 59_999), 'zebra to fall silent');
    assert.equal(replay.missing('ipv4', 60_000), undefined);
  });
});
