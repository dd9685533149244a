/** When a daemon says that it is ready: `/readyz`, which costs it next to nothing, asked by one process in its namespace. */
import { once } from 'node:events';
import type { Netns } from '../test/support/netns.js';

const ASK_EVERY_MS = 20;
const URL = 'http://127.0.0.1:9469/readyz';

/** Asks until the answer is yes: run where the daemon is. */
const SCRIPT = `
const [url, pause] = process.argv.slice(1);
process.stdout.write('asking\\n');
for (;;) {
  const ready = await fetch(url).then(({ ok }) => ok, () => false);
  if (ready) break;
  await new Promise((resolve) => setTimeout(resolve, Number(pause)));
}
`;

export interface Readiness {
  /** Resolves once it is ready. @throws Error when that took too long */
  reached(): Promise<void>;
}

/** Resolves once the asking has begun. */
export async function askReadiness(netns: Netns, deadlineMs: number): Promise<Readiness> {
  const argv = ['--input-type=module', '-e', SCRIPT, URL, String(ASK_EVERY_MS)];
  const asker = netns.spawn([process.execPath, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: deadlineMs,
  });
  const ended = once(asker, 'exit');
  if (asker.stdout !== null) await once(asker.stdout, 'data');
  return {
    async reached() {
      const [code] = await ended;
      if (code !== 0) throw new Error(`rib2fib is not ready after ${deadlineMs} ms`);
    },
  };
}
