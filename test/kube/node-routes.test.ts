/**
 * What a node tells its cluster, against a real API server: the daemon runs as in a pod, with the rights
 * that the chart gives it and no others, and the definition that the chart installs.
 */
import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeRoutesStatus } from '../../src/report/node-routes.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { startGobgpd } from '../support/gobgpd.js';
import { ofKind, render } from '../support/kube/chart.js';
import type { KubeClient, KubeList, KubeObject } from '../support/kube/client.js';
import { KubeCluster, type Pod } from '../support/kube/cluster.js';
import { node } from '../support/kube/objects.js';
import { isRefused, refusal } from '../support/kube/refusals.js';
import { scratchDirectory } from '../support/leftovers.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { until } from '../support/wait.js';

const ROUTER = '10.9.0.2';
const OBJECTS = '/apis/rib2fib.io/v1alpha1/noderoutes';
const OBJECT = `${OBJECTS}/node-a`;
const TABLES = [
  {
    ...{ id: 100, name: 'fabric', filters: [{ permit: {} }] },
    limits: [{ family: 'ipv4', max: 3 }],
    rules: { priority: 10_000, from: ['203.0.113.0/24'] },
  },
];
const DISCOVERY = { kubernetes: { node: 'node-a' } };
const scratch = scratchDirectory('routes');
const ROUTES = join(scratch.path, 'routes.yaml');
const CONFIG = { source: { file: { path: ROUTES } }, tables: TABLES, discovery: DISCOVERY };
const VALUES = {
  'config.source': { gobgp: { address: '127.0.0.1:50051' } },
  'config.tables': TABLES,
  'config.discovery': DISCOVERY,
};

let cluster: KubeCluster;
let worker: Netns;
let router: Netns;
let objects: readonly KubeObject[];
let pod: Pod;
let daemon: Daemon;

before(async () => {
  cluster = await KubeCluster.start();
  objects = await render({ values: VALUES });
  await cluster.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rib2fib' } },
    ...objects.filter(({ kind }) => /^(ServiceAccount|CustomResourceDefinition)$|Role/.test(kind)),
    node('node-a', { podCIDRs: ['10.42.0.0/24'] }),
  ]);
  worker = await createNetns('worker');
  router = await createNetns('router');
  await connect(
    ...([router, { name: 'n0', addresses: [`${ROUTER}/24`] }] as const),
    ...([worker, { name: 'eth1', addresses: ['10.9.0.1/24'] }] as const),
  );
  await cluster.join(worker);
  // The account is there, with the chart's rights; it is given none besides.
  pod = await cluster.pod(await cluster.account('rib2fib', [], 'rib2fib'));
  await feed('10.1.0.0/16');
  daemon = await startDaemon({ netns: worker, config: CONFIG, ...pod });
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await router[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  scratch.remove();
});

/** All there is to be learned, in one rename. */
async function feed(...prefixes: readonly string[]): Promise<void> {
  const routes = prefixes.map((prefix) => ({ prefix, nextHop: ROUTER }));
  await writeFile(`${ROUTES}.next`, JSON.stringify(routes)); // JSON is YAML.
  await rename(`${ROUTES}.next`, ROUTES);
}

async function status(): Promise<NodeRoutesStatus> {
  const object = await cluster.admin.get(OBJECT);
  return object['status'] as unknown as NodeRoutesStatus;
}

/** Numbers that have changed again and again wait a minute. */
const COUNTS_MS = 90_000;

const reported = (
  what: string,
  holds: (status: NodeRoutesStatus) => boolean,
  deadlineMs = COUNTS_MS,
) => until(async () => holds(await status()), { what, deadlineMs, everyMs: 100 });

function condition({ conditions }: NodeRoutesStatus, type: string): string | undefined {
  const found = conditions.find((one) => one.type === type);
  return found && `${found.status} ${found.reason}`;
}

interface Event extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

async function events(): Promise<readonly Event[]> {
  const list: KubeList<Event> = await cluster.admin.list('/api/v1/namespaces/default/events');
  return list.items.filter(
    ({ involvedObject: { kind, name } }) => kind === 'Node' && name === 'node-a',
  );
}

const heard = (reason: string) =>
  until(async () => (await events()).some((event) => event.reason === reason), {
    ...{ what: `an Event ${reason}`, deadlineMs: 20_000, everyMs: 100 },
  });

