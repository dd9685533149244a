/** Between the probe's process and the run. Times are milliseconds of CLOCK_MONOTONIC. */
import { DESTINATIONS, SERVICE, TABLES, type TableId } from './network.js';

export interface Question {
  /** `TABLE PREFIX`: a destination as looked up by the traffic of one table. */
  readonly name: string;
  readonly table: TableId;
  readonly prefix: string;
  readonly family: 'ipv4' | 'ipv6';
  /** `ADDRESS from SERVICE-ADDRESS`. */
  readonly packet: string;
}

export const QUESTIONS: readonly Question[] = TABLES.flatMap((table) =>
  DESTINATIONS.map(({ prefix, address, family }) => ({
    ...{ family, table, prefix, name: `${table} ${prefix}` },
    packet: `${address} from ${SERVICE[table][family]}`,
  })),
);

/** Asks for a {@link Mark} once everything of before has been told. */
export interface Request {
  readonly id: number;
}

export type Message = Sight | Mark;

/** A destination's route went, or came. */
export interface Sight {
  readonly type: 'sight';
  readonly name: string;
  readonly there: boolean;
  readonly at: number;
  /** What the kernel showed instead. */
  readonly shown: string;
}

export interface Mark {
  readonly type: 'mark';
  readonly id: number;
  readonly rounds: number;
  /** The longest time between two looks at the same. */
  readonly worstGapMs: number;
}

/** The same in every process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
