import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type {
  Config,
  KubernetesConfig,
  RuleDiscovery,
  RulesConfig,
  TableConfig,
} from '../../../../src/config/config.js';
import { PROTECTED } from '../../../../src/config/schema-discovery.js';
import { type Discovered, keptText } from '../../../../src/discover/discovered.js';
import { KeptMemory, keptRanges } from '../../../../src/discover/kubernetes/kept-ranges.js';
import { neededResources } from '../../../../src/discover/kubernetes/needs.js';
import type { ClusterView } from '../../../../src/discover/kubernetes/resources.js';
import { snapshotOf } from '../../../../src/discover/kubernetes/snapshot.js';
import {
  config,
  prefix as parsedPrefix,
  rulesFrom,
  staticRoute,
  table,
} from '../../desired/build.js';
import { type Objects, object, type Shape, spec, texts, viewOf } from './build.js';

const KUBERNETES: KubernetesConfig = {
  kubeconfig: undefined,
  inCluster: { host: '10.96.0.1', port: 443 },
  node: 'node-a',
  protect: [],
  status: false,
};

const POOLS: RuleDiscovery = { kind: 'ciliumPools', names: [], selector: undefined };
const METALLB: RuleDiscovery = { kind: 'metallbPools', names: [], advertised: true };
const SERVICES: RuleDiscovery = {
  ...{ kind: 'services', class: undefined, selector: undefined, namespaces: [] },
  externalIPs: false,
};

const NOTHING: readonly never[] = [];

function asking(kubernetes: Partial<KubernetesConfig>, ...tables: TableConfig[]): Config {
  return { ...config(...tables), discovery: { kubernetes: { ...KUBERNETES, ...kubernetes } } };
}

function rules(discover: readonly RuleDiscovery[], ...from: string[]): RulesConfig {
  return { ...rulesFrom(...from), discover };
}

function byEndpoints(of: RulesConfig): RulesConfig {
  return { ...of, returnPath: { by: 'endpoints' } };
}

function found(of: Config, objects: Objects, server?: string): Discovered {
  const view = viewOf(objects);
  return snapshotOf(of, view, keptRanges(of.discovery.kubernetes?.protect ?? [], view, server));
}

const NODES = [
  object('node-a', {
    spec: { podCIDRs: ['10.244.1.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
  }),
  object('node-b', {
    spec: { podCIDRs: ['10.244.2.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.11' }] },
  }),
];

function service(name: string, ingress: readonly string[], clusterIPs: readonly string[]): Shape {
  const status = { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } };
  return object(name, { spec: { type: 'LoadBalancer', clusterIPs }, status });
}

function slice(of: string, ...addresses: readonly string[]): Shape {
  const [namespace = '', name = ''] = of.split('/');
  return {
    ...{ addressType: 'IPv4', endpoints: [{ addresses, nodeName: 'node-a' }] },
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
  };
}

