import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonAlerts } from '../../src/daemon-alerts.js';
import type { ResourceState, ResourceStatus } from '../../src/discover/discovered.js';
import { KernelError } from '../../src/kernel/kernel.js';
import type { Alert } from '../../src/observe/alerts.js';
import type { PeerStatus } from '../../src/source/source.js';
import { fakeFacts } from './admin/fake-facts.js';
import { config, RESET, rulesFrom, table } from './desired/build.js';
import { FakeNode, runningNode } from './reconcile/node.js';

test('each condition is raised while it holds, and resolved when it does not', async () => {
  const node = await runningNode(
    { ...config(table({ rules: rulesFrom('203.0.113.0/24') })), hold: 60_000 },
    '10.0.0.0/8 via 10.9.0.2',
  );
  const facts = fakeFacts(node);
  const raised = new Map<string, Alert>();
  const alerts = new DaemonAlerts(facts, {
    raise: (alert) => void raised.set(alert.name, alert),
    resolve: ({ name }) => void raised.delete(name),
  });
  const now = (): string[] => {
    alerts.review();
    return [...raised.values()].map(({ name, severity }) => `${name} ${severity}`);
  };
  assert.deepEqual(now(), []);

  facts.sourceState = { state: 'lost', since: 1, reason: 'gone', attempts: 1, retryAt: 2 };
  await node.lost();
  assert.deepEqual(now(), ['Rib2fibSourceLost warning']);
  const end = new Date(node.clock.now() + 60_000).toISOString().replace('.000', '');
  assert.equal(
    raised.get('Rib2fibSourceLost')?.summary,
    `gobgp is lost: its routes stay until hold ends, at ${end}`,
  );
  await node.pass(60_000);
  assert.deepEqual(now(), ['Rib2fibSourceLost critical']);
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  facts.sourceState = { state: 'synced', since: 3 };
  assert.deepEqual(now(), []);

  const reason = 'routes.yaml:3:1: [2].prefix: is no prefix';
  facts.sourceState = { state: 'refused', since: 4, reason };
  assert.deepEqual(now(), ['Rib2fibSourceRefused warning']);
  assert.equal(raised.get('Rib2fibSourceRefused')?.description, reason);
  facts.sourceState = { state: 'synced', since: 5 };
  assert.deepEqual(now(), []);

  facts.configState = { ...facts.configState, faults: ['rib2fib.yaml:3:1: tables: wrong'] };
  assert.deepEqual(now(), ['Rib2fibConfigRefused warning']);
  assert.match(raised.get('Rib2fibConfigRefused')?.description ?? '', /3:1/);
  facts.configState = { ...facts.configState, faults: [] };

  await node.outside(
    'rule add from all lookup 255 pref 20000 proto 3',
    'rule del from all lookup 255 pref 0 proto 2',
  );
  assert.deepEqual(now(), ['Rib2fibLocalRuleBehind critical']);
  await node.outside('rule add from all lookup 255 pref 0 proto 2');
  assert.deepEqual(now(), []);

  const contested = '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20';
  for (let i = 0; i < 5; i++) await node.outside(`route del ${contested}`);
  assert.deepEqual(now(), ['Rib2fibContested warning']);
  const { summary, description } = raised.get('Rib2fibContested') ?? {};
  assert.match(summary ?? '', /again and again: 10\.0\.0\.0\/8 table 100 metric 20$/);
  assert.match(description ?? '', /^By netlink port 4711; a deletion names no protocol\./);
  await node.pass(31_000);
  assert.deepEqual(now(), []);

  facts.markState = { state: 'pending' };
  assert.deepEqual(now(), []);
  facts.markState = { state: 'failing', since: 6, reason: 'nft: no', attempts: 1, retryAt: 7 };
  assert.deepEqual(now(), ['Rib2fibConnmarkFailing warning']);
  assert.equal(raised.get('Rib2fibConnmarkFailing')?.description, 'nft: no');
  facts.markState = { state: 'contested', since: 6, retryAt: 7 };
  assert.deepEqual(now(), ['Rib2fibConnmarkFailing warning']);
  facts.markState = { state: 'off' };
  assert.deepEqual(now(), []);

  node.kernel.refuse('10.1.0.0/16', 'ENOMEM');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  await node.pass(1_000);
  assert.deepEqual(now(), []);
  await node.pass(2_000);
  assert.deepEqual(now(), ['Rib2fibKernelRefuses warning']);
  node.kernel.refuseNothing();
  await node.pass(60_000);
  assert.deepEqual(now(), []);

  node.reconciler.audit();
  for (const wait of [0, 1_000, 2_000]) {
    assert.deepEqual(now(), []);
    node.kernel.whileRead(() => {
      throw new KernelError('routes', 'EAGAIN', 'changed all the time');
    });
    await node.pass(wait);
  }
  assert.deepEqual(now(), ['Rib2fibKernelRefuses critical']);
  await node.pass(4_000);
  assert.deepEqual(now(), []);
  await node.stop();
});

test('a source that was fed once is lost until it is fed again, whatever it says meanwhile', async () => {
  const node = await runningNode({ ...config(table()), hold: 60_000 }, '10.0.0.0/8 via 10.9.0.2');
  const { facts, told } = watched(node);
  assert.equal(told(), undefined);
  await node.lost();
  facts.sourceState = { state: 'bgp-not-started', since: 1 };
  assert.deepEqual(told(), ['warning', 'BGP has not been started in it']);
  await node.apply(RESET);
  facts.sourceState = { state: 'syncing', since: 2, waitingFor: 'a peer' };
  assert.deepEqual(told(), ['warning', 'waiting for a peer']);
  await node.synced();
  facts.sourceState = { state: 'synced', since: 3 };
  assert.equal(told(), undefined);
  // A feed that is repeated loses nothing.
  await node.apply(RESET);
  assert.equal(told(), undefined);
  await node.stop();
});

