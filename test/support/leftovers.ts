/** What must not outlive this process: undone at exit and on SIGINT, SIGTERM and SIGHUP, last made first. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const undos = new Set<() => void>();
let installed = false;

/** Registers a synchronous undo; the returned function takes it back, for what was undone in order. */
export function undoAtExit(undo: () => void): () => void {
  if (!installed) {
    installed = true;
    process.on('exit', undoAll);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        undoAll();
        process.kill(process.pid, signal);
      });
    }
  }
  undos.add(undo);
  return () => undos.delete(undo);
}

/** A temporary directory; `remove` it when done, or it goes with the process. */
export function scratchDirectory(label: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `r2f-${label}-`));
  const remove = () => rmSync(path, { recursive: true, force: true });
  const forget = undoAtExit(remove);
  return {
    path,
    remove() {
      forget();
      remove();
    },
  };
}

function undoAll(): void {
  for (const undo of [...undos].reverse()) undo();
  undos.clear();
}
