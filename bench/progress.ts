/** What is being measured, for whoever waits. */
import type { Round } from './outcome.js';

/** One line on stderr: `bench: 1M IPv4: BIRD 2: time s 6.02, CPU s 5.4`. */
export function tell(work: string, contestant: string, round: Round): void {
  const values = Object.entries(round).map(([name, value]) => `${name} ${shortNumber(value)}`);
  process.stderr.write(`bench: ${work}: ${contestant}: ${values.join(', ')}\n`);
}

/** Three significant digits. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
