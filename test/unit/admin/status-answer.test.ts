import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusAnswer } from '../../../src/admin/status-answer.js';
import { config, limit, nextHop, prefix, rulesFrom, staticRoute, table } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { FakeNode, runningNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';

const FEED = [
  '10.1.0.0/16 via 10.9.0.2',
  '10.2.0.0/16 via 10.9.0.2 + 10.9.1.2',
  '10.3.0.0/16 via 10.9.1.2',
];

test('counts: heard, accepted, desired, installed, and each reason for the rest', async () => {
  const node = await runningNode(
    config(
      table({
        filters: [
          rule('deny', 'd', { prefix: '11.0.0.0/8' }),
          rule('permit', 'p', { family: 'ipv4' }),
        ],
        keepInMain: [prefix('10.42.0.0/16')],
        static: [staticRoute('0.0.0.0/0', '10.9.0.254')],
        limits: [limit('block', 4)],
        acceptDefault: false,
      }),
    ),
    ...FEED,
    '11.0.0.0/8 via 10.9.0.2',
    '10.42.1.0/24 via 10.9.0.2',
    '0.0.0.0/0 via 10.9.0.2',
    '12.0.0.0/8 via 172.16.0.1',
    '13.0.0.0/8 via 192.0.3.1',
    '14.0.0.0/8 via 10.9.0.1',
  );
  node.kernel.refuse('10.9.9.0/24', 'ENOMEM');
  await node.outside('route add 10.5.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20');
  await node.hears('10.3.0.0/16', '13.0.0.0/8', '12.0.0.0/8 via 10.9.1.9');
  await node.hears('10.5.0.0/16 via 10.9.0.2', '15.0.0.0/8 via 10.9.0.2');
  const facts = fakeFacts(node);
  const { tables, ready, kernel } = statusAnswer(facts);
  const [report] = tables;
  assert.ok(report);
  assert.equal(ready, true);
  assert.deepEqual(report.rejected, {
    denied: 1,
    'kept-in-main': 1,
    'default-route': 1,
    'next-hop-local': 1,
    'limit-blocked': 1,
    'foreign-route': 1,
  });
  // 10.1, 10.2, 12, 10.5 of nine; three throw routes and a static one besides.
  assert.deepEqual(report.routes.ipv4, {
    heard: 9,
    accepted: 4,
    desired: 8,
    installed: 7,
    stale: 0,
  });
  assert.equal(report.foreignRoutes, 1);
  assert.deepEqual(
    report.acceptedByPeer.filter(({ accepted }) => accepted > 0),
    [
      { peer: '10.9.0.2', family: 'ipv4', accepted: 3 },
      { peer: '10.9.1.2', family: 'ipv4', accepted: 1 },
      { peer: '10.9.1.9', family: 'ipv4', accepted: 1 },
    ],
  );
  assert.deepEqual(
    report.limits.map(({ used, max, state, latched }) => ({ used, max, state, latched })),
    [{ used: 5, max: 4, state: 'exceeded', latched: false }],
  );
  assert.equal(kernel.failingTotal, 0);
  assert.equal(kernel.lastAuditAt, node.clock.now());
  await node.stop();
});

test('next hops: what they resolve to, what not and why, and their group', async () => {
  const node = await runningNode(
    config(table({ nextHop: nextHop({ objects: 'always' }) })),
    ...FEED,
    '10.4.0.0/16 via 10.9.0.2 + 172.16.0.1',
    '10.5.0.0/16 via 192.0.3.1',
    '10.6.0.0/16 via 10.9.0.2 bw 30 + 10.9.1.2 bw 10',
  );
  const { nextHops, nexthopObjects } = statusAnswer(fakeFacts(node)).tables[0] ?? assert.fail();
  assert.equal(nexthopObjects, true);
  const summary = nextHops.map((one) => ({
    ...one,
    groupId: one.groupId !== undefined,
    unresolved: one.unresolved.map((each) => `${each.nextHop} ${each.reason}`),
  }));
  assert.deepEqual(summary, [
    {
      nextHop: '10.9.0.2',
      resolved: ['via 10.9.0.2 dev eth1'],
      unresolved: [],
      routes: 1,
      groupId: true,
    },
    {
      nextHop: '10.9.0.2 + 10.9.1.2',
      resolved: ['via 10.9.0.2 dev eth1', 'via 10.9.1.2 dev eth2'],
      unresolved: [],
      routes: 1,
      groupId: true,
    },
    {
      nextHop: '10.9.1.2',
      resolved: ['via 10.9.1.2 dev eth2'],
      unresolved: [],
      routes: 1,
      groupId: true,
    },
    {
      nextHop: '10.9.0.2 + 172.16.0.1',
      resolved: ['via 10.9.0.2 dev eth1'],
      unresolved: ['172.16.0.1 next-hop-via-default'],
      routes: 1,
      groupId: true,
    },
    {
      nextHop: '192.0.3.1',
      resolved: [],
      unresolved: ['192.0.3.1 next-hop-via-default'],
      routes: 1,
      groupId: false,
    },
    {
      nextHop: '10.9.0.2 + 10.9.1.2',
      resolved: ['via 10.9.0.2 dev eth1 weight 100', 'via 10.9.1.2 dev eth2 weight 33'],
      unresolved: [],
      routes: 1,
      groupId: true,
    },
  ]);
  await node.stop();
});

test('the feed, from start to loss and expiry, with what is stale', async () => {
  const before = await runningNode(config(table()), ...FEED);
  await before.stop();
  const node = await new FakeNode(config(table()), before.kernel, before.clock).start();
  const facts = fakeFacts(node);
  const now = () => {
    const { source, tables } = statusAnswer(facts);
    return { feed: source.feed, stale: tables[0]?.routes.ipv4.stale };
  };
  const start = node.clock.now();
  assert.deepEqual(now(), {
    feed: { state: 'stale', since: start, until: start + 120_000, reason: 'not connected yet' },
    stale: 5,
  });
  await node.apply({ type: 'reset' });
  await node.hears(FEED[0] ?? '');
  assert.deepEqual(now().feed, { state: 'syncing', since: start, pending: ['ipv4', 'ipv6'] });
  assert.equal(now().stale, 3);
  await node.synced();
  assert.deepEqual(now(), { feed: { state: 'synced', since: start }, stale: 0 });
  await node.pass(7_000);
  await node.lost();
  assert.deepEqual(now(), {
    feed: { state: 'stale', since: start + 7_000, until: start + 127_000, reason: 'test' },
    stale: 1,
  });
  await node.pass(120_000);
  assert.deepEqual(now(), {
    feed: { state: 'expired', since: start + 127_000, reason: 'test' },
    stale: 0,
  });
  await node.stop();
});

test('hold: forever has no end; JSON has no Infinity', async () => {
  const node = await runningNode({ ...config(table()), hold: Number.POSITIVE_INFINITY });
  await node.lost();
  const { feed } = statusAnswer(fakeFacts(node)).source;
  assert.equal(feed.state === 'stale' ? feed.until : undefined, null);
  await node.stop();
});

test('what the kernel refuses, with its words and its next try; the first twenty of many', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('20.', 'ENOMEM');
  await node.hears(...Array.from({ length: 30 }, (_, i) => `20.${i}.0.0/16 via 10.9.0.2`));
  const { kernel, tables } = statusAnswer(fakeFacts(node));
  assert.equal(kernel.failingTotal, 30);
  assert.equal(kernel.failing.length, 20);
  assert.deepEqual(kernel.failing[0], {
    what: '20.0.0.0/16 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20',
    errno: 'ENOMEM',
    message: 'no: ENOMEM',
    retryAt: node.clock.now() + 1_000,
  });
  assert.equal(tables[0]?.rejected['kernel-error'], 30);
  await node.stop();
});

