/** What replies are known by, of each table: marks that are nobody else's, neither Kubernetes' nor another table's. */
import { hex, hexMark, type MaskedMark } from '../net/mark.js';
import type { ReturnPath } from './config.js';
import type { FaultPath, Tell } from './fault.js';
import type { ParsedTable } from './schema.js';

/** What the tables above have taken. */
export interface Claims {
  /** By priority and selector, what is sent to a table. */
  readonly selectors: Set<string>;
  readonly marks: MaskedMark[];
}

/** Bits of the packet's mark that others on a Kubernetes node go by. */
const TAKEN: readonly { readonly bits: number; readonly by: string }[] = [
  { bits: 0xc000, by: 'kube-proxy' },
  { bits: 0x0f00, by: 'Cilium' },
];

const DEFAULT_MARK: MaskedMark = { value: 0x1000, mask: 0x1000 };

export function buildReturnPath(
  { returnPath: by, connmark, from, discover }: NonNullable<ParsedTable['rules']>,
  path: FaultPath,
  { marks }: Claims,
  tell: Tell,
): ReturnPath {
  if (by !== 'connmark') {
    if (connmark !== undefined) {
      tell([...path, 'connmark'], 'only goes with returnPath: connmark');
    }
    return { by };
  }
  if (from.length + discover.length === 0) {
    tell([...path, 'returnPath'], 'connmark needs from or discover: which connections?');
  }
  const { mark, interfaces } = connmark ?? { mark: DEFAULT_MARK, interfaces: [] };
  for (const [index, name] of interfaces.entries()) {
    if (!name.endsWith('*')) continue;
    tell([...path, 'connmark', 'interfaces', index], 'must be the name of one interface');
  }
  const at = [...path, ...(connmark === undefined ? ['returnPath'] : ['connmark', 'mark'])];
  if (mark.value === 0) {
    tell(at, `${hexMark(mark)} is what every connection has; the value must not be 0`);
  }
  for (const { bits, by: owner } of TAKEN) {
    const shared = mark.mask & bits;
    if (shared === 0) continue;
    tell(
      at,
      `${hex(shared)} within the mask is ${owner}'s; choose other bits, such as 0x1000/0x3000`,
    );
  }
  const other = marks.find((one) => clash(one, mark));
  if (other !== undefined) {
    tell(
      at,
      `${hexMark(mark)} cannot be told from ${hexMark(other)} of a table above; give each its own value of one mask, or a mask of other bits`,
    );
  }
  marks.push(mark);
  return { by, mark, interfaces };
}

/** Equal, or sharing some bits only, so that one overwrites part of the other. */
function clash(one: MaskedMark, other: MaskedMark): boolean {
  if ((one.mask & other.mask) === 0) return false;
  return one.mask !== other.mask || one.value === other.value;
}
