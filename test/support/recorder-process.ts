/**
 * The recorder's process: BGP sessions that announce nothing and keep every
 * message they get. Told what to do over IPC; ends with its parent.
 */
import { connect, type Socket } from 'node:net';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../../src/source/bgp/message/decode.js';
import {
  encodeKeepalive,
  encodeOpen,
  encodeRouteRefresh,
  twoOctetAs,
} from '../../src/source/bgp/message/encode.js';
import { FrameSplitter } from '../../src/source/bgp/message/frame-splitter.js';
import { MESSAGE_TYPE } from '../../src/source/bgp/message/message.js';
import type { RecorderCommand, RecorderReply, RecorderSession } from './recorder.js';

const RECONNECT_MS = 200;
const KEEPALIVE_MS = 10_000;
const HOLD_TIME = 90;

class Recording {
  /** Of the session that stands, or stood last. */
  messages: Buffer[] = [];
  ended = false;
  #socket: Socket | undefined;

  constructor(private readonly session: RecorderSession) {}

  /** Opens the session, again until the peer takes it. */
  open(): void {
    const { peerAddress, localAddress, as, capabilities } = this.session;
    const socket = connect({ host: peerAddress, port: 179, localAddress });
    const splitter = new FrameSplitter();
    splitter.maxLength = 65535;
    this.#socket = socket;
    socket.on('connect', () => {
      this.messages = [];
      const routerId = localAddress.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
      const fixed = { version: 4, as: twoOctetAs(as), holdTime: HOLD_TIME, routerId };
      socket.write(encodeOpen({ ...fixed, capabilities }));
    });
    const timer = setInterval(() => socket.write(encodeKeepalive()), KEEPALIVE_MS);
    socket.on('data', (chunk) => {
      splitter.push(chunk);
      for (let next = splitter.next(); next !== undefined; next = splitter.next()) {
        this.#take(Buffer.from(next));
      }
    });
    socket.on('error', () => {}); // `close` follows.
    socket.on('close', () => {
      clearInterval(timer);
      const last = this.messages.at(-1);
      // A session that ended in the middle of the recording stays as it is.
      this.ended = this.messages.some((one) => one[18] === MESSAGE_TYPE.keepalive);
      if (!this.ended || last === undefined) setTimeout(() => this.open(), RECONNECT_MS);
    });
  }

  refresh(afi: number): void {
    this.#socket?.write(encodeRouteRefresh({ kind: 'request', afi, safi: 1 }));
  }

  #take(bytes: Buffer): void {
    this.messages.push(bytes);
    if (bytes[18] !== MESSAGE_TYPE.open) return;
    new Decoder(CONTEXT_BEFORE_OPEN).message(bytes); // A recording of something else is of no use.
    this.#socket?.write(encodeKeepalive());
  }
}

const sessions = JSON.parse(process.argv[2] ?? '') as readonly RecorderSession[];
const recordings = new Map(sessions.map((session) => [session.name, new Recording(session)]));

process.on('message', (command: RecorderCommand) => {
  if (command.do === 'refresh') for (const one of recordings.values()) one.refresh(command.afi);
  const reply: RecorderReply = {
    id: command.id,
    sessions: [...recordings].map(([name, { messages, ended }]) => ({
      name,
      ended,
      messages: messages.map((bytes) => bytes.toString('hex')),
    })),
  };
  process.send?.(reply);
});
process.on('disconnect', () => process.exit());
for (const recording of recordings.values()) recording.open();
