/** In what portions the loop works. */
export interface Pace {
  /** Operations decided and handed to the kernel at once; between two lots the mirror catches up. */
  readonly lot: number;
}

export const PACE: Pace = { lot: 2_000 };
