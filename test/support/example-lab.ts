/**
 * The node that every folder of frr-examples is for: `eth0` with the default
 * route, routers on `eth1` and `eth2`; a routing daemon and rib2fib with the
 * folder's files as they stand, but for where rib2fib's own socket is.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseYaml } from '../../src/config/document.js';
import { type Daemon, startDaemon } from './daemon.js';
import { type Feeder, startFeeder } from './feeder.js';
import { ownRoutes } from './kernel-view.js';
import { scratchDirectory } from './leftovers.js';
import type { Netns } from './netns.js';
import { TwoFabrics } from './two-fabrics.js';
import { until } from './wait.js';

const EXAMPLES = fileURLToPath(new URL('../../frr-examples/', import.meta.url));

/** The table of every example. */
const TABLE = 100;
/** update-delay of the examples waits for routers that are not up, 60 s at most. */
const DEADLINE_MS = 100_000;

/** A file of an example, whole. */
export function exampleFile(folder: string, file: string): string {
  return readFileSync(join(EXAMPLES, folder, file), 'utf8');
}

/** A Kubernetes object of an example, parsed as YAML; throws for what is none. */
export function exampleObject(folder: string, file: string): Readonly<Record<string, unknown>> {
  const parsed = parseYaml(file, exampleFile(folder, file));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.document.value as Readonly<Record<string, unknown>>;
}

/** Prefix to legs, as `ownRoutes` words them. */
export type Routes = Readonly<Record<string, readonly string[]>>;

/** Prefix to gateways, sorted: what a daemon calls next hops. */
export function gatewaysOf(routes: Routes): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(routes).map(([prefix, legs]) => [
      prefix,
      legs.map((leg) => leg.split(' ')[1] ?? '').sort(),
    ]),
  );
}

export class ExampleLab implements AsyncDisposable {
  readonly #scratch = scratchDirectory('example');
  readonly #disposables: AsyncDisposable[] = [];

  private constructor(readonly fabrics: TwoFabrics) {}

  static async create(): Promise<ExampleLab> {
    return new ExampleLab(await TwoFabrics.create());
  }

  get node(): Netns {
    return this.fabrics.node;
  }

  /** A directory of this lab's own. */
  get directory(): string {
    return this.#scratch.path;
  }

  /** Ends with the lab, before its namespaces. */
  keep<T extends AsyncDisposable>(disposable: T): T {
    this.#disposables.push(disposable);
    return disposable;
  }

  /** Router 1 or 2, which calls the node, or another address of it. */
  async router(i: 1 | 2, peerAddress = `10.9.${i - 1}.1`): Promise<Feeder> {
    return this.keep(
      await startFeeder({
        netns: i === 1 ? this.fabrics.router1 : this.fabrics.router2,
        ...{ localAddress: `10.9.${i - 1}.2`, peerAddress, localAs: 65000 + i, peerAs: 65000 },
        detached: true,
      }),
    );
  }

  /** rib2fib with the folder's `rib2fib.yaml`; `change` is for what must differ in a test. */
  async rib2fib(folder: string, change = (text: string) => text): Promise<Daemon> {
    const socket = join(this.directory, 'admin.sock');
    const text = change(exampleFile(folder, 'rib2fib.yaml'));
    const config = `${text}\nadmin: { socket: "${socket}" }\n`;
    return this.keep(await startDaemon({ netns: this.node, config, until: 'admin' }));
  }

  /** What rib2fib has in its table. */
  async own(): Promise<Routes> {
    return Object.fromEntries(await ownRoutes(this.node, TABLE));
  }

  /** Resolves once its table is this and nothing else. */
  async becomes(wanted: Routes, deadlineMs = DEADLINE_MS): Promise<void> {
    await until(
      async () => {
        assert.deepEqual(await this.own(), wanted);
        return true;
      },
      { what: `table ${TABLE} is ${JSON.stringify(wanted)}`, deadlineMs, everyMs: 100 },
    );
  }

  /** Rejects as soon as its table is anything else; resolves once `done`. */
  async remains(wanted: Routes, done: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    do {
      assert.deepEqual(await this.own(), wanted);
      if (await done()) return;
      await pause(100);
    } while (performance.now() < end);
    throw new Error('what the routes were to stay for did not come');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const disposable of this.#disposables.reverse()) await disposable[Symbol.asyncDispose]();
    await this.fabrics[Symbol.asyncDispose]();
    this.#scratch.remove();
  }
}
