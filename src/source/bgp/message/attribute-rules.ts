/**
 * Every path attribute that is read: its flags, what a fault in it costs
 * (RFC 7606 7), and how its value is read. What is not in here is passed over.
 */
import type { Origin } from '../../../rib/path.js';
import { type AsPathRules, readAsPath } from './as-path-reader.js';
import { FLAG } from './attribute-cursor.js';
import {
  ATTRIBUTE,
  type AttributeRule,
  type Draft,
  listRule,
  type Malformed,
  numberRule,
  unlessLength,
} from './attribute-rule.js';
import { UPDATE_ERROR } from './error-code.js';

const WELL_KNOWN = FLAG.transitive;
const NON_TRANSITIVE = FLAG.optional;
const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;
const ORIGINS: readonly (Origin | undefined)[] = ['igp', 'egp', 'incomplete'];

const origin: AttributeRule = {
  name: 'ORIGIN',
  flags: WELL_KNOWN,
  consequence: 'treat-as-withdraw',
  read: (draft, bytes, from, end) => {
    const malformed = unlessLength(from, end, 1);
    if (malformed !== undefined) return malformed;
    const value = ORIGINS[bytes[from] as number];
    if (value === undefined) {
      return { subcode: UPDATE_ERROR.invalidOrigin, reason: `undefined value ${bytes[from]}` };
    }
    draft.origin = value;
    return undefined;
  },
};

function malformedPath(reason: string): Malformed {
  return { subcode: UPDATE_ERROR.malformedAsPath, reason };
}

const asPath: AttributeRule = {
  name: 'AS_PATH',
  flags: WELL_KNOWN,
  consequence: 'treat-as-withdraw',
  read: (draft, bytes, from, end, { fourOctetAs, internal }) => {
    const rules: AsPathRules = { width: fourOctetAs ? 4 : 2, confederation: internal };
    const path = readAsPath(bytes, from, end, rules);
    if (typeof path === 'string') return malformedPath(path);
    draft.asPath = path;
    return undefined;
  },
};

/** RFC 6793 6; confederation segments in it are passed over when it is merged. */
const as4Path: AttributeRule = {
  name: 'AS4_PATH',
  flags: OPTIONAL_TRANSITIVE,
  consequence: 'attribute-discard',
  discardedOf: 'four-octet-as',
  read: (draft, bytes, from, end) => {
    const path = readAsPath(bytes, from, end, { width: 4, confederation: true });
    if (typeof path === 'string') return malformedPath(path);
    if (path.length === 0) return malformedPath('length 0');
    draft.as4Path = path;
    return undefined;
  },
};

const AS_ZERO: Malformed = { subcode: UPDATE_ERROR.optionalAttribute, reason: 'AS number 0' };

const aggregator: AttributeRule = {
  name: 'AGGREGATOR',
  flags: OPTIONAL_TRANSITIVE,
  consequence: 'attribute-discard',
  read: (draft, bytes, from, end, { fourOctetAs }) => {
    const malformed = unlessLength(from, end, fourOctetAs ? 8 : 6);
    if (malformed !== undefined) return malformed;
    const as = fourOctetAs ? bytes.readUInt32BE(from) : bytes.readUInt16BE(from);
    if (as === 0) return AS_ZERO;
    draft.aggregatorAs = as;
    return undefined;
  },
};

const as4Aggregator: AttributeRule = {
  name: 'AS4_AGGREGATOR',
  flags: OPTIONAL_TRANSITIVE,
  consequence: 'attribute-discard',
  discardedOf: 'four-octet-as',
  read: (draft, bytes, from, end) => {
    const malformed = unlessLength(from, end, 8);
    if (malformed !== undefined) return malformed;
    if (bytes.readUInt32BE(from) === 0) return AS_ZERO;
    draft.hasAs4Aggregator = true;
    return undefined;
  },
};

function u32s(bytes: Buffer, from: number, end: number): number[] {
  const values: number[] = [];
  for (let at = from; at < end; at += 4) values.push(bytes.readUInt32BE(at));
  return values;
}

