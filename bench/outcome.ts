/** What scenarios hand back: rounds of each contestant, and figures held to a limit. Pure. */

/** One measurement of one contestant: `{ 'time s': 0.61, 'peak MB': 114 }`. The names tell the units. */
export type Round = Readonly<Record<string, number>>;

/** All rounds of a contestant at one piece of work. */
export interface Row {
  /** `1M IPv4 routes from a session, wire to kernel`. Rows of the same work are comparable. */
  readonly work: string;
  readonly contestant: string;
  /** Routes concerned. */
  readonly size: number;
  /** At least one, all with the same names. */
  readonly rounds: readonly Round[];
}

/** A value held to what it must reach. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** The most it may be, in the same unit. */
  readonly limit: number;
  readonly unit: string;
  /** What the value was made from: medians, percentiles, counts. */
  readonly detail: Readonly<Record<string, number>>;
}

export interface Outcome {
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
}

/** `quick`: smaller tables, for trying things out; the whole then takes under two minutes. */
export type Scale = 'full' | 'quick';

/** One thing to be measured. Its namespaces and processes end with it. */
export interface Scenario {
  /** For the usage text, in one line. */
  readonly about: string;
  /** `named`: takes so long that it is only run when it is named. */
  readonly when: 'always' | 'named';
  run(scale: Scale): Promise<Outcome>;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** The median of one name over the rounds of a row. @throws Error where it was not measured */
export function medianOf(row: Row, name: string): number {
  const values = row.rounds.map((round) => round[name]);
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0 || known.length < values.length) {
    throw new Error(`${row.contestant} has no ${name} at ${row.work}`);
  }
  return median(known);
}

/**
 * The first measurement of a row against that of the first contestant at the same
 * work; 1 for that one itself.
 */
export function ratioOf(row: Row, rows: readonly Row[]): number {
  const [name] = Object.keys(row.rounds[0] ?? {});
  const leader = rows.find(({ work }) => work === row.work);
  if (leader === undefined || name === undefined) throw new Error(`${row.work} was not measured`);
  return medianOf(row, name) / medianOf(leader, name);
}

/** `1k`, `500k`, `1M`. */
export function sizeText(size: number): string {
  if (size >= 1_000_000) return `${size / 1_000_000}M`;
  return size >= 1_000 ? `${size / 1_000}k` : String(size);
}