test('misplaced rules are faults, and not counted as installed', async () => {
  const node = await runningNode(config(table({ rules: rulesFrom('203.0.113.0/24') })));
  const rules = () => statusAnswer(fakeFacts(node)).tables[0]?.rules;
  assert.deepEqual(rules(), { desired: 1, installed: 1, found: [], misplaced: 0, faults: [] });
  assert.equal(statusAnswer(fakeFacts(node)).ready, true);
  await node.outside(
    'rule add from all lookup 255 pref 20000 proto 3',
    'rule del from all lookup 255 pref 0 proto 2',
  );
  assert.deepEqual(rules(), {
    desired: 1,
    installed: 0,
    found: [],
    misplaced: 1,
    faults: ['priority 10000 is not behind the ipv4 rule of table local (20000)'],
  });
  const { ready, unready } = statusAnswer(fakeFacts(node));
  assert.deepEqual(
    [ready, unready],
    [
      false,
      'rules are taken out: priority 10000 is not behind the ipv4 rule of table local (20000)',
    ],
  );
  await node.stop();
});

test('limits: latched is exceeded, with the time of its peer’s return; a refused configuration shows', async () => {
  const limits = [limit('teardown', 1, { peer: '10.9.0.2' })];
  const node = await runningNode(config(table({ limits })), ...FEED);
  const facts = fakeFacts(node);
  facts.restoreTimes = new Map([['fabric/10.9.0.2/ipv4', 42]]);
  facts.configState = { ...facts.configState, faults: ['wrong'] };
  const report = statusAnswer(facts);
  const [one] = report.tables[0]?.limits ?? [];
  assert.equal(one?.state, 'exceeded');
  assert.equal(one?.latched, true);
  assert.equal(one?.restoreAt, 42);
  assert.equal(report.config.stale, true);
  assert.deepEqual(report.config.faults, ['wrong']);
  await node.stop();
});

