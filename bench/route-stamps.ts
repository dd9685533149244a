/** What the kernel tells of a table, counted and stamped: `bench/native/route-stamps.c`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../test/support/leftovers.js';
import type { Netns } from '../test/support/netns.js';
import { LineProgram } from './native.js';

/** Since the start. */
export interface RouteEvents {
  readonly added: number;
  readonly replaced: number;
  readonly deleted: number;
  /** Of nexthop objects: new, replaced, gone. */
  readonly nexthops: number;
  /** Netlink requests that made these changes. */
  readonly messages: number;
}

/** One notification of a route. */
export interface Stamp {
  /** CLOCK_MONOTONIC, ns, when it was heard. */
  readonly at: bigint;
  readonly event: 'new' | 'gone';
  readonly prefix: string;
}

export class RouteStamps implements AsyncDisposable {
  readonly #scratch = scratchDirectory('stamps');

  private constructor(private readonly program: LineProgram) {}

  /** @param keep `stamps`: keeps time and prefix of every notification too. */
  static async start(netns: Netns, table: number, keep: 'counts' | 'stamps'): Promise<RouteStamps> {
    return new RouteStamps(await LineProgram.start(netns, 'route-stamps', String(table), keep));
  }

  /** @throws Error where the kernel had more to tell than there was room for */
  async counts(): Promise<RouteEvents> {
    const answer = await this.program.ask('counts');
    const { lost, ...events } = JSON.parse(answer) as RouteEvents & { readonly lost: number };
    if (lost > 0) throw new Error('notifications of the kernel were lost: nothing can be said');
    return events;
  }

  /** Those since the last call, in order. */
  async stamps(): Promise<readonly Stamp[]> {
    await this.counts();
    const file = join(this.#scratch.path, 'stamps');
    await this.program.ask(`stamps ${file}`);
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [at = '', event, prefix = ''] = line.split(' ');
        return { at: BigInt(at), event: event === 'gone' ? 'gone' : 'new', prefix };
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    this.#scratch.remove();
  }
}
