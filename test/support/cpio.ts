/** Archives that the kernel unpacks as its first root: the `newc` form of cpio (Documentation/driver-api/early-userspace/buffer-format.rst). */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** One entry; `path` is absolute and has one name only. A directory stands before what is in it. */
export type ArchiveEntry =
  | { readonly path: string; readonly directory: true }
  | { readonly path: string; readonly link: string }
  /** A file's content: text, or the file to copy. */
  | { readonly path: string; readonly mode: number; readonly text: string }
  | { readonly path: string; readonly mode: number; readonly from: string };

const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const LINK = 0o120000;

/** Writes the archive to a file. All is owned by root; no entry has a time. */
export function writeArchive(file: string, entries: Iterable<ArchiveEntry>): void {
  const fd = openSync(file, 'w');
  try {
    let inode = 0;
    for (const entry of entries) {
      const [mode, data] = content(entry);
      write(fd, header(++inode, mode, data.length, entry.path.slice(1)), data);
    }
    write(fd, header(0, 0, 0, 'TRAILER!!!'), Buffer.alloc(0));
  } finally {
    closeSync(fd);
  }
}

function content(entry: ArchiveEntry): readonly [mode: number, data: Buffer] {
  if ('directory' in entry) return [DIRECTORY | 0o755, Buffer.alloc(0)];
  if ('link' in entry) return [LINK | 0o777, Buffer.from(entry.link)];
  const data = 'text' in entry ? Buffer.from(entry.text) : readFileSync(entry.from);
  return [REGULAR | entry.mode, data];
}

/** Header, name and data each end on a multiple of four. */
function header(inode: number, mode: number, size: number, name: string): Buffer {
  const named = Buffer.from(`${name}\0`);
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, named.length, 0];
  const hex = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return padded(Buffer.concat([Buffer.from(`070701${hex}`), named]));
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function write(fd: number, ...parts: readonly Buffer[]): void {
  for (const part of parts) {
    const bytes = padded(part);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  }
}