describe('a node in its cluster', () => {
  it('has an object of its name, owned by the Node, that is ready', async () => {
    await until(
      () =>
        cluster.admin.get(OBJECT).then(
          () => true,
          () => false,
        ),
      {
        ...{ what: 'the object is there', deadlineMs: 20_000, everyMs: 100 },
      },
    );
    await reported('ready', (one) => condition(one, 'Ready') === 'True InStep');
    const object = await cluster.admin.get(OBJECT);
    const { ownerReferences } = object.metadata as { readonly ownerReferences?: unknown };
    const { uid } = (await cluster.admin.get('/api/v1/nodes/node-a')).metadata;
    assert.deepEqual(ownerReferences, [{ apiVersion: 'v1', kind: 'Node', name: 'node-a', uid }]);
    const { tables, source, routes } = await status();
    assert.deepEqual([source.kind, source.feed, routes.heard], ['file', 'synced', 1]);
    assert.equal(tables[0]?.name, 'fabric');
    assert.equal(tables[0]?.accepted, 1);
    assert.equal(tables[0]?.rules, 1);
  });

  it('is printed usefully', async () => {
    const { columns, rows } = await cluster.admin.table(OBJECTS);
    assert.deepEqual(columns, [
      ...['Name', 'Ready', 'Source', 'Feed', 'Installed', 'Desired', 'Rejected', 'Rules'],
      ...['Changed', 'Reported'],
    ]);
    assert.deepEqual(
      rows.map((row) => row.slice(0, 4)),
      [['node-a', 'True', 'file', 'synced']],
    );
  });

  it('tells of discovery, as far as it has the right to read', async () => {
    await reported('discovery', (one) => condition(one, 'DiscoverySynced') === 'True Synced');
    const { discovery } = await status();
    const states = new Map(discovery.map(({ resource, state }) => [resource, state]));
    assert.equal(states.get('nodes'), 'synced');
    for (const [resource, state] of states) assert.match(state, /synced|absent/, resource);
  });

  it('follows what changes', async () => {
    await feed('10.1.0.0/16', '10.2.0.0/16', '10.42.0.0/25');
    await reported('two are accepted', ({ tables }) => tables[0]?.accepted === 2);
    await reported('the pod CIDR is refused', ({ tables }) => {
      return tables[0]?.rejected['cluster-range'] === 1;
    });
  });

  it('says within seconds that a limit is exceeded, and that it is over', async () => {
    const many = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '10.4.0.0/16'];
    await feed(...many);
    await reported('exceeded', (one) => condition(one, 'WithinLimits') === 'False Exceeded');
    await heard('PrefixLimitExceeded');
    await feed('10.1.0.0/16');
    await reported('within', (one) => condition(one, 'WithinLimits') === 'True Within');
    await heard('PrefixLimitExceededOver');
  });

  it('says that a configuration was refused, and where', async () => {
    await daemon.configure('tables: []');
    await heard('ConfigRefused');
    await reported('refused', (one) => condition(one, 'ConfigAccepted') === 'False Refused');
    const refused = (await status()).conditions.find(({ type }) => type === 'ConfigAccepted');
    assert.match(refused?.message ?? '', /rib2fib\.yaml:\d+:\d+/);
    await daemon.configure(CONFIG);
    await heard('ConfigAccepted');
  });

  it('says that its source is lost, until when its routes stay, and that it is back', async () => {
    await using gobgpd = await startGobgpd({
      ...{ version: '4.8', netns: worker, as: 65000, routerId: '10.9.0.1', port: -1 },
    });
    const source = { gobgp: { address: gobgpd.address } };
    // It has no peer to wait for, and nobody knows.
    await daemon.configure({ ...CONFIG, source, hold: '10m', sync: { timeout: '2s' } });
    await reported('fed', (one) => one.source.kind === 'gobgp' && one.source.feed === 'synced');
    await gobgpd.stop('SIGKILL');
    await heard('SourceLost');
    await reported('stale', (one) => condition(one, 'SourceSynced') === 'False Stale');
    const { holdUntil, since } = (await status()).source;
    assert.equal(Date.parse(holdUntil ?? '') - Date.parse(since), 600_000);
    await gobgpd.launch();
    await heard('SourceBack');
    await reported('synced', (one) => condition(one, 'SourceSynced') === 'True Synced');
    await daemon.configure(CONFIG);
    await reported('from the file', (one) => one.source.kind === 'file');
  });

  it('goes on after the API server was away, and tells what happened meanwhile', async () => {
    await cluster.stop('SIGKILL');
    await feed('10.1.0.0/16', '10.9.9.0/24');
    await daemon.logged(
      ({ msg }) => /the cluster is not told of this node/.test(msg ?? ''),
      'that it cannot tell',
      COUNTS_MS,
    );
    await cluster.launch();
    await reported('two again', ({ tables }) => tables[0]?.accepted === 2);
  });

  it('makes its object anew when somebody has deleted it', async () => {
    await cluster.admin.delete(await cluster.admin.get(OBJECT));
    await feed('10.1.0.0/16');
    await until(
      () =>
        cluster.admin.get(OBJECT).then(
          () => true,
          () => false,
        ),
      {
        ...{ what: 'it is there again', deadlineMs: COUNTS_MS, everyMs: 200 },
      },
    );
  });

  it('says so when it ends', async () => {
    await reported('ready', (one) => condition(one, 'Ready') === 'True InStep');
    assert.equal(await daemon.stop(), 0);
    assert.equal(condition(await status(), 'Ready'), 'False Stopped');
    await daemon.launch();
    await reported('ready again', (one) => condition(one, 'Ready') === 'True InStep');
  });
});