test('a rule of somebody else at our priority is told', async () => {
  const node = await runningNode(config(table({ rules: rulesFrom('203.0.113.0/24') })));
  await node.outside('rule add from 192.0.2.0/24 lookup 77 pref 10000 proto 4');
  assert.deepEqual(statusAnswer(fakeFacts(node)).tables[0]?.rules.faults, [
    "somebody else's rule stands at our priority: from 192.0.2.0/24 lookup 77 pref 10000 proto 4",
  ]);
  await node.stop();
});

test('what the node does not allow now is noted, and a static route of it is rejected', async () => {
  const node = await runningNode(
    config(
      table({
        static: [
          staticRoute('0.0.0.0/0', '10.9.0.254%eth9', '172.16.0.1'),
          staticRoute('10.7.0.0/16', '10.9.0.254'),
          staticRoute('2001:db8::/32', '2001:db8:9::1'),
        ],
        rules: {
          ...rulesFrom('203.0.113.0/24'),
          from: [
            { kind: 'interface', interface: 'eth7' },
            { kind: 'interface', interface: 'lo' },
            { kind: 'interface', interface: 'eth1' },
          ],
        },
      }),
    ),
    '11.0.0.0/8 via 172.16.0.2',
  );
  const report = () => statusAnswer(fakeFacts(node)).tables[0] ?? assert.fail();
  assert.deepEqual(report().notes, [
    'static 0.0.0.0/0 is not installed: there is no interface eth9; 172.16.0.1 is reached through the default route only (viaDefault: false)',
    'static 2001:db8::/32 is not installed: ipv6 is switched off on this node',
    'rules.from: there is no interface eth7',
    'rules.from: lo has no global, settled address',
  ]);
  assert.deepEqual(report().rejected, { 'next-hop-unreachable': 2, 'next-hop-via-default': 1 });
  await node.link('eth1', { up: false, carrier: false });
  assert.match(
    report().notes.join(),
    /static 10\.7\.0\.0\/16 is not installed: 10\.9\.0\.254 is reached through the default route/,
  );
  await node.link('eth1', { up: true, carrier: true });
  assert.equal(report().notes.length, 4);
  await node.stop();
});

test('peers stand in the order of their addresses, whatever order the daemon tells them in', async () => {
  const facts = fakeFacts(await runningNode(config(table())));
  const given = ['10.9.10.2', 'fe80::1', '10.9.9.2'];
  facts.peers = given.map((peer) => ({
    ...{ peer, as: 65001, established: true, sessionState: 'established', adminDown: false },
    ...{ received: { ipv4: 0, ipv6: 0 }, since: 0, lastError: undefined },
  }));
  const { peers } = statusAnswer(facts).source;
  assert.deepEqual(
    peers.map(({ peer }) => peer),
    ['10.9.9.2', '10.9.10.2', 'fe80::1'],
  );
});
