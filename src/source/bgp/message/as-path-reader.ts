/** AS_PATH and AS4_PATH from their bytes, and the two as one (RFC 4271 4.3 b, RFC 5065 3, RFC 6793 4.2.3). */
import type { AsSegment } from '../../../rib/path.js';

export interface AsPathRules {
  /** Octets of an AS number. */
  readonly width: 2 | 4;
  /** Whether confederation segments are right here (RFC 5065 5). */
  readonly confederation: boolean;
}

const SEGMENT_TYPES: readonly (AsSegment['type'] | undefined)[] = [
  undefined,
  'set',
  'sequence',
  'confed-sequence',
  'confed-set',
];

/** The segments, or what is wrong with them (RFC 7606 7.2, RFC 7607 2). */
export function readAsPath(
  bytes: Buffer,
  from: number,
  end: number,
  { width, confederation }: AsPathRules,
): AsSegment[] | string {
  const segments: AsSegment[] = [];
  for (let at = from; at < end; ) {
    if (at + 2 > end) return 'one octet behind the last segment';
    const code = bytes[at] as number;
    const type = SEGMENT_TYPES[code];
    const count = bytes[at + 1] as number;
    if (type === undefined) return `segment of unknown type ${code}`;
    if (count === 0) return 'segment without AS numbers';
    at += 2;
    if (at + count * width > end) return 'segment longer than the attribute';
    if (!confederation && isConfederation(type)) return 'confederation segment of an external peer';
    const asns: number[] = [];
    for (let i = 0; i < count; i++, at += width) {
      const as = width === 2 ? bytes.readUInt16BE(at) : bytes.readUInt32BE(at);
      if (as === 0) return 'AS number 0';
      asns.push(as);
    }
    segments.push({ type, asns });
  }
  return segments;
}

/**
 * AS4_PATH put in the place of as much of AS_PATH as it stands for: AS_TRANS
 * there, real numbers here. An AS4_PATH longer than AS_PATH is ignored.
 */
export function mergeAs4Path(
  asPath: readonly AsSegment[],
  as4Path: readonly AsSegment[],
): readonly AsSegment[] {
  const real = as4Path.filter(({ type }) => !isConfederation(type));
  let missing = countOf(asPath) - countOf(real);
  if (missing < 0) return asPath;
  const lead: AsSegment[] = [];
  for (const segment of asPath) {
    if (isConfederation(segment.type)) {
      lead.push(segment);
      continue;
    }
    if (missing === 0) break;
    const taken =
      segment.type === 'sequence' && segment.asns.length > missing
        ? { type: segment.type, asns: segment.asns.slice(0, missing) }
        : segment;
    lead.push(taken);
    missing -= countOf([taken]);
    if (taken !== segment) break; // What follows does not adjoin it.
  }
  return joined(lead, real);
}

/** One sequence where both sides of the seam are. */
function joined(lead: AsSegment[], rest: readonly AsSegment[]): AsSegment[] {
  const last = lead.at(-1);
  const first = rest[0];
  if (last?.type !== 'sequence' || first?.type !== 'sequence') return [...lead, ...rest];
  const seam: AsSegment = { type: 'sequence', asns: [...last.asns, ...first.asns] };
  return [...lead.slice(0, -1), seam, ...rest.slice(1)];
}

/** AS numbers as route selection counts them (RFC 4271 9.1.2.2 a, RFC 5065 5.3). */
function countOf(segments: readonly AsSegment[]): number {
  let count = 0;
  for (const { type, asns } of segments) {
    if (type === 'sequence') count += asns.length;
    else if (type === 'set') count++;
  }
  return count;
}

function isConfederation(type: AsSegment['type']): boolean {
  return type === 'confed-sequence' || type === 'confed-set';
}
