/**
 * Path attributes from GoBGP's protobuf form into ours. Runs once for each
 * distinct set of attributes (path-decoder.ts interns them), so it is written
 * to be read.
 */
import type { Address } from '../../net/address.js';
import type { AsSegment, Attributes, Origin } from '../../rib/path.js';
import { readAddress } from './address-text.js';
import type { MessageFormat } from './message-format.js';
import { FIXED32, LENGTH, tagOf, VARINT, type WireReader } from './wire.js';

/** What the attributes of one path say. */
export interface DecodedAttributes {
  readonly attributes: Attributes;
  /** NEXT_HOP, or MP_REACH_NLRI's next hops: one, or global and link-local (RFC 2545 section 3). */
  readonly nextHops: readonly Address[];
}

const FIRST = 1;
const ORIGINS: readonly Origin[] = ['igp', 'egp', 'incomplete'];
/** AsSegment.Type, in both API versions RFC 4271's and RFC 5065's own numbers. */
const SEGMENT_TYPES: readonly (AsSegment['type'] | undefined)[] = [
  undefined,
  'set',
  'sequence',
  'confed-sequence',
  'confed-set',
];

/** Collects a path's attributes one by one. A new one for each path; throws DecodeError. */
export class AttributeDecoder {
  #origin: Origin = 'igp';
  #asPath: readonly AsSegment[] = [];
  #communities: readonly number[] = [];
  #largeCommunities: readonly string[] = [];
  #med: number | undefined;
  #localPref: number | undefined;
  #linkBandwidth: number | undefined;
  #originatorId: number | undefined;
  #clusterLength = 0;
  #nextHops: readonly Address[] = [];

  constructor(private readonly format: MessageFormat) {}

  /** Reads one attribute; the reader has entered its wrapper, and is left anywhere inside. */
  read(wire: WireReader): void {
    switch (this.format.enterAttribute(wire)) {
      case 'origin':
        this.#origin = ORIGINS[number(wire) ?? 0] ?? 'incomplete';
        return;
      case 'as-path':
        this.#asPath = messages(wire, FIRST, segment).filter(({ asns }) => asns.length > 0);
        return;
      case 'next-hop':
        this.#nextHops = addresses(wire, 1);
        return;
      case 'mp-reach':
        this.#nextHops = addresses(wire, 2);
        return;
      case 'med':
        this.#med = number(wire) ?? 0;
        return;
      case 'local-pref':
        this.#localPref = number(wire) ?? 0;
        return;
      case 'communities':
        this.#communities = numbers(wire, FIRST);
        return;
      case 'large-communities':
        this.#largeCommunities = messages(wire, FIRST, largeCommunity);
        return;
      case 'extended-communities':
        this.#linkBandwidth = messages(wire, FIRST, (item) =>
          this.format.enterLinkBandwidth(item) ? bandwidth(item) : undefined,
        ).find((value) => value !== undefined);
        return;
      case 'originator-id':
        this.#originatorId = addresses(wire, FIRST).map(({ w0 }) => w0 >>> 0)[0];
        return;
      case 'cluster-list':
        this.#clusterLength = addresses(wire, FIRST).length;
        return;
      case 'other':
        return;
    }
  }

  result(): DecodedAttributes {
    return {
      attributes: {
        origin: this.#origin,
        asPath: this.#asPath,
        communities: this.#communities,
        largeCommunities: this.#largeCommunities,
        med: this.#med,
        localPref: this.#localPref,
        linkBandwidth: this.#linkBandwidth,
        originatorId: this.#originatorId,
        clusterLength: this.#clusterLength,
      },
      nextHops: this.#nextHops,
    };
  }
}

/** Field 1 of a message that holds one number; proto3 leaves a 0 out. */
function number(wire: WireReader): number | undefined {
  return numbers(wire, FIRST).at(-1);
}

/** A repeated uint32, packed or not. */
function numbers(wire: WireReader, field: number): number[] {
  const values: number[] = [];
  while (wire.more) {
    const tag = wire.tag();
    if (tag === tagOf(field, VARINT)) {
      values.push(wire.varint());
    } else if (tag === tagOf(field, LENGTH)) {
      const outer = wire.enter();
      while (wire.more) values.push(wire.varint());
      wire.leave(outer);
    } else {
      wire.skip(tag);
    }
  }
  return values;
}

function messages<T>(wire: WireReader, field: number, read: (wire: WireReader) => T): T[] {
  const values: T[] = [];
  while (wire.more) {
    const tag = wire.tag();
    if (tag !== tagOf(field, LENGTH)) {
      wire.skip(tag);
      continue;
    }
    const outer = wire.enter();
    const { end } = wire;
    values.push(read(wire));
    wire.end = end;
    wire.leave(outer);
  }
  return values;
}

function addresses(wire: WireReader, field: number): Address[] {
  const values: Address[] = [];
  while (wire.more) {
    const tag = wire.tag();
    if (tag === tagOf(field, LENGTH)) values.push(readAddress(wire));
    else wire.skip(tag);
  }
  return values;
}

function segment(wire: WireReader): AsSegment {
  const start = wire.pos;
  const code = number(wire) ?? 0;
  wire.pos = start;
  return { type: SEGMENT_TYPES[code] ?? 'set', asns: numbers(wire, 2) };
}

function largeCommunity(wire: WireReader): string {
  const parts = [0, 0, 0];
  while (wire.more) {
    const tag = wire.tag();
    const part = (tag >>> 3) - 1;
    if ((tag & 7) === VARINT && part < parts.length) parts[part] = wire.varint();
    else wire.skip(tag);
  }
  return parts.join(':');
}

/** LinkBandwidthExtended `{asn 1, bandwidth 2}`: bytes a second (draft-ietf-idr-link-bandwidth). */
function bandwidth(wire: WireReader): number | undefined {
  let value = 0;
  while (wire.more) {
    const tag = wire.tag();
    if (tag === tagOf(2, FIXED32)) value = wire.float();
    else wire.skip(tag);
  }
  return Number.isFinite(value) && value > 0 ? value : undefined;
}
