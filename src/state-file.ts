/**
 * What must survive a crash: which limits are latched, and which peers were
 * disabled by us, where, and when they come back. A small JSON file beside the
 * admin socket, replaced whole by a rename, so that a reader sees the old or the new.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GobgpConfig } from './config/config.js';
import { makeDirectory } from './make-directory.js';

export interface DisabledPeer {
  readonly peer: string;
  /** Id of the limit that ended its session. */
  readonly limit: string;
  /** Epoch ms; `null`: not by itself. */
  readonly restoreAt: number | null;
  /**
   * The gobgpd that was told to, and how to reach it: the configuration may name
   * another by now. Absent: the session was our own, and is gone with us.
   */
  readonly gobgp?: GobgpConfig | undefined;
}

export interface SavedState {
  /** Ids of latched limits. */
  readonly latched: readonly string[];
  readonly disabledPeers: readonly DisabledPeer[];
}

export const EMPTY_STATE: SavedState = { latched: [], disabledPeers: [] };

/** Its place, given that of the admin socket. */
export function statePath(adminSocket: string): string {
  return join(dirname(adminSocket), 'state.json');
}

/** {@link EMPTY_STATE} when there is no file yet. Throws on one that cannot be read or is damaged. */
export async function loadState(path: string): Promise<SavedState> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return EMPTY_STATE;
    throw error;
  }
  const state: unknown = JSON.parse(text);
  if (!isSavedState(state)) throw new TypeError(`${path} is not a state file of rib2fib`);
  return state;
}

/**
 * On disk under its name when this resolves, so that it outlives a crash of the
 * node too: fsync(2) of a file says nothing of its directory's entry. Throws
 * the system's error; the state before is then still there, or the new one.
 */
export async function saveState(path: string, state: SavedState): Promise<void> {
  const directory = dirname(path);
  makeDirectory(directory);
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(state)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(directory);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isSavedState(value: unknown): value is SavedState {
  if (typeof value !== 'object' || value === null) return false;
  const { latched, disabledPeers } = value as Record<string, unknown>;
  return (
    Array.isArray(latched) &&
    latched.every((id) => typeof id === 'string') &&
    Array.isArray(disabledPeers) &&
    disabledPeers.every(isDisabledPeer)
  );
}

function isDisabledPeer(value: unknown): value is DisabledPeer {
  if (typeof value !== 'object' || value === null) return false;
  const { peer, limit, restoreAt, gobgp } = value as Record<string, unknown>;
  return (
    typeof peer === 'string' &&
    typeof limit === 'string' &&
    (restoreAt === null || typeof restoreAt === 'number') &&
    (gobgp === undefined || isGobgp(gobgp))
  );
}

function isGobgp(value: unknown): value is GobgpConfig {
  if (typeof value !== 'object' || value === null) return false;
  const { address, tls } = value as Record<string, unknown>;
  return typeof address === 'string' && (tls === undefined || isTls(tls));
}

function isTls(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { ca, cert, key } = value as Record<string, unknown>;
  return [ca, cert, key].every((path) => path === undefined || typeof path === 'string');
}
