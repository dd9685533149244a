/** The admin socket as a file: made private, and only over a dead predecessor. */
import { lstatSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname } from 'node:path';
import { makeDirectory } from '../make-directory.js';

/** Where the daemon listens when no configuration says otherwise. */
export const DEFAULT_ADMIN_SOCKET = '/run/rib2fib/admin.sock';

/** The admin socket cannot be had; the message is one line for the operator. */
export class AdminSocketError extends Error {
  override readonly name = 'AdminSocketError';
}

/**
 * Listens at `path`, mode 0600 from the instant it exists. Makes the directory
 * when it is missing and removes a socket that nobody answers. Throws
 * {@link AdminSocketError} when somebody does, when the path is something else
 * than a socket, or when the system refuses.
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  try {
    makeDirectory(dirname(path));
    await removeStale(path);
    await listen(server, path);
  } catch (error) {
    if (error instanceof AdminSocketError) throw error;
    throw new AdminSocketError(`admin socket ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new AdminSocketError(`admin socket ${path}: there is something else than a socket`);
  }
  if (await answers(path)) {
    throw new AdminSocketError(`admin socket ${path} is in use by another process`);
  }
  unlinkSync(path);
}

/** ECONNREFUSED alone proves that nobody holds the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED'),
    );
  });
}

/** Node binds within the call to `listen`, so the mask of this moment is the socket's mode. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}
