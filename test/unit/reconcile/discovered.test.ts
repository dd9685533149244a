/** Stories of a cluster: what it says becomes rules and routes, and what it has not said yet takes nothing away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import type { Discovered } from '../../../src/discover/discovered.js';
import { prefix, rulesFrom, table } from '../desired/build.js';
import { clusterConfig, discovered, peerRoute, poolRules } from '../desired/found.js';
import { FakeNode } from './node.js';

const ROUTE = '10.0.0.0/8 via 10.9.0.2';

async function clusterNode(of: Config, found?: Discovered, ...texts: string[]): Promise<FakeNode> {
  const node = await new FakeNode(of).start();
  if (found !== undefined) await finds(node, found);
  await node.feed(...texts);
  node.kernel.takeLog();
  return node;
}

async function finds(node: FakeNode, found: Discovered): Promise<void> {
  node.engine.setDiscovered(found);
  node.reconciler.wake();
  await node.rest();
}

async function reborn(node: FakeNode, next: Config): Promise<FakeNode> {
  await node.stop();
  node.kernel.takeLog();
  return await new FakeNode(next, node.kernel, node.clock).start();
}

function reasonOf(node: FakeNode, text: string): string | undefined {
  const one = node.engine.tables.get(100);
  const entry = one?.entry(prefix(text));
  assert.ok(one !== undefined && entry !== undefined, `${text} was not heard`);
  return one.reasonOf(entry);
}

/** The table, each line without its number. */
function lines(node: FakeNode): string[] {
  return node.kernel.table(100).map((line) => line.replace(' table 100', ''));
}

function throws(node: FakeNode): string[] {
  return lines(node).filter((line) => line.startsWith('throw 10.244'));
}

test('pools become rules, behind those configured; one that goes takes its rule along', async () => {
  const of = clusterConfig(table({ rules: poolRules('198.51.100.0/24') }));
  const node = await clusterNode(of, discovered({ from: ['203.0.113.0/24 blue'] }), ROUTE);
  assert.deepEqual(node.kernel.ruleTexts(), [
    'from 198.51.100.0/24 lookup 100 pref 10000',
    'from 203.0.113.0/24 lookup 100 pref 10000',
  ]);
  // Split: the halves come before the whole goes.
  await finds(node, discovered({ from: ['203.0.113.0/25 blue', '203.0.113.128/25 blue'] }));
  node.did(
    'rule add from 203.0.113.0/25 lookup 100 pref 10000',
    'rule add from 203.0.113.128/25 lookup 100 pref 10000',
    'rule del from 203.0.113.0/24 lookup 100 pref 10000',
  );
  await finds(node, discovered({ from: ['203.0.113.0/25 blue', '203.0.113.128/25 blue'] }));
  node.did();
  await finds(node, discovered({}));
  assert.deepEqual(node.kernel.ruleTexts(), ['from 198.51.100.0/24 lookup 100 pref 10000']);
  await node.stop();
});

test('the cluster’s own ranges stay in main, and nothing inside them is learned', async () => {
  const of = clusterConfig(table());
  const heard = ['10.244.1.0/24', '10.244.1.128/25', '10.244.0.0/16', '10.244.9.0/24'];
  const node = await clusterNode(
    of,
    discovered({}, ['10.244.1.0/24 node-a']),
    ...heard.map((to) => `${to} via 10.9.0.2`),
  );
  const reasons = () => heard.map((to) => reasonOf(node, to));
  assert.deepEqual(reasons(), ['cluster-range', 'cluster-range', undefined, undefined]);
  assert.deepEqual(throws(node), ['throw 10.244.1.0/24 metric 20']);

  // A node that joins: what was learned in its range goes, and only that is decided again.
  await finds(node, discovered({}, ['10.244.1.0/24 node-a', '10.244.9.0/24 node-b']));
  assert.deepEqual(reasons(), ['cluster-range', 'cluster-range', undefined, 'cluster-range']);
  assert.deepEqual(throws(node), [
    'throw 10.244.1.0/24 metric 20',
    'throw 10.244.9.0/24 metric 20',
  ]);
  // One that leaves: its range may be learned.
  await finds(node, discovered({}, ['10.244.9.0/24 node-b']));
  assert.deepEqual(reasons(), [undefined, undefined, undefined, 'cluster-range']);
  assert.deepEqual(throws(node), ['throw 10.244.9.0/24 metric 20']);
  await node.stop();
});

