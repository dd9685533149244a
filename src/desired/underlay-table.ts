import type { Address } from '../net/address.js';
import { type Family, familyBits } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import type { UnderlayRoute } from './topology.js';

/** Longest-prefix match: one map a length; within a prefix the lowest metric first. */
export class UnderlayTable {
  readonly #byLength: Record<Family, Map<number, Map<string, UnderlayRoute[]>>> = {
    ipv4: new Map(),
    ipv6: new Map(),
  };

  insert(route: UnderlayRoute): void {
    const { prefix } = route;
    const lengths = this.#byLength[prefix.family];
    let routes = lengths.get(prefix.length);
    if (routes === undefined) {
      routes = new Map();
      lengths.set(prefix.length, routes);
    }
    const same = routes.get(prefix.key);
    if (same === undefined) routes.set(prefix.key, [route]);
    else {
      same.push(route);
      same.sort((a, b) => a.metric - b.metric);
    }
  }

  /** Covering routes, the longest first. */
  *matches(address: Address): Generator<UnderlayRoute> {
    const lengths = this.#byLength[address.family];
    for (let length = familyBits(address.family); length >= 0; length--) {
      const routes = lengths.get(length);
      if (routes !== undefined) yield* routes.get(Prefix.of(address, length).key) ?? [];
    }
  }
}
