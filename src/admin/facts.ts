/** What the answers are made from: the parts of a running daemon, read only. */
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import type { Discovery } from '../discover/discovery.js';
import type { Reconciler } from '../reconcile/loop.js';
import type { Source } from '../source/source.js';
import type { AlertReport } from './report.js';

export interface Facts {
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly reconciler: Reconciler;
  /** When the peer of a `teardown` limit comes back; `undefined` while it is not disabled by us. */
  readonly limits: { restoreAt(limit: string): number | null | undefined };
  readonly alerts: { active(): readonly AlertReport[] };
  /** Fed and brought in step once, and the feed not lost since: churn does not end it. */
  readonly ready: () => boolean;
  /** A reload may put another in its place. */
  readonly source: () => Source;
  readonly config: () => ConfigState;
  /** `undefined` where none is configured, or it has not begun. */
  readonly discovery: () => Discovery | undefined;
}

export interface ConfigState {
  readonly file: string;
  readonly loadedAt: number;
  /** Why a newer file was refused; empty while the file is in force. */
  readonly faults: readonly string[];
}

/** Turns a time of the monotonic clock into one for people. */
export function wallTime(clock: Clock, monotonic: number): number {
  return Math.round(clock.now() - (clock.monotonic() - monotonic));
}
