/** How much room V8 takes: little, but for what dies young in a large table. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Prefixes: below it the room would cost more memory than it saves time. */
const LARGE_TABLE = 20_000;
/** Octets of the young generation, both halves. V8 gives them back by itself once the process is idle. */
const ROOM = 8 * 2 ** 20;

export class HeapSize {
  /** By how much it may grow at a time. */
  #factor = 1;

  /** To be called before anything else is loaded. */
  static keepSmall(): void {
    // docs/decisions/006-small-young-generation.md
    setFlagsFromString('--semi-space-growth-factor=1');
    // docs/decisions/015-little-garbage.md
    setFlagsFromString('--heap-growing-percent=100');
  }

  /** Lets the young generation grow to {@link ROOM} while so many prefixes are kept. Costs two microseconds. */
  follow(prefixes: number): void {
    const factor = prefixes < LARGE_TABLE ? 1 : Math.max(1, Math.floor(ROOM / youngGeneration()));
    if (factor === this.#factor) return;
    this.#factor = factor;
    setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  }
}

function youngGeneration(): number {
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return space?.space_size ?? ROOM;
}
