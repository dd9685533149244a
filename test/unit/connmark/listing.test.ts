import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readListing } from '../../../src/connmark/listing.js';
import { FakeNft } from '../../support/fake-nft.js';
import { marked, rulesetOf } from './build.js';

async function listed(nft: FakeNft): Promise<string> {
  return (await nft.list()) ?? assert.fail('nothing stands');
}

test('what one write leaves is read the same, whatever the handles, counts and order of elements', async () => {
  const nft = new FakeNft();
  const ruleset = rulesetOf([
    marked(100, '0x1000/0x3000', 'eth1 eth2', '203.0.113.0/24 10.0.0.1/32'),
  ]);
  await nft.write(ruleset);
  const first = readListing(await listed(nft));
  await nft.write(ruleset);
  nft.count(7);
  const text = await listed(nft);
  const second = readListing(text);
  assert.equal(second.text, first.text);
  assert.deepEqual(Object.fromEntries(second.sets), {
    interfaces_100: ['eth2', 'eth1'],
    pools_ipv4_100: ['10.0.0.1', '203.0.113.0/24'],
    pools_ipv6_100: [],
  });
  assert.deepEqual([...second.counts], [['arrived_100', 7]]);
  assert.deepEqual([...second.marks], [['arrived_100', { bits: 0x3000, value: 0x1000 }]]);
  const reversed = text.replace('["eth2","eth1"]', '["eth1","eth2"]');
  assert.notEqual(reversed, text);
  assert.equal(readListing(reversed).text, first.text);
});

for (const [what, change] of [
  ['a rule that is gone', (nft: FakeNft) => nft.outside('rule gone')],
  [
    'another mark',
    async (nft: FakeNft) =>
      nft.write(rulesetOf([marked(100, '0x2000/0x3000', 'eth1', '10.0.0.0/8')])),
  ],
  [
    'an interface more',
    async (nft: FakeNft) =>
      nft.write(rulesetOf([marked(100, '0x1000/0x3000', 'eth1 eth2', '10.0.0.0/8')])),
  ],
  [
    'a pool of another length',
    async (nft: FakeNft) =>
      nft.write(rulesetOf([marked(100, '0x1000/0x3000', 'eth1', '10.0.0.0/9')])),
  ],
] as const) {
  test(`${what} is read as something else`, async () => {
    const nft = new FakeNft();
    await nft.write(rulesetOf([marked(100, '0x1000/0x3000', 'eth1', '10.0.0.0/8')]));
    const before = readListing(await listed(nft)).text;
    await change(nft);
    assert.notEqual(readListing(await listed(nft)).text, before);
  });
}

test('what nft 1.0.6 lists, with elements that nobody of us wrote', () => {
  const listing = readListing(
    '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "rib2fib", "handle": 2}}, {"set": {"name": "pools_ipv4_7", "elem": ["198.51.100.7", {"prefix": {"addr": "203.0.113.0", "len": 24}}, {"range": ["10.0.0.1", "10.0.0.9"]}]}}, {"chain": {"name": "arrival"}}, {"rule": {"expr": [{"match": {"op": "==", "left": {"ct": {"key": "mark"}}, "right": {"prefix": {"addr": 1, "len": 1}}}}, {"counter": {"packets": 3, "bytes": 1}}]}}]}',
  );
  assert.deepEqual([...listing.sets], [['pools_ipv4_7', ['198.51.100.7', '203.0.113.0/24']]]);
  assert.deepEqual([...listing.counts], []);
});

for (const [what, ours, objects] of [
  ['nothing', true, []],
  ['a chain of ours', true, [{ chain: { name: 'arrival' } }]],
  [
    'a set of ours besides others',
    true,
    [{ set: { name: 'mine' } }, { set: { name: 'pools_ipv6_4294967295' } }],
  ],
  ['chains of others', false, [{ chain: { name: 'input' } }, { rule: { chain: 'input' } }]],
  ['a set of others', false, [{ set: { name: 'interfaces' } }]],
  ['a map, a counter and a flowtable', false, [{ map: { name: 'm' } }, { counter: { name: 'c' } }]],
] as const) {
  test(`a table of our name that holds ${what} is ${ours ? 'ours' : 'another’s'}`, () => {
    const table = { table: { family: 'inet', name: 'rib2fib' } };
    const text = JSON.stringify({ nftables: [{ metainfo: {} }, table, ...objects] });
    assert.equal(readListing(text).isOurs, ours);
  });
}

test('what is no listing is refused, not read as an empty one', () => {
  for (const text of ['', 'nonsense', '[]', '{}', '{"nftables": {}}', 'null']) {
    assert.throws(() => readListing(text), SyntaxError, text);
  }
});
