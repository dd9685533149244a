import { PrefixBacklog } from '../desired/prefix-backlog.js';
import type { TableChanges } from '../desired/table-changes.js';

/** For a table that is to be looked at as a whole, whatever changed in it. */
export const WHOLE_TABLE: TableChanges = {
  everything: true,
  sweeps: true,
  fixed: new PrefixBacklog(),
  prefixes: new PrefixBacklog(),
  sets: new Set(),
  rules: true,
};
