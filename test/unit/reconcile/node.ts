/**
 * A node as the reconciler sees it: the loop running over a strict kernel, a
 * source that the test speaks for, and a clock that it moves. Three interfaces:
 * eth0 with the default route, eth1 (10.9.0.1/24) and eth2 (10.9.1.1/24).
 */
import assert from 'node:assert/strict';
import type { Config } from '../../../src/config/config.js';
import { Engine } from '../../../src/desired/engine.js';
import type { Log } from '../../../src/log-port.js';
import type { ChangeGate } from '../../../src/reconcile/change-gate.js';
import { Reconciler } from '../../../src/reconcile/loop.js';
import { PACE, type Pace } from '../../../src/reconcile/pace.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { RESET, SYNCED, updates } from '../desired/build.js';
import { FakeClock, settled } from './fake-clock.js';

/** A pass with nothing to do is no pass: more than this without a rest is a spin. */
const MOST_PASSES = 200;

export class FakeNode {
  readonly kernel: FakeKernel;
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly reconciler: Reconciler;
  readonly lines: string[] = [];
  readonly drift: { route?: number; rule?: number; nexthop?: number } = {};
  overruns = 0;
  readonly done: Record<string, number> = {};
  readonly errors: Record<string, number> = {};
  /** Passes of the loop since the last rest. */
  passes = 0;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    config: Config,
    kernel = bareKernel(),
    clock = new FakeClock(),
    latched: string[] = [],
    pace: Partial<Pace> = {},
    gate?: ChangeGate,
  ) {
    this.kernel = kernel;
    this.clock = clock;
    this.engine = new Engine({ config, now: clock.monotonic(), latched: new Set(latched) });
    this.reconciler = new Reconciler({
      kernel,
      engine: this.engine,
      clock,
      log: linesTo(this.lines),
      ...(gate === undefined ? {} : { gate }),
      pace: { ...PACE, turn: async () => undefined, ...pace },
      metrics: {
        countOperations: (op, count) => add(this.done, op, count),
        countKernelError: (op, errno) => add(this.errors, `${op} ${errno}`, 1),
        countDrift: (kind, count) => add(this.drift, kind, count),
        countOverrun: () => void this.overruns++,
        observeReconcile: () => undefined,
      },
      onPass: () => {
        if (++this.passes > MOST_PASSES) throw new Error('the loop spins');
      },
    });
  }

  /** The daemon starts: reads, takes over, runs. Its first operations stay in the log. */
  async start(): Promise<this> {
    await this.reconciler.prepare(this.#stop.signal);
    return await this.#run();
  }

  /** As {@link start}, with the source heard from the begin; `meanwhile` runs in the middle of the first reading. */
  async begin(meanwhile: () => void): Promise<this> {
    await this.reconciler.begin(this.#stop.signal);
    this.kernel.whileRead(meanwhile);
    return await this.#run();
  }

  async #run(): Promise<this> {
    this.#running = this.reconciler.run(this.#stop.signal);
    this.#running.catch(() => undefined);
    return await this.rest();
  }

  /** Everything that can be done without time passing is done, and the loop sleeps on a timer. */
  async rest(): Promise<this> {
    this.passes = 0;
    await settled();
    if (!this.#stop.signal.aborted) {
      await Promise.race([this.#running, Promise.resolve()]);
      assert.ok(this.clock.waiting > 0, 'the loop does not sleep');
      assert.ok(this.clock.nextAt > this.clock.monotonic(), 'the loop sleeps no time at all');
    }
    return this;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async apply(...events: readonly SourceEvent[]): Promise<void> {
    this.engine.apply(events, this.clock.monotonic());
    this.reconciler.wake();
    await this.rest();
  }

  /** `10.0.0.0/8 via 10.9.0.2 + 10.9.1.2`; without `via` a withdrawal. */
  async hears(...texts: string[]): Promise<void> {
    await this.apply(updates(...texts));
  }

  /** A full feed, and its end. */
  async feed(...texts: string[]): Promise<void> {
    await this.apply(RESET, updates(...texts), ...SYNCED);
  }

  async synced(): Promise<void> {
    await this.apply(...SYNCED);
  }

  async lost(): Promise<void> {
    await this.apply({ type: 'lost', reason: 'test' });
  }

  async reload(config: Config): Promise<void> {
    this.engine.reconfigure(config);
    this.reconciler.audit();
    await this.rest();
  }

  async outside(...texts: string[]): Promise<void> {
    for (const text of texts) this.kernel.outside(text);
    await this.rest();
  }

  async link(name: string, state: { up: boolean; carrier: boolean }): Promise<void> {
    this.kernel.setLink(name, state);
    await this.rest();
  }

  async main(verb: 'add' | 'del', text: string): Promise<void> {
    this.kernel.changeMain(verb, text);
    await this.rest();
  }

  async pass(ms: number): Promise<void> {
    this.passes = 0;
    await this.clock.advance(ms);
    await this.rest();
  }

  /** Exactly these operations, in this order, since the last look. */
  did(...operations: string[]): void {
    assert.deepEqual(this.kernel.takeLog(), operations);
  }

  /** The table, but for the `throw` routes that keep connected prefixes in main. */
  routes(table = 100): string[] {
    return this.kernel.table(table).filter((line) => !line.startsWith('throw'));
  }
}

/** IPv4 only, so that what a test reads stays short. */
export function bareKernel(): FakeKernel {
  const kernel = new FakeKernel();
  kernel.disableIpv6();
  kernel.link('lo', 1);
  kernel.link('eth0', 2);
  kernel.link('eth1', 3);
  kernel.link('eth2', 4);
  kernel.address('192.0.2.10/24 dev eth0');
  kernel.address('10.9.0.1/24 dev eth1');
  kernel.address('10.9.1.1/24 dev eth2');
  kernel.mainRoute('0.0.0.0/0 via 192.0.2.1 dev eth0');
  kernel.outside('rule add from all lookup 255 pref 0 proto 2', { silent: true });
  return kernel;
}

/** A running daemon that has had a first feed; its operations so far are taken. */
export async function runningNode(config: Config, ...texts: string[]): Promise<FakeNode> {
  const node = await new FakeNode(config).start();
  await node.feed(...texts);
  node.kernel.takeLog();
  return node;
}

export function linesTo(lines: string[]): Log {
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function add(counts: Record<string, number>, key: string, count: number): void {
  if (count > 0) counts[key] = (counts[key] ?? 0) + count;
}