describe('what is found for a table', () => {
  it('the ranges of pools, in order, each once, with the object it comes from', () => {
    const of = asking({}, table({ rules: rules([POOLS, METALLB]) }));
    const part = found(of, {
      ciliumPools: [
        spec('red', { blocks: [{ cidr: '203.0.113.0/24' }, { cidr: '10.0.0.0/8' }] }),
        spec('blue', { blocks: [{ cidr: '203.0.113.0/24' }] }),
      ],
      metallbPools: [spec('m/edge', { addresses: ['198.51.100.0-198.51.100.3'] })],
      advertisements: [spec('m/all', {})],
    }).tables.get(100);
    assert.ok(part !== undefined);
    assert.equal(texts(part.from), '10.0.0.0/8 198.51.100.0/30 203.0.113.0/24');
    const origins = part.from.map(({ key }) => part.origins.get(key));
    assert.deepEqual(origins, [
      'CiliumLoadBalancerIPPool red',
      'IPAddressPool m/edge',
      'CiliumLoadBalancerIPPool blue',
    ]);
    assert.equal(part.knowledge, 'whole');
    assert.equal(part.endpoints.length + part.gateways.length, 0);
  });

  it('is whole once all that it asks for is, and no sooner', () => {
    const of = asking(
      { protect: ['podPools'] },
      table({ rules: rules([METALLB]) }),
      table({ id: 200, name: 'other', rules: rules([SERVICES]) }),
      table({ id: 300, name: 'plain' }),
    );
    const settled = (objects: Objects) => {
      const { tables, keptKnowledge } = found(of, objects);
      const [one, other] = [100, 200].map((id) => tables.get(id)?.knowledge);
      assert.equal(tables.get(300), undefined);
      return `${one} ${other} ${keptKnowledge}`;
    };
    assert.equal(settled({}), 'whole whole whole');
    for (const key of ['metallbPools', 'advertisements'] as const) {
      assert.equal(settled({ [key]: 'listing' }), 'awaited whole whole', key);
      assert.equal(settled({ [key]: 'refused' }), 'denied whole whole', key);
    }
    assert.equal(settled({ ownNode: 'listing' }), 'awaited awaited whole');
    assert.equal(settled({ ownNode: 'refused' }), 'denied denied whole');
    assert.equal(settled({ services: 'listing' }), 'whole awaited whole');
    const both = { advertisements: 'refused', metallbPools: 'listing' } as const;
    assert.equal(settled(both), 'awaited whole whole');
    assert.equal(settled({ podPools: 'listing' }), 'whole whole awaited');
    assert.equal(settled({ podPools: 'refused' }), 'whole whole denied');
    assert.equal(settled({ podPools: 'absent' }), 'whole whole whole');
  });

  it('but nothing that contains an address of this node, whoever gave it that range', () => {
    const objects: Objects = {
      ciliumPools: [
        spec('wide', { blocks: [{ cidr: '192.0.2.0/24' }, { cidr: '203.0.113.0/24' }] }),
      ],
      // As k3s gives a node's address to every service, and as anybody may who may make a Service.
      services: [service('a/lb', ['192.0.2.10', '192.0.2.11'], [])],
      ownNode: [NODES[0] ?? {}],
    };
    const part = (of: RulesConfig) =>
      found(asking({}, table({ rules: of })), objects).tables.get(100);
    const bySource = part(rules([POOLS, SERVICES]));
    assert.equal(texts(bySource?.from ?? []), '192.0.2.11/32 203.0.113.0/24');
    assert.deepEqual(
      bySource?.leftOut.map(({ prefix, origin, address }) => `${prefix} ${origin} ${address}`),
      [
        '192.0.2.0/24 CiliumLoadBalancerIPPool wide 192.0.2.10',
        '192.0.2.10/32 Service a/lb 192.0.2.10',
      ],
    );
    assert.equal(part(byEndpoints(rules([POOLS])))?.leftOut.length, 1);
    // A mark is on what came in by a fabric, and on its replies alone.
    const connmark = {
      by: 'connmark',
      mark: { value: 0x1000, mask: 0x1000 },
      interfaces: [],
    } as const;
    const byMarks = part({ ...rules([SERVICES]), returnPath: connmark });
    assert.equal(texts(byMarks?.from ?? []), '192.0.2.10/32 192.0.2.11/32');
    assert.equal(byMarks?.leftOut.length, 0);
  });

  it('and nothing before the addresses of this node are known', () => {
    const of = asking({}, table({ rules: rules([POOLS]) }));
    const ciliumPools = [spec('a', { blocks: [{ cidr: '203.0.113.0/24' }] })];
    const from = (ownNode: 'listing' | 'absent') =>
      texts(found(of, { ciliumPools, ownNode }).tables.get(100)?.from ?? []);
    assert.equal(from('listing'), '');
    // One that is not to be had is not waited for.
    assert.equal(from('absent'), '203.0.113.0/24');
  });

  it('gateways, of the peers of this node', () => {
    const route = { ...staticRoute('0.0.0.0/0'), discover: 'metallbPeers' as const };
    const of = asking({}, table({ static: [route] }));
    const peers = [
      spec('m/one', { peerAddress: '10.9.0.2' }),
      spec('m/two', { peerAddress: '10.9.1.2', nodeSelectors: [{ matchLabels: { zone: 'b' } }] }),
    ];
    const gateways = (labels: object) =>
      found(of, { peers, ownNode: [object('node-a', {}, { labels })] })
        .tables.get(100)
        ?.gateways.map(({ gateway }) => gateway?.text);
    assert.deepEqual(gateways({ zone: 'a' }), ['10.9.0.2']);
    assert.deepEqual(gateways({ zone: 'b' }), ['10.9.0.2', '10.9.1.2']);
  });

  it('endpoints, of the services with an address that the table is for', () => {
    const objects: Objects = {
      ciliumPools: [spec('blue', { blocks: [{ cidr: '203.0.113.0/24' }] })],
      services: [
        service('a/in', ['203.0.113.7'], []),
        service('a/configured', ['198.51.100.9'], []),
        service('a/out', ['192.0.2.77'], []),
        object('a/none', { spec: { type: 'ClusterIP' } }),
      ],
      endpoints: [
        slice('a/in', '10.244.1.9', '10.244.1.3'),
        slice('a/configured', '10.244.1.4', '10.244.1.3'),
        slice('a/out', '10.244.1.5'),
        slice('a/none', '10.244.1.6'),
      ],
    };
    const endpoints = (of: RulesConfig) =>
      texts(found(asking({}, table({ rules: of })), objects).tables.get(100)?.endpoints ?? []);
    const both = byEndpoints(rules([POOLS], '198.51.100.0/24'));
    assert.equal(endpoints(both), '10.244.1.3/32 10.244.1.4/32 10.244.1.9/32');
    assert.equal(endpoints(byEndpoints(rules([POOLS]))), '10.244.1.3/32 10.244.1.9/32');
    // Of a table that names no address: every LoadBalancer service.
    const all = endpoints(byEndpoints(rules([])));
    assert.equal(all, '10.244.1.3/32 10.244.1.4/32 10.244.1.5/32 10.244.1.9/32');
    assert.equal(endpoints(rules([POOLS], '198.51.100.0/24')), '');
  });
});

