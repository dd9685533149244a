import type { FaultPath } from './fault.js';

/** A key of a table, by its index, that the node may speak against once the configuration itself is whole. */
export interface NodePlace {
  readonly table: number;
  readonly key: (typeof NODE_KEYS)[number];
}

/** Every {@link NodePlace} has one of these. */
export const NODE_KEYS = ['priority', 'foreign', 'returnPath'] as const;

/** Where that stands in the main file. */
export function nodePlacePath({ table, key }: NodePlace): FaultPath {
  switch (key) {
    case 'priority':
    case 'returnPath':
      return ['tables', table, 'rules', key];
    case 'foreign':
      return ['tables', table, key];
  }
}
