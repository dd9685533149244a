/** The configured source, made but not started. */
import type { Clock } from '../clock.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log-port.js';
import { createBgpSource } from './bgp/bgp-source.js';
import { createFileSource } from './file/file-source.js';
import { createFpmSource } from './fpm/fpm-source.js';
import type { FpmNode } from './fpm/node.js';
import { createGobgpSource } from './gobgp/gobgp-source.js';
import type { Source } from './source.js';
import type { TcpSockets } from './tcp.js';

export interface SourceDependencies {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Milliseconds: `hold` of the configuration by now, since its change alone makes no new source. */
  readonly hold: () => number;
  readonly sockets: TcpSockets;
  /** For source `fpm`. */
  readonly node: FpmNode;
}

export function createSource(config: Config, dependencies: SourceDependencies): Source {
  const { clock, random, log, hold, sockets, node } = dependencies;
  const { source, sync } = config;
  switch (source.kind) {
    case 'gobgp':
      return createGobgpSource({
        ...{ config: source.gobgp, syncTimeout: sync.timeout },
        ...{ clock, random, log },
      });
    case 'bgp':
      return createBgpSource({
        ...{ config: source.bgp, syncTimeout: sync.timeout, hold, sockets },
        ...{ clock, random, log },
      });
    case 'fpm':
      return createFpmSource({
        ...{ config: source.fpm, syncTimeout: sync.timeout, node, clock, log },
      });
    case 'file':
      return createFileSource({ path: source.file.path, clock, log });
  }
}
