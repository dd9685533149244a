import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readListing } from '../../../src/connmark/listing.js';
import { besides, changeTo } from '../../../src/connmark/wanted.js';
import type { MarkedConnections } from '../../../src/desired/marked-connections.js';
import { FakeNft } from '../../support/fake-nft.js';
import { marked, rulesetOf } from './build.js';

async function listingOf(...tables: readonly MarkedConnections[]) {
  const nft = new FakeNft();
  await nft.write(rulesetOf(tables));
  return readListing((await nft.list()) ?? '');
}

const ONE = marked(100, '0x1000/0x1000', 'eth1 eth2', '203.0.113.0/24 10.0.0.1/32 2001:db8::1/128');

/** What stands, what is wanted, and what brings the one to the other. */
const CHANGES: readonly (readonly [
  what: string,
  stands: readonly MarkedConnections[] | undefined,
  wanted: readonly MarkedConnections[],
  change: '+' | '~' | '-' | undefined,
])[] = [
  ['nothing, and nothing is wanted', undefined, [], undefined],
  ['nothing', undefined, [ONE], '+'],
  ['the same', [ONE], [ONE], undefined],
  ['the same in another order', [{ ...ONE, pools: ONE.pools.toReversed() }], [ONE], undefined],
  ['nobody wants it', [ONE], [], '-'],
  ['an interface less', [ONE], [{ ...ONE, interfaces: ['eth1'] }], '~'],
  ['a pool less', [ONE], [{ ...ONE, pools: ONE.pools.slice(1) }], '~'],
  [
    'another mark',
    [marked(100, '0x2000/0x1000', 'eth1', '')],
    [marked(100, '0x1000/0x1000', 'eth1', '')],
    '~',
  ],
  [
    'another mask',
    [marked(100, '0x1000/0x3000', 'eth1', '')],
    [marked(100, '0x1000/0x1000', 'eth1', '')],
    '~',
  ],
  ['another table', [ONE], [{ ...ONE, table: 101 }], '~'],
  ['a table more', [ONE], [ONE, marked(101, '0x2000/0x2000', '', '')], '~'],
  ['a table less', [ONE, marked(101, '0x2000/0x2000', '', '')], [ONE], '~'],
];

for (const [what, stands, wanted, change] of CHANGES) {
  test(`what stands: ${what}`, async () => {
    assert.equal(changeTo(wanted, stands && (await listingOf(...stands))), change);
  });
}

test('what stands without one of its rules is something else', async () => {
  const nft = new FakeNft();
  await nft.write(rulesetOf([ONE]));
  nft.outside('rule gone');
  assert.equal(changeTo([ONE], readListing((await nft.list()) ?? '')), '~');
});

test('what stands stays beside what is wanted, without a pool within another', async () => {
  const stood = await listingOf(ONE, marked(101, '0x2000/0x2000', 'eth9', '192.0.2.0/24'));
  const wanted = [
    marked(100, '0x4/0x4', 'eth3 eth1', '203.0.112.0/22'),
    marked(102, '0x8/0x8', 'eth4', '192.0.2.0/25'),
  ];
  const [first, second, ...more] = besides(wanted, stood);
  assert.deepEqual(first?.interfaces, ['eth1', 'eth2', 'eth3']);
  assert.deepEqual(first?.pools.map(String), ['10.0.0.1/32', '2001:db8::1/128', '203.0.112.0/22']);
  assert.deepEqual(first?.mark, { value: 4, mask: 4 });
  assert.deepEqual([second, more], [wanted[1], []]);
});
