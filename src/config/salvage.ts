import { salvageText } from './document.js';
import { readText } from './files.js';
import { MAIN_LIMIT } from './load.js';
import { socketPath } from './scalars.js';

/**
 * `admin.socket` of a configuration whose other parts may be as wrong as they
 * like, so that the daemon which has refused it can still be asked why.
 * `undefined` where the file cannot be read or says nothing usable of it.
 */
export async function salvageAdminSocket(path: string): Promise<string | undefined> {
  const read = await readText(path, MAIN_LIMIT);
  if (!read.ok) return undefined;
  const socket = socketPath.safeParse(salvageText(read.text, ['admin', 'socket']));
  return socket.success ? socket.data : undefined;
}
