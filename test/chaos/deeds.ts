/** Commands given by hand, by the kind of what they belong to: not all find what they are to act on. */
export class Deeds {
  readonly #counts = new Map<string, { given: number; took: number }>();

  count(kind: string, took: boolean): void {
    const known = this.#counts.get(kind) ?? { given: 0, took: 0 };
    this.#counts.set(kind, { given: known.given + 1, took: known.took + (took ? 1 : 0) });
  }

  /** One line. */
  text(): string {
    const words = [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, { given, took }]) => `${kind} ${took} of ${given}`);
    return `commands by hand that took: ${words.join(', ') || 'none given'}`;
  }
}
