/** What is said of a path attribute that is read, and the two shapes that most of them have. */
import type { AsSegment, Origin } from '../../../rib/path.js';
import { UPDATE_ERROR } from './error-code.js';
import type { DecodeContext, UpdateFault } from './message.js';

/** IANA's type codes. */
export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  multiExitDisc: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  largeCommunities: 32,
  onlyToCustomer: 35,
} as const;

/** What the attributes of one UPDATE have said so far. */
export interface Draft {
  origin?: Origin;
  asPath?: readonly AsSegment[];
  as4Path?: readonly AsSegment[];
  /** AS number of AGGREGATOR. */
  aggregatorAs?: number;
  hasAs4Aggregator?: boolean;
  communities?: readonly number[];
  largeCommunities?: readonly string[];
  multiExitDisc?: number;
  localPref?: number;
  linkBandwidth?: number;
  originatorId?: number;
  clusterLength?: number;
  onlyToCustomer?: number;
}

/** Why a value is malformed, and the subcode that RFC 4271 6.3 has for that. */
export interface Malformed {
  readonly subcode: number;
  readonly reason: string;
}

export interface AttributeRule {
  readonly name: string;
  /** Optional and Transitive as they must be. */
  readonly flags: number;
  readonly consequence: Exclude<UpdateFault['consequence'], 'prefix-ignored'>;
  /** Whose it is to be discarded, right or wrong: `external` peers', or those that speak four-octet AS numbers. */
  readonly discardedOf?: 'external' | 'four-octet-as';
  /** Reads the value from `from` up to `end` into the draft; the answer says what is wrong with it. */
  readonly read: (
    draft: Draft,
    bytes: Buffer,
    from: number,
    end: number,
    context: DecodeContext,
  ) => Malformed | undefined;
}

/** The length, where it is not `must`. */
export function unlessLength(from: number, end: number, must: number): Malformed | undefined {
  if (end - from === must) return undefined;
  return { subcode: UPDATE_ERROR.attributeLength, reason: `length ${end - from}, must be ${must}` };
}

/** The length, where it is not some times `size`. */
function unlessItems(from: number, end: number, size: number): Malformed | undefined {
  if (end > from && (end - from) % size === 0) return undefined;
  const reason = `length ${end - from}, must be a multiple of ${size}, not 0`;
  return { subcode: UPDATE_ERROR.optionalAttribute, reason };
}

/** One number of four octets. */
export function numberRule(
  key: 'multiExitDisc' | 'localPref' | 'originatorId' | 'onlyToCustomer',
  rule: Omit<AttributeRule, 'read' | 'consequence'>,
): AttributeRule {
  return {
    ...rule,
    consequence: 'treat-as-withdraw',
    read: (draft, bytes, from, end) => {
      const malformed = unlessLength(from, end, 4);
      if (malformed !== undefined) return malformed;
      draft[key] = bytes.readUInt32BE(from);
      return undefined;
    },
  };
}

/** Values of one size, in `keep`'s own form. */
export function listRule(
  size: number,
  rule: Omit<AttributeRule, 'read' | 'consequence'>,
  keep: (draft: Draft, bytes: Buffer, from: number, end: number) => void,
): AttributeRule {
  return {
    ...rule,
    consequence: 'treat-as-withdraw',
    read: (draft, bytes, from, end) => {
      const malformed = unlessItems(from, end, size);
      if (malformed === undefined) keep(draft, bytes, from, end);
      return malformed;
    },
  };
}
