/**
 * Reading whole sets: one dump at a time on a socket of its own, whole or an error. The kernel's
 * work goes on beside the event loop; each piece is decoded in a turn of its own.
 */

import { NLMSG_HEADER, walkMessages } from '../netlink/walk.js';
import {
  decodeDone,
  decodeError,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './answer.js';
import { type Datagram, DumpSocket } from './dump-socket.js';
import { KernelError } from './kernel.js';
import { MessageWriter } from './message-writer.js';

/** Times a set that changed while it was read is read again. */
const ATTEMPTS = 20;
/** Longest silence, milliseconds: the kernel answers a read at once. */
const SILENCE = 10_000;
const REQUEST_SIZE = 256;

export interface DumpRequest<Item> {
  /** For errors: `routes`. */
  readonly op: string;
  /** RTM_GET… */
  readonly type: number;
  /** Writes what follows the nlmsghdr. */
  readonly encode: (writer: MessageWriter) => void;
  /** RTM_NEW…: other messages are passed over. */
  readonly answers: number;
  /** `undefined` leaves the object out; a RangeError skips and counts it. */
  readonly decode: (bytes: Buffer, body: number, end: number) => Item | undefined;
}

/** How one attempt ended. */
type Outcome = 'whole' | 'interrupted' | KernelError;

export class DumpClient {
  readonly #writer = new MessageWriter(REQUEST_SIZE);
  #socket: DumpSocket | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #seq = 0;
  #closed = false;

  /** @param malformed told of messages that did not decode. */
  constructor(readonly malformed: (count: number) => void) {}

  /**
   * All items of one set, in the kernel's order. A set that changes meanwhile
   * (NLM_F_DUMP_INTR) is read again. Calls queue up.
   * @throws KernelError when the kernel refuses, goes silent, or the set never holds still.
   */
  async dump<Item>(request: DumpRequest<Item>): Promise<Item[]> {
    let items: Item[] = [];
    await this.each(request, () => {
      items = [];
      return (item) => items.push(item);
    });
    return items;
  }

  /**
   * As {@link dump}, one by one: `begin` is called for every reading of the set, and each item
   * goes to what it returned.
   */
  each<Item>(request: DumpRequest<Item>, begin: () => (item: Item) => void): Promise<void> {
    const result = this.#last.then(() => this.#attempts(request, begin));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** A dump under way is given up with ECANCELED. */
  close(): void {
    this.#closed = true;
    this.#closeSocket();
  }

  async #attempts<Item>(
    request: DumpRequest<Item>,
    begin: () => (item: Item) => void,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const outcome = await this.#attempt(request, begin());
      if (outcome === 'whole') return;
      if (outcome !== 'interrupted') {
        throw new KernelError(request.op, outcome.errno, outcome.reason, { cause: outcome });
      }
    }
    throw new KernelError(request.op, 'EAGAIN', `changed during each of ${ATTEMPTS} readings`);
  }

  async #attempt<Item>(
    request: DumpRequest<Item>,
    takeItem: (item: Item) => void,
  ): Promise<Outcome> {
    if (this.#closed) return canceled();
    try {
      this.#socket ??= new DumpSocket(SILENCE);
      const dump = new Dump(request, ++this.#seq >>> 0, takeItem);
      this.#socket.send(this.#encode(request, dump.seq));
      for (let next = this.#socket.read(); ; ) {
        const datagrams = await next;
        if (this.#closed) return canceled();
        // Beside the decoding: the kernel has the rest ready as soon as it is asked.
        const ends = datagrams.some(({ bytes }) => endsDump(bytes));
        if (!ends) {
          next = this.#socket.read();
          // Heard of with the next turn of this loop, unless what is decoded now ends it before.
          next.catch(() => undefined);
        }
        for (const datagram of datagrams) this.#skipped(dump.take(datagram));
        if (!ends) continue;
        if (dump.outcome === undefined) next = this.#socket.read();
        else return dump.outcome;
      }
    } catch (error) {
      // The socket may be in the middle of anything: the next dump gets a new one.
      this.#closeSocket();
      if (error instanceof KernelError) return error;
      throw error;
    }
  }

  #encode<Item>({ type, encode }: DumpRequest<Item>, seq: number): Buffer {
    const writer = this.#writer;
    writer.reset();
    writer.begin(type, NLM_F_REQUEST | NLM_F_DUMP, seq);
    encode(writer);
    writer.end();
    return writer.written();
  }

  #skipped(count: number): void {
    if (count > 0) this.malformed(count);
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** One attempt, while its datagrams come. */
class Dump<Item> {
  /** Once its end was met. */
  outcome: Outcome | undefined;
  #interrupted = false;

  constructor(
    private readonly request: DumpRequest<Item>,
    readonly seq: number,
    private readonly takeItem: (item: Item) => void,
  ) {}

  /** Returns how many messages did not decode. @throws KernelError */
  take({ bytes, cut }: Datagram): number {
    if (cut) throw new KernelError('dump', 'EMSGSIZE', 'a message longer than the buffer');
    return walkMessages(bytes, (type, flags, seq, body, end) => {
      if (seq !== this.seq) return;
      if ((flags & NLM_F_DUMP_INTR) !== 0) this.#interrupted = true;
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const decode = type === NLMSG_DONE ? decodeDone : decodeError;
        const { errno, symbol, message } = decode(bytes, flags, body, end);
        if (errno !== 0) this.outcome = new KernelError('dump', symbol, message);
        else this.outcome = this.#interrupted ? 'interrupted' : 'whole';
      } else if (type === this.request.answers) {
        const item = this.request.decode(bytes, body, end);
        if (item !== undefined) this.takeItem(item);
      }
    });
  }
}

/** The last message of a dump is in it. A look at the headers alone. */
function endsDump(bytes: Buffer): boolean {
  for (let at = 0; at + NLMSG_HEADER <= bytes.length; ) {
    const type = bytes.readUInt16LE(at + 4);
    if (type === NLMSG_DONE || type === NLMSG_ERROR) return true;
    at += Math.max(NLMSG_HEADER, (bytes.readUInt32LE(at) + 3) & ~3);
  }
  return false;
}

function canceled(): KernelError {
  return new KernelError('dump', 'ECANCELED', 'closed');
}
