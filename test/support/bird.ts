/** A real BIRD 2 in a namespace. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchDirectory } from './leftovers.js';
import type { Netns } from './netns.js';
import { inRoot } from './peer-root.js';
import { until } from './wait.js';

/** What BIRD keeps its configuration and its control socket in. */
const PLACES = ['/etc/bird', '/run/bird'];

export interface BirdOptions {
  readonly netns: Netns;
  /** The whole of `/etc/bird/bird.conf`. */
  readonly config: string;
}

export class Bird implements AsyncDisposable {
  #child: ChildProcess | undefined;

  private constructor(
    readonly options: BirdOptions,
    private readonly scratch: ReturnType<typeof scratchDirectory>,
  ) {}

  static async start(options: BirdOptions): Promise<Bird> {
    const bird = new Bird(options, scratchDirectory('bird'));
    try {
      await bird.configure(options.config);
      await bird.launch();
    } catch (error) {
      await bird[Symbol.asyncDispose]();
      throw error;
    }
    return bird;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('BIRD does not run');
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Its log so far. */
  log(): Promise<string> {
    return readFile(join(this.scratch.path, 'log'), 'utf8');
  }

  /** Writes another `bird.conf`; read at a launch, or at `birdc configure`. */
  async configure(config: string): Promise<void> {
    await writeFile(join(this.scratch.path, 'bird.conf'), config);
  }

  /** Starts it, at first or after a stop; resolves once its control socket answers. */
  async launch(): Promise<void> {
    if (this.#child !== undefined) throw new Error('BIRD runs already');
    const child = this.options.netns.spawn(
      this.#enter('bird', '-f', '-c', '/etc/bird/bird.conf', '-s', '/run/bird/bird.ctl'),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const log = createWriteStream(join(this.scratch.path, 'log'), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('close', () => log.end());
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    this.#child = child;
    await until(
      async () => {
        if (!this.running) return true;
        await this.birdc('show', 'status');
        return true;
      },
      { what: 'BIRD answers' },
    );
    if (!this.running) throw new Error(`BIRD ended: ${(await this.log()).slice(-500)}`);
  }

  /** SIGTERM by default; resolves once it has ended. Idempotent. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  /** `birdc ARGS`; resolves with stdout. */
  birdc(...args: string[]): Promise<string> {
    return this.options.netns.exec(...this.#enter('birdc', '-s', '/run/bird/bird.ctl', ...args));
  }

  /** Every route it has of a prefix, the one it calls best first: prefix to next hops. */
  async routes(): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, string[]>();
    let hops: string[] = [];
    for (const line of (await this.birdc('show', 'route')).split('\n')) {
      const prefix = /^(\S+\/\d+)\s+unicast/.exec(line)?.[1];
      if (prefix !== undefined) {
        if (!/ \* /.test(line)) throw new Error(`not the best first: ${line}`);
        hops = [];
        found.set(prefix, hops);
      }
      const via = /^\s+via (\S+) /.exec(line)?.[1];
      if (via !== undefined) hops.push(via);
    }
    return found;
  }

  /** Resolves once all these BGP protocols are established. */
  async established(protocols: readonly string[], deadlineMs = 30_000): Promise<void> {
    await until(
      async () => {
        const lines = (await this.birdc('show', 'protocols')).split('\n');
        return protocols.every((name) =>
          lines.some((line) => line.startsWith(`${name} `) && line.includes('Established')),
        );
      },
      { what: `BIRD established with ${protocols.join(', ')}`, deadlineMs, everyMs: 50 },
    );
  }

  /** Kills it and removes its directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    this.scratch.remove();
  }

  #enter(...command: string[]): readonly string[] {
    return inRoot('bird-2', this.scratch.path, PLACES, command);
  }
}

/** Starts BIRD and resolves once it answers. */
export function startBird(options: BirdOptions): Promise<Bird> {
  return Bird.start(options);
}
