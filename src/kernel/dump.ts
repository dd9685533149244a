/** Reading whole sets: one dump at a time on a socket of its own, whole or an error. */

import { walkMessages } from '../netlink/walk.js';
import {
  decodeDone,
  decodeError,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './answer.js';
import { Deadline } from './deadline.js';
import { KernelError } from './kernel.js';
import { MessageWriter } from './message-writer.js';
import { NetlinkSocket } from './socket.js';

/** Times a set that changed while it was read is read again. */
const ATTEMPTS = 20;
/** Longest silence in the middle of a dump, milliseconds. */
const SILENCE = 10_000;
const REQUEST_SIZE = 256;
const RECEIVE_BUFFER = 1 << 20;

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

interface Running {
  readonly seq: number;
  readonly take: (type: number, body: number, end: number, chunk: Buffer) => void;
  readonly finish: (outcome: Outcome) => void;
  interrupted: boolean;
}

export class DumpClient {
  readonly #writer = new MessageWriter(REQUEST_SIZE);
  readonly #deadline = new Deadline(SILENCE, () =>
    this.#fail(new KernelError('dump', 'ETIMEDOUT', 'the kernel stopped answering')),
  );
  #socket: NetlinkSocket | undefined;
  #running: Running | undefined;
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

  close(): void {
    this.#closed = true;
    this.#fail(new KernelError('dump', 'ECANCELED', 'closed'));
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

  #attempt<Item>(request: DumpRequest<Item>, takeItem: (item: Item) => void): Promise<Outcome> {
    if (this.#closed) return Promise.resolve(new KernelError('dump', 'ECANCELED', 'closed'));
    return new Promise((resolve) => {
      this.#socket ??= this.#open();
      const seq = ++this.#seq >>> 0;
      const take: Running['take'] = (type, body, end, chunk) => {
        if (type !== request.answers) return;
        const item = request.decode(chunk, body, end);
        if (item !== undefined) takeItem(item);
      };
      this.#running = { seq, take, finish: resolve, interrupted: false };
      const writer = this.#writer;
      writer.reset();
      writer.begin(request.type, NLM_F_REQUEST | NLM_F_DUMP, seq);
      request.encode(writer);
      writer.end();
      this.#deadline.kick();
      this.#socket.send(writer.written(), (error) => this.#fail(error));
    });
  }

  #open(): NetlinkSocket {
    return NetlinkSocket.open(
      { receiveBuffer: RECEIVE_BUFFER, read: 'large' },
      {
        message: (chunk, cut) => this.#receive(chunk, cut),
        error: (error) => this.#fail(error),
      },
    );
  }

  #receive(chunk: Buffer, cut: boolean): void {
    const running = this.#running;
    if (running === undefined) return;
    if (cut) {
      this.#fail(new KernelError('dump', 'EMSGSIZE', 'a message longer than the buffer'));
      return;
    }
    this.#deadline.kick();
    const skipped = walkMessages(chunk, (type, flags, seq, body, end) => {
      if (seq !== running.seq) return;
      if ((flags & NLM_F_DUMP_INTR) !== 0) running.interrupted = true;
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const decode = type === NLMSG_DONE ? decodeDone : decodeError;
        const { errno, symbol, message } = decode(chunk, flags, body, end);
        if (errno !== 0) this.#finish(new KernelError('dump', symbol, message));
        else this.#finish(running.interrupted ? 'interrupted' : 'whole');
      } else {
        running.take(type, body, end, chunk);
      }
    });
    if (skipped > 0) this.malformed(skipped);
  }

  #finish(outcome: Outcome): void {
    this.#deadline.stop();
    const running = this.#running;
    this.#running = undefined;
    running?.finish(outcome);
  }

  /** The socket may be in the middle of anything: the next dump gets a new one. */
  #fail(error: KernelError): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#finish(error);
  }
}
