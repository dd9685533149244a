/** The rights that the chart gives its pods: asked of a real API server, not read from the text. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { render } from '../support/kube/chart.js';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';

const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rib2fib' } };
describe('rights', () => {
  let cluster: KubeCluster;
  before(async () => {
    cluster = await KubeCluster.start();
    await cluster.apply(NAMESPACE);
  });
  after(() => cluster[Symbol.asyncDispose]());

  /**
   * Of all that there is to be asked, what the pod's account may, in the whole cluster or in
   * namespace `default`: `VERB RESOURCE`, or `VERB RESOURCE in default`.
   */
  async function rights(objects: readonly KubeObject[]): Promise<readonly string[]> {
    await cluster.apply(objects.filter(({ kind }) => /^ServiceAccount$|Role/.test(kind)));
    const granted: string[] = [];
    for (const [group, resource] of ASKED) {
      for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) {
        const asked = { group, ...parts(resource), verb };
        if (await allowed(asked)) granted.push(`${verb} ${resource}`);
        else if (await allowed({ ...asked, namespace: 'default' }))
          granted.push(`${verb} ${resource} in default`);
      }
    }
    for (const object of objects.filter(({ kind }) => /RoleBinding/.test(kind)))
      await cluster.admin.delete(object);
    return granted;
  }

  async function allowed(resourceAttributes: object): Promise<boolean> {
    const user = 'system:serviceaccount:rib2fib:rib2fib';
    const body = {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' },
      spec: { user, resourceAttributes },
    };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const review = await cluster.admin.send<{ status: { allowed: boolean } }>('POST', path, {
      body,
    });
    return review.status.allowed;
  }

  const config = (over: object) => ({
    'config.source': { gobgp: { address: '127.0.0.1:50051' } },
    'config.tables': [{ id: 100 }],
    ...over,
  });
  const discovering = (table: object, kubernetes: object = { protect: [], status: false }) =>
    config({ 'config.discovery': { kubernetes }, 'config.tables': [{ id: 100, ...table }] });
  const watches = (...resources: readonly string[]) =>
    resources.flatMap((resource) => ['get', 'list', 'watch'].map((verb) => `${verb} ${resource}`));

  for (const [what, values, expected] of [
    ['without discovery', config({}), []],
    ['nothing asked for', discovering({}), []],
    [
      'rules of Cilium’s pools',
      discovering({ rules: { priority: 10_000, discover: [{ ciliumPools: {} }] } }),
      watches('nodes', 'ciliumloadbalancerippools'),
    ],
    [
      'rules of MetalLB’s pools',
      discovering({ rules: { priority: 10_000, discover: [{ metallbPools: {} }] } }),
      watches('nodes', 'ipaddresspools', 'bgpadvertisements'),
    ],
    [
      'rules of MetalLB’s pools, announced or not',
      discovering({
        rules: { priority: 10_000, discover: [{ metallbPools: { advertised: false } }] },
      }),
      watches('nodes', 'ipaddresspools'),
    ],
    [
      'rules of Services',
      discovering({ rules: { priority: 10_000, discover: [{ services: {} }] } }),
      watches('nodes', 'services', 'services/kubernetes'),
    ],
    [
      'rules of endpoints',
      discovering({ rules: { priority: 10_000, returnPath: 'endpoints' } }),
      watches('services', 'services/kubernetes', 'endpointslices'),
    ],
    [
      'gateways of MetalLB’s peers',
      discovering({ static: [{ prefix: '0.0.0.0/0', discover: { metallbPeers: {} } }] }),
      watches('nodes', 'bgppeers'),
    ],
    [
      'one kind of what is protected',
      discovering({}, { protect: ['serviceCidrs'], status: false }),
      watches('servicecidrs'),
    ],
    [
      'where the API server is',
      discovering({}, { protect: ['apiServer'], status: false }),
      [...watches('services/kubernetes', 'endpointslices').map((right) => `${right} in default`)],
    ],
    [
      'nothing but to be told of',
      discovering({}, { protect: [] }),
      [
        ...['get nodes', 'create events in default'],
        ...['create noderoutes', 'patch noderoutes/status'],
      ],
    ],
    [
      'all that is by default',
      discovering({}, {}),
      [
        ...watches('nodes'),
        ...watches('services/kubernetes').map((right) => `${right} in default`),
        'create events in default',
        ...watches('endpointslices').map((right) => `${right} in default`),
        ...watches('servicecidrs', 'ciliumnodes', 'ciliumpodippools'),
        ...['create noderoutes', 'patch noderoutes/status'],
      ],
    ],
  ] as const) {
    it(`${what}: no more than is needed`, async () => {
      assert.deepEqual(await rights(await render({ values })), [...expected].sort(byAsked));
    });
  }
});

/** Everything that discovery may come to read or write, and what it must not. */
const ASKED: readonly (readonly [group: string, resource: string])[] = [
  ['', 'nodes'],
  ['', 'services'],
  ['', 'services/kubernetes'],
  ['', 'pods'],
  ['', 'secrets'],
  ['', 'configmaps'],
  ['', 'events'],
  ['discovery.k8s.io', 'endpointslices'],
  ['networking.k8s.io', 'servicecidrs'],
  ['cilium.io', 'ciliumloadbalancerippools'],
  ['cilium.io', 'ciliumnodes'],
  ['cilium.io', 'ciliumpodippools'],
  ['metallb.io', 'ipaddresspools'],
  ['metallb.io', 'bgpadvertisements'],
  ['metallb.io', 'bgppeers'],
  ['rib2fib.io', 'noderoutes'],
  ['rib2fib.io', 'noderoutes/status'],
];

function byAsked(a: string, b: string): number {
  const place = (text: string) =>
    ASKED.findIndex(([, resource]) => text.split(' ')[1] === resource);
  return place(a) - place(b);
}

/** A subresource, or an object of that name. */
function parts(resource: string): { resource: string; subresource?: string; name?: string } {
  const [kind = '', sub] = resource.split('/');
  if (sub === undefined) return { resource: kind };
  return sub === 'status' ? { resource: kind, subresource: sub } : { resource: kind, name: sub };
}