describe("the cluster's own ranges", () => {
  const kept = (protect: KubernetesConfig['protect'], objects: Objects, server?: string) =>
    found(asking({ protect }, table()), objects, server).kept.map(
      (range) => `${range.prefix} ${keptText(range)}`,
    );
  const objects: Objects = {
    nodes: NODES,
    ciliumNodes: [spec('node-a', { ipam: { podCIDRs: ['10.0.1.0/24', '10.244.1.0/24'] } })],
    podPools: [spec('default', { ipv4: { cidrs: ['10.10.0.0/16'] } })],
    serviceCidrs: [spec('kubernetes', { cidrs: ['10.96.0.0/16'] })],
    services: [service('shop/web', [], ['10.96.7.7'])],
    apiService: [service('default/kubernetes', [], ['10.96.0.1'])],
    apiEndpoints: [slice('default/kubernetes', '192.0.2.10')],
  };

  it('each with whose it is, none twice', () => {
    assert.deepEqual(
      new Set(kept(PROTECTED, objects)),
      new Set([
        '192.0.2.10/32 address of the API server, default/kubernetes',
        '10.96.0.1/32 address of the API server, default/kubernetes',
        '192.0.2.11/32 address of node node-b',
        '10.0.1.0/24 pod CIDR of node-a',
        '10.244.1.0/24 pod CIDR of node-a',
        '10.244.2.0/24 pod CIDR of node-b',
        '10.10.0.0/16 pod pool default',
        '10.96.0.0/16 service CIDR kubernetes',
      ]),
    );
  });

  it('only those that are to be', () => {
    assert.deepEqual(kept(['serviceCidrs'], objects), ['10.96.0.0/16 service CIDR kubernetes']);
    assert.deepEqual(kept([], objects), []);
    assert.deepEqual(kept(['podPools'], objects), ['10.10.0.0/16 pod pool default']);
  });

  it('the cluster IPs of services, where the cluster tells no service CIDR', () => {
    const old = { ...objects, serviceCidrs: 'absent' as const };
    assert.deepEqual(kept(['serviceCidrs'], old), ['10.96.7.7/32 service CIDR of shop/web']);
  });

  it('the API server where it is asked, if that is an address and not the node itself', () => {
    const asked = (server: string) => kept(['apiServer'], {}, server);
    const words = 'address of the API server, as it is asked';
    assert.deepEqual(asked('192.0.2.1'), [`192.0.2.1/32 ${words}`]);
    assert.deepEqual(asked('[2001:db8::1]'), [`2001:db8::1/128 ${words}`]);
    for (const none of ['api.example', '127.0.0.1', '::1', 'localhost']) {
      assert.deepEqual(asked(none), [], none);
    }
  });
});

