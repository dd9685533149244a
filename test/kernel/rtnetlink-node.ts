/**
 * The network namespace that a kernel test file runs in, dressed as a node with
 * one uplink: `va` (10.9.0.1/24, 2001:db8:9::1/64), whose far end is `vb`.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { Leg, Route, RouteTarget, Rule } from '../../src/desired/route.js';
import type { Kernel, KernelNotice } from '../../src/kernel/kernel.js';
import { openRtnetlink } from '../../src/kernel/rtnetlink.js';
import { Address } from '../../src/net/address.js';
import { Prefix } from '../../src/net/prefix.js';

/** Runs `ip` in this namespace; words are split at spaces. Returns stdout. */
export function ip(command: string, input?: string): string {
  const args = command.split(' ');
  return execFileSync('ip', args, { encoding: 'utf8', input, maxBuffer: 1 << 28 });
}

/** What `ip route show table …` prints, its lines joined where one route has several; of no table, nothing. */
export function routesSeen(family: 4 | 6, table: number): string[] {
  const text = ip(`-${family} route show table ${table}`);
  return text
    .replaceAll(/\s*\n\s+/g, ' ')
    .split('\n')
    .map((line) => line.trim().replace(/ pref medium/, ''))
    .filter((line) => line !== '');
}

/** What `ip rule` prints at one priority. */
export function rulesSeen(priority: number, family: 4 | 6 = 4): string[] {
  return ip(`-${family} rule show`)
    .split('\n')
    .filter((line) => line.startsWith(`${priority}:`))
    .map((line) => line.replace(/^\d+:\s*/, '').trim());
}

export interface Node extends AsyncDisposable {
  readonly kernel: Kernel;
  /** Interface index of `va`. */
  readonly oif: number;
}

/** @throws when this is not a namespace made for the test: everything in it is up for change. */
export async function openNode(): Promise<Node> {
  const { RIB2FIB_TEST_NETNS } = process.env;
  assert.equal(
    RIB2FIB_TEST_NETNS,
    '1',
    'kernel tests change routes: run them with scripts/test, each in its own network namespace',
  );
  ip('link add va type veth peer name vb');
  ip('link set va up');
  ip('link set vb up');
  ip('addr add 10.9.0.1/24 dev va');
  ip('-6 addr add 2001:db8:9::1/64 dev va nodad');
  const kernel = await openRtnetlink();
  const oif = (await kernel.links()).find(({ name }) => name === 'va')?.index;
  assert.ok(oif !== undefined);
  return {
    kernel,
    oif,
    async [Symbol.asyncDispose]() {
      await kernel.close();
      ip('link del va');
      for (const family of [4, 6]) {
        for (const protocol of ['178', 'static', 'boot']) {
          ip(`-${family} route flush table all proto ${protocol}`);
        }
      }
      ip('nexthop flush');
      for (const family of [4, 6] as const) {
        for (const priority of [10000, 10001]) {
          for (const _ of rulesSeen(priority, family)) ip(`-${family} rule del pref ${priority}`);
        }
      }
    },
  };
}

export function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert.ok(parsed instanceof Prefix, text);
  return parsed;
}

export function leg(gateway: string | undefined, oif: number, more: Partial<Leg> = {}): Leg {
  return {
    gateway: gateway === undefined ? undefined : Address.parse(gateway),
    oif,
    onlink: false,
    weight: 1,
    ...more,
  };
}

export function route(
  destination: string,
  target: RouteTarget | readonly Leg[],
  table = 100,
): Route {
  return {
    table,
    prefix: prefix(destination),
    metric: 20,
    target: 'type' in target ? target : { type: 'legs', legs: target },
  };
}

export function rule(from: string | undefined, more: Partial<Rule> = {}): Rule {
  return {
    family: 'ipv4',
    priority: 10000,
    table: 100,
    from: from === undefined ? undefined : prefix(from),
    to: undefined,
    iif: undefined,
    fwmark: undefined,
    ...more,
  };
}

/** Hears what the kernel tells until disposed. */
export class Listener implements Disposable {
  readonly heard: KernelNotice[] = [];
  readonly #stop = new AbortController();
  /** Settles when the iteration has ended. */
  readonly ended: Promise<void>;

  constructor(kernel: Kernel) {
    const notices = kernel.notices(this.#stop.signal);
    this.ended = (async () => {
      for await (const batch of notices) this.heard.push(...batch);
    })();
  }

  has(wanted: (notice: KernelNotice) => boolean): boolean {
    return this.heard.some(wanted);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}
