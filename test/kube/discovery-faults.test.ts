/** A node in a real cluster: what happens to the API server takes nothing away, and is told. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ALL, ciliumPool, DiscoveryLab } from '../support/kube/discovery-lab.js';
import { loadBalancer } from '../support/kube/objects.js';
import { isRefused } from '../support/kube/refusals.js';
import { until } from '../support/wait.js';

describe('a node, where the API server fails', { concurrency: 1 }, () => {
  let lab: DiscoveryLab;
  before(async () => {
    lab = await DiscoveryLab.start();
  });
  after(() => lab?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    for (const { resource, state } of await lab.resources()) {
      assert.ok(state === 'synced', `${resource} is ${state} before the test`);
    }
  });

  it('goes on after a cut, without a word', async () => {
    await lab.cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/24' }]));
    await lab.rulesBecome('203.0.113.0/24');
    await lab.cluster.cut();
    await lab.cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/25' }]));
    await lab.rulesBecome('203.0.113.0/25');
    await lab.everySynced();
  });

  it('keeps what it knows while the API server is away, says so, and catches up', async () => {
    await lab.cluster.stop();
    await until(async () => (await lab.stateOf('nodes'))?.state === 'stale', {
      ...{ what: 'it is told to be stale', deadlineMs: 20_000 },
    });
    assert.equal(await lab.sources(), '203.0.113.0/25');
    assert.ok((await lab.stateOf('nodes'))?.lastError !== undefined);
    assert.equal((await lab.daemon.status()).ready, true);
    await lab.cluster.launch();
    await lab.everySynced();
    assert.equal(await lab.sources(), '203.0.113.0/25');
    await lab.cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.128/25' }]));
    await lab.rulesBecome('203.0.113.128/25');
  });

  it('lists again where its resourceVersions have expired', async () => {
    await lab.cluster.expire();
    await lab.cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/26' }]));
    await lab.rulesBecome('203.0.113.0/26', 60_000);
    await lab.everySynced();
    await lab.cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/27' }]));
    await lab.rulesBecome('203.0.113.0/27');
  });

  it('keeps what it knew of a resource that it may no longer read, and names it', async () => {
    await lab.account.setRules(
      ALL.map((rule) => ({
        ...rule,
        resources: rule.resources.filter((one) => one !== 'ciliumloadbalancerippools'),
      })),
    );
    const pools = '/apis/cilium.io/v2/ciliumloadbalancerippools';
    const client = lab.cluster.as(lab.account);
    await until(() => isRefused(client.list(pools), 403), { what: 'the right is gone' });
    // A watch that is open goes on: only who comes anew is asked for rights.
    await lab.cluster.cut();
    const isTold = async () =>
      (await lab.stateOf('ciliumloadbalancerippools.cilium.io'))?.state === 'refused';
    await until(isTold, { what: 'it is told to be refused', deadlineMs: 30_000 });
    const refused = await lab.stateOf('ciliumloadbalancerippools.cilium.io');
    assert.match(
      refused?.lastError ?? '',
      /cannot (list|watch) resource "ciliumloadbalancerippools"/,
    );
    assert.equal(await lab.sources(), '203.0.113.0/27');
    const { alerts } = await lab.daemon.status();
    assert.ok(
      alerts.some(({ name }) => name === 'Rib2fibDiscoveryRefused'),
      JSON.stringify(alerts),
    );
    // The others are none the worse for it.
    const web = loadBalancer('web', {
      loadBalancerClass: 'example.org/exact',
      ingress: ['203.0.113.200'],
    });
    await lab.cluster.apply(web);
    await lab.rulesBecome('203.0.113.0/27 203.0.113.200', 20_000);
    await lab.cluster.admin.delete(web);
    await lab.account.setRules(ALL);
    await lab.everySynced();
    await lab.cluster.apply(ciliumPool('cut', [{ cidr: '203.0.113.0/28' }]));
    await lab.rulesBecome('203.0.113.0/28');
  });

  it('starts with what the kernel has where the API server is away, and catches up later', async () => {
    await lab.cluster.stop();
    await lab.daemon.stop('SIGKILL');
    await lab.daemon.launch({ until: 'admin' });
    await until(async () => (await lab.stateOf('nodes'))?.lastError !== undefined, {
      what: 'it was tried',
    });
    assert.equal(await lab.sources(), '203.0.113.0/28');
    assert.equal((await lab.daemon.status()).discovery?.settled, false);
    const kept = await lab.node.ipJson<{ dst: string }>(
      'route',
      'show',
      'table',
      '100',
      'type',
      'throw',
    );
    assert.ok(kept.some(({ dst }) => dst === '10.244.2.0/24'));
    await lab.cluster.launch();
    await lab.everySynced();
    assert.equal(await lab.sources(), '203.0.113.0/28');
    await lab.cluster.admin.delete(ciliumPool('cut', []));
    await lab.rulesBecome('');
  });
});
