/**
 * The chart derives its rights from the configuration by a template, and rib2fib what it asks for by
 * `needs.ts`: for every kind of configuration the two must come to the same.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import { neededResources } from '../../src/discover/kubernetes/needs.js';
import {
  type ClusterView,
  type ResourceKey,
  resourcesOf,
} from '../../src/discover/kubernetes/resources.js';
import {
  configFiles,
  EXAMPLES,
  ofKind,
  type RenderOptions,
  render,
} from '../support/kube/chart.js';
import type { KubeObject } from '../support/kube/client.js';
import { scratchDirectory } from '../support/leftovers.js';

const RESOURCES = resourcesOf('node-a');
/** Without ServiceCIDR, and with it. */
const VERSIONS = ['v1.30.0', 'v1.32.9', 'v1.33.0', 'v1.35.4'] as const;
const PROTECTED = ['podCidrs', 'podPools', 'serviceCidrs', 'nodeAddresses', 'apiServer'];

const source = { gobgp: { address: '127.0.0.1:50051' } };
const rules = (entry: object) => ({ rules: { priority: 10_000, discover: [entry] } });
const peers = { static: [{ prefix: '0.0.0.0/0', discover: { metallbPeers: {} } }] };
const discovering = (table: object, protect: readonly string[] = []): RenderOptions => ({
  values: {
    'config.source': source,
    'config.discovery': { kubernetes: { node: 'node-a', protect } },
    'config.tables': [{ id: 100, ...table }],
  },
});

const CASES: ReadonlyMap<string, RenderOptions> = new Map<string, RenderOptions>([
  ...PROTECTED.map((range) => [`protect: ${range}`, discovering({}, [range])] as const),
  ['nothing', discovering({})],
  ['all that is protected', discovering({}, PROTECTED)],
  ['ciliumPools', discovering(rules({ ciliumPools: {} }))],
  ['metallbPools', discovering(rules({ metallbPools: {} }))],
  ['metallbPools, announced or not', discovering(rules({ metallbPools: { advertised: false } }))],
  ['metallbPools, among all nodes', discovering(rules({ metallbPools: {} }), ['podCidrs'])],
  ['services', discovering(rules({ services: { class: 'a' } }))],
  ['endpoints', discovering({ rules: { priority: 10_000, returnPath: 'endpoints' } })],
  ['metallbPeers', discovering(peers)],
  ['metallbPeers, among all nodes', discovering(peers, ['nodeAddresses'])],
  ...EXAMPLES.map((example) => [`example ${example}`, { example }] as const),
  ['nodes that differ', nodesThatDiffer()],
]);

/** What one asks for, another takes away, or has besides. */
function nodesThatDiffer(): RenderOptions {
  const { values } = discovering(rules({ ciliumPools: {} }), ['podPools']);
  const tables = [{ id: 100, ...rules({ services: {} }) }];
  const perNode = { a: { discovery: { kubernetes: null }, tables: [{ id: 100 }] }, b: { tables } };
  return { values: { ...values, perNode } };
}

const scratch = scratchDirectory('needs');
after(() => scratch.remove());

/** `nodes`, `ciliumnodes.cilium.io`, `services in default`. */
function named(key: ResourceKey): string {
  const [path = ''] = RESOURCES[key].paths;
  const found = /^\/(?:api|apis\/([^/]+))\/[^/]+(\/namespaces\/default)?\/([^/]+)$/.exec(path);
  const [, group, inDefault, plural] = found ?? [];
  return `${plural}${group === undefined ? '' : `.${group}`}${inDefault === undefined ? '' : ' in default'}`;
}

/** What a daemon of that configuration asks an API server of that version for. */
function asked(config: Config, version: string): readonly ResourceKey[] {
  if (config.discovery.kubernetes === undefined) return [];
  const serviceCidrs = Number(/^v1\.(\d+)/.exec(version)?.[1]) >= 33;
  const view: ClusterView = {
    objects: () => [],
    settled: () => true,
    absent: (key) => key === 'serviceCidrs' && !serviceCidrs,
  };
  return [...neededResources(config, view)];
}

/** What the pods may watch; that they may get and list it too is asked of the API server in chart-rights. */
function granted(objects: readonly KubeObject[]): readonly string[] {
  return ['ClusterRole', 'Role'].flatMap((kind) =>
    ofKind(objects, kind).flatMap((role) => {
      const where = kind === 'Role' ? ` in ${role.metadata.namespace}` : '';
      return (role['rules'] as readonly PolicyRule[])
        .filter(({ verbs }) => verbs.includes('watch'))
        .flatMap(({ apiGroups: [group], resources }) =>
          resources.map((plural) => `${plural}${group === '' ? '' : `.${group}`}${where}`),
        );
    }),
  );
}

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

describe('what a configuration asks for is what the chart gives', () => {
  const everAsked = new Set<ResourceKey>();

  for (const [what, options] of CASES) {
    it(what, async () => {
      for (const kubeVersion of VERSIONS) {
        const objects = await render({ ...options, kubeVersion });
        const wanted = new Set<string>();
        for (const [name, text] of Object.entries(configFiles(objects))) {
          const file = join(scratch.path, name);
          await writeFile(file, text);
          const loaded = await loadConfig(file);
          assert.ok(loaded.ok, `${name}: ${JSON.stringify(loaded)}`);
          for (const key of asked(loaded.config, kubeVersion)) {
            everAsked.add(key);
            wanted.add(named(key));
          }
        }
        assert.deepEqual([...granted(objects)].sort(), [...wanted].sort(), kubeVersion);
      }
    });
  }

  it('and nothing is left that none of these asks for', () => {
    assert.deepEqual([...everAsked].sort(), Object.keys(RESOURCES).sort());
  });
});
