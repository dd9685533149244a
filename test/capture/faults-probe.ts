/**
 * Run in the peer's namespace: sends each message in an eBGP session of its own, behind a right
 * announcement, and prints as JSON what the daemon made of it: `kept`, or the NOTIFICATION, `3/9`.
 *
 *   faults-probe.ts LOCAL-ADDRESS HEX…
 */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
} from '../../src/source/bgp/message/encode.js';
import { FrameSplitter } from '../../src/source/bgp/message/frame-splitter.js';
import { MESSAGE_TYPE } from '../../src/source/bgp/message/message.js';
import { MANDATORY, P1, P2, update } from '../unit/source/bgp/message/build.js';
import { FAULT_PEER_AS, NODE } from './sessions.js';

/** How long a daemon may take to end a session; it sends what it has to say within milliseconds. */
const VERDICT_MS = 700;
const SESSION_MS = 8000;
const ATTEMPTS = 60;
const BETWEEN_MS = 250;

const [localAddress = '', ...messages] = process.argv.slice(2);
const verdicts: string[] = [];
for (const hex of messages) verdicts.push(await probe(Buffer.from(hex, 'hex')));
process.stdout.write(`${JSON.stringify(verdicts)}\n`);

async function probe(bytes: Buffer): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const verdict = await session(bytes);
    if (verdict !== undefined) return verdict;
    await delay(BETWEEN_MS); // It holds back a peer whose session has just ended.
  }
  return 'no session';
}

/** `undefined` where no session came about. */
function session(bytes: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: NODE, port: 179, localAddress });
    const splitter = new FrameSplitter();
    let established = false;
    let sent = false;
    const finish = (verdict: string | undefined) => {
      clearTimeout(limit);
      resolve(verdict);
    };
    const limit = setTimeout(() => socket.destroy(), SESSION_MS);
    socket.on('error', () => {}); // `close` follows.
    socket.on('close', () => finish(sent ? 'closed without a word' : undefined));
    socket.on('connect', () => socket.write(open()));
    socket.on('data', (chunk) => {
      splitter.push(chunk);
      for (let next = splitter.next(); next !== undefined; next = splitter.next()) {
        const type = next[18];
        if (type === MESSAGE_TYPE.open) socket.write(encodeKeepalive());
        if (type === MESSAGE_TYPE.notification) {
          finish(sent ? `${next[19]}/${next[20]}` : undefined);
          socket.destroy();
          return;
        }
        if (type !== MESSAGE_TYPE.keepalive || established) continue;
        established = true;
        socket.write(encodeKeepalive());
        socket.write(update({ attributes: MANDATORY, nlri: [...P1, ...P2] }));
        socket.write(bytes);
        socket.write(encodeKeepalive());
        sent = true;
        setTimeout(() => {
          finish('kept');
          socket.end(encodeNotification({ code: 6, subcode: 4, data: Buffer.alloc(0) }));
        }, VERDICT_MS);
      }
    });
  });
}

function open(): Buffer {
  return encodeOpen({
    ...{ version: 4, as: FAULT_PEER_AS, holdTime: 90 },
    routerId: localAddress.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0),
    capabilities: [
      { type: 'multiprotocol', afi: 1, safi: 1 },
      { type: 'multiprotocol', afi: 2, safi: 1 },
      { type: 'four-octet-as', as: FAULT_PEER_AS },
    ],
  });
}
