/** The port of discovery: what the daemon, and a command that works once, ask of an adapter. */
import type { Config } from '../config/config.js';
import type { Discovered, ResourceStatus } from './discovered.js';

export interface Discovery {
  /** Where it asks, for people. */
  readonly name: string;
  /** Name of this node there. */
  readonly node: string;
  /**
   * What is found, as a whole, first and whenever something has changed; changes that come while the
   * consumer is busy are one. Runs until the signal aborts, and may be called once.
   */
  snapshots(signal: AbortSignal): AsyncIterable<Discovered>;
  /** What is known now comes to this for any configuration; what only that one asks for is awaited. */
  snapshot(config: Config): Discovered;
  /** From now on this is what is asked for. */
  reconfigure(config: Config): void;
  /** How each resource that is asked for stands, by name. */
  resources(): readonly ResourceStatus[];
}
