import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FAMILIES } from '../../../../../src/net/family.js';
import type { Attributes } from '../../../../../src/rib/path.js';
import { AdjRibIn } from '../../../../../src/source/bgp/routes/adj-rib-in.js';
import { type HeardPath, HeardRoutes } from '../../../../../src/source/bgp/routes/heard-routes.js';
import { address, path, prefix } from '../../build.js';

const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '2001:db8::/32'].map(prefix);

/** Told by `med`, which of course differs. */
function attributes(med: number): Attributes {
  return path('10.9.0.2', { med }).attributes;
}

/** The table with two peers, and what its consumer holds: prefix -> `peer/pathId/med`. */
class Fixture {
  readonly offered = new Map<string, readonly HeardPath[]>();
  readonly routes = new HeardRoutes((at, paths) => {
    if (paths.length === 0) this.offered.delete(at.text);
    else this.offered.set(at.text, paths);
  });
  now = 0;
  /** Paths that there was no room for. */
  refused = 0;
  readonly peers = ['10.9.0.2', '10.9.0.3'].map(
    (peer) =>
      new AdjRibIn({
        ...{ routes: this.routes, peer, peerAs: 65001, now: () => ++this.now },
        full: () => this.refused++,
      }),
  );

  announce(peer: number, texts: readonly number[], pathId: number, med: number): void {
    const nextHop = { address: address('10.9.0.9'), interface: undefined };
    for (const family of FAMILIES) {
      const nlri = texts
        .map((i) => PREFIXES[i] ?? prefix('10.0.0.0/8'))
        .filter((one) => one.family === family)
        .map((one) => ({ prefix: one, pathId }));
      const shared = { nextHop, attributes: attributes(med), onlyToCustomer: undefined };
      this.peers[peer]?.announce([{ family, nlri, ...shared }]);
    }
  }

  withdraw(peer: number, which: number, pathId: number): void {
    this.peers[peer]?.withdraw([{ prefix: PREFIXES[which] ?? prefix('10.0.0.0/8'), pathId }]);
  }

  texts(): Record<string, readonly string[]> {
    const entries = [...this.offered].map(([at, paths]) => [
      at,
      paths.map(({ peer, pathId, attributes: { med } }) => `${peer}/${pathId}/${med}`).sort(),
    ]);
    return Object.fromEntries(entries.sort()) as Record<string, readonly string[]>;
  }
}

type Step =
  | { readonly do: 'announce'; peer: number; which: number[]; pathId: number; med: number }
  | { readonly do: 'withdraw'; peer: number; which: number; pathId: number }
  | { readonly do: 'begin' | 'feed'; peer: number }
  | { readonly do: 'refresh' | 'sweep' | 'clear'; peer: number; family: 0 | 1 };

const peer = fc.nat(1);
const pathId = fc.nat(2);
const which = fc.nat(PREFIXES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ do: fc.constant('announce' as const), peer, pathId, med: fc.nat(2) },
      which: fc.uniqueArray(which, { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('withdraw' as const), peer, which, pathId }),
  },
  fc.record({ do: fc.constantFrom('begin' as const, 'feed' as const), peer }),
  fc.record({
    ...{ do: fc.constantFrom('refresh' as const, 'sweep' as const, 'clear' as const), peer },
    family: fc.constantFrom(0 as const, 1 as const),
  }),
);

