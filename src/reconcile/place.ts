/** What stands at one prefix of a table of ours. */
import type { RouteTarget } from '../desired/route.js';

/** A route without its prefix: immutable, and shared by neighbours that are alike. */
export interface Standing {
  readonly metric: number;
  /** Interned: equal ones are one object. */
  readonly target: RouteTarget;
}

/** Nearly every prefix has one route; only a change of metric makes it two for a moment. */
export type Place = Standing | readonly Standing[];

export function standings(place: Place): readonly Standing[] {
  return 'target' in place ? [place] : place;
}

export function isOn(target: RouteTarget, group: number): boolean {
  return target.type === 'nexthop' && target.id === group;
}
