/**
 * Captures the codec's corpus anew: `node --import tsx test/capture/main.ts [NAME…]` (root; after
 * `scripts/setup`). Each daemon runs in a namespace of its own, hears what `feed.ts` says, and what
 * it passes on is written to `test/unit/source/bgp/message/captured/NAME.json`.
 */
import { writeFile } from 'node:fs/promises';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../../src/source/bgp/message/decode.js';
import { startFeeder } from '../support/feeder.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { type RecordedSession, Recorder } from '../support/recorder.js';
import { type Captured, SUBJECTS, type Subject } from './daemons.js';
import {
  CHANGED,
  INTERNAL_PEER,
  OF_INTERNAL_PEER,
  OF_ROUTER,
  ROUTER,
  ROUTER_AS,
  WITHDRAWN,
} from './feed.js';
import { NODE, NODE_AS, SESSIONS } from './sessions.js';

const say = (text: string) => process.stderr.write(`${text}\n`);

for (const subject of SUBJECTS) {
  const wanted = process.argv.slice(2);
  if (wanted.length > 0 && !wanted.includes(subject.name)) continue;
  const sessions = await capture(subject);
  const file = new URL(`../unit/source/bgp/message/captured/${subject.name}.json`, import.meta.url);
  const origin = `${subject.name} with its sessions as in test/capture/daemons.ts, fed as in test/capture/feed.ts: all routes, then a change, withdrawals, a route refresh of both families, and an administrative shutdown; what test/capture/sessions.ts lists has received.`;
  await writeFile(file, `${JSON.stringify({ origin, sessions }, null, 2)}\n`);
  say(`${subject.name}: ${sessions.map((one) => `${one.name} ${one.messages.length}`).join(', ')}`);
}

async function capture(subject: Subject): Promise<readonly Omit<RecordedSession, 'ended'>[]> {
  await using fabric = await createNetns('fabric');
  await using node = await createNetns('node');
  const own = [ROUTER, INTERNAL_PEER, ...SESSIONS.map(({ localAddress }) => localAddress)];
  await connect(
    fabric,
    {
      name: 'f0',
      addresses: [...own.map((one) => `${one}/24`), '2001:db8:9::2/64', '2001:db8:9::6/64'],
    },
    node,
    { name: 'eth1', addresses: [`${NODE}/24`, '2001:db8:9::1/64', 'fe80::1/64'] },
  );
  await using daemon = await subject.start(node);
  return await record(fabric, daemon);
}

async function record(
  fabric: Netns,
  daemon: Captured,
): Promise<readonly Omit<RecordedSession, 'ended'>[]> {
  const feeder = (localAddress: string, localAs: number) =>
    startFeeder({
      netns: fabric,
      ...{ localAddress, localAs, peerAddress: NODE, peerAs: NODE_AS },
    });
  await using router = await feeder(ROUTER, ROUTER_AS);
  await using internal = await feeder(INTERNAL_PEER, NODE_AS);
  await router.announce(OF_ROUTER);
  await internal.announce(OF_INTERNAL_PEER);
  await using recorder = Recorder.start(fabric, SESSIONS);
  await recorder.quiet(4);
  await router.announce(CHANGED);
  await router.withdraw(WITHDRAWN);
  await recorder.quiet(6);
  for (const afi of [1, 2]) await recorder.refresh(afi);
  await recorder.quiet(8);
  await daemon.shutDown();
  await recorder.quiet(9);
  const found = await recorder.sessions();
  for (const { name, ended, messages } of found) {
    if (!ended) throw new Error(`${name} was not shut down`);
    const types = messages.map((hex) => Buffer.from(hex, 'hex')[18]);
    say(`  ${name}: types ${types.join(' ')}`);
    const first = new Decoder(CONTEXT_BEFORE_OPEN).message(Buffer.from(messages[0] ?? '', 'hex'));
    if (first.type !== 'open') throw new Error(`${name} began with ${first.type}`);
  }
  return found.map(({ name, messages }) => ({ name, messages }));
}
