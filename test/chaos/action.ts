/** What a step is made of. */
import type { World } from './world.js';

/** What two faults of one step may not share. */
export type Resource =
  | 'daemon'
  | 'config'
  | 'disk'
  | 'gobgpd'
  | 'router-a'
  | 'router-b'
  | 'link-a'
  | 'link-b';

/** Done and over: what it left is what the model knows now, or what the daemon has to put right. */
export interface Change {
  /** For the report. */
  readonly kind: string;
  /** For the history. */
  readonly text: string;
  readonly needs: readonly Resource[];
  make(world: World): Promise<void>;
}

/** Lasts from `begin` to `mend`. */
export interface Fault {
  readonly kind: string;
  readonly text: string;
  readonly uses: readonly Resource[];
  /** What it is begun within must outlast it: a peer that dies behind a broken link is not missed for long. */
  readonly alone: boolean;
  begin(world: World): Promise<void>;
  mend(world: World): Promise<void>;
}
