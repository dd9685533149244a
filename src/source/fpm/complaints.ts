/** What of zebra's words is not taken: counted, and loud once. */
import type { Log } from '../../log-port.js';
import type { Prefix } from '../../net/prefix.js';
import type { RouteRefusal, Undecodable } from './decoder.js';

/** What is wrong with a route, and what to write in FRR. */
const REFUSALS: Readonly<Record<RouteRefusal, string>> = {
  'flattened-next-hop':
    'its IPv6 next hop came as 169.254.0.1, since FPM cannot tell one of an IPv4 route: write `no neighbor PEER capability extended-nexthop` in FRR, or take source bgp',
  'no-gateway': 'it leads out of an interface without a gateway',
  'not-unicast': 'it is no unicast route but a blackhole, or the like',
  encapsulated: 'it is encapsulated',
  'unknown-interface': 'its interface is not in this network namespace, where zebra has to run too',
};

/** Why a feed is refused as a whole. */
export const NEXTHOP_GROUPS =
  'zebra sends nexthop groups, which do not show what a link takes along: write `no fpm use-next-hop-groups` in FRR';

export class Complaints {
  #count = 0;
  readonly #told = new Set<string>();

  constructor(private readonly log: Log) {}

  /** Messages that did not decode and routes that were refused; each cost one route. */
  get count(): number {
    return this.#count;
  }

  /** Another connection: the reasons of this one are loud again. */
  begin(): void {
    this.#told.clear();
  }

  undecodable(fault: Undecodable): void {
    this.#tell(fault, 'undecodable', 'fpm: a message does not decode');
  }

  refuseRoute(prefix: Prefix, reason: RouteRefusal): void {
    const message = `fpm: ${prefix} is not taken: ${REFUSALS[reason]}`;
    this.#tell({ prefix: prefix.text, reason }, reason, message);
  }

  #tell(fields: object, kind: string, message: string): void {
    this.#count++;
    if (this.#told.has(kind)) this.log.debug(fields, message);
    else this.log.warn(fields, `${message}; the next like it are only counted`);
    this.#told.add(kind);
  }
}
