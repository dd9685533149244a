/** The process behind {@link BenchFeeder}: one BGP session, and bytes made beforehand. Ends with its parent. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import {
  announcement,
  endOfRib,
  keepalive,
  MESSAGE,
  MessageReader,
  open,
  prefixFamily,
} from '../test/support/bgp-wire.js';
import type { RouteSet } from '../test/support/routes.js';
import type {
  Change,
  Churn,
  FeederCommand,
  FeederReply,
  FeederRequest,
  FeederSetting,
} from './feeder.js';
import { fullTable } from './full-table.js';

const BGP = 179;
const HOLD_SECONDS = 240;
const RETRY_MS = 20;
const DEADLINE_MS = 60_000;
/** Whatever hold time the other side has: none offers less than three times this. */
const KEEPALIVE_MS = 20_000;

const setting = JSON.parse(process.argv[2] ?? '') as FeederSetting;
const session = { localAs: setting.localAs, internal: false };
const tables = setting.feeds.map((feed) => ({
  feed,
  sets: fullTable(feed.count, feed),
}));
const bytes = Buffer.concat([
  ...tables.flatMap(({ feed, sets }) => [...sets.flatMap(encoded), endOfRib(feed.family)]),
]);

let socket: Socket | undefined;
/** Where the next churn begins. */
let nextSet = 0;

function encoded({ attributes, prefixes }: RouteSet): Buffer[] {
  return announcement(prefixFamily(prefixes[0] ?? ''), prefixes, attributes, session);
}

/** One attempt; the session once it is established, nothing where it does not come to that. */
async function call(): Promise<Socket | undefined> {
  const { localAddress, peerAddress, localAs, feeds } = setting;
  const attempt = connect({ host: peerAddress, port: BGP, localAddress, noDelay: true });
  const ended = new AbortController();
  attempt.on('error', () => {}); // `close` follows.
  attempt.once('close', () => ended.abort());
  const reader = new MessageReader();
  const families = [...new Set(feeds.map(({ family }) => family))];
  attempt.once('connect', () =>
    attempt.write(
      open({
        ...{ as: localAs, holdTime: HOLD_SECONDS, routerId: localAddress, families },
        gracefulRestart: undefined,
      }),
    ),
  );
  attempt.on('data', (chunk) => {
    for (const { type } of reader.push(chunk)) {
      if (type === MESSAGE.open) attempt.write(keepalive());
      if (type === MESSAGE.keepalive) attempt.emit('established');
      if (type === MESSAGE.notification) attempt.destroy();
    }
  });
  try {
    const patience = AbortSignal.timeout(DEADLINE_MS);
    await once(attempt, 'established', { signal: AbortSignal.any([ended.signal, patience]) });
  } catch {
    attempt.destroy();
    return undefined; // Refused, or closed again: whoever listens is not up yet.
  }
  const beat = setInterval(() => attempt.write(keepalive()), KEEPALIVE_MS);
  attempt.once('close', () => {
    clearInterval(beat);
    if (socket === attempt) socket = undefined;
  });
  return attempt;
}

async function establish(): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (performance.now() < end) {
    socket = await call();
    if (socket !== undefined) return;
    await pause(RETRY_MS);
  }
  throw new Error(`no session with ${setting.peerAddress} within ${DEADLINE_MS} ms`);
}

function write(message: Buffer): bigint {
  if (socket === undefined) throw new Error('there is no session');
  const at = process.hrtime.bigint();
  socket.write(message);
  return at;
}

/** Each at its time: one that is late does not move the others. */
async function churn({ changes, changesASecond, nextHop }: Churn): Promise<Change[]> {
  const planned: { readonly prefixes: readonly string[]; readonly message: Buffer }[] = [];
  const sets = tables[0]?.sets ?? [];
  for (let prefixes = 0; prefixes < changes; ) {
    const set = sets[nextSet++ % sets.length];
    if (set === undefined) throw new Error('there is no table to change');
    const changed = { ...set, attributes: { ...set.attributes, nextHop } };
    planned.push({ prefixes: set.prefixes, message: Buffer.concat(encoded(changed)) });
    prefixes += set.prefixes.length;
  }
  const made: Change[] = [];
  const begin = performance.now();
  let written = 0;
  for (const one of planned) {
    const wait = begin + (written / changesASecond) * 1000 - performance.now();
    if (wait > 0) await pause(wait);
    made.push({ at: write(one.message), prefixes: one.prefixes });
    written += one.prefixes.length;
  }
  return made;
}

async function drop(): Promise<bigint> {
  const lost = socket;
  const at = process.hrtime.bigint();
  if (lost !== undefined) {
    const closed = once(lost, 'close');
    lost.destroy();
    await closed;
  }
  return at;
}

async function obey(command: FeederCommand): Promise<readonly Change[]> {
  switch (command.do) {
    case 'connect':
      await establish();
      return command.table ? [{ at: write(bytes), prefixes: [] }] : [];
    case 'table':
      return [{ at: write(bytes), prefixes: [] }];
    case 'churn':
      return churn(command.churn);
    case 'drop':
      return [{ at: await drop(), prefixes: [] }];
  }
}

process.on('message', ({ id, command }: FeederRequest) => {
  obey(command).then(
    (changes) => process.send?.({ id, changes } satisfies FeederReply),
    (error: unknown) => process.send?.({ id, error: String(error) } satisfies FeederReply),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
