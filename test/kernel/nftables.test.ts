/** The real nft and the real kernel: what is written stands so, is listed so, and every change of it is heard. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { readListing } from '../../src/connmark/listing.js';
import { NftError, systemNft } from '../../src/connmark/nft.js';
import { arrivedChain, bitsOf, removal, rulesetOf, trial } from '../../src/connmark/ruleset.js';
import { probe, standing } from '../../src/connmark/standing.js';
import { changeTo } from '../../src/connmark/wanted.js';
import type { MarkedConnections } from '../../src/desired/marked-connections.js';
import { watchNftables } from '../../src/kernel/nftables-notices.js';
import { stays, until } from '../support/wait.js';
import { prefix } from './rtnetlink-node.js';

function nft(...words: string[]): string {
  return execFileSync('nft', words, { encoding: 'utf8' });
}

function marked(given: Partial<MarkedConnections> = {}): MarkedConnections {
  return {
    table: 100,
    mark: { value: 0x1000, mask: 0x3000 },
    interfaces: ['eth1', 'eth2'],
    pools: ['203.0.113.0/24', '2001:db8::/32'].map(prefix),
    ...given,
  };
}

const MANY = Array.from({ length: 5_000 }, (_, i) =>
  prefix(`10.${i >>> 8}.${i & 255}.0/${i % 2 === 0 ? 24 : 25}`),
);

/** As wide as they come, and as many. */
const TABLES: readonly (readonly [what: string, tables: readonly MarkedConnections[]])[] = [
  ['one table', [marked()]],
  ['no interface and no pool yet', [marked({ interfaces: [], pools: [] })]],
  ['every address there is', [marked({ pools: ['0.0.0.0/0', '::/0'].map(prefix) })]],
  ['single addresses', [marked({ pools: ['192.0.2.1/32', '2001:db8::1/128'].map(prefix) })]],
  ['prefixes that touch', [marked({ pools: ['10.0.0.0/25', '10.0.0.128/25'].map(prefix) })]],
  ['the highest bit', [marked({ mark: { value: 0x80000000, mask: 0x80000000 } })]],
  ['a mask with a hole', [marked({ mark: { value: 0x10001000, mask: 0x30003000 } })]],
  ['a value with bits of its mask clear', [marked({ mark: { value: 0x2, mask: 0xff } })]],
  [
    'several tables',
    [
      marked(),
      marked({
        table: 4294967295,
        mark: { value: 0x2000, mask: 0x3000 },
        interfaces: ['bond0.100'],
      }),
    ],
  ],
  ['5,000 pools', [marked({ pools: MANY })]],
];

before(() => {
  assert.equal(process.env['RIB2FIB_TEST_NETNS'], '1', 'run it with scripts/test');
  nft('add table inet others');
  nft('add set inet others s { type mark; }');
  nft('add element inet others s { 7 }');
});
after(() => nft('flush', 'ruleset'));

for (const [what, tables] of TABLES) {
  test(`${what}: written, listed as wanted, and listed the same after it is written again`, async () => {
    await systemNft.try(rulesetOf(tables));
    await systemNft.write(rulesetOf(tables));
    const first = readListing((await systemNft.list()) ?? '');
    assert.equal(changeTo(tables, first), undefined);
    assert.ok(first.isOurs);
    const bits = bitsOf(tables);
    const marks = tables.map(({ table, mark: { value } }) => [
      arrivedChain(table),
      { bits, value },
    ]);
    assert.deepEqual([...first.marks].sort(), marks.sort());
    await systemNft.write(rulesetOf(tables));
    assert.equal(readListing((await systemNft.list()) ?? '').text, first.text);
  });
}

test('removed, it is gone; removed again, nothing is wrong; others stay', async () => {
  await systemNft.write(rulesetOf([marked()]));
  await systemNft.write(removal());
  assert.equal(await systemNft.list(), undefined);
  await systemNft.write(removal());
  assert.match(nft('list', 'table', 'inet', 'others'), /0x00000007/);
});

test('a trial changes nothing', async () => {
  const before = nft('list', 'ruleset');
  await systemNft.try(trial());
  await systemNft.find();
  assert.equal(nft('list', 'ruleset'), before);
});

test('a table of our name with nothing of ours in it is another’s, an empty one is not', async () => {
  await systemNft.write(removal());
  nft('add table inet rib2fib');
  assert.ok(await standing(systemNft));
  await probe(systemNft);
  nft('add chain inet rib2fib input { type filter hook input priority 0; }');
  const foreign = (error: unknown) => error instanceof NftError && error.kind === 'foreign';
  await assert.rejects(standing(systemNft), foreign);
  await assert.rejects(probe(systemNft), foreign);
  nft('delete table inet rib2fib');
  await probe(systemNft);
});

test('what the kernel refuses is refused whole, in its words', async () => {
  await systemNft.write(rulesetOf([marked()]));
  const stood = await systemNft.list();
  const overlapping = marked({ pools: ['10.0.0.0/8', '10.0.0.0/9'].map(prefix) });
  await assert.rejects(
    systemNft.write(rulesetOf([overlapping])),
    (error: unknown) =>
      error instanceof NftError && error.kind === 'refused' && /^nft: ./.test(error.message),
  );
  assert.equal(await systemNft.list(), stood);
});

test('without the right to, it is forbidden, not refused', () => {
  const script = `
    import { systemNft } from ${JSON.stringify(new URL('../../src/connmark/nft.ts', import.meta.url).href)};
    import { trial } from ${JSON.stringify(new URL('../../src/connmark/ruleset.ts', import.meta.url).href)};
    const kindOf = (work) => work.then(() => 'done', (error) => error.kind);
    console.log(await kindOf(systemNft.find()), await kindOf(systemNft.list()), await kindOf(systemNft.try(trial())));
  `;
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
  const args = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin', ...node];
  assert.equal(
    execFileSync('setpriv', args, { encoding: 'utf8' }).trim(),
    'done forbidden forbidden',
  );
});

test('every change of the table is heard, and none of others', async () => {
  const stop = new AbortController();
  let heard = 0;
  const ended = watchNftables('rib2fib', () => heard++, stop.signal);
  const hears = async (what: string, change: () => unknown): Promise<void> => {
    const before = heard;
    await change();
    await until(() => heard > before, { what: `${what} is heard` });
  };
  await hears('a table', () => systemNft.write(rulesetOf([marked()])));
  await hears('an element', () => nft('add element inet rib2fib interfaces_100 { eth7 }'));
  await hears('an element that goes', () =>
    nft('delete element inet rib2fib interfaces_100 { eth1 }'),
  );
  await hears('rules that go', () => nft('flush chain inet rib2fib departure'));
  const before = heard;
  nft('add element inet others s { 8 }');
  nft('add chain inet others rib2fib');
  await stays(() => heard === before, { what: 'nothing of others is heard', forMs: 300 });
  await hears('the flush of everything', () => nft('flush ruleset'));
  stop.abort();
  await ended;
});