describe('what it may', () => {
  it('without the right, it works all the same, says why once, and goes on when it has it', async () => {
    await daemon.stop();
    const bindings = objects.filter(({ kind }) => /RoleBinding/.test(kind));
    for (const binding of bindings) await cluster.admin.delete(binding);
    const lines = daemon.log.length;
    await daemon.launch();
    await daemon.logged((line) => /RBAC/.test(line.msg ?? ''), 'that it may not');
    const told = () => daemon.log.slice(lines).filter(({ msg }) => /RBAC/.test(msg ?? '')).length;
    await cluster.apply(bindings);
    await reported('ready', (one) => condition(one, 'Ready') === 'True InStep');
    assert.equal(told(), 1);
  });

  it('with the admission policy, a node writes its own object only', async () => {
    const strict = await render({ values: { ...VALUES, 'nodeRoutes.admissionPolicy': true } });
    await cluster.apply(ofKind(strict, 'ValidatingAdmissionPolicy'));
    await cluster.apply(ofKind(strict, 'ValidatingAdmissionPolicyBinding'));
    const onNode = cluster.as({ token: await boundToken('node-a') });
    const nowhere = cluster.as(await cluster.account('rib2fib', [], 'rib2fib'));
    const make = (client: KubeClient, name: string) =>
      client.send('POST', OBJECTS, {
        body: {
          ...{ apiVersion: 'rib2fib.io/v1alpha1', kind: 'NodeRoutes', metadata: { name } },
        },
      });
    let tries = 0;
    await until(() => isRefused(make(onNode, `try-${++tries}`), 422), {
      ...{ what: 'the policy counts', deadlineMs: 20_000, everyMs: 200 },
    });
    const own = /its own NodeRoutes only/;
    await assert.rejects(make(onNode, 'node-b'), refusal(422, own));
    await assert.rejects(make(nowhere, 'node-b'), refusal(422, own));
    await daemon.stop();
    await cluster.admin.delete(await cluster.admin.get(OBJECT));
    await make(onNode, 'node-a');
    // Who has rights of his own is not meant.
    await make(cluster.admin, 'node-b');
  });
});

/** As a kubelet asks for one: for a pod of that node. */
async function boundToken(nodeName: string): Promise<string> {
  const namespace = 'rib2fib';
  const spec = {
    ...{ nodeName, serviceAccountName: 'rib2fib', automountServiceAccountToken: false },
    containers: [{ name: 'rib2fib', image: 'rib2fib' }],
  };
  const metadata = { name: `on-${nodeName}`, namespace };
  const [made] = await cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/rib2fib/token`;
  const uid = made?.metadata.uid;
  const reference = { kind: 'Pod', apiVersion: 'v1', name: metadata.name, uid };
  const body = { spec: { boundObjectRef: reference } };
  const answer = await cluster.admin.send<{ status: { token: string } }>('POST', path, { body });
  return answer.status.token;
}
