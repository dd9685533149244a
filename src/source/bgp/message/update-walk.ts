/**
 * The path attributes of an UPDATE gone through once: what is about prefixes is
 * read (NEXT_HOP, MP_REACH_NLRI, MP_UNREACH_NLRI), and of the rest the key is made
 * that the cache knows it by.
 */
import type { Family } from '../../../net/family.js';
import type { NextHop } from '../../../rib/path.js';
import { AttributeCursor, FLAG } from './attribute-cursor.js';
import { ATTRIBUTE } from './attribute-rule.js';
import { ruleOf } from './attribute-rules.js';
import { type AttributeCache, faultOf, wrongFlags } from './attribute-set.js';
import { UPDATE_ERROR } from './error-code.js';
import type { DecodeContext, Nlri } from './message.js';
import { NextHopTable } from './next-hop-table.js';
import { readNlri } from './nlri.js';
import { type RankedFault, updateError } from './update-fault.js';

const AFI: readonly (Family | undefined)[] = [undefined, 'ipv4', 'ipv6'];
const UNICAST = 1;

/** What MP_REACH_NLRI of a family that was agreed on has said. */
interface Reach {
  readonly family: Family;
  /** `undefined` where it is no host's address. */
  readonly nextHop: NextHop | undefined;
  readonly nlri: readonly Nlri[];
}

/** One for each decoder; what it has found is that of the UPDATE last begun. */
export class UpdateWalk {
  withdrawn: Nlri[] = [];
  faults: RankedFault[] = [];
  endOfRib: Family | undefined;
  reach: Reach | undefined;
  /** Some prefix of whatever family is announced. */
  reachable = false;
  /** There are attributes that go through the cache; its key is theirs. */
  cached = false;
  /** Of NEXT_HOP, where the NLRI field needs it and it is a host's address. */
  nextHop: NextHop | undefined;
  nextHopSeen = false;
  readonly cursor = new AttributeCursor();
  readonly #nextHops: NextHopTable;

  constructor(
    private readonly context: DecodeContext,
    private readonly cache: AttributeCache,
  ) {
    this.#nextHops = new NextHopTable(context.interface);
  }

  /** Forgets the UPDATE before. */
  begin(): void {
    this.withdrawn = [];
    this.faults = [];
    this.endOfRib = undefined;
    this.reach = undefined;
    this.reachable = false;
    this.cached = false;
    this.nextHop = undefined;
    this.nextHopSeen = false;
    this.cache.begin(this.context);
  }

  /** Goes through the attributes from `from` up to `end`. Throws {@link SessionError}. */
  walk(bytes: Buffer, from: number, end: number, hasNlri: boolean): void {
    const { cache } = this;
    const cursor = this.cursor.load(bytes, from, end);
    while (cursor.next()) {
      const { type } = cursor;
      if (cursor.repeated) {
        this.#repeated(cursor);
      } else if (type === ATTRIBUTE.mpReach) {
        this.#mpReach(cursor);
      } else if (type === ATTRIBUTE.mpUnreach) {
        const alone = cursor.start === from && cursor.end === end && !hasNlri;
        this.#mpUnreach(cursor, alone);
      } else if (type === ATTRIBUTE.nextHop) {
        this.#readNextHop(cursor, hasNlri);
      } else if (ruleOf(type) !== undefined) {
        this.cached = true;
        cache.key.add(bytes, cursor.start, cursor.end);
      } else if ((cursor.flags & FLAG.optional) === 0) {
        // RFC 4271 6.3; RFC 7606 leaves it as it was.
        throw updateError(
          UPDATE_ERROR.unrecognizedWellKnown,
          `unknown well-known attribute ${type}`,
          cursor.octets,
        );
      }
    }
    if (cursor.cutShort) {
      // RFC 7606 4.
      this.faults.push({
        consequence: 'treat-as-withdraw',
        reason: 'an attribute longer than the attributes',
        offset: cursor.start,
        end: cursor.start,
        subcode: UPDATE_ERROR.malformedAttributeList,
      });
    }
  }

