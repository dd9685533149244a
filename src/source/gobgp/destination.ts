import type { Prefix } from '../../net/prefix.js';
import type { KnownPath } from './known-path.js';

/** The paths of one prefix, as they come. */
export class Destination {
  prefix: Prefix | undefined;
  #known: KnownPath[] = [];

  add(prefix: Prefix, known: KnownPath): void {
    this.prefix = prefix;
    this.#known.push(known);
  }

  take(): { readonly prefix: Prefix | undefined; readonly known: readonly KnownPath[] } {
    const taken = { prefix: this.prefix, known: this.#known };
    this.prefix = undefined;
    this.#known = [];
    return taken;
  }
}
