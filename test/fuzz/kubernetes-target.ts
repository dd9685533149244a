/** Discovery: the lines of a watch, and what the objects in them come to, over objects as a cluster has them. */
import type { Config, LabelSelector, RuleDiscovery } from '../../src/config/config.js';
import { PROTECTED } from '../../src/config/schema-discovery.js';
import { ApiError } from '../../src/discover/kubernetes/api-error.js';
import { Fields, ObjectFault } from '../../src/discover/kubernetes/fields.js';
import { keptRanges } from '../../src/discover/kubernetes/kept-ranges.js';
import { ObjectStore } from '../../src/discover/kubernetes/object-store.js';
import {
  type ClusterView,
  type Kept,
  type ResourceKey,
  resourcesOf,
} from '../../src/discover/kubernetes/resources.js';
import { snapshotOf } from '../../src/discover/kubernetes/snapshot.js';
import { type WatchEvent, watchEvent } from '../../src/discover/kubernetes/watch-event.js';
import { familyBits } from '../../src/net/family.js';
import type { Prefix } from '../../src/net/prefix.js';
import { endpointSlice, loadBalancer, node } from '../support/kube/objects.js';
import { config, rulesFrom, staticRoute, table } from '../unit/desired/build.js';
import { object, type Shape, spec } from '../unit/discover/kubernetes/build.js';
import { mutated } from './mutate.js';
import { mutatedJson } from './mutate-json.js';
import { promise, type Target } from './target.js';

const NODE = 'node-a';
const SELECTOR = {
  matchLabels: { fabric: 'a' },
  matchExpressions: [
    { key: 'zone', operator: 'In', values: ['1', '2'] },
    { key: 'gone', operator: 'DoesNotExist' },
  ],
};

const NODES = [
  node(NODE, {
    labels: { fabric: 'a', zone: '1' },
    podCIDRs: ['10.42.0.0/24', 'fd42::/64'],
    internalIPs: ['192.0.2.10', '2001:db8::10'],
  }),
];
const SERVICES = [
  loadBalancer('web', {
    ...{ labels: { fabric: 'a', zone: '2' }, loadBalancerClass: 'example.org/lb' },
    ...{ externalIPs: ['198.51.100.7'], ingress: ['203.0.113.10', '2001:db8:100::10'] },
  }),
];
const SLICES = [
  endpointSlice('web', [
    { address: '10.42.0.10', nodeName: NODE },
    { address: '10.42.1.10', nodeName: 'node-b', ready: false },
  ]),
];

/** Of every resource that may be asked for, objects as they are in a cluster. */
const OBJECTS: Readonly<Record<ResourceKey, readonly Shape[]>> = {
  nodes: NODES,
  ownNode: NODES,
  ciliumNodes: [
    spec(NODE, {
      addresses: [
        { type: 'InternalIP', ip: '192.0.2.10' },
        { type: 'CiliumInternalIP', ip: '10.42.0.131' },
      ],
      ipam: {
        podCIDRs: ['10.42.0.0/24'],
        pools: { allocated: [{ pool: 'blue', cidrs: ['10.43.1.0/24'] }] },
      },
    }),
  ],
  podPools: [
    spec('blue', {
      ipv4: { cidrs: ['10.43.0.0/16'], maskSize: 24 },
      ipv6: { cidrs: ['fd43::/48'], maskSize: 64 },
    }),
  ],
  serviceCidrs: [spec('kubernetes', { cidrs: ['10.96.0.0/16', 'fd96::/108'] })],
  services: SERVICES,
  endpoints: SLICES,
  apiService: [
    object('default/kubernetes', { spec: { type: 'ClusterIP', clusterIPs: ['10.96.0.1'] } }),
  ],
  apiEndpoints: [
    {
      ...{ addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }] },
      metadata: {
        ...{ name: 'kubernetes', namespace: 'default' },
        labels: { 'kubernetes.io/service-name': 'kubernetes' },
      },
    },
  ],
  ciliumPools: [
    spec(
      'a',
      {
        blocks: [
          { cidr: '203.0.113.0/25' },
          { start: '203.0.113.200', stop: '203.0.113.220' },
          { start: '2001:db8:100::1' },
        ],
      },
      { fabric: 'a', zone: '1' },
    ),
  ],
  metallbPools: [
    object(
      'metallb/b',
      {
        spec: {
          addresses: ['198.51.100.0/26', '198.51.100.100-198.51.100.120', '2001:db8:200::/64'],
        },
      },
      { labels: { fabric: 'a', zone: '1' } },
    ),
  ],
  advertisements: [
    object('metallb/all', {
      spec: {
        ipAddressPoolSelectors: [SELECTOR],
        nodeSelectors: [SELECTOR],
        ipAddressPools: ['b'],
      },
    }),
  ],
  peers: [
    object(
      'metallb/tor',
      {
        spec: {
          ...{ peerAddress: '10.9.0.2', peerASN: 65001, myASN: 65000 },
          nodeSelectors: [SELECTOR],
        },
      },
      { labels: { 'rib2fib/enabled': 'true', 'rib2fib/weight': '10' } },
    ),
  ],
};

