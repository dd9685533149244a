/**
 * The process that load-apart.ts starts: reads the configuration named by its
 * argument, hands over what came of it, and ends. Ends at once when nobody
 * waits for that any more.
 */
import { packageVersion } from '../package-version.js';
import { loadConfig } from './load.js';
import { type Part, partsOf } from './transfer.js';

// What ends or reloads the daemon goes to its whole control group: this process ends with the daemon alone.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
const abandoned = (): never => process.exit(1);
process.once('disconnect', abandoned);
if (process.connected !== true) abandoned();

const [path = ''] = process.argv.slice(2);
for (const part of partsOf(await loadConfig(path), packageVersion())) await send(part);
process.off('disconnect', abandoned);
process.disconnect();

function send(part: Part): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(part, undefined, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}
