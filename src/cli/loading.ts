import { setFlagsFromString } from 'node:v8';

/**
 * Loads code while V8 optimises none: what runs then runs once, and the compiler
 * would have megabytes resident for it (docs/decisions/015-little-garbage.md).
 */
export async function withoutOptimising<T>(load: () => Promise<T>): Promise<T> {
  setFlagsFromString('--no-opt');
  try {
    return await load();
  } finally {
    setFlagsFromString('--opt');
  }
}
