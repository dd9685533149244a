/** The ground that tests of Kubernetes stand on: a real API server, with RBAC. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SERVICE_CIDRS } from '../support/kube/api-server.js';
import { ask } from '../support/kube/ask.js';
import type { WatchEvent } from '../support/kube/client.js';
import { API_ADDRESS, KubeCluster } from '../support/kube/cluster.js';
import { endpointSlice, loadBalancer, node } from '../support/kube/objects.js';
import { KUBERNETES_VERSION } from '../support/kube/programs.js';
import { isRefused, refusal } from '../support/kube/refusals.js';
import { mayWatch } from '../support/kube/service-account.js';
import { createNetns } from '../support/netns.js';
import { until } from '../support/wait.js';

const NODES = '/api/v1/nodes';
const SERVICES = '/api/v1/services';

/** A program that finds its cluster as client libraries do in a pod. */
const WHO_AM_I = `
const read = (name) => require('node:fs').readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/' + name, 'utf8');
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const headers = { authorization: 'Bearer ' + read('token'), 'content-type': 'application/json' };
require('node:https').request({
  ...{ host, port, ca: read('ca.crt'), method: 'POST', headers },
  path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
}, async (response) => {
  const { status } = JSON.parse((await response.toArray()).join(''));
  console.log(read('namespace') + ': ' + status.userInfo.username);
}).end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }));
`;

let cluster: KubeCluster;
before(async () => {
  cluster = await KubeCluster.start();
});
after(() => cluster[Symbol.asyncDispose]());

describe('the API server', () => {
  it('is the version that is pinned, and has made what a cluster begins with', async () => {
    const { admin } = cluster;
    const { gitVersion } = await admin.get<{ gitVersion: string }>('/version');
    assert.equal(gitVersion, KUBERNETES_VERSION);
    const cidr = await admin.get('/apis/networking.k8s.io/v1/servicecidrs/kubernetes');
    assert.deepEqual((cidr['spec'] as { cidrs: string[] }).cidrs, SERVICE_CIDRS);
    const own = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';
    const { endpoints } = (await admin.get(own)) as unknown as {
      endpoints: readonly { addresses: readonly string[] }[];
    };
    assert.deepEqual(endpoints[0]?.addresses, [API_ADDRESS]);
  });

  it('keeps what kubelets and controllers write, a status too', async () => {
    await cluster.apply([
      node('written', { podCIDRs: ['10.42.0.0/24', 'fd42::/64'], internalIPs: ['10.0.0.11'] }),
      loadBalancer('web', {
        loadBalancerClass: 'io.cilium/bgp-control-plane',
        ingress: ['203.0.113.7'],
      }),
      endpointSlice('web', [{ address: '10.42.0.5', nodeName: 'written' }]),
    ]);
    const written = await cluster.admin.get(`${NODES}/written`);
    assert.deepEqual(written['spec'], {
      podCIDR: '10.42.0.0/24',
      podCIDRs: ['10.42.0.0/24', 'fd42::/64'],
      taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
    });
    const { addresses } = written['status'] as { addresses: readonly object[] };
    assert.deepEqual(addresses[0], { type: 'InternalIP', address: '10.0.0.11' });
    const web = await cluster.admin.get('/api/v1/namespaces/default/services/web');
    assert.deepEqual(web['status'], {
      loadBalancer: { ingress: [{ ip: '203.0.113.7', ipMode: 'VIP' }] },
    });
  });

  it('tells a watch what changes, and prints as kubectl would', async () => {
    const { metadata } = await cluster.admin.list(NODES);
    const events = cluster.admin.watch(NODES, metadata);
    await cluster.apply(node('watched'));
    const added = (await events.next()).value as WatchEvent;
    assert.equal(`${added.type} ${added.object.metadata.name}`, 'ADDED watched');
    await cluster.admin.delete(node('watched'));
    const seen: string[] = [];
    for await (const { type } of events) if (seen.push(type) && type === 'DELETED') break;
    assert.equal(seen.at(-1), 'DELETED');
    const { columns, rows } = await cluster.admin.table(SERVICES);
    assert.deepEqual(columns.slice(0, 4), ['Name', 'Type', 'Cluster-IP', 'External-IP']);
    assert.ok(rows.some(([name]) => name === 'kubernetes'));
  });

  it('is reached from the namespace of a node that joined', async () => {
    await using worker = await createNetns('worker');
    const address = await cluster.join(worker);
    assert.match(await worker.ip('route', 'get', API_ADDRESS), new RegExp(`src ${address}`));
    assert.equal(await ask(worker, await cluster.kubeconfig(), NODES).status, '200');
  });
});