test('a range within another needs no route of its own, and is told by its own name', async () => {
  const node = await clusterNode(
    clusterConfig(table()),
    discovered({}, ['10.244.0.0/16 pool', '10.244.1.0/24 node-a', '10.244.1.7/32 node-a']),
    '10.244.1.0/25 via 10.9.0.2',
  );
  assert.deepEqual(throws(node), ['throw 10.244.0.0/16 metric 20']);
  const one = node.engine.tables.get(100);
  assert.equal(one?.found.ranges.ownerOf(prefix('10.244.1.0/25')), 'pod CIDR of node-a');
  assert.equal(one?.found.ranges.ownerOf(prefix('10.244.2.0/25')), 'pod CIDR of pool');
  assert.equal(one?.found.ranges.ownerOf(prefix('10.0.0.0/8')), undefined);
  await node.stop();
});

test('what keepInMain names is refused for that, and what static names is routed', async () => {
  const kept = prefix('10.244.1.0/24');
  const of = clusterConfig(
    table({
      keepInMain: [kept],
      static: [{ ...peerRoute('10.244.2.0/24', '10.9.0.2'), discover: undefined }],
    }),
  );
  const node = await clusterNode(
    of,
    discovered({}, ['10.244.1.0/24 node-a', '10.244.2.0/24 node-b']),
    '10.244.1.0/25 via 10.9.0.2',
    '10.244.2.0/24 via 10.9.1.2',
  );
  assert.equal(reasonOf(node, '10.244.1.0/25'), 'kept-in-main');
  assert.equal(reasonOf(node, '10.244.2.0/24'), 'cluster-range');
  assert.deepEqual(
    lines(node).filter((line) => line.includes('10.244')),
    ['10.244.2.0/24 via 10.9.0.2 dev eth1 metric 1020', 'throw 10.244.1.0/24 metric 20'],
  );
  await node.stop();
});

test('a default route that is the cluster’s comes over the routers it has, and goes with them', async () => {
  const of = clusterConfig(table({ static: [peerRoute('0.0.0.0/0')] }));
  const node = await clusterNode(of, discovered({ gateways: ['10.9.0.2', 'fd00::2'] }), ROUTE);
  const standing = () => lines(node).find((line) => line.startsWith('default'));
  assert.equal(standing(), 'default via 10.9.0.2 dev eth1 metric 1020');
  await finds(node, discovered({ gateways: ['10.9.0.2', '10.9.1.2'] }));
  assert.match(
    standing() ?? '',
    /^default metric 1020 nexthop via 10\.9\.0\.2 .* nexthop via 10\.9\.1\.2 /,
  );
  await finds(node, discovered({}));
  assert.equal(standing(), undefined);
  const [fault] = node.engine.tables.get(100)?.fixed.faults ?? [];
  assert.equal(fault?.detail, 'no BGPPeer of this node is found to be a gateway');
  await node.stop();
});

const EVERYTHING = clusterConfig(
  table({ rules: poolRules('198.51.100.0/24'), static: [peerRoute('0.0.0.0/0')] }),
);
const FOUND = discovered({ from: ['203.0.113.0/24 blue'], gateways: ['10.9.0.2'] }, [
  '10.244.1.0/24 node-a',
]);

