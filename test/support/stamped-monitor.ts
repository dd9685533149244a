/** What the kernel tells, and when: `ip -ts monitor`, for what has to happen within a time. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { hasSubscribed } from './netlink-sockets.js';
import type { Netns } from './netns.js';
import { until } from './wait.js';

export interface Notice {
  /** Milliseconds since 1970, when ip(8) heard it. */
  readonly at: number;
  /** As ip(8) prints it, on one line, without a label: `Deleted 10.1.0.0/16 via …`. */
  readonly text: string;
}

export class StampedMonitor implements AsyncDisposable {
  readonly #notices: Notice[] = [];

  private constructor(private readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error('ip monitor has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, stamp = '', text] = /^\[([^\]]+)\] ?(.*)$/.exec(line) ?? [];
      if (text === undefined) return;
      const [whole = '', micros = '0'] = stamp.split('.');
      this.#notices.push({ at: new Date(whole).getTime() + Number(micros) / 1000, text });
    });
  }

  /** Of `route`, `rule`, `nexthop`. Resolves once the kernel has it on its multicast lists. */
  static async start(
    netns: Netns,
    ...objects: readonly ('route' | 'rule' | 'nexthop')[]
  ): Promise<StampedMonitor> {
    const child = netns.spawn(['ip', '-ts', '-o', 'monitor', ...objects], {
      // It complains of nexthop objects that are gone by the time it looks them up.
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const monitor = new StampedMonitor(child);
    await until(() => hasSubscribed(child.pid), { what: 'ip monitor has subscribed' });
    return monitor;
  }

  /** The first notice that matches, of those after `after`; waits for it. */
  first(
    pattern: RegExp,
    { after, deadlineMs = 10_000 }: { readonly after?: Notice; readonly deadlineMs?: number } = {},
  ): Promise<Notice> {
    const from = () => (after === undefined ? 0 : this.#notices.indexOf(after) + 1);
    return until(() => this.#notices.slice(from()).find(({ text }) => pattern.test(text)), {
      ...{ what: `the kernel tells ${pattern}`, deadlineMs, everyMs: 5 },
    }).catch((error: Error) => {
      const heard = this.#notices.slice(-20).map(({ text }) => text);
      throw new Error([error.message, ...heard].join('\n'));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill();
    await exit;
  }
}