describe('the routes of peers, against a model', () => {
  it('the consumer holds every path that its peer has told and not taken back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fixture = new Fixture();
        /** `prefix peer pathId` -> med, and whether it is fresh. */
        const model = new Map<string, { med: number; fresh: boolean }>();
        /** Of these the consumer keeps what it had, and is told by the next change. */
        const ofPeer = (i: number, family?: 0 | 1) =>
          [...model.keys()].filter((key) => {
            const [at = '', owner] = key.split(' ');
            const own = Number(owner) === i;
            return own && (family === undefined || at.includes(':') === (family === 1));
          });
        for (const one of steps) {
          const rib = fixture.peers[one.peer];
          assert.ok(rib !== undefined);
          switch (one.do) {
            case 'announce':
              fixture.announce(one.peer, one.which, one.pathId, one.med);
              for (const i of one.which) {
                const key = `${PREFIXES[i]} ${one.peer} ${one.pathId}`;
                model.set(key, { med: one.med, fresh: true });
              }
              break;
            case 'withdraw':
              fixture.withdraw(one.peer, one.which, one.pathId);
              model.delete(`${PREFIXES[one.which]} ${one.peer} ${one.pathId}`);
              break;
            case 'begin':
              rib.begin({ type: 'external', routerId: 7 });
              for (const key of ofPeer(one.peer)) {
                model.set(key, { med: model.get(key)?.med ?? 0, fresh: false });
              }
              break;
            case 'feed':
              fixture.offered.clear();
              fixture.routes.beginFeed();
              break;
            case 'refresh':
              rib.beginRefresh(one.family === 0 ? 'ipv4' : 'ipv6');
              for (const key of ofPeer(one.peer, one.family)) {
                model.set(key, { med: model.get(key)?.med ?? 0, fresh: false });
              }
              break;
            case 'sweep':
              rib.sweep(one.family === 0 ? 'ipv4' : 'ipv6');
              for (const key of ofPeer(one.peer, one.family)) {
                if (model.get(key)?.fresh === false) model.delete(key);
              }
              break;
            case 'clear':
              rib.clear(one.family === 0 ? 'ipv4' : 'ipv6');
              for (const key of ofPeer(one.peer, one.family)) model.delete(key);
              break;
          }
        }
        // A consumer that begins anew is given exactly what there is; one that was told all along has it.
        for (const family of FAMILIES) fixture.routes.endFeed(family);
        const expected: Record<string, string[]> = {};
        for (const [key, { med }] of [...model].sort()) {
          const [at = '', owner, id] = key.split(' ');
          const told = `10.9.0.${2 + Number(owner)}/${id}/${med}`;
          expected[at] = [...(expected[at] ?? []), told];
        }
        for (const paths of Object.values(expected)) paths.sort();
        assert.deepEqual(fixture.texts(), expected);
        for (const [i, rib] of fixture.peers.entries()) {
          const count = (family: 0 | 1) =>
            new Set(ofPeer(i, family).map((key) => key.split(' ')[0])).size;
          assert.deepEqual(rib.received, { ipv4: count(0), ipv6: count(1) });
        }
        const sizes = FAMILIES.map((family) => fixture.routes.size(family));
        assert.equal(sizes[0], Object.keys(expected).filter((at) => !at.includes(':')).length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('what is shared', () => {
  it('one path object among the prefixes of an announcement', () => {
    const fixture = new Fixture();
    fixture.announce(0, [0, 1, 2], 0, 1);
    const paths = new Set([...fixture.offered.values()].flat());
    assert.equal(paths.size, 1);
  });

  it('the set of one prefix is an object of its own: the consumer may keep it', () => {
    const fixture = new Fixture();
    fixture.announce(0, [0], 0, 1);
    const kept = fixture.offered.get('10.0.0.0/8');
    fixture.announce(1, [0], 0, 2);
    fixture.announce(0, [0], 0, 3);
    assert.equal(kept?.length, 1);
    assert.equal(kept[0]?.attributes.med, 1);
  });

  it('what is repeated as it was changes nothing, and is no news', () => {
    const fixture = new Fixture();
    fixture.announce(0, [0], 0, 1);
    const before = fixture.offered.get('10.0.0.0/8');
    fixture.offered.clear();
    fixture.announce(0, [0], 0, 1);
    assert.equal(fixture.offered.size, 0);
    assert.equal(before?.[0]?.receivedAt, 1);
  });

  it('of a peer that is back with another router id all is news: selection asks for that', () => {
    const fixture = new Fixture();
    fixture.announce(0, [0], 0, 1);
    fixture.offered.clear();
    fixture.peers[0]?.begin({ type: 'external', routerId: 9 });
    fixture.announce(0, [0], 0, 1);
    assert.equal(fixture.offered.get('10.0.0.0/8')?.[0]?.session.routerId, 9);
  });
});

describe('a peer that names path after path of one prefix (RFC 7911)', () => {
  it('has room for 256, another peer for as many, and what is withdrawn makes room', () => {
    const fixture = new Fixture();
    const counts = () => fixture.offered.get(PREFIXES[0]?.text ?? '')?.length;
    for (let pathId = 1; pathId <= 300; pathId++) fixture.announce(0, [0], pathId, 1);
    assert.deepEqual([counts(), fixture.refused], [256, 44]);
    fixture.announce(1, [0], 1, 1);
    assert.deepEqual([counts(), fixture.refused], [257, 44]);
    // Those it has may change.
    fixture.announce(0, [0], 256, 7);
    assert.equal(fixture.refused, 44);
    fixture.withdraw(0, 0, 1);
    fixture.announce(0, [0], 999, 1);
    assert.deepEqual([counts(), fixture.refused], [257, 44]);
    assert.equal(fixture.peers[0]?.received.ipv4, 1);
    fixture.peers[0]?.clear('ipv4');
    assert.equal(counts(), 1);
  });
});
