/** A daemon that starts where it may not read any more what it read before: a role that was pruned, say. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { startDaemon } from '../support/daemon.js';
import { kernelRoutes, kernelRules } from '../support/kernel-view.js';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { loadBalancer, node as nodeObject } from '../support/kube/objects.js';
import { isRefused } from '../support/kube/refusals.js';
import { mayWatch } from '../support/kube/service-account.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns } from '../support/netns.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('denied');
after(() => scratch.remove());
const ROUTES = join(scratch.path, 'routes.yaml');
writeFileSync(ROUTES, '[]\n');

const DENIED = ['ciliumloadbalancerippools', 'nodes'];
const SOME = [
  mayWatch('', 'services'),
  mayWatch('discovery.k8s.io', 'endpointslices'),
  mayWatch('networking.k8s.io', 'servicecidrs'),
];
const ALL = [...SOME, mayWatch('', 'nodes'), mayWatch('cilium.io', 'ciliumloadbalancerippools')];

const CONFIG = {
  source: { file: { path: ROUTES } },
  discovery: { kubernetes: { status: false } },
  tables: [
    {
      id: 100,
      rules: { priority: 10000, discover: [{ ciliumPools: {} }, { services: {} }] },
    },
  ],
};

function pool(cidr: string): KubeObject {
  return {
    ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumLoadBalancerIPPool' },
    ...{ metadata: { name: 'blue' }, spec: { blocks: [{ cidr }] } },
  };
}

it('keeps what the kernel has of it, says so, and follows all that it may read', async () => {
  await using cluster = await KubeCluster.start();
  await cluster.define('ciliumloadbalancerippools');
  const web = loadBalancer('web', { ingress: ['198.51.100.7'] });
  const node = nodeObject('node-a', { podCIDRs: ['10.244.1.0/24'] });
  await cluster.apply([node, pool('203.0.113.0/24'), web]);
  await using netns = await createNetns('node');
  await cluster.join(netns);
  const account = await cluster.account('rib2fib', ALL);
  const { wrap, env } = await cluster.pod(account);
  await using daemon = await startDaemon({
    ...{ netns, wrap, env: { ...env, NODE_NAME: 'node-a' }, config: CONFIG },
  });
  const rules = async () =>
    (await kernelRules(netns)).map((line) => line.replace(/^10000: from (\S+) lookup .*$/, '$1'));
  const rulesBecome = (wanted: readonly string[], deadlineMs?: number) =>
    until(async () => (await rules()).join() === wanted.join(), {
      what: `rules from ${wanted.join(', ')}`,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  const throws = async () =>
    (await kernelRoutes(netns, 100, ['ipv4'])).map(({ type, dst }) => `${type} ${dst}`);
  assert.deepEqual((await rules()).toSorted(), ['198.51.100.7/32', '203.0.113.0/24']);
  assert.ok((await throws()).includes('throw 10.244.1.0/24'));

  await daemon.stop();
  await account.setRules(SOME);
  const client = cluster.as(account);
  await until(() => isRefused(client.list('/api/v1/nodes'), 403), { what: 'the right is gone' });
  await daemon.launch();
  const states = async () =>
    ((await daemon.status()).discovery?.resources ?? [])
      .filter(({ resource }) => DENIED.some((one) => resource.startsWith(one)))
      .map(({ state }) => state);
  await until(async () => (await states()).join() === 'refused,refused', {
    ...{ what: 'both are told to be refused', deadlineMs: 30_000 },
  });
  assert.deepEqual((await rules()).toSorted(), ['198.51.100.7/32', '203.0.113.0/24']);
  assert.ok((await throws()).includes('throw 10.244.1.0/24'));
  const { ready, alerts } = await daemon.status();
  assert.equal(ready, true);
  assert.ok(alerts.some(({ name }) => name === 'Rib2fibDiscoveryRefused'));
  assert.equal((await daemon.cli('plan', '--exit-code')).code, 0);

  await cluster.admin.delete(web);
  await rulesBecome(['203.0.113.0/24']);
  await daemon.cli('reload');
  assert.deepEqual(await rules(), ['203.0.113.0/24']);

  // With the right back, what is no more goes.
  await cluster.apply(pool('203.0.113.0/25'));
  await account.setRules(ALL);
  await rulesBecome(['203.0.113.0/25'], 45_000);
});
