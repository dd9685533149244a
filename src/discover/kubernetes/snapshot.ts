/** What the objects of a cluster come to for a configuration: {@link Discovered}. Pure. */
import type { Config, RuleDiscovery, TableConfig } from '../../config/config.js';
import type { Prefix } from '../../net/prefix.js';
import { inOrder } from '../../net/prefix-order.js';
import { PrefixSet } from '../../net/prefix-set.js';
import type { Discovered, DiscoveredTable, KeptRange } from '../discovered.js';
import { chosenCiliumPools } from './cilium-pools.js';
import { keyOf, type Metadata } from './metadata.js';
import { gatewaysOf } from './metallb-peers.js';
import { chosenMetallbPools } from './metallb-pools.js';
import { asksEndpoints, neededForKept, neededForTable, nodeResource } from './needs.js';
import type { ClusterView } from './resources.js';
import { askedAddresses } from './services.js';

/**
 * The same view and configuration give the same snapshot, whatever the order of the objects. `kept` is
 * what `keptRanges` makes of the two.
 */
export function snapshotOf(
  config: Config,
  view: ClusterView,
  kept: readonly KeptRange[],
): Discovered {
  const { kubernetes } = config.discovery;
  if (kubernetes === undefined) return { tables: new Map(), kept: [], keptSettled: true };
  const isSettled = (needed: ReturnType<typeof neededForKept>) =>
    [...needed].every((key) => view.settled(key));
  const asking = config.tables.filter((table) => neededForTable(table, config).size > 0);
  return {
    tables: new Map(
      asking.map((table) => {
        const settled = isSettled(neededForTable(table, config));
        return [table.id, { settled, ...foundFor(table, config, view) }];
      }),
    ),
    kept,
    keptSettled: isSettled(neededForKept(config, view)),
  };
}

function foundFor(
  table: TableConfig,
  config: Config,
  view: ClusterView,
): Omit<DiscoveredTable, 'settled'> {
  const node = view
    .objects(nodeResource(config))
    .find(({ name }) => name === config.discovery.kubernetes?.node);
  const found = new Collection();
  // What the node's own addresses are is to be known first.
  if (view.settled(nodeResource(config))) {
    for (const entry of table.rules?.discover ?? []) collect(entry, view, node?.labels, found);
  }
  const all = found.prefixes();
  // Marks are on replies alone, whatever address they are from.
  const own = table.rules?.returnPath.by === 'connmark' ? [] : (node?.addresses ?? []);
  const ownIn = (prefix: Prefix) => own.find(({ address }) => prefix.contains(address))?.address;
  const from = all.filter((prefix) => ownIn(prefix) === undefined);
  const leftOut = all.flatMap((prefix) => {
    const address = ownIn(prefix);
    return address === undefined ? [] : [{ prefix, origin: found.originOf(prefix), address }];
  });
  const endpoints = asksEndpoints(table) ? endpointsFor(table, all, view, found) : [];
  const wantsPeers = table.static.some(({ discover }) => discover === 'metallbPeers');
  const gateways = wantsPeers ? gatewaysOf(view.objects('peers'), node?.labels) : [];
  return { from, leftOut, origins: found.origins(), endpoints, gateways };
}

interface Member {
  readonly prefix: Prefix;
  readonly origin: string;
}

/** Prefixes, each with the first object that has it. */
class Collection {
  readonly #members = new Map<string, Member>();

  add(prefix: Prefix, origin: string): void {
    const known = this.#members.get(prefix.key);
    // By text, so that the order of objects does not matter.
    if (known === undefined || origin < known.origin) {
      this.#members.set(prefix.key, { prefix, origin });
    }
  }

  prefixes(): readonly Prefix[] {
    return [...inOrder([...this.#members.values()].map(({ prefix }) => prefix))];
  }

  originOf({ key }: Prefix): string {
    return this.#members.get(key)?.origin ?? '';
  }

  origins(): ReadonlyMap<string, string> {
    return new Map([...this.#members].map(([key, { origin }]) => [key, origin]));
  }
}

function collect(
  entry: RuleDiscovery,
  view: ClusterView,
  node: Metadata['labels'] | undefined,
  into: Collection,
): void {
  const addPools = (
    kind: string,
    pools: readonly (Metadata & { readonly prefixes: readonly Prefix[] })[],
  ): void => {
    for (const pool of pools) {
      for (const prefix of pool.prefixes) into.add(prefix, `${kind} ${keyOf(pool)}`);
    }
  };
  switch (entry.kind) {
    case 'ciliumPools':
      addPools('CiliumLoadBalancerIPPool', chosenCiliumPools(entry, view.objects('ciliumPools')));
      return;
    case 'metallbPools': {
      const [pools, advertisements] = [
        view.objects('metallbPools'),
        view.objects('advertisements'),
      ];
      addPools('IPAddressPool', chosenMetallbPools(entry, pools, advertisements, node));
      return;
    }
    case 'services':
      for (const service of view.objects('services')) {
        for (const prefix of askedAddresses(entry, service)) {
          into.add(prefix, `Service ${keyOf(service)}`);
        }
      }
      return;
  }
}

/**
 * Of the LoadBalancer services that have an address the table is for; where it says nothing of
 * addresses, of all of them.
 */
function endpointsFor(
  table: TableConfig,
  found: readonly Prefix[],
  view: ClusterView,
  into: Collection,
): readonly Prefix[] {
  const configured = (table.rules?.from ?? []).flatMap((source) =>
    source.kind === 'prefix' ? [source.prefix] : [],
  );
  const all = configured.length + (table.rules?.discover ?? []).length === 0;
  const own = new PrefixSet([...configured, ...found]);
  const services = new Set(
    view
      .objects('services')
      .filter(({ isLoadBalancer }) => isLoadBalancer)
      .filter(({ ingress, externalIPs }) => {
        return all || [...ingress, ...externalIPs].some((one) => own.covering(one) !== undefined);
      })
      .map(keyOf),
  );
  const addresses = new Map<string, Prefix>();
  for (const { service, addresses: some } of view.objects('endpoints')) {
    if (!services.has(service)) continue;
    for (const address of some) {
      addresses.set(address.key, address);
      into.add(address, `endpoint of Service ${service}`);
    }
  }
  return [...inOrder(addresses.values())];
}
