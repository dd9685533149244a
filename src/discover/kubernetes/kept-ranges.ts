/** The ranges that are the cluster's own, and whose they are. Pure. */
import type { ProtectedRange } from '../../config/config.js';
import type { Prefix } from '../../net/prefix.js';
import { PrefixSet } from '../../net/prefix-set.js';
import type { KeptRange } from '../discovered.js';
import { parseCidr, parseHost } from './address-text.js';
import { keyOf } from './metadata.js';
import type { ClusterView, ResourceKey } from './resources.js';

/**
 * None twice, in an order that does not depend on that of the objects: of two that have one range, the
 * first by kind and name owns it. `server`: the host of the API server's URL, kept where it is an address.
 */
export function keptRanges(
  protect: readonly ProtectedRange[],
  view: ClusterView,
  server: string | undefined,
): readonly KeptRange[] {
  const ranges = new Map<string, { readonly order: string; readonly range: KeptRange }>();
  for (const kind of protect) {
    for (const range of rangesOf(kind, view, server)) {
      const { key } = range.prefix;
      const order = `${range.what} ${range.name} ${key}`;
      const known = ranges.get(key);
      if (known === undefined || order < known.order) ranges.set(key, { order, range });
    }
  }
  const all = [...ranges.values()].sort((a, b) => (a.order < b.order ? -1 : 1));
  return all.map(({ range }) => range);
}

/**
 * Remembers what {@link keptRanges} made last, and returns that very list as long as nothing that it is
 * made of is another list: of thousands of nodes it is long, and most changes are of other things.
 */
export class KeptMemory {
  #from: readonly unknown[] = [];
  #made: readonly KeptRange[] = [];

  /** As {@link keptRanges}. */
  of(
    protect: readonly ProtectedRange[],
    view: ClusterView,
    server: string | undefined,
  ): readonly KeptRange[] {
    const services = view.absent('serviceCidrs') ? view.objects('services') : undefined;
    const objects = MADE_OF.map((key) => view.objects(key));
    const from = [protect, server, services, ...objects];
    const same = from.length === this.#from.length && from.every((one, i) => one === this.#from[i]);
    if (!same) this.#made = keptRanges(protect, view, server);
    this.#from = from;
    return this.#made;
  }
}

const MADE_OF = [
  'nodes',
  'ciliumNodes',
  'podPools',
  'serviceCidrs',
  'apiService',
  'apiEndpoints',
] as const satisfies readonly ResourceKey[];

function rangesOf(
  kind: ProtectedRange,
  view: ClusterView,
  server: string | undefined,
): readonly KeptRange[] {
  switch (kind) {
    case 'podCidrs':
      return nodesOf(view).flatMap(({ name, podCidrs }) => named('pod-cidr', name, podCidrs));
    case 'nodeAddresses':
      return nodesOf(view).flatMap(({ name, addresses }) => named('node-address', name, addresses));
    case 'podPools':
      return view
        .objects('podPools')
        .flatMap(({ name, prefixes }) => named('pod-pool', name, prefixes));
    case 'serviceCidrs':
      return serviceRanges(view);
    case 'apiServer':
      return apiServerRanges(view, server);
  }
}

/** Before Kubernetes had ServiceCIDR nothing told the range: what services have of it is known all the same. */
function serviceRanges(view: ClusterView): readonly KeptRange[] {
  if (view.absent('serviceCidrs')) {
    return view
      .objects('services')
      .flatMap((service) => named('service-cidr', `of ${keyOf(service)}`, service.clusterIPs));
  }
  return view
    .objects('serviceCidrs')
    .flatMap(({ name, prefixes }) => named('service-cidr', name, prefixes));
}

function apiServerRanges(view: ClusterView, server: string | undefined): readonly KeptRange[] {
  const asked = server === undefined ? undefined : serverAddress(server);
  return [
    ...named('api-server', 'as it is asked', asked === undefined ? [] : [asked]),
    ...view
      .objects('apiService')
      .flatMap((service) => named('api-server', keyOf(service), service.clusterIPs)),
    ...view
      .objects('apiEndpoints')
      .flatMap(({ service, addresses }) => named('api-server', service, addresses)),
  ];
}

/** Of a host as it stands in a URL; `undefined` of a name, and of the node itself. */
function serverAddress(host: string): Prefix | undefined {
  const prefix = parseHost(host.replace(/^\[|\]$/g, ''));
  return prefix === undefined || LOOPBACK.covering(prefix) !== undefined ? undefined : prefix;
}

const LOOPBACK = new PrefixSet(['127.0.0.0/8', '::1/128'].flatMap((text) => parseCidr(text) ?? []));

function nodesOf(view: ClusterView) {
  return [...view.objects('nodes'), ...view.objects('ciliumNodes')];
}

function named(
  what: KeptRange['what'],
  name: string,
  prefixes: readonly Prefix[],
): readonly KeptRange[] {
  return prefixes.map((prefix) => ({ prefix, what, name }));
}
