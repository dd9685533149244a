/** Contestants take turns, round by round, so that what the machine does besides hits all of them. */
import type { Contestant } from './contestant.js';
import type { Round, Row } from './outcome.js';
import { tell } from './progress.js';

export interface RoundsOptions<C extends Pick<Contestant, 'name'>> {
  readonly work: string;
  readonly size: number;
  readonly rounds: number;
  readonly contestants: readonly C[];
  measure(contestant: C): Promise<Round>;
}

/** One row a contestant, in their order. */
export async function measureRounds<C extends Pick<Contestant, 'name'>>({
  work,
  size,
  rounds,
  contestants,
  measure,
}: RoundsOptions<C>): Promise<Row[]> {
  const measured = contestants.map(({ name }) => ({ name, rounds: [] as Round[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const result = await measure(contestant);
      tell(work, contestant.name, result);
      measured[i]?.rounds.push(result);
    }
  }
  return measured.map((one) => ({ work, size, contestant: one.name, rounds: one.rounds }));
}

/** The row of a contestant. @throws Error where there is none */
export function rowOf(rows: readonly Row[], { name }: Pick<Contestant, 'name'>): Row {
  const row = rows.find(({ contestant }) => contestant === name);
  if (row === undefined) throw new Error(`${name} was not measured`);
  return row;
}
