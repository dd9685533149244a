/** What a table is made from, and what it may take over. */
import type { TableConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import type { LimitTracker } from '../policy/limit.js';
import type { PrefixList } from '../policy/prefix-list.js';
import type { Found, Standing } from './found.js';
import type { Underlay } from './underlay.js';

export interface TableOptions {
  readonly config: TableConfig;
  readonly prefixLists: ReadonlyMap<string, PrefixList>;
  readonly underlay: Underlay;
  readonly families: readonly Family[];
  /** Limits that carry over: from the table this one takes the place of. */
  readonly limits: ReadonlyMap<string, LimitTracker>;
  /** A full feed has ended, or hold has: see `Table.feedEnded`. */
  readonly fed: boolean;
  /** Of the table this one takes the place of: an `auto` table does not change back by a reload. */
  readonly useObjects: boolean;
  /** Ids of the limits that were latched when the last daemon ended. */
  readonly latched: ReadonlySet<string>;
  readonly found: Found;
  /** Of the table this one takes the place of; wanted as long as not all is found. */
  readonly before: Standing;
}

/** What the kernel has of a table from an earlier life. */
export interface Adopted {
  /** Prefixes it had learned, where the table has limits. */
  readonly learned: readonly Prefix[];
  /** They stand on nexthop groups. */
  readonly onObjects: boolean;
  /** It had been fed: see `Table.feedEnded`. */
  readonly fed: boolean;
  /** Its rules, and its fixed routes as far as they can be told from learned ones. */
  readonly standing: Standing;
}
