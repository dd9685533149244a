/** What source `fpm` asks the node itself: zebra names interfaces by number, and does not replay every table. */
import type { Prefix } from '../../net/prefix.js';
import type { RouteLeg } from '../../netlink/route-message.js';

/** Of the network namespace that this process and zebra share. Rejects with {@link NodeError}. */
export interface FpmNode {
  /** Names of the interfaces by index. */
  interfaces(): Promise<ReadonlyMap<number, string>>;
  /** Unicast routes of one table and protocol, with the legs their nexthop objects stand for. */
  routes(table: number, protocol: number): Promise<readonly NodeRoute[]>;
}

export interface NodeRoute {
  readonly prefix: Prefix;
  readonly legs: readonly RouteLeg[];
}

/** The node could not be read. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
}
