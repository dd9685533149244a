/** The file system as the loader needs it: bounded reads, and reasons fit for a fault. */
import { access, constants, type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

export type TextResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string; readonly tooLarge: boolean };

/** A path written in a configuration is relative to the file it is written in. */
export function besideFile(file: string, reference: string): string {
  return isAbsolute(reference) ? reference : join(dirname(file), reference);
}

/**
 * Reads a UTF-8 file of at most `limit` bytes, a multiple of 1 KiB. A larger
 * one is refused after `limit` bytes, whatever its inode says of its size, so
 * pipes work too. A byte order mark is dropped.
 */
export async function readText(path: string, limit: number): Promise<TextResult> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const bytes = await readUpTo(handle, limit + 1);
    if (bytes.length > limit) {
      return { ok: false, reason: `is larger than the ${sizeText(limit)} allowed`, tooLarge: true };
    }
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const reason = isUndecodable(error)
      ? 'is not UTF-8 text'
      : `cannot be read: ${systemReason(error)}`;
    return { ok: false, reason, tooLarge: false };
  } finally {
    await handle?.close();
  }
}

/** `undefined` when `path` is a file, not a directory, that this process may read; else why not. */
export async function whyUnreadable(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return 'cannot be read: is a directory';
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return `cannot be read: ${systemReason(error)}`;
  }
}

function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`;
}

async function readUpTo(handle: FileHandle, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < most) {
    const chunk = Buffer.allocUnsafe(Math.min(most - length, 2 ** 20));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks, length);
}

/** `ENOENT: no such file or directory, open '…'` -> `no such file or directory`; not a system error: thrown on. */
function systemReason(error: unknown): string {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error;
  if (error.code === 'EISDIR') return 'is a directory';
  return error.message.replace(/^[A-Z0-9]+: /, '').replace(/, [a-z]+( '.*')?$/s, '');
}

function isUndecodable(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    'code' in error &&
    error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
  );
}
