import { type DestinationStream, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../config/config.js';
import type { Log } from '../log-port.js';

/** A reader of the log that stalls for so many bytes loses lines, and never stalls the daemon. */
const BUFFERED_BYTES = 4 * 2 ** 20;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Standard output when absent, beside the event loop; what is left is written at exit. */
  readonly destination?: DestinationStream;
}

export interface Logger extends Log {
  /** Takes effect at once: a reload may change it. */
  setLevel(level: LogLevel): void;
}

/** JSON lines: `{"level":"info","time":"2026-01-01T00:00:00.000Z","name":"rib2fib",…,"msg":"…"}`. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  const logger = pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      base: { name: 'rib2fib' },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? pino.destination({ dest: 1, sync: false, maxLength: BUFFERED_BYTES }),
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
