/** The built rib2fib with its own BGP session, and defaults for the rest. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../../test/support/daemon.js';
import { scratchDirectory } from '../../test/support/leftovers.js';
import type { Contestant, ContestantSetting, Refilterable } from '../contestant.js';
import { NODE, NODE_AS, ROUTER, ROUTER_AS } from '../lab.js';

const TABLE = 100;

/** Source `bgp`. */
export interface RunningRib2fib extends Refilterable {
  readonly daemon: Daemon;
}

export const rib2fib: Contestant & {
  start(setting: ContestantSetting): Promise<RunningRib2fib>;
} = {
  name: 'rib2fib',
  table: TABLE,
  // `throw` routes of the connected prefixes of the interface that the next hop is behind.
  extras: { ipv4: 1, ipv6: 2 },
  async start({ netns, permitted }) {
    const scratch = scratchDirectory('permitted');
    const list = join(scratch.path, 'permitted.conf');
    const permit = async (prefixes: readonly string[]) => {
      await writeFile(`${list}.next`, prefixes.map(listEntry).join(''));
      await rename(`${list}.next`, list);
    };
    if (permitted !== undefined) await permit(permitted);
    const daemon = await startDaemon({
      netns,
      config: config(permitted === undefined ? undefined : list),
      until: 'admin',
    });
    return {
      daemon,
      get pids() {
        return [daemon.pid];
      },
      async permit(prefixes) {
        await permit(prefixes);
        process.kill(daemon.pid, 'SIGHUP');
      },
      async [Symbol.asyncDispose]() {
        await daemon[Symbol.asyncDispose]();
        scratch.remove();
      },
    };
  },
};

function config(list: string | undefined): Readonly<Record<string, unknown>> {
  const peers = [{ address: ROUTER, as: ROUTER_AS }];
  const bgp = { listen: `${NODE}:179`, as: NODE_AS, routerId: '10.255.0.1', peers };
  const filters = [{ permit: list === undefined ? {} : { prefixList: 'permitted' } }];
  return {
    source: { bgp },
    tables: [{ id: TABLE, name: 'bench', filters }],
    ...(list === undefined ? {} : { prefixLists: { permitted: { file: list } } }),
  };
}

function listEntry(prefix: string): string {
  const longer = prefix.endsWith('/24') ? '' : ' le 24';
  return `ip prefix-list permitted permit ${prefix}${longer}\n`;
}
