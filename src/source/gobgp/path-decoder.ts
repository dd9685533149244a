/**
 * The hot messages, WatchEventResponse and ListPathResponse, straight from
 * their bytes to prefixes and paths.
 *
 * Most of a route's message is its attributes, and most routes share theirs
 * with others. So a path is decoded once for each distinct run of bytes: all of
 * the message but what belongs to the one prefix (its NLRI, also where
 * MP_REACH_NLRI repeats it, its age and its identifiers). A route whose bytes
 * were seen before costs one look-up, and shares its objects with the others.
 */
import type { Address } from '../../net/address.js';
import { type Family, familyBits } from '../../net/family.js';
import { Prefix } from '../../net/prefix.js';
import { ByteCache, ByteKey } from '../byte-cache.js';
import { readAddress } from './address-text.js';
import { familyOf } from './api.js';
import { type KnownPath, KnownPathMaker, type KnownPathOptions } from './known-path.js';
import { DecodeError, LENGTH, tagOf, VARINT, WireReader } from './wire.js';

export interface PathSink {
  /** One path, or the end of one. */
  path(prefix: Prefix, known: KnownPath, withdrawn: boolean): void;
  /** A path that did not decode; `prefix` where that much could be read. */
  undecodable(error: DecodeError, prefix: Prefix | undefined): void;
}

/** `paths` counts all in the message: other families and undecodable ones too. */
export type DecodedEvent =
  | { readonly type: 'table'; readonly paths: number }
  /** A session changed, or, `initial`, is told as it stands at the start of the subscription. */
  | { readonly type: 'peer'; readonly initial: boolean }
  /** The subscription stands: all that changes from now on will be told. */
  | { readonly type: 'subscribed' };

const PATHS = tagOf(2, LENGTH);
const EVENT_PEER = tagOf(2, LENGTH);
const EVENT_TABLE = tagOf(3, LENGTH);
const EVENT_TYPE = tagOf(1, VARINT);
const PEER_EVENT_INIT = 1;
const PEER_EVENT_END_OF_INIT = 2;

const NLRI = tagOf(1, LENGTH);
const ATTRIBUTE = tagOf(2, LENGTH);
const AGE = tagOf(3, LENGTH);
const IS_WITHDRAW = tagOf(5, VARINT);
const FAMILY = tagOf(9, LENGTH);

/** A varint field, for messages of which only those are read. */
const FIRST_VARINT = tagOf(1, VARINT);
const SECOND_VARINT = tagOf(2, VARINT);
const SECOND_LENGTH = tagOf(2, LENGTH);

/** Fields (by bit) that make two paths different; the rest belongs to one prefix or is not read. */
const KEY_FIELDS =
  (1 << 2) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 14) | (1 << 15) | (1 << 17) | (1 << 18);

export class PathDecoder {
  readonly #wire = new WireReader();
  readonly #key = new ByteKey();
  readonly #known = new ByteCache<KnownPath>();
  readonly #maker: KnownPathMaker;

  constructor(private readonly options: KnownPathOptions) {
    this.#maker = new KnownPathMaker(options);
  }

  /** Forgets decoded paths: for when `interfaceOf` or `sessionTypeOf` has new answers. */
  forget(): void {
    this.#known.clear();
    this.#maker.forget();
  }

  /** Decodes a WatchEventResponse. Throws DecodeError only where its frame is broken. */
  event(message: Buffer, sink: PathSink): DecodedEvent {
    const wire = this.#wire.load(message);
    let decoded: DecodedEvent = { type: 'table', paths: 0 };
    while (wire.more) {
      const tag = wire.tag();
      if (tag === EVENT_TABLE) {
        const outer = wire.enter();
        decoded = { type: 'table', paths: this.#paths(wire, sink) };
        wire.leave(outer);
      } else if (tag === EVENT_PEER) {
        const outer = wire.enter();
        decoded = peerEvent(wire);
        wire.leave(outer);
      } else {
        wire.skip(tag);
      }
    }
    return decoded;
  }

  /** Decodes a ListPathResponse: the known paths of one prefix, best first. Throws like {@link event}. */
  destination(message: Buffer, sink: PathSink): void {
    const wire = this.#wire.load(message);
    while (wire.more) {
      const tag = wire.tag();
      if (tag === tagOf(1, LENGTH)) {
        const outer = wire.enter();
        this.#paths(wire, sink);
        wire.leave(outer);
      } else {
        wire.skip(tag);
      }
    }
  }

  /** Field 2 of both TableEvent and Destination; returns how many there were. */
  #paths(wire: WireReader, sink: PathSink): number {
    let count = 0;
    while (wire.more) {
      const tag = wire.tag();
      if (tag !== PATHS) {
        wire.skip(tag);
        continue;
      }
      count++;
      const outer = wire.enter();
      const { pos, end } = wire;
      this.#path(wire, sink);
      wire.pos = pos;
      wire.end = end;
      wire.leave(outer);
    }
    return count;
  }

