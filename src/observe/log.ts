import { type DestinationStream, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../config/config.js';
import type { Log } from '../log-port.js';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

export interface Logger extends Log {
  /** Takes effect at once: a reload may change it. */
  setLevel(level: LogLevel): void;
}

/**
 * JSON lines: `{"level":"info","time":"2026-01-01T00:00:00.000Z","name":"rib2fib",…,"msg":"…"}`.
 *
 * Written at once: lines are few, none is lost in a crash, and pino's delayed
 * writes would keep a daemon whose log reader is gone from ever ending.
 */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  const logger = pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      base: { name: 'rib2fib' },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}
