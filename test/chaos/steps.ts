/** Draws the steps: the same seed gives the same ones, in the same order. */

import type { Random } from '../support/random.js';
import type { Change, Fault } from './action.js';
import { announcement, clockJump, otherWay, swap, withdrawal } from './changes.js';
import { drift, flood, squatter } from './drift.js';
import {
  configFault,
  daemonFault,
  diskFault,
  gobgpdFault,
  holdFault,
  routerFault,
  sessionFault,
} from './faults-daemons.js';
import { linkFault } from './faults-links.js';
import type { Setting } from './world.js';

/** Faults begin in order, the changes happen while they last, and then they are mended. */
export interface Step {
  readonly faults: readonly Fault[];
  readonly changes: readonly Change[];
  /** The order of mending. */
  readonly mends: readonly Fault[];
}

/** What costs gobgpd seconds to come back from is drawn less often. */
const FAULTS: readonly (readonly [weight: number, make: (random: Random) => Fault])[] = [
  [10, linkFault],
  [8, daemonFault],
  [3, squatter],
  [2, configFault],
  [2, diskFault],
  [2, gobgpdFault],
  [2, routerFault],
  [1, sessionFault],
  [0.4, holdFault],
];

const CHANGES: readonly (readonly [
  weight: number,
  make: (random: Random, setting: Setting) => Change,
])[] = [
  [8, announcement],
  [4, withdrawal],
  [3, otherWay],
  [5, swap],
  [10, drift],
  [1, flood],
  [1, clockJump],
];

export function drawStep(random: Random, setting: Setting): Step {
  const faults = drawFaults(random);
  const used = new Set(faults.flatMap(({ uses }) => uses));
  const fewest = faults.length === 0 ? 1 : 0;
  const count = fewest + random.below(3);
  const changes = Array.from({ length: count }, () => random.weighted(CHANGES)(random, setting));
  const inOrder = faults.some(({ alone }) => alone) || random.chance(0.5);
  return {
    faults,
    changes: changes.filter(({ needs }) => !needs.some((need) => used.has(need))),
    mends: inOrder ? faults.toReversed() : faults,
  };
}

/** None, one, or two that do not get in each other's way. */
function drawFaults(random: Random): readonly Fault[] {
  if (random.chance(0.4)) return [];
  const outer = random.weighted(FAULTS)(random);
  const inner = random.weighted(FAULTS)(random);
  const together =
    random.chance(0.5) &&
    !inner.alone &&
    !inner.uses.some((resource) => outer.uses.includes(resource));
  return together ? [outer, inner] : [outer];
}

export function describeStep({ faults, changes }: Step): string {
  return [...faults, ...changes].map(({ text }) => text).join('; ');
}
