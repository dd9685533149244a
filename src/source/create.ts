/** The configured source, made but not started. */
import type { Clock } from '../clock.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log-port.js';
import { createFileSource } from './file/file-source.js';
import { createGobgpSource } from './gobgp/gobgp-source.js';
import type { Source } from './source.js';

export interface SourceDependencies {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

export function createSource(config: Config, { clock, random, log }: SourceDependencies): Source {
  const { source, sync } = config;
  switch (source.kind) {
    case 'gobgp':
      return createGobgpSource({
        ...{ config: source.gobgp, syncTimeout: sync.timeout },
        ...{ clock, random, log },
      });
    case 'file':
      return createFileSource({ path: source.file.path, clock, log });
  }
}
