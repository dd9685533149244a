/** What an operator reads of a cluster: status, routes, explain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainAnswer } from '../../../src/admin/explain-answer.js';
import { routesAnswer } from '../../../src/admin/routes-answer.js';
import { statusAnswer } from '../../../src/admin/status-answer.js';
import type { ResourceStatus } from '../../../src/discover/discovered.js';
import type { Discovery } from '../../../src/discover/discovery.js';
import { table } from '../desired/build.js';
import { clusterConfig, discovered, poolRules } from '../desired/found.js';
import { rule } from '../policy/build.js';
import { FakeNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';

const NODES: ResourceStatus = {
  ...{ resource: 'nodes', state: 'stale', since: 1, objects: 2, faulty: 0 },
  lastError: 'connect ECONNREFUSED',
};

const CLUSTER: Discovery = {
  ...{ name: 'https://10.96.0.1:443', node: 'node-a' },
  async *snapshots() {},
  snapshot: () => discovered({}),
  reconfigure() {},
  resources: () => [NODES],
};

const QUERY = {
  ...{ table: undefined, family: undefined, state: undefined, reason: undefined },
  peer: undefined,
  limit: undefined,
};

/** Filters deny what is the cluster's too: it is refused before they are asked. */
async function clusterNode(): Promise<FakeNode> {
  const filters = [
    rule('deny', 'filters[0]', { prefix: '10.244.0.0/16 le 32' }),
    rule('permit', 'filters[1]'),
  ];
  const node = await new FakeNode(
    clusterConfig(table({ filters, rules: poolRules('198.51.100.0/24') })),
  ).start();
  const found = { from: ['203.0.113.0/24 blue', '198.51.100.0/24 red'] };
  node.engine.setDiscovered(discovered(found, ['10.244.1.0/24 node-a', '10.244.2.0/24 node-b']));
  await node.feed(
    '10.244.1.0/24 via 10.9.0.2',
    '10.244.2.128/25 via 10.9.0.2',
    '10.0.0.0/8 via 10.9.0.2',
  );
  return node;
}

test('explain names whose a range is, and what a rule comes from', async () => {
  const node = await clusterNode();
  const explain = (query: string) => {
    const [report] = explainAnswer(fakeFacts(node), query).tables;
    const steps = report?.steps.map(({ stage, outcome, text }) => `${stage} ${outcome}: ${text}`);
    return [...(steps ?? []), report?.conclusion];
  };
  const heard = 'heard ok: from 10.9.0.2 AS 65001, next hop 10.9.0.2, AS path 65001';
  const rules = [
    'rule ok: from 198.51.100.0/24 lookup 100 pref 10000 proto 178',
    'rule ok: from 203.0.113.0/24 lookup 100 pref 10000 proto 178 (CiliumLoadBalancerIPPool blue)',
  ];
  const thrown = 'throw 10.244.1.0/24 table 100 proto 178 metric 20';
  assert.deepEqual(explain('10.244.1.0/24'), [
    heard,
    'filter no: cluster-range: pod CIDR of node-a; never learned (discovery.kubernetes.protect)',
    `route ok: ${thrown}`,
    `kernel ok: has it: ${thrown}`,
    ...rules,
    'kept in main: a throw route sends it on to the next rules (pod CIDR of node-a)',
  ]);
  const inside =
    'cluster-range: inside 10.244.2.0/24: pod CIDR of node-b; never learned (discovery.kubernetes.protect)';
  assert.deepEqual(explain('10.244.2.128/25'), [
    heard,
    `filter no: ${inside}`,
    ...rules,
    `not installed: ${inside}`,
  ]);
  await node.stop();
});

test('routes tells the same of each', async () => {
  const node = await clusterNode();
  const told = [...routesAnswer(fakeFacts(node), QUERY)]
    .filter(({ prefix }) => prefix.startsWith('10.244'))
    .map(({ prefix, state, reason, detail }) => `${prefix} ${state} ${reason ?? '-'} ${detail}`);
  assert.deepEqual(told, [
    '10.244.1.0/24 throw - pod CIDR of node-a',
    '10.244.1.0/24 rejected cluster-range pod CIDR of node-a',
    '10.244.2.0/24 throw - pod CIDR of node-b',
    '10.244.2.128/25 rejected cluster-range inside 10.244.2.0/24: pod CIDR of node-b',
  ]);
  await node.stop();
});

test('status tells how each resource stands, and what was found', async () => {
  const node = await clusterNode();
  const facts = fakeFacts(node);
  assert.equal(statusAnswer(facts).discovery, undefined);
  facts.foundBy = CLUSTER;
  const { discovery, tables } = statusAnswer(facts);
  assert.deepEqual(discovery, {
    ...{ address: 'https://10.96.0.1:443', node: 'node-a', settled: true },
    ...{ kept: { 'pod-cidr': 2 }, resources: [NODES] },
  });
  assert.deepEqual(tables[0]?.rules.found, [
    { prefix: '203.0.113.0/24', origin: 'CiliumLoadBalancerIPPool blue' },
  ]);
  assert.deepEqual(tables[0]?.rejected, { 'cluster-range': 2 });
  await node.stop();
});

test('a node that does not know all yet is not ready, and says what is refused from before', async () => {
  const before = await clusterNode();
  await before.stop();
  const node = await new FakeNode(
    clusterConfig(table({ rules: poolRules() })),
    before.kernel,
  ).start();
  await node.feed('10.244.2.128/25 via 10.9.0.2');
  const facts = fakeFacts(node);
  assert.equal(statusAnswer(facts).unready, 'not all that discovery is to find is known yet');
  const [refused] = routesAnswer(facts, { ...QUERY, state: 'rejected' });
  assert.equal(refused?.detail, 'inside 10.244.2.0/24: kept from before, as not all is known yet');
  await node.stop();
});

test('a range that has an address of this node is no rule, and a note says so as soon as it is found', async () => {
  const node = await clusterNode();
  const notes = () => statusAnswer(fakeFacts(node)).tables[0]?.notes;
  assert.deepEqual(notes(), []);
  node.engine.setDiscovered(discovered({ leftOut: ['192.0.2.0/24 wide 192.0.2.10'] }));
  assert.deepEqual(notes(), [
    'no rule from 192.0.2.0/24 (CiliumLoadBalancerIPPool wide): it contains 192.0.2.10, an address of this node',
  ]);
  await node.stop();
});