test('a source that was never fed has 30 s to answer; what it says then does not take it back', async () => {
  const node = await new FakeNode(config(table())).start();
  const { facts, told, replaceSource } = watched(node);
  const lastError = 'connection refused';
  facts.sourceState = { state: 'connecting', since: 1, attempts: 3, lastError };
  await node.pass(29_999);
  assert.equal(told(), undefined);
  await node.pass(1);
  assert.deepEqual(told(), ['warning', lastError]);
  await node.apply(RESET);
  facts.sourceState = { state: 'syncing', since: 2, waitingFor: 'a peer' };
  assert.deepEqual(told(), ['warning', 'waiting for a peer']);
  await node.lost();
  assert.equal(told()?.[0], 'warning');
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  assert.equal(told(), undefined);
  // Another source, by a reload, is given time again.
  replaceSource();
  await node.lost();
  assert.equal(told(), undefined);
  await node.pass(30_000);
  assert.equal(told()?.[0], 'warning');
  // So is one that takes the place of a source that was lost before.
  replaceSource();
  assert.equal(told(), undefined);
  await node.pass(30_000);
  assert.equal(told()?.[0], 'warning');
  await node.stop();
});

/** `told` looks, and says of Rib2fibSourceLost its severity and description while it is raised. */
function watched(node: FakeNode) {
  const facts = fakeFacts(node);
  let source = facts.source();
  let raised: Alert | undefined;
  const alerts = new DaemonAlerts(
    { ...facts, source: () => source },
    {
      raise: (alert) => {
        if (alert.name === 'Rib2fibSourceLost') raised = alert;
      },
      resolve: ({ name }) => {
        if (name === 'Rib2fibSourceLost') raised = undefined;
      },
    },
  );
  const replaceSource = () => {
    source = { ...source };
  };
  const told = () => {
    alerts.review();
    return raised && [raised.severity, raised.description];
  };
  return { facts, told, replaceSource };
}

test('one feed of several that is away is told while its routes are held; a router under graceful restart is not', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const facts = fakeFacts(node);
  let raised: Alert | undefined;
  const alerts = new DaemonAlerts(facts, {
    raise: (alert) => {
      if (alert.name === 'Rib2fibFeedAway') raised = alert;
    },
    resolve: ({ name }) => {
      if (name === 'Rib2fibFeedAway') raised = undefined;
    },
  });
  const away = {
    ...{ peer: '127.0.0.1', as: 65000, established: false, sessionState: 'active' },
    ...{ adminDown: false, received: { ipv4: 1, ipv6: 0 }, since: undefined },
    ...{ lastError: 'connection lost', role: 'feed' as const, heldUntil: 5_000 },
  } as const;
  const told = (...peers: readonly PeerStatus[]) => {
    facts.peers = peers;
    alerts.review();
    return raised === undefined ? undefined : [raised.severity, raised.summary, raised.description];
  };
  assert.deepEqual(told(away, { ...away, peer: '127.0.0.3', heldUntil: null }), [
    'warning',
    'a feed is away, and its routes are held: 127.0.0.1, 127.0.0.3',
    '127.0.0.1: connection lost\n127.0.0.3: connection lost',
  ]);
  assert.equal(told({ ...away, heldUntil: undefined }), undefined);
  assert.equal(told({ ...away, role: 'neighbour' }), undefined);
  assert.ok(told(away) !== undefined);
  // The source as a whole is lost: that has an alert of its own.
  await node.lost();
  assert.equal(told(away), undefined);
});

test('a cluster that does not answer is an alert after five minutes, one that refuses at once', async () => {
  const node = await runningNode(config(table()));
  const facts = fakeFacts(node);
  const raised = new Map<string, Alert>();
  const alerts = new DaemonAlerts(facts, {
    raise: (alert) => void raised.set(alert.name, alert),
    resolve: ({ name }) => void raised.delete(name),
  });
  const resource = (state: ResourceState, since: number): ResourceStatus => ({
    ...{ resource: 'nodes', state, since, objects: 0, faulty: 0, lastError: 'no answer' },
  });
  const now = (...resources: readonly ResourceStatus[]): string[] => {
    facts.foundBy = {
      ...{ name: 'cluster', node: 'node-a', reconfigure() {}, resources: () => resources },
      async *snapshots() {},
      snapshot: () => ({ tables: new Map(), kept: [], keptKnowledge: 'whole' }),
    };
    alerts.review();
    return [...raised.keys()];
  };
  const long = facts.clock.now() - 300_000;
  for (const state of ['stale', 'listing'] as const) {
    assert.deepEqual(now(resource(state, long + 1)), []);
    assert.deepEqual(now(resource(state, long)), ['Rib2fibDiscoveryStale']);
    assert.equal(raised.get('Rib2fibDiscoveryStale')?.description, 'nodes: no answer');
    assert.deepEqual(now(resource('synced', long)), []);
  }
  assert.deepEqual(now(resource('absent', long)), []);
  assert.deepEqual(now(resource('refused', facts.clock.now())), ['Rib2fibDiscoveryRefused']);
  assert.deepEqual(now(), []);
  await node.stop();
});
