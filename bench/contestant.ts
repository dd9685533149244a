/** The port to whatever learns routes from the feeder and writes them into the kernel. */
import type { Family } from '../src/net/family.js';
import type { Netns } from '../test/support/netns.js';

export interface ContestantSetting {
  readonly netns: Netns;
  /** What is written to the kernel: prefixes and, for IPv4, what lies in them up to /24. Absent: everything. */
  readonly permitted?: readonly string[];
  /** Next hops are reached by routes of the main table, which may change. Default false: by the link. */
  readonly recursive?: boolean;
}

export interface Contestant {
  /** For tables of results: `BIRD 2`. */
  readonly name: string;
  /** The kernel's number of the table that it writes to. */
  readonly table: number;
  /** Routes it puts there beside what it has learned, once it has learned some. */
  readonly extras: Readonly<Record<Family, number>>;
  /** Resolves once it waits for the feeder's call. */
  start(setting: ContestantSetting): Promise<RunningContestant>;
}

/** Disposed: killed. What it wrote stays in the namespace. */
export interface RunningContestant extends AsyncDisposable {
  /** Of all its processes; they change with a restart. */
  readonly pids: readonly number[];
}

/** One that can be told another list of what is permitted. */
export interface Refilterable extends RunningContestant {
  /** Resolves once it was told; not once it is done. */
  permit(prefixes: readonly string[]): Promise<void>;
}