function keepLargeCommunities(draft: Draft, bytes: Buffer, from: number, end: number): void {
  const found: string[] = [];
  for (let at = from; at < end; at += 12) {
    const data1 = bytes.readUInt32BE(at + 4);
    found.push(`${bytes.readUInt32BE(at)}:${data1}:${bytes.readUInt32BE(at + 8)}`);
  }
  draft.largeCommunities = found;
}

/** draft-ietf-idr-link-bandwidth: two-octet AS specific, transitive or not, subtype 4; the first that is a bandwidth. */
function keepLinkBandwidth(draft: Draft, bytes: Buffer, from: number, end: number): void {
  for (let at = from; at < end && draft.linkBandwidth === undefined; at += 8) {
    if (((bytes[at] as number) & ~0x40) !== 0 || bytes[at + 1] !== 4) continue;
    const bandwidth = bytes.readFloatBE(at + 4);
    if (Number.isFinite(bandwidth) && bandwidth > 0) draft.linkBandwidth = bandwidth;
  }
}

const KNOWN: readonly (readonly [number, AttributeRule])[] = [
  [ATTRIBUTE.origin, origin],
  [ATTRIBUTE.asPath, asPath],
  [
    ATTRIBUTE.multiExitDisc,
    numberRule('multiExitDisc', { name: 'MULTI_EXIT_DISC', flags: NON_TRANSITIVE }),
  ],
  [
    ATTRIBUTE.localPref,
    numberRule('localPref', { name: 'LOCAL_PREF', flags: WELL_KNOWN, discardedOf: 'external' }),
  ],
  [
    ATTRIBUTE.atomicAggregate,
    {
      name: 'ATOMIC_AGGREGATE',
      flags: WELL_KNOWN,
      consequence: 'attribute-discard',
      read: (_draft, _bytes, from, end) => unlessLength(from, end, 0),
    },
  ],
  [ATTRIBUTE.aggregator, aggregator],
  [
    ATTRIBUTE.communities,
    listRule(4, { name: 'COMMUNITIES', flags: OPTIONAL_TRANSITIVE }, (draft, bytes, from, end) => {
      draft.communities = u32s(bytes, from, end);
    }),
  ],
  [
    ATTRIBUTE.originatorId,
    numberRule('originatorId', {
      name: 'ORIGINATOR_ID',
      flags: NON_TRANSITIVE,
      discardedOf: 'external',
    }),
  ],
  [
    ATTRIBUTE.clusterList,
    listRule(
      4,
      { name: 'CLUSTER_LIST', flags: NON_TRANSITIVE, discardedOf: 'external' },
      (draft, _bytes, from, end) => {
        draft.clusterLength = (end - from) / 4;
      },
    ),
  ],
  [
    ATTRIBUTE.extendedCommunities,
    listRule(8, { name: 'EXTENDED_COMMUNITIES', flags: OPTIONAL_TRANSITIVE }, keepLinkBandwidth),
  ],
  [ATTRIBUTE.as4Path, as4Path],
  [ATTRIBUTE.as4Aggregator, as4Aggregator],
  [
    ATTRIBUTE.ipv6ExtendedCommunities,
    listRule(20, { name: 'IPV6_EXTENDED_COMMUNITIES', flags: OPTIONAL_TRANSITIVE }, () => {}),
  ],
  [
    ATTRIBUTE.largeCommunities,
    listRule(12, { name: 'LARGE_COMMUNITY', flags: OPTIONAL_TRANSITIVE }, keepLargeCommunities),
  ],
  [
    ATTRIBUTE.onlyToCustomer,
    numberRule('onlyToCustomer', { name: 'ONLY_TO_CUSTOMER', flags: OPTIONAL_TRANSITIVE }),
  ],
];

/** By type code. */
const RULES: (AttributeRule | undefined)[] = new Array(256).fill(undefined);
for (const [type, rule] of KNOWN) RULES[type] = rule;

/** The rule of a type code; NEXT_HOP, MP_REACH_NLRI and MP_UNREACH_NLRI are the UPDATE's own affair. */
export function ruleOf(type: number): AttributeRule | undefined {
  return RULES[type];
}
