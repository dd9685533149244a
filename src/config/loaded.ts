/** What comes of reading a configuration, without the code that reads it. */
import type { Config, ConfigFault } from './config.js';
import type { NodePlace } from './node-place.js';

/** A configuration without a fault of its own, which the node it is for may still speak against. */
export interface LoadedConfig {
  readonly config: Config;
  /** What `identityOf` said of {@link Config.files}, of each before it was read. */
  readonly identity: string;
  /** A fault at its place in the main file, as the loader's own. */
  readonly faultAt: (place: NodePlace, message: string) => ConfigFault;
}

export type LoadResult = ({ readonly ok: true } & LoadedConfig) | RefusedConfig;

export interface RefusedConfig {
  readonly ok: false;
  /** One at least. */
  readonly faults: readonly ConfigFault[];
  /** As {@link Config.files}, missing ones included: a change of any may mend it. */
  readonly files: readonly string[];
}
