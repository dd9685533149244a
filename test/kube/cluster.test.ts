/** The ground that tests of Kubernetes stand on: a real API server, with what may go wrong with one. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVICE_CIDRS } from '../support/kube/api-server.js';
import { KubeError, type KubeList, type WatchEvent } from '../support/kube/client.js';
import { API_ADDRESS, KubeCluster } from '../support/kube/cluster.js';
import { endpointSlice, loadBalancer, node } from '../support/kube/objects.js';
import { KUBERNETES_VERSION } from '../support/kube/programs.js';
import { mayWatch } from '../support/kube/service-account.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns, type Netns } from '../support/netns.js';
import { until } from '../support/wait.js';

const NODES = '/api/v1/nodes';
const SERVICES = '/api/v1/services';

/** What is left to hear of two Nodes once the first was added: a status is written on its own. */
const HEARD = ['MODIFIED before', 'ADDED before-too', 'MODIFIED before-too'];

let cluster: KubeCluster;
before(async () => {
  cluster = await KubeCluster.start();
});
after(() => cluster[Symbol.asyncDispose]());

const refusal = (code: number, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof KubeError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

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
    assert.equal(await ask(worker, await cluster.kubeconfig()).status, '200');
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

  it('knows an account by what a pod of it finds in its directory', async () => {
    const scratch = scratchDirectory('mount');
    try {
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'routing' } });
      const account = await cluster.account('agent', [mayWatch('', 'nodes')], 'routing');
      await account.mount(scratch.path, cluster.ca);
      const found = (name: string) => readFile(join(scratch.path, name), 'utf8');
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const { status } = await cluster
        .as({ token: await found('token') })
        .send<{ status: { userInfo: { username: string } } }>(
          'POST',
          '/apis/authentication.k8s.io/v1/selfsubjectreviews',
          { body },
        );
      assert.equal(status.userInfo.username, 'system:serviceaccount:routing:agent');
      assert.equal(await found('ca.crt'), cluster.ca);
      assert.equal(await found('namespace'), 'routing');
    } finally {
      scratch.remove();
    }
  });
});

describe('what may go wrong', () => {
  it('a restart keeps objects, breaks watches, and leaves old resourceVersions expired', async () => {
    const { admin } = cluster;
    const { metadata } = await admin.list(NODES);
    const events = admin.watch(NODES, metadata);
    await cluster.apply([node('before'), node('before-too')]);
    await events.next();
    await cluster.stop();
    await assert.rejects(admin.list(NODES), /ECONNRESET|socket hang up|disconnected/);
    await cluster.launch();
    assert.ok((await names(admin.list(NODES))).includes('before'));
    assert.deepEqual(await endOf(events), HEARD);

    await cluster.expire();
    assert.deepEqual(await endOf(admin.watch(NODES, metadata)), ['ERROR 410 Expired']);
    const exact = `${NODES}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`;
    await assert.rejects(admin.list(exact), refusal(410, /too old/));
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
    const hanging = ask(worker, config);
    const nothing = pause(2_500, 'nothing'); // The server itself has ended the watch by then.
    assert.equal(await Promise.race([hanging.status, open.end, nothing]), 'nothing');
    await cluster.resume();
    assert.equal(await open.end, 'end');
    assert.equal(await hanging.status, '200');
  });
});

const ASK = `
const [file, path] = process.argv.slice(1);
const { clusters: [{ cluster }], users: [{ user }] } = JSON.parse(require('node:fs').readFileSync(file));
const pem = (text) => Buffer.from(text, 'base64');
const told = (word) => { console.log(word); };
require('node:https').get(cluster.server + path, {
  ca: pem(cluster['certificate-authority-data']),
  cert: pem(user['client-certificate-data']),
  key: pem(user['client-key-data']),
}, (response) => {
  told(response.statusCode);
  response.resume().on('end', () => told('end')).on('error', ({ code }) => told(code));
}).on('error', ({ code }) => told(code));
`;

/** A call by a program in that namespace: HTTP's status, and how the answer ended; or the error for both. */
function ask(netns: Netns, kubeconfig: string, path = NODES) {
  const command = [process.execPath, '-e', ASK, kubeconfig, path];
  const { stdout } = netns.spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(stdout !== null);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const status = lines.next().then(({ value }) => value as string);
  const end = status.then(async () => ((await lines.next()).value as string | undefined) ?? '');
  return { status, end };
}

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
