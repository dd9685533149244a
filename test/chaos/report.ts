/** What a run comes to, in figures. */
interface Figures {
  steps: number;
  repairMs: number;
  outageMs: number;
}

export class Report {
  readonly #kinds = new Map<string, Figures>();
  #steps = 0;
  #faults = 0;

  /** The figures of one step count for every kind of fault and change in it. */
  add(kinds: readonly string[], repairMs: number, outageMs: number): void {
    this.#steps++;
    this.#faults += kinds.length;
    for (const kind of new Set(kinds)) {
      const known = this.#kinds.get(kind) ?? { steps: 0, repairMs: 0, outageMs: 0 };
      this.#kinds.set(kind, {
        steps: known.steps + 1,
        repairMs: Math.max(known.repairMs, repairMs),
        outageMs: Math.max(known.outageMs, outageMs),
      });
    }
  }

  /** A table, one line a kind. */
  text(title: string): string {
    const rows = [...this.#kinds].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(([kind, { steps, repairMs, outageMs }]) =>
      [
        kind.padEnd(24),
        String(steps).padStart(7),
        `${Math.round(repairMs)} ms`.padStart(14),
        `${Math.round(outageMs)} ms`.padStart(14),
      ].join(''),
    );
    const head = `${'kind'.padEnd(24)}${'steps'.padStart(7)}${'worst repair'.padStart(14)}${'worst outage'.padStart(14)}`;
    return [
      `${title}: ${this.#steps} steps, ${this.#faults} faults and changes`,
      head,
      ...lines,
      '',
    ].join('\n');
  }
}
