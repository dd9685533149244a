/** Configuration for the commands; its parser is heavy, and loaded only where it is needed. */
import { readFile } from 'node:fs/promises';
import { AdminClient, AdminUnreachable } from '../admin/client.js';
import { DEFAULT_ADMIN_SOCKET } from '../admin/socket.js';
import type { Config, ConfigFault } from '../config/config.js';
import { CommandError, EXIT } from './exit-code.js';

export type Loaded =
  | { readonly ok: true; readonly config: Config }
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
 * The daemon that `--socket`, the configuration or the default names. A file
 * that cannot be used falls back to the default: a daemon with a broken
 * configuration is just the one to ask for its status.
 */
export async function adminClient({ config, socket }: SocketOptions): Promise<AdminClient> {
  return new AdminClient(socket ?? (await configuredSocket(config)) ?? DEFAULT_ADMIN_SOCKET);
}

async function configuredSocket(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  // Without the word there is no such key, and nothing heavy to load for it.
  if (!text.includes('admin')) return undefined;
  const loaded = await readConfiguration(file);
  return loaded.ok ? loaded.config.admin.socket : undefined;
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