describe('the memory of those ranges', () => {
  const node = (name: string, cidr: string) => ({ name, podCidrs: [parsedPrefix(cidr)] });
  const known = new Map<string, readonly unknown[]>([
    ['nodes', [node('node-a', '10.244.1.0/24')]],
    ['serviceCidrs', []],
    ['services', [{ name: 'web', namespace: 'shop', clusterIPs: [parsedPrefix('10.96.7.7/32')] }]],
  ]);
  let absent = false;
  const view = {
    objects: (key: string) => known.get(key) ?? NOTHING,
    knowledge: () => 'whole',
    absent: () => absent,
  } as unknown as ClusterView;

  it('is that very list until something of it is another, and true then', () => {
    const memory = new KeptMemory();
    const protect: KubernetesConfig['protect'] = ['podCidrs', 'serviceCidrs'];
    const text = (of = protect, server?: string) => {
      const made = memory.of(of, view, server);
      assert.deepEqual(made, keptRanges(of, view, server));
      assert.equal(memory.of(of, view, server), made);
      return made.map(({ prefix }) => prefix.text).join(' ');
    };
    assert.equal(text(), '10.244.1.0/24');
    const before = memory.of(protect, view, undefined);
    known.set('services', [...(known.get('services') ?? [])]);
    known.set('ciliumPools', []);
    assert.equal(memory.of(protect, view, undefined), before, 'made of others');
    known.set('nodes', [node('node-a', '10.244.1.0/24'), node('node-b', '10.244.2.0/24')]);
    assert.equal(text(), '10.244.1.0/24 10.244.2.0/24');
    absent = true;
    assert.equal(text(), '10.244.1.0/24 10.244.2.0/24 10.96.7.7/32');
    known.set('services', []);
    assert.equal(text(), '10.244.1.0/24 10.244.2.0/24');
    assert.equal(text(['apiServer'], '192.0.2.1'), '192.0.2.1/32');
    assert.equal(text(['apiServer'], '192.0.2.2'), '192.0.2.2/32');
  });
});

describe('what is asked for', () => {
  const needs = (of: Config, objects: Objects = {}) =>
    [...neededResources(of, viewOf(objects))].sort().join(' ');

  it('is what the configuration takes, and nothing else', () => {
    assert.equal(needs(asking({}, table())), '');
    assert.equal(needs(asking({}, table({ rules: rules([POOLS]) }))), 'ciliumPools ownNode');
    assert.equal(
      needs(asking({}, table({ rules: rules([METALLB]) }))),
      'advertisements metallbPools ownNode',
    );
    const all = { ...METALLB, advertised: false };
    assert.equal(needs(asking({}, table({ rules: rules([all]) }))), 'metallbPools ownNode');
    assert.equal(needs(asking({}, table({ rules: byEndpoints(rules([])) }))), 'endpoints services');
    assert.equal(
      needs(asking({ protect: PROTECTED }, table({ rules: rules([METALLB]) }))),
      'advertisements apiEndpoints apiService ciliumNodes metallbPools nodes podPools serviceCidrs',
    );
  });

  it('is the services too, where there is no ServiceCIDR', () => {
    const of = asking({ protect: ['serviceCidrs'] }, table());
    assert.equal(needs(of), 'serviceCidrs');
    assert.equal(needs(of, { serviceCidrs: 'absent' }), 'serviceCidrs services');
  });
});

describe('a snapshot', () => {
  it('is of nothing without a cluster', () => {
    const { tables, kept, keptKnowledge } = found(config(table()), {});
    assert.deepEqual([tables.size, kept, keptKnowledge], [0, [], 'whole']);
  });

  it('does not depend on the order of the objects', () => {
    const of = asking({ protect: PROTECTED }, table({ rules: rules([POOLS, SERVICES]) }));
    const pools = ['a', 'b', 'c'].map((name, i) =>
      spec(name, { blocks: [{ cidr: `10.${i}.0.0/16` }, { cidr: '203.0.113.0/24' }] }),
    );
    const services = ['x', 'y'].map((name) => service(`s/${name}`, ['203.0.113.7'], ['10.96.0.7']));
    const wanted = found(of, { ciliumPools: pools, services, nodes: NODES });
    const orders = fc.tuple(
      fc.shuffledSubarray(pools, { minLength: pools.length }),
      fc.shuffledSubarray(services, { minLength: services.length }),
      fc.shuffledSubarray(NODES, { minLength: NODES.length }),
    );
    fc.assert(
      fc.property(orders, ([ciliumPools, some, nodes]) => {
        const other = found(of, { ciliumPools, services: some, nodes });
        assert.equal(
          texts(other.tables.get(100)?.from ?? []),
          texts(wanted.tables.get(100)?.from ?? []),
        );
        assert.deepEqual(
          new Map(other.tables.get(100)?.origins),
          new Map(wanted.tables.get(100)?.origins),
        );
        assert.deepEqual(other.kept.map(keptText), wanted.kept.map(keptText));
      }),
    );
  });
});
