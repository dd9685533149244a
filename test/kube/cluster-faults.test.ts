/** What may go wrong with an API server, provoked: tests of discovery stand on it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../support/kube/ask.js';
import type { KubeList, WatchEvent } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { node } from '../support/kube/objects.js';
import { isRefused, refusal } from '../support/kube/refusals.js';
import { createNetns } from '../support/netns.js';
import { until } from '../support/wait.js';

const NODES = '/api/v1/nodes';
const PEERS = '/apis/metallb.io/v1beta2/bgppeers';

/** What is left to hear of two Nodes once the first was added: a status is written on its own. */
const HEARD = ['MODIFIED before', 'ADDED before-too', 'MODIFIED before-too'];

let cluster: KubeCluster;
before(async () => {
  cluster = await KubeCluster.start();
});
after(() => cluster[Symbol.asyncDispose]());

describe('what may go wrong', () => {
  it('a restart keeps objects, breaks watches, and leaves old resourceVersions expired', async () => {
    const { admin } = cluster;
    const { metadata } = await admin.list(NODES);
    const events = admin.watch(NODES, metadata);
    await cluster.define('bgppeers');
    const { metadata: before } = await admin.list(PEERS);
    await cluster.apply([node('before'), node('before-too')]);
    await events.next();
    await cluster.stop();
    await assert.rejects(admin.list(NODES), /ECONNRESET|socket hang up|disconnected/);
    await cluster.launch();
    assert.ok((await names(admin.list(NODES))).includes('before'));
    assert.deepEqual(await endOf(events), HEARD);

    await cluster.expire();
    assert.deepEqual(await endOf(admin.watch(NODES, metadata)), ['ERROR 410 Expired']);
    assert.deepEqual(await endOf(admin.watch(PEERS, before)), ['ERROR 410 Expired']);
    const exact = `${NODES}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`;
    await assert.rejects(admin.list(exact), refusal(410, /too old/));
  });

  it('a definition that is removed takes its objects along, and may come back', async () => {
    const { admin } = cluster;
    await cluster.define('ciliumpodippools');
    const pools = '/apis/cilium.io/v2alpha1/ciliumpodippools';
    const [pool] = await cluster.apply({
      ...{ apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumPodIPPool', metadata: { name: 'gone' } },
      spec: { ipv4: { cidrs: ['10.42.0.0/16'], maskSize: 24 } },
    });
    assert.ok(pool?.metadata.resourceVersion !== undefined);
    const { resourceVersion } = pool.metadata;
    const events = endOf(admin.watch(pools, { resourceVersion }));
    await admin.delete({
      ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
      metadata: { name: 'ciliumpodippools.cilium.io' },
    });
    assert.deepEqual(await events, ['DELETED gone']);
    await until(() => isRefused(admin.list(pools), 404), { what: 'the resource is gone' });
    await cluster.define('ciliumpodippools');
    assert.deepEqual((await admin.list(pools)).items, []);
  });

  it('a compacted resourceVersion is gone without a restart where there is no watch cache', async () => {
    await using bare = await KubeCluster.start({ args: ['--watch-cache=false'] });
    const { metadata } = await bare.admin.list(NODES);
    await bare.apply(node('later'));
    const heard = bare.admin.watch(NODES, metadata);
    assert.equal(((await heard.next()).value as WatchEvent).type, 'ADDED');
    await heard.return();
    await bare.compact();
    assert.deepEqual(await endOf(bare.admin.watch(NODES, metadata)), ['ERROR 410 Expired']);
  });

  it('the fragile route cuts connections, leaves them hanging, and lets them go on', async () => {
    await using worker = await createNetns('fragile');
    await cluster.join(worker);
    const config = await cluster.kubeconfig(undefined, 'fragile');
    const watch = ask(worker, config, `${NODES}?watch=1`);
    assert.equal(await watch.status, '200');
    await cluster.cut();
    assert.equal(await watch.end, 'ECONNRESET');

    const open = ask(worker, config, `${NODES}?watch=1&timeoutSeconds=1`);
    assert.equal(await open.status, '200');
    await cluster.stall();
    const hanging = ask(worker, config, NODES);
    const nothing = pause(2_500, 'nothing'); // The server itself has ended the watch by then.
    assert.equal(await Promise.race([hanging.status, open.end, nothing]), 'nothing');
    await cluster.resume();
    assert.equal(await open.end, 'end');
    assert.equal(await hanging.status, '200');
  });
});

async function names(list: Promise<KubeList>): Promise<readonly string[]> {
  return (await list).items.map(({ metadata }) => metadata.name);
}

/** The events until the stream ends, however it ends. */
async function endOf(events: AsyncIterable<WatchEvent>): Promise<readonly string[]> {
  const seen: string[] = [];
  try {
    for await (const { type, object } of events) {
      const { code, reason, metadata } = object;
      seen.push(type === 'ERROR' ? `${type} ${code} ${reason}` : `${type} ${metadata.name}`);
    }
  } catch (error) {
    assert.match(String(error), /aborted|ECONNRESET/);
  }
  return seen;
}
