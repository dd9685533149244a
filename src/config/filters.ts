/** Parsed filter rules -> {@link FilterRule}, with what one key means for another checked. */
import { familyBits } from '../net/family.js';
import { compileAsPath } from '../policy/as-path.js';
import type { FilterRule } from './config.js';
import type { FaultPath, Tell } from './fault.js';
import type { ParsedCriteria, ParsedRules } from './schema-filter.js';

/** Where a list of rules stands, and what it may name. */
export interface FilterContext {
  /** Path of the list in its document: empty where the list is the whole file. */
  readonly path: FaultPath;
  /** What ids begin with: `filters`, or the name of the file. */
  readonly label: string;
  /** Rules of the whole list that stand before these. */
  readonly first: number;
  readonly listNames: ReadonlySet<string>;
  readonly valueAt: (path: FaultPath) => unknown;
  readonly tell: Tell;
}

/** Rules with a fault are told of and left out. */
export function buildFilters(rules: ParsedRules, context: FilterContext): readonly FilterRule[] {
  return rules.flatMap(({ permit, deny }, index) => {
    const path = [...context.path, index];
    const criteria = permit ?? deny;
    if (criteria === undefined || (permit !== undefined && deny !== undefined)) {
      context.tell(path, 'must have either permit or deny');
      return [];
    }
    const action = permit === undefined ? 'deny' : 'permit';
    const text = ruleText(action, context.valueAt([...path, action]));
    const id = `${context.label}[${context.first + index}]`;
    const rule = buildRule({ action, id, text }, criteria, [...path, action], context);
    return rule === undefined ? [] : [rule];
  });
}

function buildRule(
  head: Pick<FilterRule, 'action' | 'id' | 'text'>,
  criteria: ParsedCriteria,
  path: FaultPath,
  { listNames, tell }: FilterContext,
): FilterRule | undefined {
  const { family, prefix, prefixList, asPath } = criteria;
  let faults = 0;
  const refuse = (key: string, message: string): void => {
    faults++;
    tell([...path, key], message);
  };

  const range = lengthRange(criteria, refuse);
  if (prefix !== undefined && family !== undefined && prefix.family !== family) {
    refuse('family', `${family} never matches the prefix ${prefix}; leave one of them out`);
  }
  if (prefixList !== undefined && !listNames.has(prefixList)) {
    const known = [...listNames].join(', ');
    refuse('prefixList', `no list "${prefixList}" in prefixLists (there is ${known || 'none'})`);
  }
  if (asPath !== undefined) {
    const pattern = compileAsPath(asPath);
    if (!pattern.ok) refuse('asPath', `not a valid AS-path pattern: ${pattern.message}`);
  }
  if (faults > 0) return undefined;
  return {
    ...head,
    family,
    prefix: range,
    prefixList,
    peer: criteria.peer,
    peerAs: criteria.peerAs,
    originAs: criteria.originAs,
    asPath,
    community: criteria.community,
    largeCommunity: criteria.largeCommunity,
  };
}

/** As in a prefix list: neither is the exact length, `ge` alone goes up to the family's longest. */
function lengthRange(
  { prefix, ge, le }: ParsedCriteria,
  refuse: (key: string, message: string) => void,
): FilterRule['prefix'] {
  if (prefix === undefined) {
    for (const [key, value] of Object.entries({ ge, le })) {
      if (value !== undefined) refuse(key, 'needs prefix beside it');
    }
    return undefined;
  }
  const bits = familyBits(prefix.family);
  const order = `needed is ${prefix.length} <= ge <= le <= ${bits}`;
  if (ge !== undefined && (ge < prefix.length || ge > bits)) {
    refuse('ge', `ge ${ge} is out of order for ${prefix}; ${order}`);
  }
  if (le !== undefined && (le < Math.max(prefix.length, ge ?? 0) || le > bits)) {
    refuse('le', `le ${le} is out of order for ${prefix}; ${order}`);
  }
  return {
    prefix,
    minLength: ge ?? prefix.length,
    maxLength: le ?? (ge === undefined ? prefix.length : bits),
  };
}

/** The rule as it was written, on one line: `permit: { prefix: 10.0.0.0/8, ge: 16 }`. */
function ruleText(action: string, criteria: unknown): string {
  const pairs = Object.entries(criteria ?? {}).map(([key, value]) => {
    const plain = typeof value !== 'string' || /^[^\s\p{C},{}"]+$/u.test(value);
    return `${key}: ${plain ? value : JSON.stringify(value)}`;
  });
  return pairs.length === 0 ? `${action}: {}` : `${action}: { ${pairs.join(', ')} }`;
}