test('a restart takes nothing away before the cluster has spoken, however long that takes', async () => {
  const node = await clusterNode(EVERYTHING, FOUND, ROUTE);
  const [rules, routes] = [node.kernel.ruleTexts(), node.kernel.table(100)];
  const next = await reborn(node, EVERYTHING);
  // A full feed comes while the API server does not; what was kept is not learned either.
  await next.feed(ROUTE, '10.244.1.0/24 via 10.9.0.2', '10.244.1.64/26 via 10.9.0.2');
  await next.pass(3_600_000);
  next.did();
  assert.deepEqual([next.kernel.ruleTexts(), next.kernel.table(100)], [rules, routes]);
  assert.equal(reasonOf(next, '10.244.1.64/26'), 'cluster-range');
  assert.equal(next.engine.discoverySettled, false);
  // A part of it: what that part does not say stays.
  await finds(next, discovered({ knowledge: 'awaited' }, ['10.244.2.0/24 node-b'], 'awaited'));
  next.did('route add throw 10.244.2.0/24 table 100 metric 20');
  await finds(next, FOUND);
  next.did('route del throw 10.244.2.0/24 table 100 metric 20');
  assert.equal(next.engine.discoverySettled, true);
  await next.stop();
});

const DENIED = 'denied';

test('what may not be read after a restart takes nothing away; the rest goes by what is told', async () => {
  const first = discovered(
    { from: ['203.0.113.0/24 blue', '192.0.2.0/25 red'], gateways: ['10.9.0.2'] },
    ['10.244.1.0/24 node-a', '10.244.2.0/24 node-b'],
  );
  const node = await clusterNode(EVERYTHING, first, ROUTE);
  const [rules, routes] = [node.kernel.ruleTexts(), node.kernel.table(100)];
  const next = await reborn(node, EVERYTHING);
  await next.feed(ROUTE, '10.244.2.64/26 via 10.9.0.2');
  // Of the blue pools nothing may be read, nor of gateways, nor of node-b's kind of ranges.
  const red = discovered(
    { knowledge: DENIED, from: ['192.0.2.0/25 red'] },
    ['10.244.1.0/24 node-a'],
    DENIED,
  );
  await finds(next, red);
  await next.pass(3_600_000);
  next.did();
  assert.deepEqual([next.kernel.ruleTexts(), next.kernel.table(100)], [rules, routes]);
  assert.equal(reasonOf(next, '10.244.2.64/26'), 'cluster-range');
  assert.deepEqual([next.engine.discoverySettled, next.engine.discoveryWhole], [true, false]);
  // What is told comes and goes all the same.
  const none = discovered({ knowledge: DENIED }, [], DENIED);
  await finds(next, none);
  next.did(
    'rule del from 192.0.2.0/25 lookup 100 pref 10000',
    'route del throw 10.244.1.0/24 table 100 metric 20',
  );
  // A reload changes nothing of that; one that asks for nothing any more does.
  next.engine.reconfigure(EVERYTHING, none);
  next.reconciler.audit();
  await next.rest();
  next.did();
  const configured = clusterConfig(table({ rules: rulesFrom('198.51.100.0/24') }));
  next.engine.reconfigure(configured, { ...none, tables: new Map() });
  next.reconciler.audit();
  await next.rest();
  assert.deepEqual(next.kernel.ruleTexts(), ['from 198.51.100.0/24 lookup 100 pref 10000']);
  // Ranges may still be denied, and stay as they were.
  assert.deepEqual(throws(next), ['throw 10.244.2.0/24 metric 20']);
  await finds(next, discovered({}));
  assert.deepEqual(throws(next), []);
  await next.stop();
});

test('gateways that are known are the route, whatever else may not be read', async () => {
  const node = await clusterNode(EVERYTHING, FOUND, ROUTE);
  const next = await reborn(node, EVERYTHING);
  await next.feed(ROUTE);
  const over = () => lines(next).filter((line) => line.startsWith('default'));
  await finds(next, discovered({ knowledge: DENIED, gateways: ['10.9.1.2'] }));
  assert.deepEqual(over(), ['default via 10.9.1.2 dev eth2 metric 1020']);
  await finds(next, discovered({ knowledge: DENIED }));
  assert.deepEqual(over(), []);
  await next.stop();
});

