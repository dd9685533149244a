/** How much room V8 takes: little, but for what dies young in a large table. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Prefixes: below it the room would cost more memory than it saves time. */
const LARGE_TABLE = 20_000;
/** Octets of the young generation, both halves. V8 gives them back by itself once the process is idle. */
const ROOM = 8 * 2 ** 20;

export class HeapSize {
  #growing = false;

  /** To be called before anything else is loaded. */
  static keepSmall(): void {
    // docs/decisions/006-small-young-generation.md
    setFlagsFromString('--semi-space-growth-factor=1');
    // docs/decisions/015-little-garbage.md
    setFlagsFromString('--heap-growing-percent=100');
  }

  /** Lets the young generation grow to {@link ROOM} while so many prefixes are kept. Costs two microseconds. */
  follow(prefixes: number): void {
    const growing = prefixes >= LARGE_TABLE && youngGeneration() < ROOM;
    if (growing === this.#growing) return;
    this.#growing = growing;
    setFlagsFromString(`--semi-space-growth-factor=${growing ? 4 : 1}`);
  }
}

function youngGeneration(): number {
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return space?.space_size ?? ROOM;
}
