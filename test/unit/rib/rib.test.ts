import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FAMILIES } from '../../../src/net/family.js';
import type { Path } from '../../../src/rib/path.js';
import { Rib, type RibEntry } from '../../../src/rib/rib.js';
import { attributes, path, prefix } from '../policy/build.js';

const update = (text: string, ...paths: Path[]): RibEntry => ({ prefix: prefix(text), paths });
const texts = (entries: Iterable<RibEntry>) => [...entries].map((entry) => entry.prefix.text);

test('changes are told, and what changes nothing is not', () => {
  const rib = new Rib();
  const shared = attributes();
  const one = update('10.0.0.0/8', path({ attributes: shared }));
  const withdrawal = update('10.0.0.0/8');
  assert.deepEqual(rib.apply([withdrawal]), []);
  assert.deepEqual(rib.apply([one]), [one]);
  assert.deepEqual(rib.apply([one]), []);
  assert.deepEqual(rib.apply([update('10.0.0.0/8', path({ attributes: shared }))]), []);
  for (const changed of [
    path({ attributes: attributes() }),
    path({ attributes: shared, nextHop: '10.9.0.3' }),
    path({ attributes: shared, nextHop: 'fe80::1%eth1' }),
    path({ attributes: shared, nextHop: 'fe80::1%eth2' }),
    path({ attributes: shared, peer: '10.9.0.9' }),
    path({ attributes: shared, peerAs: 1 }),
    path({ attributes: shared, pathId: 1 }),
    path({ attributes: shared, session: { type: 'external', routerId: 1 } }),
    path({ attributes: shared, session: { type: 'external', routerId: 2 } }),
    path({ attributes: shared, session: { type: 'internal', routerId: 2 } }),
  ]) {
    const next = update('10.0.0.0/8', changed);
    assert.deepEqual(rib.apply([next]), [next]);
    assert.equal(rib.get(next.prefix)?.[0], changed);
  }
  assert.deepEqual(rib.apply([withdrawal, withdrawal]), [withdrawal]);
  assert.equal(rib.get(one.prefix), undefined);
  assert.equal(rib.size('ipv4'), 0);
});

test('a path that is said again keeps the time at which it was first heard', () => {
  const rib = new Rib();
  const shared = attributes();
  const first = path({ attributes: shared, receivedAt: 1000 });
  rib.apply([update('10.0.0.0/8', first)]);
  assert.deepEqual(
    rib.apply([update('10.0.0.0/8', path({ attributes: shared, receivedAt: 2000 }))]),
    [],
  );
  assert.equal(rib.get(prefix('10.0.0.0/8'))?.[0]?.receivedAt, 1000);
});

test('the families are apart', () => {
  const rib = new Rib();
  rib.apply([update('0.0.0.0/0', path()), update('::/0', path()), update('::/1', path())]);
  assert.equal(rib.size('ipv4'), 1);
  assert.equal(rib.size('ipv6'), 2);
  assert.deepEqual(texts(rib.entries('ipv6')), ['::/0', '::/1']);
  assert.deepEqual(texts(rib.clear('ipv6')), ['::/0', '::/1']);
  assert.equal(rib.get(prefix('::/0')), undefined);
  assert.deepEqual(texts(rib.clear()), ['0.0.0.0/0']);
  assert.equal(rib.receivedFrom('10.9.0.2', 'ipv4'), 0);
});

test('a feed sweeps what it did not repeat, a family at a time', () => {
  const rib = new Rib();
  const all = ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8', '13.0.0.0/8', '::/0'];
  const updates = all.map((text) => update(text, path()));
  rib.apply(updates);
  assert.equal(rib.staleCount('ipv4'), 0);
  assert.deepEqual(rib.endFeed('ipv4'), []);

  rib.beginFeed();
  assert.equal(rib.staleCount('ipv4'), 4);
  assert.equal(rib.staleCount('ipv6'), 1);
  const changed = update('11.0.0.0/8', path({ nextHop: '10.9.0.3' }));
  const fresh = update('14.0.0.0/8', path());
  const withdrawn = update('12.0.0.0/8');
  const unchanged = updates[0];
  assert.ok(unchanged);
  assert.deepEqual(rib.apply([unchanged, changed, withdrawn, fresh]), [changed, withdrawn, fresh]);
  assert.equal(rib.staleCount('ipv4'), 1);

  const swept = rib.endFeed('ipv4');
  assert.deepEqual(swept, [{ ...swept[0], prefix: prefix('13.0.0.0/8'), paths: [] }]);
  assert.deepEqual(rib.endFeed('ipv4'), []);
  assert.deepEqual(texts(rib.entries('ipv4')), ['10.0.0.0/8', '11.0.0.0/8', '14.0.0.0/8']);
  assert.equal(rib.staleCount('ipv6'), 1);
  assert.equal(rib.size('ipv6'), 1);
});

