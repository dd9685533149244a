/**
 * One peer's routes, as it has told them: over its sessions, since routes of
 * the last one stay while it restarts. What it repeats is fresh again; what it
 * has not repeated by its End-of-RIB is swept (RFC 4724 4.2, RFC 7313 4).
 */
import { FAMILIES, type Family, forFamilies } from '../../../net/family.js';
import type { Prefix } from '../../../net/prefix.js';
import { type Attributes, LLGR_STALE, type PathSession } from '../../../rib/path.js';
import type { Announcement, Nlri } from '../message/message.js';
import type { Epoch, HeardPath, HeardRoutes, PathOwner } from './heard-routes.js';
import { sameAttributes } from './same-attributes.js';

/** RFC 9494 5.2: 65535:7. */
const NO_LLGR = 0xffff0007;

export interface AdjRibInOptions {
  readonly routes: HeardRoutes;
  /** Address without zone: the name of the peer in its paths. */
  readonly peer: string;
  readonly peerAs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A path was not taken: there are so many of its prefix that there is no room. */
  readonly full: () => void;
}

export class AdjRibIn implements PathOwner {
  readonly received: Record<Family, number> = { ipv4: 0, ipv6: 0 };
  readonly #options: AdjRibInOptions;
  #epochs: Record<Family, Epoch>;

  constructor(options: AdjRibInOptions) {
    this.#options = options;
    this.#epochs = forFamilies(() => ({ type: 'external', routerId: 0, owner: this }));
  }

  get epochs(): Readonly<Record<Family, Epoch>> {
    return this.#epochs;
  }

  get isEmpty(): boolean {
    return FAMILIES.every((family) => this.received[family] === 0);
  }

  /** A new session: all there is is stale. */
  begin({ type, routerId }: PathSession): void {
    this.#epochs = forFamilies(() => ({ type, routerId, owner: this }));
  }

  /** The peer is going to tell one family all anew, within a session (RFC 7313 4.1). */
  beginRefresh(family: Family): void {
    this.#epochs[family] = { ...this.#epochs[family] };
  }

  find({ prefix, pathId }: Nlri): HeardPath | undefined {
    return this.#options.routes.find(prefix, this, pathId);
  }

  announce(announced: readonly Announcement[]): void {
    for (const announcement of announced) this.#announce(announcement);
  }

  withdraw(withdrawn: readonly Nlri[]): void {
    const { routes } = this.#options;
    for (const { prefix, pathId } of withdrawn) routes.withdraw(prefix, this, pathId);
  }

  /** A path of this peer's that was withdrawn, as it was. */
  restore(prefix: Prefix, path: HeardPath): void {
    this.#options.routes.announce(prefix, path);
  }

  /** What has not been repeated goes. */
  sweep(family: Family): void {
    const current = this.#epochs[family];
    this.#replace(family, (path) => (path.session === current ? path : undefined));
  }

  clear(family: Family): void {
    this.#replace(family, () => undefined);
  }

  /** RFC 9494 4.3: what is stale is a last resort from now on, or goes where the peer has said so. */
  depreference(family: Family): void {
    const marked = new Map<Attributes, Attributes>();
    const paths = new Map<HeardPath, HeardPath>();
    this.#replace(family, (path) => {
      const { attributes } = path;
      if (attributes.communities.includes(NO_LLGR)) return undefined;
      if (attributes.communities.includes(LLGR_STALE)) return path;
      return reuse(paths, path, () => ({
        ...path,
        attributes: reuse(marked, attributes, () => withCommunity(attributes, LLGR_STALE)),
      }));
    });
  }

  #replace(family: Family, change: (path: HeardPath) => HeardPath | undefined): void {
    if (this.received[family] > 0) this.#options.routes.replace(family, this, change);
  }

  /** All prefixes of one announcement share a path object, as far as they may. */
  #announce({ family, nlri, nextHop, attributes }: Announcement): void {
    const { routes, peer, peerAs, now, full } = this.#options;
    const session = this.#epochs[family];
    const heardAt = now();
    let last: HeardPath | undefined;
    for (const { prefix, pathId } of nlri) {
      const known = routes.find(prefix, this, pathId);
      const same =
        known !== undefined &&
        known.session.routerId === session.routerId &&
        known.nextHop.interface === nextHop.interface &&
        known.nextHop.address.equals(nextHop.address) &&
        sameAttributes(known.attributes, attributes);
      if (same && known.session === session) continue;
      // The same as before a restart: its age counts, and its attributes stay the object they were.
      const receivedAt = same ? known.receivedAt : heardAt;
      const shared = same ? known.attributes : attributes;
      if (last?.pathId !== pathId || last.receivedAt !== receivedAt || last.attributes !== shared) {
        last = { peer, peerAs, pathId, nextHop, attributes: shared, session, receivedAt };
      }
      if (!routes.announce(prefix, last, same)) full();
    }
  }
}

function withCommunity(attributes: Attributes, community: number): Attributes {
  return { ...attributes, communities: [...attributes.communities, community] };
}

function reuse<T extends object>(made: Map<T, T>, key: T, make: () => T): T {
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known;
}