test('once it has spoken, what it says no more goes', async () => {
  const node = await clusterNode(EVERYTHING, FOUND, ROUTE);
  const next = await reborn(node, EVERYTHING);
  await next.feed(ROUTE);
  await finds(next, discovered({ from: ['192.0.2.128/25 red'], gateways: ['10.9.1.2'] }));
  assert.deepEqual(next.kernel.ruleTexts(), [
    'from 198.51.100.0/24 lookup 100 pref 10000',
    'from 192.0.2.128/25 lookup 100 pref 10000',
  ]);
  assert.deepEqual(throws(next), []);
  assert.ok(lines(next).includes('default via 10.9.1.2 dev eth2 metric 1020'));
  await next.stop();
});

test('a reload from prefixes to pools keeps the rules until the pools are known', async () => {
  const node = await clusterNode(clusterConfig(table({ rules: rulesFrom('203.0.113.0/24') })));
  await finds(node, discovered({}));
  node.kernel.takeLog();
  await node.reload(clusterConfig(table({ rules: poolRules() })));
  node.did();
  await finds(node, discovered({ from: ['203.0.113.0/24 blue'] }));
  node.did();
  await finds(node, discovered({}));
  assert.deepEqual(node.kernel.ruleTexts(), []);
  await node.stop();
});

test('a reload that knows what it asks for keeps nothing else', async () => {
  const node = await clusterNode(EVERYTHING, FOUND, ROUTE);
  const next = clusterConfig(table({ rules: poolRules() }));
  node.engine.reconfigure(next, discovered({ from: ['203.0.113.0/25 blue'] }));
  node.reconciler.audit();
  await node.rest();
  assert.deepEqual(node.kernel.ruleTexts(), ['from 203.0.113.0/25 lookup 100 pref 10000']);
  assert.deepEqual(throws(node), []);
  await node.stop();
});

test('a plan over another configuration takes what is known, and what was for what is not', async () => {
  const node = await clusterNode(EVERYTHING, FOUND, ROUTE);
  const planned = (found?: Discovered) =>
    node.engine.withConfig(EVERYTHING, node.clock.monotonic(), found);
  assert.deepEqual(planned(FOUND).tables.get(100)?.rules.length, 2);
  assert.equal(planned(FOUND).discoverySettled, true);
  assert.equal(planned().discoverySettled, false);
  await node.stop();
});

test('what comes and goes costs what it is: not a look at every range', async () => {
  const ranges = Array.from(
    { length: 500 },
    (_, i) => `10.244.${i >> 1}.${(i & 1) * 128}/25 n${i}`,
  );
  const node = await clusterNode(clusterConfig(table()), discovered({}, ranges), ROUTE);
  const one = node.engine.tables.get(100);
  one?.drain();
  node.engine.setDiscovered(discovered({}, [...ranges, '10.245.0.0/24 more']));
  assert.deepEqual([...(one?.drain().fixed ?? [])].map(String), ['10.245.0.0/24']);
  await node.stop();
});

test('a pool that changes has nobody look at ranges that are the very same', async () => {
  const node = await clusterNode(clusterConfig(table({ rules: poolRules() })));
  let looks = 0;
  const [range] = discovered({}, ['10.244.1.0/24 node-a']).kept;
  assert.ok(range !== undefined);
  const counted = {
    ...{ what: range.what, name: range.name },
    get prefix() {
      looks++;
      return range.prefix;
    },
  };
  const kept = [counted];
  const change = async (from: string) => {
    const before = looks;
    await finds(node, { ...discovered({ from: [from] }), kept });
    return looks - before;
  };
  assert.ok((await change('203.0.113.0/25 blue')) > 0);
  assert.equal(await change('203.0.113.128/25 blue'), 0);
  assert.deepEqual(node.kernel.ruleTexts(), ['from 203.0.113.128/25 lookup 100 pref 10000']);
  assert.deepEqual(throws(node), ['throw 10.244.1.0/24 metric 20']);
  await node.stop();
});
