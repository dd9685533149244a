/** What a run is made of, to be disposed of together. */

/** Disposed of in the reverse order. */
export class Parts implements AsyncDisposable {
  readonly #parts: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  }
}