describe('RBAC', () => {
  it('refuses who has no rule, who has no name, and who had a rule', async () => {
    await assert.rejects(cluster.as().list(NODES), refusal(403, /system:anonymous.*cannot list/));
    await assert.rejects(cluster.as({ token: 'x' }).list(NODES), refusal(401, /Unauthorized/));

    const account = await cluster.account('reader', [mayWatch('', 'nodes')]);
    const reader = cluster.as(account);
    await until(() => reader.list(NODES), { what: 'the rule counts' });
    await assert.rejects(
      reader.list(SERVICES),
      refusal(403, /system:serviceaccount:default:reader" cannot list resource "services"/),
    );
    await assert.rejects(reader.apply(node('made')), refusal(403, /cannot (get|patch)/));

    await account.setRules([mayWatch('', 'services')]);
    await until(() => reader.list(SERVICES), { what: 'the other rule counts' });
    await assert.rejects(reader.list(NODES), refusal(403, /cannot list resource "nodes"/));
  });

  it('lets a watch go on that was begun with a right, and no new one begin without', async () => {
    const account = await cluster.account('watcher', [mayWatch('', 'nodes')]);
    const watcher = cluster.as(account);
    const { metadata } = await until(() => watcher.list(NODES), { what: 'the rule counts' });
    const events = watcher.watch(NODES, metadata);
    await cluster.apply(node('first'));
    await events.next();
    await account.setRules([]);
    await until(() => isRefused(watcher.list(NODES), 403), { what: 'the rule is gone' });
    await cluster.apply(node('second'));
    let seen: string | undefined;
    while (seen !== 'second')
      seen = ((await events.next()).value as WatchEvent).object.metadata.name;
    await events.return();
    await assert.rejects(watcher.watch(NODES, metadata).next(), refusal(403, /cannot watch/));
  });

  it('refuses before it says that there is no such resource, which discovery tells everybody', async () => {
    const pools = '/apis/metallb.io/v1beta1/ipaddresspools';
    const account = await cluster.account('early', []);
    const early = cluster.as(account);
    await assert.rejects(early.list(pools), refusal(403, /cannot list/));
    await assert.rejects(early.get('/apis/metallb.io/v1beta1'), refusal(404, /not found/));
    await account.setRules([mayWatch('metallb.io', 'ipaddresspools')]);
    await until(() => isRefused(early.list(pools), 404), { what: 'the rule counts' });
    await cluster.define('ipaddresspools');
    assert.deepEqual((await early.list(pools)).items, []);
    await early.get('/apis/metallb.io/v1beta1');
  });

  it('knows an account by what a pod of it finds', async () => {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'routing' } });
    const account = await cluster.account('agent', [], 'routing');
    await using worker = await createNetns('pod');
    await cluster.join(worker);
    for (const route of ['direct', 'fragile'] as const) {
      const { wrap, env } = await cluster.pod(account, route);
      const { stdout } = worker.spawn(wrap([process.execPath, '-e', WHO_AM_I]), {
        ...{ env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
      });
      const said = (await stdout?.setEncoding('utf8').toArray())?.join('').trim();
      assert.equal(said, 'routing: system:serviceaccount:routing:agent');
    }
  });
});