  #path(wire: WireReader, sink: PathSink): void {
    const { pos, end } = wire;
    const key = this.#key;
    key.clear();
    const dated = this.options.sessionTypeOf !== undefined;
    let prefix: Prefix | undefined;
    try {
      let nlri = -1;
      let ours = true;
      let withdrawn = false;
      let heardAt = 0;
      let runStart = pos;
      while (wire.pos < end) {
        const start = wire.pos;
        const tag = wire.tag();
        if (((KEY_FIELDS >>> (tag >>> 3)) & 1) === 0 || tag >>> 3 > 31) {
          if (runStart < start) key.add(wire.bytes, runStart, start);
          if (tag === NLRI) nlri = wire.pos;
          if (tag === IS_WITHDRAW) withdrawn = wire.varint() !== 0;
          else if (tag === AGE && dated) heardAt = readSeconds(wire);
          else wire.skip(tag);
          runStart = wire.pos;
        } else if (tag === ATTRIBUTE) {
          const outer = wire.enter();
          if (this.options.format.isMpReach(wire)) {
            if (runStart < start) key.add(wire.bytes, runStart, start);
            this.#addMpReach(wire);
            runStart = wire.end;
          }
          wire.leave(outer);
        } else if (tag === FAMILY) {
          ours = readFamily(wire) !== undefined;
        } else {
          wire.skip(tag);
        }
      }
      if (runStart < end) key.add(wire.bytes, runStart, end);
      if (!ours) return;
      if (nlri < 0) throw new DecodeError(pos, 'a path without NLRI');
      wire.pos = nlri;
      prefix = this.#prefix(wire);
      if (prefix === undefined) return;
      const known = this.#known.get(key, () => this.#maker.make(wire, pos, end));
      sink.path(prefix, withdrawn || !dated ? known : this.#maker.dated(known, heardAt), withdrawn);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      sink.undecodable(error, prefix);
    }
  }

  /** The part of MP_REACH_NLRI that is not the prefix: its next hops. */
  #addMpReach(wire: WireReader): void {
    const { pos, end } = wire;
    this.options.format.enterAttribute(wire);
    while (wire.more) {
      const start = wire.pos;
      const tag = wire.tag();
      wire.skip(tag);
      if (tag === SECOND_LENGTH) this.#key.add(wire.bytes, start, wire.pos);
    }
    wire.pos = pos;
    wire.end = end;
  }

  /** `undefined` for NLRI that is not a prefix. */
  #prefix(wire: WireReader): Prefix | undefined {
    const outer = wire.enter();
    const start = wire.pos;
    let length = 0;
    let address: Address | undefined;
    if (!this.options.format.enterPrefix(wire)) return undefined;
    while (wire.more) {
      const tag = wire.tag();
      if (tag === FIRST_VARINT) length = wire.varint();
      else if (tag === SECOND_LENGTH) address = readAddress(wire);
      else wire.skip(tag);
    }
    wire.end = outer;
    if (address === undefined) throw new DecodeError(start, 'a prefix without address');
    if (length > familyBits(address.family))
      throw new DecodeError(start, `prefix length ${length}`);
    return Prefix.of(address, length);
  }
}

/** Timestamp `{seconds 1, nanos 2}`. */
function readSeconds(wire: WireReader): number {
  const outer = wire.enter();
  let seconds = 0;
  while (wire.more) {
    const tag = wire.tag();
    if (tag === FIRST_VARINT) seconds = wire.varint();
    else wire.skip(tag);
  }
  wire.leave(outer);
  return seconds;
}

/** Family `{afi 1, safi 2}` in a field of its own; `undefined` for one rib2fib has no use for. */
export function readFamily(wire: WireReader): Family | undefined {
  const outer = wire.enter();
  let afi = 0;
  let safi = 0;
  while (wire.more) {
    const tag = wire.tag();
    if (tag === FIRST_VARINT) afi = wire.varint();
    else if (tag === SECOND_VARINT) safi = wire.varint();
    else wire.skip(tag);
  }
  wire.leave(outer);
  return familyOf(afi, safi);
}

function peerEvent(wire: WireReader): DecodedEvent {
  let type = 0;
  while (wire.more) {
    const tag = wire.tag();
    if (tag === EVENT_TYPE) type = wire.varint();
    else wire.skip(tag);
  }
  if (type === PEER_EVENT_END_OF_INIT) return { type: 'subscribed' };
  return { type: 'peer', initial: type === PEER_EVENT_INIT };
}
