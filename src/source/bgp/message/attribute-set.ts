/**
 * The path attributes of an UPDATE, but for its next hop and its prefixes: read
 * once for each distinct run of bytes, since most UPDATEs of a full table say
 * what others have said.
 */
import type { Attributes } from '../../../rib/path.js';
import { ByteCache, ByteKey } from '../../byte-cache.js';
import { mergeAs4Path } from './as-path-reader.js';
import { type AttributeCursor, FLAG } from './attribute-cursor.js';
import { ATTRIBUTE, type AttributeRule, type Draft, type Malformed } from './attribute-rule.js';
import { ruleOf } from './attribute-rules.js';
import { UPDATE_ERROR } from './error-code.js';
import type { DecodeContext } from './message.js';
import type { RankedFault } from './update-fault.js';

/** Immutable; shared by all UPDATEs with the same bytes. */
export interface AttributeSet {
  /** What holds where `missing` is undefined, and no fault costs the routes. */
  readonly attributes: Attributes;
  readonly onlyToCustomer: number | undefined;
  /** The first well-known mandatory attribute that is not there. */
  readonly missing: 'ORIGIN' | 'AS_PATH' | undefined;
  /** Some attribute was malformed or discarded: reading it again tells where. */
  readonly faulty: boolean;
}

/** One for all sessions of a source. */
export class AttributeCache {
  /** Of the UPDATE that is being read: begun by {@link begin}, one run for each attribute that is read. */
  readonly key = new ByteKey();
  readonly #sets = new ByteCache<AttributeSet>();

  /** A new key, apart from those of contexts in which the same bytes mean something else. */
  begin({ fourOctetAs, internal }: DecodeContext): void {
    const variant = (fourOctetAs ? 1 : 0) | (internal ? 2 : 0);
    this.key.clear();
    this.key.add(VARIANTS, variant, variant + 1);
  }

  /** What belongs to the key; `make` where it is not known. */
  get(make: () => AttributeSet): AttributeSet {
    return this.#sets.get(this.key, make);
  }
}

const VARIANTS = Buffer.from([0, 1, 2, 3]);
const NOTHING: readonly never[] = [];
/** RFC 6793 9: in AGGREGATOR it says that AS4_AGGREGATOR has the real number. */
const AS_TRANS = 23456;

/** Reads all attributes that have a rule, each one's first occurrence; adds what is wrong to `faults`. */
export function readAttributes(
  cursor: AttributeCursor,
  context: DecodeContext,
  faults: RankedFault[],
): AttributeSet {
  const draft: Draft = {};
  const before = faults.length;
  let origin = false;
  let asPath = false;
  while (cursor.next()) {
    const rule = cursor.repeated ? undefined : ruleOf(cursor.type);
    if (rule === undefined) continue;
    if (cursor.type === ATTRIBUTE.origin) origin = true;
    if (cursor.type === ATTRIBUTE.asPath) asPath = true;
    const fault = readOne(draft, cursor, rule, context);
    if (fault !== undefined) faults.push(fault);
  }
  return {
    attributes: attributesOf(draft),
    onlyToCustomer: draft.onlyToCustomer,
    missing: origin ? (asPath ? undefined : 'AS_PATH') : 'ORIGIN',
    faulty: faults.length > before,
  };
}

function readOne(
  draft: Draft,
  cursor: AttributeCursor,
  rule: AttributeRule,
  context: DecodeContext,
): RankedFault | undefined {
  const { name, consequence } = rule;
  const reason = unwelcome(rule, context);
  if (reason !== undefined) {
    const { optionalAttribute: subcode } = UPDATE_ERROR;
    return faultOf(cursor, name, 'attribute-discard', { subcode, reason });
  }
  const malformed =
    wrongFlags(cursor.flags, rule.flags) ??
    rule.read(draft, cursor.bytes, cursor.from, cursor.end, context);
  return malformed && faultOf(cursor, name, consequence, malformed);
}

/** The reason why one of this context is discarded, whatever it says; `undefined` where it is not. */
function unwelcome({ discardedOf }: AttributeRule, context: DecodeContext): string | undefined {
  if (discardedOf === 'external' && !context.internal) return 'of an external peer';
  if (discardedOf === 'four-octet-as' && context.fourOctetAs) {
    return 'of a speaker of four-octet AS numbers';
  }
  return undefined;
}

/** RFC 7606 3 c: only the Optional and Transitive bits matter. */
export function wrongFlags(flags: number, must: number): Malformed | undefined {
  if ((flags & (FLAG.optional | FLAG.transitive)) === must) return undefined;
  const text = (value: number) =>
    `${(value & FLAG.optional) === 0 ? 'well-known' : 'optional'} ${(value & FLAG.transitive) === 0 ? 'non-transitive' : 'transitive'}`;
  return {
    subcode: UPDATE_ERROR.attributeFlags,
    reason: `flags ${text(flags)}, must be ${text(must)}`,
  };
}

/** The fault of the attribute at the cursor. */
export function faultOf(
  { start, end }: AttributeCursor,
  name: string,
  consequence: RankedFault['consequence'],
  { subcode, reason }: Malformed,
): RankedFault {
  return { consequence, reason: `${name}: ${reason}`, offset: start, end, subcode };
}

function attributesOf(draft: Draft): Attributes {
  return {
    origin: draft.origin ?? 'incomplete',
    asPath: pathOf(draft),
    communities: draft.communities ?? NOTHING,
    largeCommunities: draft.largeCommunities ?? NOTHING,
    med: draft.multiExitDisc,
    localPref: draft.localPref,
    originatorId: draft.originatorId,
    clusterLength: draft.clusterLength ?? 0,
    linkBandwidth: draft.linkBandwidth,
  };
}

/** RFC 6793 4.2.3: an AGGREGATOR that AS4_AGGREGATOR does not explain makes both AS4 attributes void. */
function pathOf({ asPath, as4Path, aggregatorAs, hasAs4Aggregator }: Draft): Attributes['asPath'] {
  if (asPath === undefined || asPath.length === 0) return NOTHING;
  const rewritten =
    hasAs4Aggregator === true && aggregatorAs !== undefined && aggregatorAs !== AS_TRANS;
  return as4Path === undefined || rewritten ? asPath : mergeAs4Path(asPath, as4Path);
}
