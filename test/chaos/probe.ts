/**
 * Asks the kernel every 10 ms for the route of each destination, by `ip -batch`
 * processes that run on. IPv4 is looked up as traffic is, rules included
 * (RTM_GETROUTE). So is IPv6, but what says no then says nothing: of a nexthop
 * object that several IPv6 routes share, Linux keeps the looked-up route a CPU,
 * and once the one it was made for is gone, answers "Network is unreachable" for
 * the others too, though traffic goes through (measured, 6.18). So their tables
 * are read besides.
 */

import type { Netns } from '../support/netns.js';
import { Channel } from './channel.js';
import { Ledger } from './ledger.js';
import { DESTINATIONS, MANAGEMENT, SERVICE, TABLES, type TableId } from './network.js';

const EVERY_MS = 10;
const IPV6_DESTINATIONS = '2001:db8:1000::/48';

interface Question {
  /** `TABLE PREFIX`: a destination as looked up by the traffic of one table. */
  readonly name: string;
  readonly table: TableId;
  readonly prefix: string;
  /** `ADDRESS from SERVICE-ADDRESS`. */
  readonly packet: string;
}

const QUESTIONS = TABLES.flatMap((table) =>
  DESTINATIONS.map(({ prefix, address, family }) => ({
    ...{ family, table, prefix, name: `${table} ${prefix}` },
    packet: `${address} from ${SERVICE[table][family]}`,
  })),
);
const IPV4: readonly Question[] = QUESTIONS.filter(({ family }) => family === 'ipv4');
const IPV6: readonly Question[] = QUESTIONS.filter(({ family }) => family === 'ipv6');

export class Probe implements AsyncDisposable {
  readonly ledger = new Ledger(QUESTIONS.map(({ name }) => name));
  /** What was seen last of a destination that was out. */
  readonly seen = new Map<string, string>();
  readonly #channels: readonly Channel[];
  readonly #timer: NodeJS.Timeout;

  private constructor(node: Netns) {
    const channels = [
      new Channel(node, '-4', [
        {
          commands: IPV4.map(({ packet }) => `route get fibmatch ${packet}`),
          answer: (lines, at) => this.#ipv4(lines, at),
        },
      ]),
      new Channel(node, '-6', [
        ...TABLES.map((table) => ({
          commands: [`route show table ${table} root ${IPV6_DESTINATIONS} proto 178`],
          answer: (lines: readonly string[], at: number) => this.#ipv6Table(table, lines, at),
        })),
        {
          commands: IPV6.map(({ packet }) => `route get ${packet}`),
          answer: (lines, at) => this.#ipv6(lines, at),
        },
      ]),
    ];
    this.#channels = channels;
    this.#timer = setInterval(() => {
      for (const channel of channels) channel.ask();
    }, EVERY_MS);
  }

  static start(node: Netns): Probe {
    return new Probe(node);
  }

  /** Rounds of questions so far, and the longest time between two, in milliseconds. */
  get account(): { readonly rounds: number; readonly worstGapMs: number } {
    return {
      rounds: Math.min(...this.#channels.map(({ rounds }) => rounds)),
      worstGapMs: Math.max(...this.#channels.map(({ worstGapMs }) => worstGapMs)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const channel of this.#channels) await channel[Symbol.asyncDispose]();
  }

  #ipv4(lines: readonly string[], at: number): void {
    for (const { name, table, prefix } of IPV4) {
      const there = lines.some(
        (line) =>
          line.startsWith(`${prefix} `) &&
          line.includes(` table ${table} `) &&
          line.includes(' proto 178 '),
      );
      this.#note(name, there, at, lines);
    }
  }

  #ipv6Table(table: TableId, lines: readonly string[], at: number): void {
    for (const question of IPV6) {
      if (question.table !== table) continue;
      const there = lines.some((line) => line.startsWith(`${question.prefix} `));
      this.#note(question.name, there, at, lines);
    }
  }

  /** Where another route answers, it is the fallback of the table, or of main: out of the management port. */
  #ipv6(lines: readonly string[], at: number): void {
    for (const { name, table, packet } of IPV6) {
      const line = lines.find((one) => one.includes(`${packet} `));
      if (line === undefined) continue;
      const astray = !line.includes(` table ${table} `) || line.includes(` dev ${MANAGEMENT} `);
      if (astray) this.#note(name, false, at, [line]);
    }
  }

  #note(name: string, there: boolean, at: number, lines: readonly string[]): void {
    if (!there) this.seen.set(name, lines.join(' | '));
    this.ledger.saw(name, there, at);
  }
}
