/** What others do to our routes: status, routes and explain all say it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainAnswer } from '../../../src/admin/explain-answer.js';
import { routesAnswer } from '../../../src/admin/routes-answer.js';
import { statusAnswer } from '../../../src/admin/status-answer.js';
import { config, nextHop, rulesFrom, table } from '../desired/build.js';
import { type FakeNode, runningNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';

const ROUTE = '10.0.0.0/8 via 10.9.0.2';
const OURS = '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20';
const THEIRS = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20';
const AHEAD = THEIRS.replace('metric 20', 'metric 5');
const ALL = {
  ...{ table: undefined, family: undefined, state: undefined },
  ...{ reason: undefined, peer: undefined, limit: undefined },
};

/** What each of the three says of 10.0.0.0/8 in table 100. */
function said(node: FakeNode) {
  const facts = fakeFacts(node);
  const [report] = statusAnswer(facts).tables;
  const route = [...routesAnswer(facts, ALL)].find(({ prefix }) => prefix === '10.0.0.0/8');
  const [explained] = explainAnswer(facts, '10.0.0.0/8').tables;
  assert.ok(report && route && explained);
  return {
    ...{ rejected: report.rejected, shadowed: report.shadowed, notes: report.notes },
    route: `${route.state} ${route.reason}: ${route.detail}`,
    kernel: explained.steps.filter(({ stage }) => stage === 'kernel').map(({ text }) => text),
    conclusion: explained.conclusion,
  };
}

test('a route of others in the place of ours', async () => {
  const node = await runningNode(config(table()), ROUTE);
  await node.outside(`route replace ${THEIRS}`);
  const why = 'foreign-route: a route of somebody else stands there, and foreign is preserve';
  assert.deepEqual(said(node), {
    rejected: { 'foreign-route': 1 },
    shadowed: 0,
    notes: [`a route of others in the place of ours: ${THEIRS}`],
    route: `failed foreign-route: in its place: ${THEIRS}`,
    kernel: [why, `foreign: ${THEIRS}`],
    conclusion: `not installed: ${why}`,
  });
  await node.stop();
});

test('routes of others ahead of ours: ours is there, and nothing takes it', async () => {
  const node = await runningNode(config(table()), ROUTE);
  await node.outside(`route add ${AHEAD}`, `route add ${THEIRS.replace('metric 20', 'metric 7')}`);
  await node.outside(`route add ${THEIRS.replace('metric 20', 'metric 21')}`);
  const { kernel, ...rest } = said(node);
  assert.deepEqual(rest, {
    rejected: {},
    shadowed: 1,
    notes: [`a route of others ahead of ours (lower metric): ${AHEAD}`],
    route: `shadowed foreign-route: ahead of it: ${AHEAD}`,
    conclusion: 'installed, but a route of somebody else goes first, with metric 5',
  });
  assert.equal(kernel[1], `foreign-route: a route of somebody else goes first: ${AHEAD}`);
  await node.outside(`route del ${AHEAD}`, `route del ${THEIRS.replace('metric 20', 'metric 7')}`);
  assert.equal(said(node).route, 'installed undefined: undefined');
  assert.deepEqual(said(node).notes, []);
  await node.stop();
});

test('evict: what the kernel does not let go of', async () => {
  const node = await runningNode(config(table({ foreign: 'evict' })), ROUTE);
  node.kernel.refuse('proto 4', 'EPERM');
  node.kernel.refuse('route add 10.0.0.0/8', 'EEXIST');
  await node.outside(`route replace ${THEIRS}`);
  assert.equal(said(node).route, 'failed kernel-error: EEXIST: no: EEXIST');
  assert.deepEqual(said(node).rejected, { 'kernel-error': 1 });
  await node.stop();
});

test('undone again and again: away, with who and when, and counted', async () => {
  const node = await runningNode(config(table()), ROUTE);
  const { clock } = node;
  for (let i = 0; i < 5; i++) await node.outside(`route del ${OURS}`);
  const by = 'netlink port 4711; a deletion names no protocol';
  const why = `undone 5 times by others (${by}), put right at longer intervals`;
  assert.deepEqual(said(node), {
    ...{ rejected: { contested: 1 }, shadowed: 0, notes: [] },
    route: `failed contested: ${why}`,
    kernel: [`contested: ${why}`],
    conclusion: `not installed: contested: ${why}`,
  });
  const { kernel } = statusAnswer(fakeFacts(node));
  assert.equal(kernel.contestedTotal, 1);
  assert.deepEqual(kernel.contested, [
    {
      ...{ what: '10.0.0.0/8 table 100 metric 20', rounds: 5, by },
      ...{ since: clock.now(), retryAt: clock.now() + 100 },
      ...{ protocol: undefined, port: 4711 },
    },
  ]);
  await node.pass(1_000);
  assert.deepEqual(said(node).rejected, {});
  const [standing] = statusAnswer(fakeFacts(node)).kernel.contested;
  assert.equal(standing?.retryAt, undefined);
  await node.stop();
});

test('evict: who comes back again and again is named by its protocol', async () => {
  const node = await runningNode(config(table({ foreign: 'evict' })), ROUTE);
  for (let i = 0; i < 5; i++) await node.outside(`route replace ${THEIRS}`);
  const { route, rejected } = said(node);
  assert.match(route, /^failed contested: .* \(protocol 4 \(static\), netlink port 4711\)/);
  assert.deepEqual(rejected, { contested: 1 });
  await node.stop();
});

test('a contested nexthop object keeps all its routes away, a contested rule itself', async () => {
  const node = await runningNode(
    config(table({ nextHop: nextHop({ objects: 'always' }), rules: rulesFrom('203.0.113.0/24') })),
    ROUTE,
    '11.0.0.0/8 via 10.9.0.2',
    '12.0.0.0/8 via 10.9.1.2',
  );
  for (let i = 0; i < 5; i++) await node.outside('nexthop del id #0');
  assert.match(said(node).route, /^failed contested: undone 5 times/);
  assert.deepEqual(said(node).rejected, { contested: 2 });
  for (let i = 0; i < 5; i++)
    await node.outside('rule del from 203.0.113.0/24 lookup 100 pref 10000 proto 178');
  const [explained] = explainAnswer(fakeFacts(node), '12.0.0.0/8').tables;
  const rule = explained?.steps.find(({ stage }) => stage === 'rule');
  assert.match(rule?.text ?? '', /is not installed: undone 5 times by others/);
  assert.match(explained?.conclusion ?? '', /none of the rules that send traffic here/);
  await node.stop();
});
