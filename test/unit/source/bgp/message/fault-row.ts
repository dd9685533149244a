/** A row of the tables of faults. */
import type { DecodeContext } from '../../../../../src/source/bgp/message/message.js';

export interface FaultRow {
  readonly says: string;
  /** A whole UPDATE. */
  readonly bytes: Buffer;
  /** As `verdict.ts` tells it. */
  readonly gives: readonly string[] | string;
  /** Default: {@link EXTERNAL}. */
  readonly context?: DecodeContext;
}
