/** A file without a name, in memory: what a child process reads as its standard input, and may open anew. */
import { closeSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { errnoSymbol } from './errno.js';
import { KernelError } from './kernel.js';

const MFD_CLOEXEC = 1;

const create: (name: string, flags: number) => number = koffi
  .load(null)
  .func('memfd_create', 'int', ['const char *', 'uint32']);

/**
 * Resolves, or rejects, with what `use` does; the descriptor it is handed stands at the file's beginning
 * and is closed behind it. A pipe of Node's is a socket, which no path leads to: a program that opens
 * /dev/stdin fails on it.
 * @throws KernelError where the kernel gives none
 */
export async function withMemoryFile<T>(text: string, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = create('rib2fib', MFD_CLOEXEC);
  if (fd < 0) throw new KernelError('memfd_create', errnoSymbol(koffi.errno()), 'no memory file');
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}
