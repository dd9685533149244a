/**
 * The filter of one table: an ordered list of rules of which the first that
 * matches a path of a prefix decides; nothing matching is denied.
 *
 * What a route costs does not grow with what can be looked up instead of
 * walked: neighbouring rules that read nothing but the prefix and its family
 * are one indexed block, 100,000 of them as fast as ten; prefix lists are
 * indexed too; and an AS-path pattern runs once for each interned `Attributes`,
 * not once a route. The other criteria are cheaper to check than to remember,
 * and are checked in order of their cost.
 */
import type { FilterRule } from '../config/config.js';
import { Address } from '../net/address.js';
import { FAMILIES, type Family, familyBits } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { originAs, type Path } from '../rib/path.js';
import { AsPathCache } from './as-path-cache.js';
import { PrefixIndex, type PrefixRange } from './prefix-index.js';
import type { PrefixList } from './prefix-list.js';

/** `rule` is the one that decided; `undefined` where none matched, which denies. */
export interface FilterResult {
  readonly permit: boolean;
  readonly rule: FilterRule | undefined;
}

/** How often a rule has decided since the filter was compiled. */
export interface RuleHits {
  readonly rule: FilterRule;
  readonly hits: number;
}

export interface Filter {
  /**
   * Decides about one path of one prefix. Only `count: true` adds to the hits:
   * `plan` and `explain` ask without. The result is shared, never changed.
   */
  evaluate(prefix: Prefix, path: Path, options?: { readonly count: boolean }): FilterResult;
  /** One for each rule, in the rules' order. */
  hits(): readonly RuleHits[];
}

/**
 * Compiles once a load; the filter then depends on nothing but its arguments.
 * A list that a rule names and that does not exist matches nothing. Throws on
 * an AS-path pattern that does not compile, which the configuration rules out.
 */
export function compileFilter(
  rules: readonly FilterRule[],
  prefixLists: ReadonlyMap<string, PrefixList>,
): Filter {
  const steps = compileSteps(rules, prefixLists);
  const results = rules.map((rule): FilterResult => ({ permit: rule.action === 'permit', rule }));
  const hits = new Array<number>(rules.length).fill(0);

  return {
    evaluate(prefix, path, options) {
      let order = -1;
      for (let i = 0; order < 0 && i < steps.length; i++) {
        order = steps[i]?.(prefix, path) ?? -1;
      }
      const result = order < 0 ? undefined : results[order];
      if (options?.count === true && result !== undefined) hits[order] = (hits[order] ?? 0) + 1;
      return result ?? UNMATCHED;
    },
    hits: () => rules.map((rule, order) => ({ rule, hits: hits[order] ?? 0 })),
  };
}

const UNMATCHED: FilterResult = { permit: false, rule: undefined };

/** One or more neighbouring rules; returns the number of the one that matches, or -1. */
type Step = (prefix: Prefix, path: Path) => number;

function compileSteps(
  rules: readonly FilterRule[],
  prefixLists: ReadonlyMap<string, PrefixList>,
): readonly Step[] {
  const steps: Step[] = [];
  const asPaths = new AsPathCache();
  let block: PrefixIndex | undefined;
  rules.forEach((rule, order) => {
    if (!isPrefixOnly(rule)) {
      block = undefined;
      steps.push(compileRule(rule, order, prefixLists, asPaths));
      return;
    }
    if (block === undefined) {
      const index = new PrefixIndex();
      steps.push((prefix) => index.first(prefix));
      block = index;
    }
    for (const range of rangesOf(rule)) block.add(range, order);
  });
  return steps;
}

function isPrefixOnly(rule: FilterRule): boolean {
  return (
    rule.prefixList === undefined &&
    rule.peer === undefined &&
    rule.peerAs === undefined &&
    rule.originAs === undefined &&
    rule.asPath === undefined &&
    rule.community === undefined &&
    rule.largeCommunity === undefined
  );
}

/** What a rule of a block matches; nothing where its family is not its prefix's. */
function rangesOf({ family, prefix }: FilterRule): readonly PrefixRange[] {
  if (prefix !== undefined) {
    return family === undefined || family === prefix.prefix.family ? [prefix] : [];
  }
  return family === undefined ? FAMILIES.map((each) => ANY[each]) : [ANY[family]];
}

const ANY: Readonly<Record<Family, PrefixRange>> = {
  ipv4: wholeFamily('ipv4'),
  ipv6: wholeFamily('ipv6'),
};

function wholeFamily(family: Family): PrefixRange {
  return {
    prefix: Prefix.of(new Address(family, 0), 0),
    minLength: 0,
    maxLength: familyBits(family),
  };
}

function compileRule(
  rule: FilterRule,
  order: number,
  prefixLists: ReadonlyMap<string, PrefixList>,
  asPaths: AsPathCache,
): Step {
  const { family, peer, peerAs, prefix: range, community, largeCommunity } = rule;
  const list = rule.prefixList === undefined ? undefined : prefixLists.get(rule.prefixList);
  if (rule.prefixList !== undefined && list === undefined) return () => -1;
  const asPath = rule.asPath === undefined ? undefined : asPaths.add(rule.asPath);

  return (prefix, path) => {
    const { attributes } = path;
    const matches =
      (peerAs === undefined || path.peerAs === peerAs) &&
      (peer === undefined || path.peer === peer) &&
      (family === undefined || prefix.family === family) &&
      (range === undefined || inRange(prefix, range)) &&
      (rule.originAs === undefined || originAs(attributes) === rule.originAs) &&
      (community === undefined || attributes.communities.includes(community)) &&
      (largeCommunity === undefined || attributes.largeCommunities.includes(largeCommunity)) &&
      (list === undefined || list.permits(prefix)) &&
      (asPath === undefined || asPaths.matches(asPath, attributes));
    return matches ? order : -1;
  };
}

function inRange(prefix: Prefix, range: PrefixRange): boolean {
  const { length } = prefix;
  return length >= range.minLength && length <= range.maxLength && range.prefix.contains(prefix);
}
