/** What was refused, or contested, and is due: it goes through the same comparison as everything else. */
import type { Engine } from '../desired/engine.js';
import type { KernelObject } from './kernel-object.js';

/** What has to be compared besides the tables' own changes. */
export interface Again {
  rules: boolean;
  abandoned: boolean;
}

/** Marks in the tables what is theirs, and returns what is nobody's. */
export function markAgain(due: readonly KernelObject[], { tables }: Pick<Engine, 'tables'>): Again {
  const again = { rules: false, abandoned: false };
  for (const object of due) {
    switch (object.kind) {
      case 'route': {
        const table = tables.get(object.table);
        if (table === undefined) again.abandoned = true;
        else table.mark(object.prefix);
        break;
      }
      case 'rule':
        again.rules = true;
        break;
      case 'nexthop':
        for (const table of tables.values()) table.touch();
        break;
    }
  }
  return again;
}
