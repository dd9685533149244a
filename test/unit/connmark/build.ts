/** Short ways to write marked connections in tests. */
import type { MarkedConnections } from '../../../src/desired/marked-connections.js';
import { prefix } from '../desired/build.js';

export { rulesetOf } from '../../../src/connmark/ruleset.js';

/** Words of interfaces and pools: `eth1 eth2`, `203.0.113.0/24 2001:db8::/32`. */
export function marked(
  table: number,
  mark: `0x${string}/0x${string}`,
  interfaces: string,
  pools: string,
): MarkedConnections {
  const [value = Number.NaN, mask = Number.NaN] = mark.split('/').map(Number);
  const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
  return {
    table,
    mark: { value, mask },
    interfaces: words(interfaces),
    pools: words(pools).map(prefix),
  };
}
