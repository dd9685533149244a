/**
 * Memory over twenty minutes of 500 changes a second at 50,000 routes: moved
 * next hops, attributes never seen before, withdrawals and returns. The samples
 * are kept in `bench/soak.json`, for a graph.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startDaemon } from '../../test/support/daemon.js';
import type { Feeder } from '../../test/support/feeder.js';
import { prefixesOf, routes } from '../../test/support/routes.js';
import { until } from '../../test/support/wait.js';
import { type Lab, NEXT_HOP, setUpLab } from '../gobgp-lab.js';
import { type Figure, median, type Scenario } from '../outcome.js';
import { machine } from '../report.js';
import { usageOf } from '../usage.js';

const ROUTES = 50_000;
const MINUTES = 20;
const TICK_MS = 100;
const CHANGES_A_TICK = 50;
/** Every so many ticks a slice is withdrawn instead of moved. */
const WITHDRAW_EVERY = 10;
const SAMPLE_MS = 5_000;
const MINUTES_EARLY = [0, 1, 2, 3, 4];
/** On the same link as {@link NEXT_HOP}; nobody is there, and nobody has to be. */
const OTHER_NEXT_HOP = '10.9.0.3';
const SAMPLES = fileURLToPath(new URL('../soak.json', import.meta.url));

interface Sample {
  readonly seconds: number;
  readonly residentMb: number;
}

export const soak: Scenario = {
  about: 'memory over twenty minutes of changes, through gobgpd',
  when: 'named',
  run: async () => ({ rows: [], figures: [await measure()] }),
};

async function measure(): Promise<Figure> {
  await using lab = await setUpLab(ROUTES);
  await using daemon = await startDaemon({ netns: lab.node, config: lab.config });
  await installed(lab);
  const samples: Sample[] = [];
  const begin = performance.now();
  const elapsed = () => performance.now() - begin;
  const churn = new Churn(lab.feeder);
  while (elapsed() < MINUTES * 60_000) {
    if (elapsed() >= samples.length * SAMPLE_MS) {
      samples.push({ seconds: elapsed() / 1000, residentMb: usageOf([daemon.pid]).residentMb });
    }
    await churn.tick();
    await pause(Math.max(0, churn.ticks * TICK_MS - elapsed()));
  }
  const seconds = elapsed() / 1000;
  await churn.settle();
  await installed(lab);
  writeFileSync(SAMPLES, `${JSON.stringify({ machine: machine(), samples }, null, 1)}\n`);
  const between = (from: number, to: number) =>
    median(
      samples.filter((one) => one.seconds >= from && one.seconds < to).map((one) => one.residentMb),
    );
  // V8 goes up and down within minutes: flat is what never has more than it already had.
  const early = Math.max(...MINUTES_EARLY.map((minute) => between(minute * 60, minute * 60 + 60)));
  const late = between(seconds - 180, seconds);
  return {
    name: `memory after ${MINUTES} min of ${(CHANGES_A_TICK * 1000) / TICK_MS} changes a second at ${ROUTES / 1000}k routes, against the most of the first 5`,
    value: late / early,
    limit: 1.05,
    unit: 'x',
    detail: {
      'changes a second': churn.changes / seconds,
      'early MB': early,
      'late MB': late,
      'most MB': Math.max(...samples.map((one) => one.residentMb)),
    },
  };
}

async function installed(lab: Lab): Promise<void> {
  await until(() => lab.installed() === ROUTES, { what: `${ROUTES} routes in the kernel` });
}

/** Walks round and round through the feed, one slice of prefixes a tick. */
class Churn {
  readonly #prefixes = prefixesOf(routes(ROUTES, { family: 'ipv4', nextHops: [NEXT_HOP] }));
  #withdrawn: readonly string[] = [];
  #at = 0;
  ticks = 0;
  changes = 0;

  constructor(private readonly feeder: Feeder) {}

  async tick(): Promise<void> {
    this.ticks++;
    const prefixes = this.#prefixes.slice(this.#at, this.#at + CHANGES_A_TICK);
    this.#at = (this.#at + CHANGES_A_TICK) % ROUTES;
    this.changes += prefixes.length;
    if (this.ticks % WITHDRAW_EVERY === 0) {
      await this.feeder.withdraw(prefixes);
      this.#withdrawn = prefixes;
      return;
    }
    await this.#announce([...prefixes, ...this.#withdrawn]);
    this.#withdrawn = [];
  }

  /** All that was withdrawn is back. */
  async settle(): Promise<void> {
    await this.#announce(this.#withdrawn);
  }

  async #announce(prefixes: readonly string[]): Promise<void> {
    if (prefixes.length === 0) return;
    const round = Math.floor((this.ticks * CHANGES_A_TICK) / ROUTES);
    const nextHop = round % 2 === 0 ? OTHER_NEXT_HOP : NEXT_HOP;
    await this.feeder.announce([{ attributes: { nextHop, med: this.ticks }, prefixes }]);
  }
}
