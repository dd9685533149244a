/** Configuration for the commands; its parser is heavy, and loaded only where it is needed. */
import { readFile } from 'node:fs/promises';
import { AdminClient, AdminUnreachable } from '../admin/client.js';
import { DEFAULT_ADMIN_SOCKET } from '../admin/socket.js';
import type { Config, ConfigFault } from '../config/config.js';
import type { LoadedConfig } from '../config/loaded.js';
import { CommandError, EXIT } from './exit-code.js';
import type { Output } from './output.js';

export type Loaded =
  | ({ readonly ok: true } & LoadedConfig)
  | {
      readonly ok: false;
      readonly faults: readonly ConfigFault[];
      /** Each fault as `file:line:column: path: message`. */
      readonly lines: readonly string[];
    };

export async function readConfiguration(file: string): Promise<Loaded> {
  const [{ loadConfig }, { formatFault }] = await Promise.all([
    import('../config/load.js'),
    import('../config/fault.js'),
  ]);
  const loaded = await loadConfig(file);
  return loaded.ok ? loaded : { ...loaded, lines: loaded.faults.map(formatFault) };
}

/** Throws {@link CommandError} with exit code 78 and every fault. */
export async function requireConfiguration(file: string): Promise<Config> {
  const loaded = await readConfiguration(file);
  if (loaded.ok) return loaded.config;
  throw new CommandError('the configuration is refused', EXIT.config, loaded.lines);
}

export interface SocketOptions {
  readonly config: string;
  readonly socket: string | undefined;
}

/**
 * As `--socket`, the configuration or the default names it. A file with faults
 * names it all the same, with a note: a daemon that has refused its
 * configuration is just the one to ask for its status.
 */
export async function adminSocket(
  { config, socket }: SocketOptions,
  output: Pick<Output, 'note' | 'noteStyle'>,
): Promise<string> {
  return socket ?? (await configuredSocket(config, output));
}

/** The daemon that answers at {@link adminSocket}. */
export async function adminClient(
  where: SocketOptions,
  output: Pick<Output, 'note' | 'noteStyle'>,
): Promise<AdminClient> {
  return new AdminClient(await adminSocket(where, output));
}

async function configuredSocket(
  file: string,
  { note, noteStyle }: Pick<Output, 'note' | 'noteStyle'>,
): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return DEFAULT_ADMIN_SOCKET;
  }
  // Without the word there is no such key, and nothing heavy to load for it.
  if (!text.includes('admin')) return DEFAULT_ADMIN_SOCKET;
  const loaded = await readConfiguration(file);
  if (loaded.ok) return loaded.config.admin.socket;
  const { salvageAdminSocket } = await import('../config/salvage.js');
  const socket = (await salvageAdminSocket(file)) ?? DEFAULT_ADMIN_SOCKET;
  note(`${noteStyle.warning('note:')} ${file} has faults (see rib2fib check); asking at ${socket}`);
  return socket;
}

/** What `ask` finds, or `undefined` when no daemon runs there. */
export async function ifRunning<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof AdminUnreachable && error.kind === 'absent') return undefined;
    throw error;
  }
}
