/** Names of the interfaces that zebra names by number. */
import type { Clock } from '../../clock.js';
import type { FpmNode } from './node.js';

/** So long a name is believed: interfaces are renamed, most of all while a host starts. */
const BELIEVED_MS = 1000;

export class InterfaceNames {
  #names: ReadonlyMap<number, string> = new Map();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: { readonly node: FpmNode; readonly clock: Clock }) {}

  /** `undefined` for one that there was not when they were read last, and for all where that is a second ago. */
  get(index: number): string | undefined {
    const age = this.options.clock.monotonic() - this.#readAt;
    return age < BELIEVED_MS ? this.#names.get(index) : undefined;
  }

  /** Rejects with {@link NodeError}. */
  async read(): Promise<void> {
    const { node, clock } = this.options;
    this.#names = await node.interfaces();
    this.#readAt = clock.monotonic();
  }
}
