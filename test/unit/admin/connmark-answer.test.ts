import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connmarkAnswer, connmarkPlan } from '../../../src/admin/connmark-answer.js';
import { explainAnswer } from '../../../src/admin/explain-answer.js';
import { readListing } from '../../../src/connmark/listing.js';
import type { MarkState } from '../../../src/connmark/mark-keeper.js';
import { wantedMarks } from '../../../src/connmark/wanted.js';
import { FakeNft } from '../../support/fake-nft.js';
import { rulesetOf } from '../connmark/build.js';
import { config, rulesFrom, table } from '../desired/build.js';
import { type FakeNode, runningNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';

const RULES = {
  ...rulesFrom('203.0.113.0/24', '198.51.100.7/32'),
  returnPath: { by: 'connmark', mark: { value: 0x1000, mask: 0x3000 }, interfaces: [] },
} as const;

async function markedNode(): Promise<FakeNode> {
  return await runningNode(config(table({ rules: RULES })), '10.0.0.0/8 via 10.9.0.2');
}

/** What the tables of the node want, as the kernel has it after so many connections. */
async function kept(node: FakeNode, connections: number): Promise<MarkState> {
  const nft = new FakeNft();
  const marked = wantedMarks(node.engine);
  await nft.write(rulesetOf(marked));
  nft.count(connections);
  const now = node.clock.monotonic();
  const listing = readListing((await nft.list()) ?? '');
  return { state: 'kept', since: now - 60_000, readAt: now - 1_000, marked, listing };
}

const FAILING: MarkState = {
  ...{ state: 'failing', since: 0, reason: 'nft: no', attempts: 2, retryAt: 5_000 },
};

test('status tells what stands, by wall time', async () => {
  const node = await markedNode();
  const facts = fakeFacts(node);
  facts.markState = await kept(node, 7);
  const now = node.clock.now();
  assert.deepEqual(connmarkAnswer(facts), {
    ...{ state: 'kept', since: now - 60_000, readAt: now - 1_000 },
    tables: [
      {
        ...{ table: 'fabric', mark: '0x1000/0x3000', interfaces: ['eth1'] },
        ...{ pools: ['203.0.113.0/24', '198.51.100.7'], marked: 7 },
      },
    ],
  });
  const ahead = node.clock.monotonic() + 5_000;
  facts.markState = { ...FAILING, since: ahead - 6_000, retryAt: ahead };
  assert.deepEqual(connmarkAnswer(facts), {
    ...{ state: 'failing', reason: 'nft: no', attempts: 2 },
    ...{ since: now - 1_000, retryAt: now + 5_000 },
  });
  await node.stop();
});

test('a plan tells of the table where it changes, and where it cannot be compared', async () => {
  const node = await markedNode();
  const { engine } = node;
  const line = (op: string) => [{ op, kind: 'connmark', text: 'nftables table rib2fib' }];
  const state = await kept(node, 0);
  assert.deepEqual(connmarkPlan(state, engine), { changes: [], notes: [] });
  assert.deepEqual(connmarkPlan({ state: 'off' }, engine).changes, line('+'));
  const plain = engine.withConfig(config(table()), node.clock.monotonic());
  assert.deepEqual(connmarkPlan(state, plain).changes, line('-'));
  assert.deepEqual(connmarkPlan({ state: 'off' }, plain), { changes: [], notes: [] });
  const fewer = { ...RULES, from: RULES.from.slice(1) };
  const other = engine.withConfig(config(table({ rules: fewer })), node.clock.monotonic());
  assert.deepEqual(connmarkPlan(state, other).changes, line('~'));
  assert.deepEqual(connmarkPlan(FAILING, other), {
    changes: [],
    notes: ['nftables table rib2fib is not compared: nft: no'],
  });
  await node.stop();
});

test('explain says where a rule on the mark is of no use', async () => {
  const node = await markedNode();
  const facts = fakeFacts(node);
  const rules = () =>
    explainAnswer(facts, '10.0.0.0/8').tables[0]?.steps.flatMap(({ stage, outcome, text }) =>
      stage === 'rule' ? [`${outcome}: ${text}`] : [],
    );
  const rule = 'ok: from all fwmark 0x1000/0x3000 lookup 100 pref 10000 proto 178';
  facts.markState = await kept(node, 0);
  assert.deepEqual(rules(), [rule]);
  facts.markState = FAILING;
  assert.deepEqual(rules(), [rule, 'no: connections are not marked: nft: no']);
  await node.stop();
});
