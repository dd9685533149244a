import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Answers } from '../../../src/admin/answers.js';
import type { PlanReport } from '../../../src/admin/command-report.js';
import { FakeNft } from '../../support/fake-nft.js';
import { withFiles } from '../config/files-in-directory.js';
import { config, table } from '../desired/build.js';
import { FakeNode, runningNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';

/** What the running daemon plans for tables 100 and 200, the latter with what is `given`. */
async function plan(node: FakeNode, given: string): Promise<PlanReport> {
  const common = 'filters: [{ permit: {} }], metric: 20';
  const text = `
source: { gobgp: { address: "127.0.0.1:50051" } }
tables:
  - { id: 100, name: fabric, ${common} }
  - { id: 200, name: other, ${common}, ${given} }
`;
  const answers = new Answers(fakeFacts(node), {
    kernel: node.kernel,
    nft: new FakeNft(),
    reload: () => assert.fail('a plan reloads nothing'),
    clearLimits: () => assert.fail('a plan clears nothing'),
  });
  return await withFiles({ 'c.yaml': text }, async (directory) => {
    const report = await answers.plan(join(directory, 'c.yaml'));
    return { ...report, notes: report.notes.map((note) => note.replace(`${directory}/`, '')) };
  });
}

/** In table 200, without the `throw` routes that keep connected prefixes in main. */
function changes({ changes }: PlanReport): string[] {
  return changes
    .filter(({ text }) => !text.startsWith('throw'))
    .map(({ op, kind, text }) => `${op} ${kind} ${text}`);
}

const FOREIGN = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 200 proto 4 metric 20';
const WANTED = '10.0.0.0/8 via 10.9.0.2 dev eth1 table 200 proto 178 metric 20';
const OTHER = '11.0.0.0/8 via 10.9.0.2 dev eth1 table 200 proto 178 metric 20';

async function nodeWithForeign(): Promise<FakeNode> {
  const node = await runningNode(
    config(table()),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.0.2',
  );
  await node.outside(`route add ${FOREIGN}`);
  return node;
}

test('a plan reads the tables that the daemon has not: preserve adds beside what others have', async () => {
  const node = await nodeWithForeign();
  const report = await plan(node, 'foreign: preserve');
  assert.deepEqual(changes(report), [`+ route ${OTHER}`]);
  assert.deepEqual(report.notes, []);
  assert.equal(node.reconciler.mirror.hasForeign(200), false, 'nothing stays in the mirror');
  node.did();
  await node.stop();
});

test('before the kernel was read once there is no plan', async () => {
  const node = new FakeNode(config(table()));
  await assert.rejects(plan(node, 'foreign: preserve'), {
    message: 'the daemon has only begun, and reads the kernel: ask again in a moment',
  });
});

test('a plan evicts where it is to', async () => {
  const node = await nodeWithForeign();
  assert.deepEqual(changes(await plan(node, 'foreign: evict')).sort(), [
    `+ route ${WANTED}`,
    `+ route ${OTHER}`,
    `- route ${FOREIGN}`,
  ]);
  await node.stop();
});

test('a plan notes why a reload would refuse the configuration here', async () => {
  const node = await nodeWithForeign();
  const failing = await plan(node, 'foreign: fail');
  assert.deepEqual(changes(failing), []);
  assert.deepEqual(failing.notes, [
    'c.yaml:5:77: tables[1].foreign: table 200 (other) holds 1 route of others, the first 10.0.0.0/8 with protocol 4, and foreign is fail',
  ]);
  await node.outside(
    'rule add from all lookup 255 pref 20000 proto 2',
    'rule del from all lookup 255 pref 0 proto 2',
  );
  const misplaced = await plan(
    node,
    'rules: { priority: 10000, from: [203.0.113.0/24, { interface: eth9 }] }, static: [{ prefix: 0.0.0.0/0, via: [{ interface: eth9 }] }]',
  );
  assert.deepEqual(misplaced.notes, [
    'c.yaml:5:87: tables[1].rules.priority: 10000 is not behind the ipv4 rule of table local, which stands at 20000 on this node; a larger number is allowed',
    'table other: static 0.0.0.0/0 is not installed: there is no interface eth9',
    'table other: rules.from: there is no interface eth9',
  ]);
  assert.ok(!misplaced.changes.some(({ kind }) => kind === 'rule'));
  await node.stop();
});