  /** RFC 7606 3 g. */
  #repeated(cursor: AttributeCursor): void {
    const { type } = cursor;
    if (type === ATTRIBUTE.mpReach || type === ATTRIBUTE.mpUnreach) {
      throw updateError(
        UPDATE_ERROR.malformedAttributeList,
        `${type === ATTRIBUTE.mpReach ? 'MP_REACH_NLRI' : 'MP_UNREACH_NLRI'} twice`,
      );
    }
    const name = ruleOf(type)?.name ?? (type === ATTRIBUTE.nextHop ? 'NEXT_HOP' : `type ${type}`);
    this.faults.push(
      faultOf(cursor, name, 'attribute-discard', {
        subcode: UPDATE_ERROR.malformedAttributeList,
        reason: 'came before',
      }),
    );
  }

  /** RFC 7606 7.3. Only the NLRI field is about it: without one, any address will do (RFC 4760 3). */
  #readNextHop(cursor: AttributeCursor, hasNlri: boolean): void {
    const { flags, from, end } = cursor;
    this.nextHopSeen = true;
    const length = end - from;
    let malformed = wrongFlags(flags, FLAG.transitive);
    if (malformed === undefined && length !== 4) {
      malformed = {
        subcode: UPDATE_ERROR.attributeLength,
        reason: `length ${length}, must be 4`,
      };
    }
    if (malformed === undefined && hasNlri) {
      this.nextHop = this.#nextHops.ipv4(cursor.bytes, from);
      if (this.nextHop === undefined) {
        malformed = { subcode: UPDATE_ERROR.invalidNextHop, reason: "no host's address" };
      }
    }
    if (malformed === undefined) return;
    this.faults.push(faultOf(cursor, 'NEXT_HOP', 'treat-as-withdraw', malformed));
  }

  /** RFC 4760 3, RFC 7606 7.11. */
  #mpReach(cursor: AttributeCursor): void {
    const { bytes, flags, from, end } = cursor;
    if (wrongFlags(flags, FLAG.optional) !== undefined || end - from < 5) {
      throw mpError(cursor, 'flags or length');
    }
    const nextHopAt = from + 4;
    const reservedAt = nextHopAt + (bytes[from + 3] as number);
    const family = this.#familyAt(bytes, from);
    if (family === undefined) {
      // Not for us, but it may announce something: a fault in it does not end the session.
      if (reservedAt + 1 < end) this.reachable = true;
      return;
    }
    const length = reservedAt - nextHopAt;
    if (!isNextHopLength(length) || reservedAt >= end) {
      throw mpError(cursor, `next hop of length ${length}`);
    }
    const nextHop =
      length === 4
        ? this.#nextHops.ipv4(bytes, nextHopAt)
        : this.#nextHops.ipv6(bytes, nextHopAt, reservedAt);
    const nlri: Nlri[] = [];
    this.#mpNlri(cursor, reservedAt + 1, family, nlri);
    if (nlri.length > 0) this.reachable = true;
    this.reach = { family, nextHop, nlri };
    const reason = this.#nextHopFault(family, length, nextHop);
    if (reason === undefined) return;
    const { optionalAttribute: subcode } = UPDATE_ERROR;
    this.faults.push(faultOf(cursor, 'MP_REACH_NLRI', 'treat-as-withdraw', { subcode, reason }));
  }

  #nextHopFault(family: Family, length: number, nextHop: NextHop | undefined): string | undefined {
    if (length === 4 && family === 'ipv6') return 'IPv4 next hop was not agreed on';
    if (length !== 4 && family === 'ipv4' && !this.context.extendedNextHop) {
      return 'IPv6 next hop was not agreed on';
    }
    return nextHop === undefined ? "next hop is no host's address" : undefined;
  }

  /** RFC 4760 4, RFC 7606 7.12, RFC 4724 2. */
  #mpUnreach(cursor: AttributeCursor, alone: boolean): void {
    const { bytes, flags, from, end } = cursor;
    if (wrongFlags(flags, FLAG.optional) !== undefined || end - from < 3) {
      throw mpError(cursor, 'flags or length');
    }
    const family = this.#familyAt(bytes, from);
    if (family === undefined) return;
    if (alone && end - from === 3 && this.withdrawn.length === 0) this.endOfRib = family;
    this.#mpNlri(cursor, from + 3, family, this.withdrawn);
  }

  #mpNlri(cursor: AttributeCursor, from: number, family: Family, into: Nlri[]): void {
    const addPath = this.context.addPath.has(family);
    const wrong = readNlri(cursor.bytes, from, cursor.end, family, addPath, into);
    if (wrong !== 0) throw mpError(cursor, `no prefix at octet ${wrong}`);
  }

  /** The family at the start of MP_REACH_NLRI or MP_UNREACH_NLRI, if it was agreed on. */
  #familyAt(bytes: Buffer, at: number): Family | undefined {
    if (bytes[at + 2] !== UNICAST) return undefined;
    const family = AFI[u16(bytes, at)];
    return family !== undefined && this.context.families.has(family) ? family : undefined;
  }
}

/**
 * RFC 4760 3, RFC 2545 3, RFC 8950 3. One of the other family can be read whether it was agreed on
 * or not, and GoBGP (3.10, 4.8) sends IPv6 ones of IPv4 prefixes unasked: no reason to end the session.
 */
function isNextHopLength(length: number): boolean {
  return length === 4 || length === 16 || length === 32;
}

function mpError({ type, octets }: AttributeCursor, what: string) {
  const name = type === ATTRIBUTE.mpReach ? 'MP_REACH_NLRI' : 'MP_UNREACH_NLRI';
  return updateError(UPDATE_ERROR.optionalAttribute, `${name}: ${what}`, octets);
}

function u16(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
