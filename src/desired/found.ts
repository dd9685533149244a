/** What discovery has found, as a table takes it; and what it had before, while not all is known. */
import type { StaticLeg, TableConfig } from '../config/config.js';
import { type DiscoveredTable, NOTHING_FOUND } from '../discover/discovered.js';
import type { Prefix } from '../net/prefix.js';
import { ClusterRanges } from './cluster-ranges.js';
import { type Route, type Rule, ruleKey } from './route.js';

export interface Found {
  readonly part: DiscoveredTable;
  /** The same for every table. */
  readonly ranges: ClusterRanges;
}

export const FOUND_NOTHING: Found = { part: NOTHING_FOUND, ranges: ClusterRanges.none };

/** Nothing that a table makes of the two differs. */
export function sameFound(a: Found, b: Found): boolean {
  if (a.ranges !== b.ranges || a.part.settled !== b.part.settled) return false;
  return (
    samePrefixes(a.part.from, b.part.from) &&
    samePrefixes(a.part.endpoints, b.part.endpoints) &&
    leftOutText(a.part) === leftOutText(b.part) &&
    a.part.gateways.length === b.part.gateways.length &&
    a.part.gateways.every((leg, index) => legText(leg) === legText(b.part.gateways[index])) &&
    [...a.part.origins].every(([key, origin]) => b.part.origins.get(key) === origin)
  );
}

/** Both are in one order. */
function samePrefixes(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  return a.length === b.length && a.every((prefix, index) => b[index]?.equals(prefix) === true);
}

function leftOutText({ leftOut }: DiscoveredTable): string {
  return leftOut.map(({ prefix, origin, address }) => `${prefix} ${origin} ${address}`).join();
}

function legText(leg: StaticLeg | undefined): string {
  return `${leg?.gateway}%${leg?.interface} ${leg?.weight}`;
}

/**
 * What stood for a table before: in the kernel, or by the configuration that another takes the place
 * of. As long as discovery has not settled it is wanted beside what is known, so that a start and a
 * reload take nothing away that is only not told yet.
 */
export interface Standing {
  readonly rules: readonly Rule[];
  /** Fixed ones: `throw` routes and static ones. */
  readonly routes: readonly Route[];
}

export const NOTHING_STANDS: Standing = { rules: [], routes: [] };

/** The rules of `before` that `rules` has not; none once all is known. */
export function standingRules(
  { part }: Found,
  before: Standing,
  rules: readonly Rule[],
): readonly Rule[] {
  if (part.settled) return [];
  const known = new Set(rules.map(ruleKey));
  return before.rules.filter((rule) => !known.has(ruleKey(rule)));
}

/** The `throw` routes of `before`, whose insides are not learned either; none once all is known. */
export function standingThrows({ ranges }: Found, before: Standing): readonly Prefix[] {
  if (ranges.settled) return [];
  return before.routes.flatMap(({ prefix, target }) => (target.type === 'throw' ? [prefix] : []));
}

/** The route of `before` in the place of a static one whose legs are found; none once all is known. */
export function standingStatic(
  { part }: Found,
  before: Standing,
  prefix: Prefix,
  metric: number,
): Route | undefined {
  if (part.settled) return undefined;
  return before.routes.find(
    (route) =>
      route.target.type === 'legs' && route.metric === metric && route.prefix.equals(prefix),
  );
}

/** Of a table that asks for anything, as long as nothing is known of it. */
export function awaits({ rules, static: routes }: TableConfig): boolean {
  return (
    (rules?.discover.length ?? 0) > 0 ||
    rules?.returnPath.by === 'endpoints' ||
    routes.some(({ discover }) => discover !== undefined)
  );
}
