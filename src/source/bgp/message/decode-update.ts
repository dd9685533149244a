/**
 * UPDATE (RFC 4271 4.3, RFC 4760), with RFC 7606's rules for what is wrong in
 * one. This is the hot path: prefixes come straight from the bytes, attributes
 * from a cache by their bytes.
 */
import type { Family } from '../../../net/family.js';
import type { NextHop } from '../../../rib/path.js';
import { type AttributeCache, type AttributeSet, readAttributes } from './attribute-set.js';
import { UPDATE_ERROR } from './error-code.js';
import { HEADER_LENGTH } from './frame-splitter.js';
import type { Announcement, DecodeContext, Nlri, UpdateMessage } from './message.js';
import { isNotUnicast, readNlri } from './nlri.js';
import { escalated, updateError } from './update-fault.js';
import { UpdateWalk } from './update-walk.js';

const WITHDRAWN = HEADER_LENGTH + 2;
/** An UPDATE that says nothing: End-of-RIB of IPv4 (RFC 4724 2). */
const EMPTY = HEADER_LENGTH + 4;

export class UpdateDecoder {
  readonly #walk: UpdateWalk;

  constructor(
    private readonly context: DecodeContext,
    private readonly cache: AttributeCache,
  ) {
    this.#walk = new UpdateWalk(context, cache);
  }

  /** `bytes` is a whole message of at least 23 octets. Throws {@link SessionError}. */
  decode(bytes: Buffer): UpdateMessage {
    const { length } = bytes;
    const withdrawnEnd = WITHDRAWN + u16(bytes, HEADER_LENGTH);
    const from = withdrawnEnd + 2;
    const end = from <= length ? from + u16(bytes, withdrawnEnd) : from;
    if (end > length) {
      // RFC 7606 3 b.
      throw updateError(
        UPDATE_ERROR.malformedAttributeList,
        'lengths of withdrawn routes and attributes go beyond the message',
      );
    }
    const walk = this.#walk;
    walk.begin();
    if (length === EMPTY && this.context.families.has('ipv4')) walk.endOfRib = 'ipv4';
    if (withdrawnEnd > WITHDRAWN) {
      this.#field(bytes, WITHDRAWN, withdrawnEnd, walk.withdrawn, 'withdrawn routes');
    }
    const nlri: Nlri[] = [];
    if (end < length) this.#field(bytes, end, length, nlri, 'NLRI');
    walk.reachable = end < length;
    if (end > from) walk.walk(bytes, from, end, end < length);
    return this.#result(bytes, from, end, nlri);
  }

  /** A field of IPv4 prefixes; where IPv4 was not agreed on they are read for their syntax alone. */
  #field(bytes: Buffer, from: number, end: number, into: Nlri[], name: string): void {
    const { addPath, families } = this.context;
    const list = families.has('ipv4') ? into : [];
    const wrong = readNlri(bytes, from, end, 'ipv4', addPath.has('ipv4'), list);
    if (wrong === 0) return;
    throw updateError(UPDATE_ERROR.invalidNetwork, `${name}: no prefix at octet ${wrong}`);
  }

  #result(bytes: Buffer, from: number, end: number, nlri: Nlri[]): UpdateMessage {
    const walk = this.#walk;
    const { faults, reach, withdrawn } = walk;
    const set = walk.cached || walk.reachable ? this.#attributeSet(bytes, from, end) : undefined;
    if (walk.reachable && set?.missing !== undefined) this.#missing(set.missing, from, end);
    if (nlri.length > 0 && !walk.nextHopSeen) this.#missing('NEXT_HOP', from, end);
    const costly = faults.find(({ consequence }) => consequence === 'treat-as-withdraw');
    // RFC 7606 5.2: without prefixes nobody can be sure that they have been found.
    if (costly !== undefined && !walk.reachable) throw escalated(costly, bytes);
    const announced: Announcement[] = [];
    if (costly !== undefined) {
      for (const one of nlri) withdrawn.push(one);
      for (const one of reach?.nlri ?? []) withdrawn.push(one);
    } else if (set !== undefined) {
      this.#announce(announced, set, 'ipv4', walk.nextHop, nlri, end);
      if (reach !== undefined) {
        this.#announce(announced, set, reach.family, reach.nextHop, reach.nlri, from);
      }
    }
    return {
      type: 'update',
      withdrawn,
      announced,
      endOfRib: walk.endOfRib,
      faults,
    };
  }

  #attributeSet(bytes: Buffer, from: number, end: number): AttributeSet {
    const { cursor, faults } = this.#walk;
    const set = this.cache.get(() =>
      readAttributes(cursor.load(bytes, from, end), this.context, []),
    );
    if (set.faulty) readAttributes(cursor.load(bytes, from, end), this.context, faults);
    return set;
  }

  /** RFC 7606 3 d. */
  #missing(name: string, from: number, end: number): void {
    this.#walk.faults.push({
      consequence: 'treat-as-withdraw',
      reason: `${name}: missing`,
      offset: from,
      end,
      subcode: UPDATE_ERROR.missingWellKnown,
    });
  }

  /** Adds what is announced, but for prefixes that are semantically incorrect (RFC 4271 6.3). */
  #announce(
    announced: Announcement[],
    { attributes, onlyToCustomer }: AttributeSet,
    family: Family,
    nextHop: NextHop | undefined,
    nlri: readonly Nlri[],
    offset: number,
  ): void {
    if (nlri.length === 0 || nextHop === undefined) return;
    const wrong = nlri.find(({ prefix }) => isNotUnicast(prefix));
    let kept = nlri;
    if (wrong !== undefined) {
      kept = nlri.filter(({ prefix }) => !isNotUnicast(prefix));
      const others = nlri.length - kept.length - 1;
      this.#walk.faults.push({
        consequence: 'prefix-ignored',
        reason: `${wrong.prefix.text}${others === 0 ? '' : ` and ${others} more`}: not unicast`,
        offset,
        end: offset,
        subcode: UPDATE_ERROR.invalidNetwork,
      });
    }
    if (kept.length > 0)
      announced.push({ family, nlri: kept, nextHop, attributes, onlyToCustomer });
  }
}

function u16(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
