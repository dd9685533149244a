/**
 * The chart by Helm itself, of both major versions: every example lints, renders, is taken by a real
 * API server with no field unknown, and has a configuration that `rib2fib check` accepts. Rights are
 * asked of the API server, not read from the text.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { rib2fib } from '../support/daemon.js';
import {
  configFiles,
  EXAMPLES,
  exampleFile,
  lint,
  ofKind,
  podSpec,
  render,
  renderText,
} from '../support/kube/chart.js';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { MANIFESTS, manifestFile, manifestText } from '../support/kube/manifests.js';
import { HELM_MAJORS } from '../support/kube/programs.js';
import { scratchDirectory } from '../support/leftovers.js';
import { here } from '../support/netns.js';

const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rib2fib' } };
const ALL_ON = {
  'podMonitor.enabled': true,
  'prometheusRule.enabled': true,
  'dashboard.enabled': true,
  'nodeRoutes.admissionPolicy': true,
};

describe('every example', () => {
  let cluster: KubeCluster;
  before(async () => {
    cluster = await KubeCluster.start();
    await cluster.define('prometheus-operator');
    await cluster.apply(NAMESPACE);
  });
  after(() => cluster[Symbol.asyncDispose]());

  it('is there for each way to run it', () => {
    assert.deepEqual(EXAMPLES, [
      ...['cilium-gobgpd', 'cilium-second-address', 'frr', 'gobgpd'],
      ...['metallb-frr', 'metallb-gobgpd', 'metallb-second-address'],
    ]);
  });

  for (const example of EXAMPLES) {
    it(`${example}: lints, and renders the same with either Helm`, async () => {
      for (const major of HELM_MAJORS) {
        assert.match(await lint({ major, example }), /0 chart\(s\) failed/);
      }
      const [three, four] = HELM_MAJORS.map((major) => renderText({ major, example }));
      assert.equal(await three, await four);
    });

    it(`${example}: is taken by the API server, with all that is optional too`, async () => {
      for (const values of [{}, ALL_ON]) {
        const objects = await render({ example, values });
        const applied = await cluster.apply(objects);
        assert.equal(applied.length, objects.length);
        for (const object of objects.toReversed()) await cluster.admin.delete(object);
      }
    });

    it(`${example}: has a configuration that rib2fib accepts, on every node`, async () => {
      const scratch = scratchDirectory('check');
      const files = configFiles(await render({ example }));
      assert.ok(Object.keys(files).length > 0);
      for (const [name, text] of Object.entries(files)) {
        const file = join(scratch.path, name);
        await writeFile(file, text);
        const { code, stderr, stdout } = await rib2fib(here, ['check', '--config', file]);
        assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
      }
      scratch.remove();
    });

    it(`${example}: gives the pod one right, no root, and a token only with discovery`, async () => {
      const values = parse(await readFile(exampleFile(example), 'utf8')) as {
        config: { discovery?: object };
      };
      const objects = await render({ example });
      const discovers = values.config.discovery !== undefined;
      const spec = podSpec(objects);
      assert.equal(spec.automountServiceAccountToken, discovers);
      for (const kind of ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']) {
        assert.equal(ofKind(objects, kind).length, discovers ? 1 : 0, kind);
      }
      for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
        const security = { ...spec.securityContext, ...container.securityContext };
        assert.equal(security.allowPrivilegeEscalation, false, container.name);
        assert.equal(security.readOnlyRootFilesystem, true, container.name);
        assert.deepEqual(security.capabilities?.drop, ['ALL'], container.name);
        assert.deepEqual(security.seccompProfile, { type: 'RuntimeDefault' }, container.name);
      }
      const [rib] = spec.containers;
      assert.deepEqual(rib?.securityContext?.capabilities?.add, ['NET_ADMIN']);
      assert.equal(rib?.command, undefined, 'the entrypoint is the image’s: node itself');
    });
  }
});

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
      watches('ciliumloadbalancerippools'),
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
      watches('ipaddresspools'),
    ],
    [
      'rules of Services',
      discovering({ rules: { priority: 10_000, discover: [{ services: {} }] } }),
      watches('services', 'services/kubernetes'),
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
      [
        ...watches('services/kubernetes', 'endpointslices').map((right) => `${right} in default`),
      ],
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

describe('values', () => {
  const good = {
    'config.source': { gobgp: { address: '127.0.0.1:50051' } },
    'config.tables': [{ id: 100 }],
  };

  for (const [what, values, message] of [
    ['no configuration', {}, /config: is empty/],
    ['a key that there is not', { ...good, podmonitor: { enabled: true } }, /podmonitor/],
    ['admin of the configuration', { ...good, 'config.admin': { socket: '/x' } }, /config/],
    ['root', { ...good, user: 0 }, /user/],
    ['a relative directory', { ...good, 'state.hostPath': 'var/lib' }, /hostPath/],
    ['an address without a port', { ...good, 'config.metrics': { listen: '127.0.0.1' } }, /listen/],
    ['a digest that is none', { ...good, 'image.digest': 'latest' }, /digest/],
    ['nobody to be updated', { ...good, maxUnavailable: 0 }, /maxUnavailable/],
    ['a gobgpd without configuration', { ...good, 'gobgpd.enabled': true }, /gobgpd\.config/],
    [
      'two affinities for nodes',
      { ...good, perNode: { a: {} }, affinity: { nodeAffinity: {} } },
      undefined,
    ],
    [
      'two affinities for nodes, both said',
      {
        ...good,
        perNode: { a: {} },
        affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      },
      /perNode names the nodes/,
    ],
    ['a file in the configuration’s place', { ...good, files: { 'rib2fib.yaml': '' } }, /files/],
  ] as const) {
    it(`${message === undefined ? 'takes' : 'refuses'} ${what}`, async () => {
      for (const major of HELM_MAJORS) {
        const rendered = renderText({ major, values });
        if (message === undefined) await rendered;
        else await assert.rejects(rendered, message);
      }
    });
  }

  it('names each node’s own file, runs there only, and lays its part over the rest', async () => {
    const perNode = { a: {}, b: { hold: '5m', source: { gobgp: { address: '127.0.0.1:1' } } } };
    const objects = await render({ values: { ...good, perNode } });
    const files = configFiles(objects);
    assert.deepEqual(Object.keys(files), ['a.yaml', 'b.yaml']);
    assert.deepEqual(parse(files['b.yaml'] ?? ''), {
      ...{ hold: '5m', metrics: { listen: '127.0.0.1:9469' }, tables: [{ id: 100 }] },
      source: { gobgp: { address: '127.0.0.1:1' } },
    });
    const spec = podSpec(objects);
    assert.equal(spec.containers[0]?.args?.at(-1), '/etc/rib2fib/$(NODE_NAME).yaml');
    const { affinity } = spec as unknown as { affinity: object };
    assert.deepEqual(
      [...JSON.stringify(affinity).matchAll(/"values":\["(.)"\]/g)].map(([, n]) => n),
      ['a', 'b'],
    );
  });

  it('probes where the metrics are', async () => {
    for (const [listen, host, port] of [
      ['127.0.0.1:9469', '127.0.0.1', 9469],
      ['0.0.0.0:9500', '127.0.0.1', 9500],
      ['[::]:9500', '127.0.0.1', 9500],
      ['[::1]:9500', '::1', 9500],
      ['10.9.0.1:9500', '10.9.0.1', 9500],
    ] as const) {
      const spec = podSpec(await render({ values: { ...good, 'config.metrics': { listen } } }));
      const [rib] = spec.containers;
      assert.equal(rib?.readinessProbe?.httpGet.host, host, listen);
      assert.equal(rib?.ports?.[0]?.containerPort, port, listen);
    }
    const off = podSpec(await render({ values: { ...good, 'config.metrics': { listen: 'off' } } }));
    assert.equal(off.containers[0]?.readinessProbe, undefined);
    const scraped = await render({ values: { ...good, 'podMonitor.enabled': true } });
    assert.match(configFiles(scraped)['rib2fib.yaml'] ?? '', /listen: 0\.0\.0\.0:9469/);
  });
});

describe('deploy/manifests', () => {
  it('is what the chart renders', async () => {
    for (const name of MANIFESTS) {
      assert.equal(
        await readFile(manifestFile(name), 'utf8').catch(() => ''),
        await manifestText(name),
        `${name}: npm run manifests writes it anew`,
      );
    }
  });
});
