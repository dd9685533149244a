/**
 * Injects faults, and holds rib2fib to a model after each of them.
 *
 *   main.ts [--seed S] [--steps N] [--routes R]
 *
 * The seed gives the order of steps, and how gobgpd is set up; it is printed. R more
 * routes, of both routers, are there all the time, and are held to the model too; default none.
 */
import { parseArgs } from 'node:util';
import type { GobgpdVersion } from '../support/gobgpd.js';
import { Random } from '../support/random.js';
import { ChaosFailure } from './chaos-failure.js';
import { Report } from './report.js';
import { type Outcome, runStep } from './run.js';
import { describeStep, drawStep } from './steps.js';
import { type Setting, World } from './world.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    steps: { type: 'string', default: '50' },
    routes: { type: 'string', default: '0' },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const steps = Number(values.steps);
const routes = Number(values.routes);
if (![seed, steps, routes].every(Number.isSafeInteger) || routes < 0)
  throw new TypeError('--seed, --steps and --routes take whole numbers');
process.exitCode = (await chaos(seed, steps, routes)) ? 0 : 1;

async function chaos(seed: number, steps: number, routes: number): Promise<boolean> {
  const random = new Random(seed);
  const version: GobgpdVersion = seed % 2 === 0 ? '4.8' : '3.10';
  const setting: Setting = {
    version,
    multipath: random.chance(0.5),
    gracefulRestart: random.chance(0.5),
    routes,
  };
  const words = [
    `gobgpd ${version}`,
    ...(setting.multipath ? ['multipath'] : []),
    ...(setting.gracefulRestart ? ['graceful restart'] : []),
    ...(routes > 0 ? [`${routes} routes of ballast`] : []),
  ];
  print(`chaos: seed ${seed}, ${steps} steps, ${words.join(', ')}`);
  const started = performance.now();
  const report = new Report();
  await using world = await World.create(setting);
  await world.quiet(performance.now());
  await world.probe.settle();
  for (let number = 1; number <= steps; number++) {
    const step = drawStep(random, setting);
    const from = performance.now();
    let outcome: Outcome;
    try {
      outcome = await runStep(world, step, report);
    } catch (error) {
      print(`${number}: ${describeStep(step)}: FAILED`);
      print(error instanceof ChaosFailure ? error.message : String((error as Error).stack));
      print(world.subject.account());
      print(
        `again with: npm run test:chaos -- --seed ${seed} --steps ${number}${routes > 0 ? ` --routes ${routes}` : ''}`,
      );
      return false;
    }
    const took = [
      `${Math.round(performance.now() - from)} ms`,
      `repaired in ${Math.round(outcome.repaired)} ms`,
      `out for ${Math.round(outcome.outage)} ms`,
    ];
    print(`${number}: ${describeStep(step)} (${took.join(', ')})`);
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  print(report.text(`seed ${seed}, ${words.join(', ')}, ${seconds} s`));
  print(world.deeds.text());
  const { rounds, worstGapMs } = await world.probe.mark();
  print(`probe: ${rounds} rounds, ${Math.round(worstGapMs)} ms apart at worst`);
  return true;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
