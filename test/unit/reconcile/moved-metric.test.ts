/** A way in the main table that many competing prefixes hang on goes: what the loop does meanwhile, and what the kernel sees of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Path } from '../../../src/rib/path.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { config, nextHop, prefix, RESET, SYNCED, table } from '../desired/build.js';
import { path } from '../policy/build.js';
import { settled } from './fake-clock.js';
import { bareKernel, FakeNode } from './node.js';

const MANY = 3_000;
const many = Array.from({ length: MANY }, (_, i) => `40.${i >> 8}.${i & 255}.0/24`);
const WAY = '10.20.0.0/16 via 10.9.0.9 dev eth1';

function from(n: number, hop: string): Path {
  const session = { type: 'external', routerId: n } as const;
  return path({ nextHop: hop, peer: `10.9.0.${n}`, peerAs: 65000 + n, session });
}

test('others run while many prefixes are decided again, and the kernel has each route replaced in place', async () => {
  const kernel = bareKernel();
  kernel.mainRoute(WAY);
  kernel.mainRoute('10.30.0.0/16 via 10.9.1.9 dev eth2');
  const node = await new FakeNode(
    config(table({ nextHop: nextHop({ objects: 'never' }) })),
    kernel,
  ).start();
  const paths = [from(2, '10.20.0.1'), from(3, '10.30.0.1')];
  const feed: SourceEvent = {
    type: 'updates',
    updates: many.map((to) => ({ prefix: prefix(to), paths })),
  };
  await node.apply(RESET, feed, ...SYNCED);
  assert.equal(node.routes().length, MANY);
  node.kernel.takeLog();

  node.kernel.changeMain('del', WAY);
  let turns = 0;
  let log: string[] = [];
  while (log.length === 0) {
    assert.ok(++turns < 1_000, 'nothing was written');
    await settled();
    log = node.kernel.takeLog();
  }
  assert.ok(turns > 1, 'nobody else ran');
  await node.rest();
  log.push(...node.kernel.takeLog());
  const replaced = (to: string) => `route replace ${to} via 10.9.1.9 dev eth2 table 100 metric 20`;
  const expected = new Set(many.map(replaced));
  assert.deepEqual(
    log.filter((line) => !expected.has(line)),
    [
      'route add throw 10.9.1.0/24 table 100 metric 20',
      'route del throw 10.9.0.0/24 table 100 metric 20',
    ],
  );
  assert.equal(log.length, MANY + 2);
  await node.stop();
});
