/**
 * One path as gobgpd tells it, from its bytes to the objects that all prefixes
 * with the same share. Runs once for each distinct run of bytes
 * (path-decoder.ts remembers what came of it).
 */
import { Address } from '../../net/address.js';
import { type NextHop, nextHopText, type Path, type PathSession } from '../../rib/path.js';
import { AttributeDecoder } from './attribute-decoder.js';
import type { MessageFormat } from './message-format.js';
import { LENGTH, tagOf, VARINT, type WireReader } from './wire.js';

/** A path as the daemon knows it, shared by every prefix that has the same. Immutable. */
export interface KnownPath {
  /**
   * Who told of it, apart from all others: an address with the zone it has in
   * the daemon's words, or, of a link-local one without, with the BGP identifier.
   */
  readonly source: string;
  /** RFC 7911; 0 where none. */
  readonly pathId: number;
  /** The path alone, ready to be a prefix's whole set; empty where rib2fib has no use for it. */
  readonly set: readonly Path[];
  /** Locally originated, or with an unspecified next hop, which means the same. */
  readonly local: boolean;
  /** The daemon's own next-hop tracking found no way to it. */
  readonly unreachable: boolean;
}

export interface KnownPathOptions {
  readonly format: MessageFormat;
  /** The interface behind a peer with a link-local address, where its zone does not say; `routerId` as text. */
  readonly interfaceOf: (peer: string, routerId: string) => string | undefined;
  /**
   * Given where paths are to be selected from here: the kind of session behind
   * a peer. They then bear their session, and the second they were heard in.
   */
  readonly sessionTypeOf?: (peer: string, peerAs: number) => PathSession['type'];
}

const ATTRIBUTE = tagOf(2, LENGTH);
const SOURCE_ASN = tagOf(10, VARINT);
const SOURCE_ID = tagOf(11, LENGTH);
const NEIGHBOR_IP = tagOf(15, LENGTH);
const IS_NEXTHOP_INVALID = tagOf(17, VARINT);
const IDENTIFIER = tagOf(18, VARINT);

/** Beyond this next hops are not shared any more: a peer that invents them costs no memory. */
const MOST_NEXT_HOPS = 65_536;

export class KnownPathMaker {
  /** Next hops are few: paths that lead to the same one share it. */
  readonly #nextHops = new Map<string, NextHop>();
  /** Sessions are few: one object each. */
  readonly #sessions = new Map<string, PathSession>();
  /** The last one that was dated of a known path: those of one UPDATE mostly follow each other. */
  readonly #dated = new WeakMap<KnownPath, KnownPath>();

  constructor(private readonly options: KnownPathOptions) {}

  /** What is shared from now on is made anew. */
  forget(): void {
    this.#nextHops.clear();
    this.#sessions.clear();
  }

  /** From the bytes of one Path, `pos` to `end`. Throws DecodeError. */
  make(wire: WireReader, pos: number, end: number): KnownPath {
    wire.pos = pos;
    wire.end = end;
    const decoder = new AttributeDecoder(this.options.format);
    let peerAs = 0;
    let source = '';
    let routerId = '';
    let pathId = 0;
    let unreachable = false;
    while (wire.more) {
      const tag = wire.tag();
      if (tag === ATTRIBUTE) {
        const outer = wire.enter();
        const { end } = wire;
        decoder.read(wire);
        wire.end = end;
        wire.leave(outer);
      } else if (tag === SOURCE_ASN) peerAs = wire.varint();
      else if (tag === NEIGHBOR_IP) source = wire.text();
      else if (tag === SOURCE_ID) routerId = wire.text();
      else if (tag === IDENTIFIER) pathId = wire.varint();
      else if (tag === IS_NEXTHOP_INVALID) unreachable = wire.varint() !== 0;
      else wire.skip(tag);
    }
    const [peer = '', zone] = source.split('%');
    const { attributes, nextHops } = decoder.result();
    const scopeOf = () => zone ?? this.options.interfaceOf(peer, routerId);
    const nextHop = this.#nextHop(nextHops, scopeOf);
    if (zone === undefined && Address.parse(peer)?.isLinkLocal === true) source += ` ${routerId}`;
    const local = peer === '' || peer === '<nil>' || nextHop === undefined;
    const session = this.#session(peer, peerAs, (Address.parse(routerId)?.w0 ?? 0) >>> 0);
    const path = local
      ? undefined
      : { peer, peerAs, pathId, nextHop, attributes, session, receivedAt: undefined };
    return { source, pathId, set: path === undefined ? [] : [path], local, unreachable };
  }

  /** The same, heard at that time: seconds since the epoch. */
  dated(known: KnownPath, seconds: number): KnownPath {
    const [path] = known.set;
    if (path?.session === undefined || seconds === 0) return known;
    const receivedAt = seconds * 1000;
    const last = this.#dated.get(known);
    if (last?.set[0]?.receivedAt === receivedAt) return last;
    const dated = { ...known, set: [{ ...path, receivedAt }] };
    this.#dated.set(known, dated);
    return dated;
  }

  #session(peer: string, peerAs: number, routerId: number): PathSession | undefined {
    const { sessionTypeOf } = this.options;
    if (sessionTypeOf === undefined) return undefined;
    const type = sessionTypeOf(peer, peerAs);
    const key = `${type} ${routerId}`;
    const session = this.#sessions.get(key) ?? { type, routerId };
    this.#sessions.set(key, session);
    return session;
  }

  /** The global next hop where there is one, else the link-local with its interface. */
  #nextHop(nextHops: readonly Address[], scopeOf: () => string | undefined): NextHop | undefined {
    const usable = nextHops.filter((address) => !address.isUnspecified);
    const address = usable.find(({ isLinkLocal }) => !isLinkLocal) ?? usable[0];
    if (address === undefined) return undefined;
    const scope = address.isLinkLocal ? scopeOf() : undefined;
    const nextHop = { address, interface: scope };
    const text = nextHopText(nextHop);
    const shared = this.#nextHops.get(text) ?? nextHop;
    if (this.#nextHops.size < MOST_NEXT_HOPS) this.#nextHops.set(text, shared);
    return shared;
  }
}
