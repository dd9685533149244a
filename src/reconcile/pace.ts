import { setImmediate } from 'node:timers/promises';

/** In what portions the loop works. */
export interface Pace {
  /** Operations decided and handed to the kernel at once; between two lots the mirror catches up. */
  readonly lot: number;
  /** Resolves once all that has arrived has been taken in; waits for nothing that has not. */
  readonly turn: () => Promise<void>;
}

export const PACE: Pace = {
  lot: 2_000,
  // The source hands over what it has at most once a turn of the event loop: in the first, or by the second.
  turn: async () => {
    await setImmediate();
    await setImmediate();
  },
};
