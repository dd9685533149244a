import type { Prefix } from '../net/prefix.js';
import type { NextHopSet } from './next-hop-set.js';
import type { RouteTarget } from './route.js';

/** A route to be in the kernel: on a next-hop set, or with a target of its own. */
export type WantedRoute =
  | {
      readonly kind: 'learned';
      readonly prefix: Prefix;
      readonly metric: number;
      readonly set: NextHopSet;
    }
  | {
      readonly kind: 'fixed';
      readonly prefix: Prefix;
      readonly metric: number;
      readonly target: RouteTarget;
    };
