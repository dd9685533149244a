/**
 * The node that every folder of frr-examples is for: `eth0` with the default
 * route, routers on `eth1` and `eth2`; a routing daemon and rib2fib with the
 * folder's files as they stand, but for where rib2fib's own socket is.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Daemon, startDaemon } from './daemon.js';
import { type Feeder, startFeeder } from './feeder.js';
import { scratchDirectory } from './leftovers.js';
import type { Netns } from './netns.js';
import { TwoFabrics } from './two-fabrics.js';

const EXAMPLES = fileURLToPath(new URL('../../frr-examples/', import.meta.url));

/** A file of an example, whole. */
export function exampleFile(folder: string, file: string): string {
  return readFileSync(join(EXAMPLES, folder, file), 'utf8');
}

/** The lines between `KEY: |` of a YAML file and the next line indented less, without their indent. */
export function blockOf(yaml: string, key: string): string {
  const lines = yaml.split('\n');
  const start = lines.findIndex((line) => line.trimEnd().endsWith(`${key}: |`));
  if (start < 0) throw new Error(`no block ${key}`);
  const indent = /^ */.exec(lines[start + 1] ?? '')?.[0].length ?? 0;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.trim() !== '' && !line.startsWith(' '.repeat(indent)));
  return rest
    .slice(0, end < 0 ? undefined : end)
    .map((line) => line.slice(indent))
    .join('\n');
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

  async [Symbol.asyncDispose](): Promise<void> {
    for (const disposable of this.#disposables.reverse()) await disposable[Symbol.asyncDispose]();
    await this.fabrics[Symbol.asyncDispose]();
    this.#scratch.remove();
  }
}