test('a feed that begins anew makes everything stale again', () => {
  const rib = new Rib();
  const updates = ['10.0.0.0/8', '11.0.0.0/8'].map((text) => update(text, path()));
  rib.apply(updates);
  rib.beginFeed();
  rib.apply(updates.slice(0, 1));
  rib.beginFeed();
  assert.equal(rib.staleCount('ipv4'), 2);
  rib.apply(updates.slice(1));
  assert.deepEqual(texts(rib.endFeed('ipv4')), ['10.0.0.0/8']);
});

test('received counts prefixes, once a peer', () => {
  const rib = new Rib();
  rib.apply([
    update('10.0.0.0/8', path({ pathId: 1 }), path({ pathId: 2 }), path({ peer: '10.9.0.3' })),
    update('11.0.0.0/8', path()),
    update('::/0', path()),
  ]);
  assert.equal(rib.receivedFrom('10.9.0.2', 'ipv4'), 2);
  assert.equal(rib.receivedFrom('10.9.0.3', 'ipv4'), 1);
  assert.equal(rib.receivedFrom('10.9.0.2', 'ipv6'), 1);
  rib.apply([update('10.0.0.0/8', path({ peer: '10.9.0.3' }))]);
  assert.equal(rib.receivedFrom('10.9.0.2', 'ipv4'), 1);
  assert.equal(rib.receivedFrom('10.9.0.3', 'ipv4'), 1);
  assert.equal(rib.receivedFrom('10.9.0.4', 'ipv4'), 0);
});

test('after any run of changes and feeds, contents, marks and counts are those of a plain map', () => {
  const PREFIXES = ['10.0.0.0/8', '10.0.0.0/9', '11.0.0.0/8', '::/0', '2001:db8::/32'];
  const PATHS = [path(), path({ pathId: 1 }), path({ peer: '10.9.0.3' }), path({ peer: '::1' })];
  const change = fc.record({
    prefix: fc.constantFrom(...PREFIXES.map(prefix)),
    paths: fc.subarray(PATHS),
  });
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ op: fc.constant('apply' as const), change }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('begin' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constantFrom('end' as const, 'clear' as const),
        family: fc.constantFrom(...FAMILIES),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rib = new Rib();
      const model = new Map<string, RibEntry>();
      let stale = new Set<string>();
      for (const each of steps) {
        switch (each.op) {
          case 'apply': {
            const { key } = each.change.prefix;
            const before = model.get(key)?.paths ?? [];
            const same = JSON.stringify(before) === JSON.stringify(each.change.paths);
            assert.deepEqual(rib.apply([each.change]), same ? [] : [each.change]);
            stale.delete(key);
            if (each.change.paths.length === 0) model.delete(key);
            else model.set(key, each.change);
            break;
          }
          case 'begin':
            rib.beginFeed();
            stale = new Set(model.keys());
            break;
          default: {
            const gone = [...model.values()].filter(
              ({ prefix: { family, key } }) =>
                family === each.family && (each.op === 'clear' || stale.has(key)),
            );
            const removed = each.op === 'end' ? rib.endFeed(each.family) : rib.clear(each.family);
            assert.deepEqual(texts(removed).sort(), texts(gone).sort());
            assert.ok(removed.every(({ paths }) => paths.length === 0));
            for (const entry of gone) {
              model.delete(entry.prefix.key);
              stale.delete(entry.prefix.key);
            }
          }
        }
        for (const family of FAMILIES) {
          const held = [...model.values()].filter((entry) => entry.prefix.family === family);
          assert.equal(rib.size(family), held.length);
          assert.deepEqual(texts(rib.entries(family)).sort(), texts(held).sort());
          assert.equal(rib.staleCount(family), held.filter((e) => stale.has(e.prefix.key)).length);
          for (const peer of ['10.9.0.2', '10.9.0.3', '::1']) {
            const count = held.filter((e) => e.paths.some((one) => one.peer === peer)).length;
            assert.equal(rib.receivedFrom(peer, family), count);
          }
        }
        for (const { prefix: of, paths } of model.values()) assert.deepEqual(rib.get(of), paths);
      }
    }),
    { numRuns: 300 },
  );
});
