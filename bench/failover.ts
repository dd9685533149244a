/** 100,000 routes on one next hop: it moves to another interface, and its link goes down and up. */
import { Failover } from '../test/support/failover.js';
import { type Figure, median } from './report.js';

const ROUTES = 100_000;
const FEW = 1_000;
const ROUNDS = 5;

export async function measureFailover(): Promise<readonly Figure[]> {
  const few = await measure(FEW);
  const many = await measure(ROUTES);
  const of = `${ROUTES / 1000}k routes on one next hop`;
  return [
    {
      name: `${of}, moved to another interface`,
      value: median(many.moves),
      limit: 100,
      unit: 'ms',
      detail: {
        'worst ms': Math.max(...many.moves),
        [`ms with ${FEW / 1000}k`]: median(few.moves),
      },
    },
    {
      name: `${of}, moved: netlink messages, against ${FEW / 1000}k`,
      value: many.messages / few.messages,
      limit: 1,
      unit: 'x',
      detail: { messages: many.messages, [`messages with ${FEW / 1000}k`]: few.messages },
    },
    {
      name: `${of}, link down and up: all restored`,
      value: median(many.flaps) / 1000,
      limit: 2,
      unit: 's',
      detail: { 'worst s': Math.max(...many.flaps) / 1000 },
    },
  ];
}

async function measure(
  routes: number,
): Promise<{ readonly moves: number[]; readonly flaps: number[]; readonly messages: number }> {
  await using failover = await Failover.start(routes);
  const [moves, flaps]: [number[], number[]] = [[], []];
  let messages = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const moved = await failover.move();
    moves.push(moved.milliseconds);
    messages = Math.max(messages, moved.messages);
    flaps.push(await failover.flap());
  }
  return { moves, flaps, messages };
}
