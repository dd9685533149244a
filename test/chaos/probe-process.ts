/**
 * Asks the kernel every 10 ms for the route of each destination, by `ip -batch`
 * processes that run on: probe-process.ts NETNS, in a process of its own, that
 * nothing else keeps from looking.
 *
 * IPv4 is looked up as traffic is, rules included (RTM_GETROUTE). So is IPv6, but
 * what says no then says nothing: of a nexthop object that several IPv6 routes
 * share, Linux keeps the looked-up route a CPU, and once the one it was made for is
 * gone, answers "Network is unreachable" for the others too, though traffic goes
 * through (measured, 6.18). So their tables are read besides.
 */
import { setPriority } from 'node:os';
import { Netns } from '../support/netns.js';
import { type Asked, Channel } from './channel.js';
import { MANAGEMENT, TABLES, type TableId } from './network.js';
import { type Message, QUESTIONS, type Request } from './probe-protocol.js';

const EVERY_MS = 10;
const IPV6_DESTINATIONS = '2001:db8:1000::/48';

const IPV4 = QUESTIONS.filter(({ family }) => family === 'ipv4');
const IPV6 = QUESTIONS.filter(({ family }) => family === 'ipv6');
const standing = new Map<string, boolean>();

setPriority(0);
const node = new Netns(process.argv[2]);
const channels = [
  new Channel(node, '-4', [
    { commands: IPV4.map(({ packet }) => `route get fibmatch ${packet}`), answer: sawIpv4 },
  ]),
  new Channel(node, '-6', [
    ...TABLES.map((table) => ({
      commands: [`route show table ${table} root ${IPV6_DESTINATIONS} proto 178`],
      answer: (lines: readonly string[], asked: Asked) => sawIpv6Table(table, lines, asked),
    })),
    { commands: IPV6.map(({ packet }) => `route get ${packet}`), answer: sawIpv6 },
  ]),
];
setInterval(() => {
  for (const channel of channels) channel.ask();
}, EVERY_MS);
process.on('message', ({ id }: Request) => {
  void Promise.all(channels.map((channel) => channel.round())).then(() => {
    const rounds = Math.min(...channels.map((channel) => channel.rounds));
    const worstGapMs = Math.max(...channels.map((channel) => channel.worstGapMs));
    send({ type: 'mark', id, rounds, worstGapMs });
  });
});
process.on('disconnect', () => process.exit());

function sawIpv4(lines: readonly string[], asked: Asked): void {
  for (const { name, table, prefix } of IPV4) {
    const there = lines.some(
      (line) =>
        line.startsWith(`${prefix} `) &&
        line.includes(` table ${table} `) &&
        line.includes(' proto 178 '),
    );
    note(name, there, asked, lines);
  }
}

function sawIpv6Table(table: TableId, lines: readonly string[], asked: Asked): void {
  for (const question of IPV6) {
    if (question.table !== table) continue;
    const there = lines.some((line) => line.startsWith(`${question.prefix} `));
    // That the rules lead there is the other look's to say, and to take back.
    if (!there || !astray.has(question.name)) note(question.name, there, asked, lines);
  }
}

const astray = new Set<string>();

/** Where another route answers, it is the fallback of the table, or of main: out of the management port. */
function sawIpv6(lines: readonly string[], asked: Asked): void {
  for (const { name, table, packet } of IPV6) {
    const line = lines.find((one) => one.includes(`${packet} `));
    if (line === undefined) continue;
    const elsewhere = !line.includes(` table ${table} `) || line.includes(` dev ${MANAGEMENT} `);
    if (elsewhere) {
      astray.add(name);
      note(name, false, asked, [line]);
    } else astray.delete(name);
  }
}

/** What is there again at a look that came late counts as back when that look was due. */
function note(
  name: string,
  there: boolean,
  { at: asked, before }: Asked,
  lines: readonly string[],
): void {
  if (standing.get(name) === there) return;
  standing.set(name, there);
  const at = there ? Math.min(asked, before + EVERY_MS) : asked;
  send({ type: 'sight', name, there, at, shown: lines.join(' | ') });
}

function send(message: Message): void {
  process.send?.(message);
}