/** The configuration's own form of it. */
const CHOICE: LabelSelector = {
  matchLabels: SELECTOR.matchLabels,
  matchExpressions: [
    { key: 'zone', operator: 'In', values: ['1', '2'] },
    { key: 'gone', operator: 'DoesNotExist' },
  ],
};

const DISCOVER: readonly RuleDiscovery[] = [
  { kind: 'ciliumPools', names: [], selector: CHOICE },
  { kind: 'metallbPools', names: [], advertised: true },
  {
    ...{ kind: 'services', class: 'example.org/lb', selector: CHOICE, namespaces: [] },
    externalIPs: true,
  },
];

/** One that asks for everything. */
const CONFIG: Config = {
  ...config(
    table({
      rules: { ...rulesFrom(), discover: DISCOVER, returnPath: { by: 'endpoints' } },
      static: [{ ...staticRoute('0.0.0.0/0'), discover: 'metallbPeers' }],
    }),
  ),
  discovery: {
    kubernetes: {
      ...{ kubeconfig: undefined, inCluster: { host: '10.96.0.1', port: 443 }, node: NODE },
      ...{ protect: PROTECTED, status: false },
    },
  },
};

const RESOURCES = resourcesOf(NODE);
const KEYS = Object.keys(RESOURCES) as ResourceKey[];

export function kubernetesTarget(): Target {
  const lines = KEYS.flatMap((key) =>
    OBJECTS[key].map((shape) => ({ key, line: JSON.stringify(added(shape)) })),
  );
  const corpus = lines.map(({ line }) => Buffer.from(line));
  const stood = new Map(KEYS.map((key) => [key, storeOf(key, OBJECTS[key]).values]));
  return {
    name: 'kubernetes',
    draw: (random) =>
      random.chance(0.3)
        ? mutated(corpus, random)
        : Buffer.from(mutatedJson(random.pick(lines).line, random)),
    run(bytes, random) {
      const event = eventOf(bytes);
      if (typeof event === 'string') return event;
      if (event.type === 'bookmark') return 'a bookmark';
      // An object of one kind among those of another is what a faulty API server would send.
      const own = lines.find(({ line }) => line.includes(kindOf(event.object)))?.key;
      const key = own !== undefined && random.chance(0.9) ? own : random.pick(KEYS);
      const store = storeOf(key, OBJECTS[key]);
      if (event.type === 'put') store.put(event.object);
      else store.remove(event.object);
      promise(store.faulty <= 1, 'one object has one fault');
      checkSnapshot({
        objects: <K extends ResourceKey>(asked: K) =>
          (asked === key ? store.values : (stood.get(asked) ?? [])) as readonly Kept<K>[],
        settled: () => true,
        absent: () => false,
      });
      return store.faulty > 0 ? 'a faulty object' : 'an object';
    },
  };
}

function added(shape: Shape): Shape {
  const metadata = { ...(shape['metadata'] as object), resourceVersion: '17' };
  return { type: 'ADDED', object: { ...shape, metadata } };
}

function kindOf(object: Fields): string {
  try {
    return `"name":"${object.mapping('metadata').text('name')}"`;
  } catch {
    return 'no name';
  }
}

function storeOf(key: ResourceKey, shapes: readonly Shape[]): ObjectStore<unknown> {
  const store = new ObjectStore<unknown>({
    parse: RESOURCES[key].parse,
    onFault: (name, fault) => promise(name !== '' && fault !== '', 'a fault for a log'),
  });
  store.replace(shapes.map((shape) => Fields.of(shape)));
  return store;
}

/** As the reflector takes a line: what it throws ends a watch, and all is listed anew. */
function eventOf(bytes: Buffer): WatchEvent | string {
  try {
    return watchEvent(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return 'no JSON';
    if (error instanceof ObjectFault) return 'no event';
    if (error instanceof ApiError) return 'the end of a watch';
    throw error;
  }
}

function checkSnapshot(view: ClusterView): void {
  const { tables, kept } = snapshotOf(CONFIG, view, keptRanges(PROTECTED, view, '10.96.0.1'));
  const found = tables.get(100);
  for (const prefix of [...(found?.from ?? []), ...(found?.endpoints ?? [])]) {
    checkPrefix(prefix);
    promise(found?.origins.has(prefix.key) === true, 'a prefix has an object that it comes from');
  }
  for (const { prefix, name } of kept) {
    checkPrefix(prefix);
    promise(typeof name === 'string', 'a name');
  }
  for (const { gateway, weight } of found?.gateways ?? []) {
    promise(gateway !== undefined && !gateway.isUnspecified, 'a gateway');
    promise(Number.isInteger(weight) && weight >= 1 && weight <= 256, 'a weight');
  }
}

function checkPrefix(prefix: Prefix): void {
  promise(prefix.length >= 0 && prefix.length <= familyBits(prefix.family), 'a prefix length');
  promise(prefix.truncate(prefix.length).equals(prefix), 'no bits behind the length');
}
