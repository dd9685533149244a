import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonAlerts } from '../../src/daemon-alerts.js';
import type { Alert } from '../../src/observe/alerts.js';
import { fakeFacts } from './admin/fake-facts.js';
import { config, rulesFrom, table } from './desired/build.js';
import { runningNode } from './reconcile/node.js';

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
  await node.pass(60_000);
  assert.deepEqual(now(), ['Rib2fibSourceLost critical']);
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  facts.sourceState = { state: 'synced', since: 3 };
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

  node.kernel.refuse('10.1.0.0/16', 'ENOMEM');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  await node.pass(1_000);
  assert.deepEqual(now(), []);
  await node.pass(2_000);
  assert.deepEqual(now(), ['Rib2fibKernelRefuses warning']);
  node.kernel.refuseNothing();
  await node.pass(60_000);
  assert.deepEqual(now(), []);
  await node.stop();
});
