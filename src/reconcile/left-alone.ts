import type { Table } from '../desired/table.js';
import type { Mirror } from './mirror.js';

/** `foreign: fail` while there are routes of others: looked at as a whole once the last of them has gone. */
export function isLeftAlone(table: Table, mirror: Mirror): boolean {
  return table.config.foreign === 'fail' && mirror.hasForeign(table.config.id);
}
