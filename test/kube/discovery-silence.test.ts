/** An API server whose host is gone without a word: nothing is reset, nothing is closed, nothing comes. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { kernelRules } from '../support/kernel-view.js';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { node as nodeObject } from '../support/kube/objects.js';
import { mayWatch } from '../support/kube/service-account.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns } from '../support/netns.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('silence');
after(() => scratch.remove());
const ROUTES = join(scratch.path, 'routes.yaml');
writeFileSync(ROUTES, '[]\n');

const CONFIG = {
  source: { file: { path: ROUTES } },
  discovery: { kubernetes: { status: false } },
  tables: [{ id: 100, rules: { priority: 10000, discover: [{ ciliumPools: {} }] } }],
};

function pool(cidr: string): KubeObject {
  return {
    ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumLoadBalancerIPPool' },
    ...{ metadata: { name: 'blue' }, spec: { blocks: [{ cidr }] } },
  };
}

async function states(daemon: Daemon): Promise<readonly string[]> {
  return ((await daemon.status()).discovery?.resources ?? []).map(({ state }) => state);
}

it('is found out within 75 s by every watch; what was known stays, and is true again soon after', async () => {
  await using cluster = await KubeCluster.start();
  await cluster.define('ciliumloadbalancerippools');
  await cluster.apply([
    nodeObject('node-a', { podCIDRs: ['10.244.1.0/24'] }),
    pool('203.0.113.0/24'),
  ]);
  await using node = await createNetns('node');
  const address = await cluster.join(node);
  const account = await cluster.account('rib2fib', [
    mayWatch('', 'nodes', 'services'),
    mayWatch('discovery.k8s.io', 'endpointslices'),
    mayWatch('networking.k8s.io', 'servicecidrs'),
    mayWatch('cilium.io', 'ciliumloadbalancerippools'),
  ]);
  const { wrap, env } = await cluster.pod(account);
  await using daemon = await startDaemon({
    ...{ netns: node, wrap, env: { ...env, NODE_NAME: 'node-a' }, config: CONFIG },
  });
  const rules = () => kernelRules(node);
  assert.deepEqual(await rules(), ['10000: from 203.0.113.0/24 lookup 100 -4']);
  assert.equal((await states(daemon)).filter((state) => state === 'synced').length, 5);

  // From the node it is a server that does not answer: neither to what comes, nor to who comes anew.
  await cluster.netns.ip('route', 'add', 'blackhole', `${address}/32`);
  await until(async () => !(await states(daemon)).includes('synced'), {
    ...{ what: 'all is told to be stale', deadlineMs: 75_000, everyMs: 500 },
  });
  await cluster.apply(pool('203.0.113.0/25'));
  const { ready, discovery } = await daemon.status();
  assert.deepEqual([ready, discovery?.settled], [true, true]);
  const pools = discovery?.resources.find(({ resource }) => resource.startsWith('ciliumload'));
  assert.match(pools?.lastError ?? '', /no answer within 30 s|ETIMEDOUT/);
  assert.deepEqual(await rules(), ['10000: from 203.0.113.0/24 lookup 100 -4']);

  await cluster.netns.ip('route', 'del', 'blackhole', `${address}/32`);
  await until(async () => (await rules()).join() === '10000: from 203.0.113.0/25 lookup 100 -4', {
    ...{ what: 'the pool is as it is now', deadlineMs: 20_000 },
  });
  await until(async () => !(await states(daemon)).includes('stale'), {
    ...{ what: 'all is synced', deadlineMs: 20_000 },
  });
});
