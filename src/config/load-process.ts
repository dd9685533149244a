/**
 * The process that load-apart.ts starts: reads the configuration named by its
 * argument, hands over what came of it, and ends. Ends at once when nobody
 * waits for that any more.
 */
import { loadConfig } from './load.js';
import { type Part, partsOf } from './transfer.js';

const abandoned = (): unknown => process.kill(process.pid, 'SIGTERM');
process.once('disconnect', abandoned);
if (process.connected !== true) abandoned();

const [path = ''] = process.argv.slice(2);
for (const part of partsOf(await loadConfig(path))) await send(part);
process.off('disconnect', abandoned);
process.disconnect();

function send(part: Part): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(part, undefined, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}
