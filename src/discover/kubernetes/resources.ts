/** The resources that can be asked for: where each is in the API, and what is kept of its objects. Pure. */
import { parseCiliumPool } from './cilium-pools.js';
import { parseCiliumNode, parseNode, parsePodPool, parseServiceCidr } from './cluster-ranges.js';
import { parseAllEndpoints, parseEndpointsOn } from './endpoints.js';
import type { Fields } from './fields.js';
import { parseMetallbPeer } from './metallb-peers.js';
import { parseAdvertisement, parseMetallbPool } from './metallb-pools.js';
import { parseService } from './services.js';

/** One collection of the API. */
export interface Resource<T> {
  /** As the API names it, with its group; the parts of one resource are told apart by what is behind a colon. */
  readonly name: string;
  /** Paths of the collection, the best version first: the first that the server has is taken. */
  readonly paths: readonly string[];
  /** `fieldSelector` and `labelSelector`, where not all of it is wanted. */
  readonly query: Readonly<Record<string, string>>;
  /** What is kept of an object; `undefined` of one that is of no use. @throws ObjectFault */
  readonly parse: (object: Fields) => T | undefined;
}

/** Everything that may be asked for; `ownNode` is the Node of this name alone. */
export function resourcesOf(node: string) {
  const cilium = (plural: string, ...versions: readonly string[]) =>
    versions.map((version) => `/apis/cilium.io/${version}/${plural}`);
  const metallb = (plural: string, version: string) => [`/apis/metallb.io/${version}/${plural}`];
  const all = {};
  return {
    nodes: resource('nodes', ['/api/v1/nodes'], all, parseNode),
    ownNode: resource(
      'nodes:own',
      ['/api/v1/nodes'],
      { fieldSelector: `metadata.name=${node}` },
      parseNode,
    ),
    ciliumNodes: resource(
      'ciliumnodes.cilium.io',
      cilium('ciliumnodes', 'v2'),
      all,
      parseCiliumNode,
    ),
    podPools: resource(
      'ciliumpodippools.cilium.io',
      cilium('ciliumpodippools', 'v2', 'v2alpha1'),
      all,
      parsePodPool,
    ),
    serviceCidrs: resource(
      'servicecidrs.networking.k8s.io',
      ['v1', 'v1beta1'].map((version) => `/apis/networking.k8s.io/${version}/servicecidrs`),
      all,
      parseServiceCidr,
    ),
    services: resource('services', ['/api/v1/services'], all, parseService),
    endpoints: resource(
      'endpointslices.discovery.k8s.io',
      ['/apis/discovery.k8s.io/v1/endpointslices'],
      // A LoadBalancer service is never headless; many others are, and change all the time.
      { labelSelector: '!service.kubernetes.io/headless' },
      (object) => parseEndpointsOn(node, object),
    ),
    apiService: resource(
      'services:kubernetes',
      ['/api/v1/namespaces/default/services'],
      { fieldSelector: 'metadata.name=kubernetes' },
      parseService,
    ),
    apiEndpoints: resource(
      'endpointslices.discovery.k8s.io:kubernetes',
      ['/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'],
      { labelSelector: 'kubernetes.io/service-name=kubernetes' },
      parseAllEndpoints,
    ),
    ciliumPools: resource(
      'ciliumloadbalancerippools.cilium.io',
      cilium('ciliumloadbalancerippools', 'v2', 'v2alpha1'),
      all,
      parseCiliumPool,
    ),
    metallbPools: resource(
      'ipaddresspools.metallb.io',
      metallb('ipaddresspools', 'v1beta1'),
      all,
      parseMetallbPool,
    ),
    advertisements: resource(
      'bgpadvertisements.metallb.io',
      metallb('bgpadvertisements', 'v1beta1'),
      all,
      parseAdvertisement,
    ),
    peers: resource('bgppeers.metallb.io', metallb('bgppeers', 'v1beta2'), all, parseMetallbPeer),
  };
}

type Resources = ReturnType<typeof resourcesOf>;

export type ResourceKey = keyof Resources;

/** What is kept of the objects of a resource. */
export type Kept<K extends ResourceKey> = Resources[K] extends Resource<infer T> ? T : never;

/** What is known of the cluster: of a resource that is not asked for, nothing. */
export interface ClusterView {
  objects<K extends ResourceKey>(key: K): readonly Kept<K>[];
  /** Listed whole once, or not to be had; false of what is not asked for. */
  settled(key: ResourceKey): boolean;
  /** The server has no such resource. */
  absent(key: ResourceKey): boolean;
}

function resource<T>(
  name: string,
  paths: readonly string[],
  query: Readonly<Record<string, string>>,
  parse: (object: Fields) => T | undefined,
): Resource<T> {
  return { name, paths, query, parse };
}
