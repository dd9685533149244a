/**
 * Batched writes on a socket of their own. The kernel answers in order and
 * before the send returns: a failure always, a success only where NLM_F_ACK
 * asks, which the last message of a batch does. One batch is under way at a
 * time, so its answers fit the receive buffer; where the kernel had no room all
 * the same, the batch is lost, whatever came through.
 */

import { walkMessages } from '../netlink/walk.js';
import { decodeError, NLM_F_ACK, NLMSG_ERROR } from './answer.js';
import { encodeRequest, type Request } from './codec-operation.js';
import { Deadline } from './deadline.js';
import { KernelError, type OperationFailure } from './kernel.js';
import { MessageWriter } from './message-writer.js';
import { NetlinkSocket } from './socket.js';

const BATCH_MESSAGES = 1000;
/** A batch ends behind the message that crosses this. */
const BATCH_BYTES = 96 * 1024;
/** One more message, whose largest attribute is 64 KiB. */
const MESSAGE_BYTES = 72 * 1024;
const LEAST_BATCH_BYTES = 4 * 1024;
const RECEIVE_BUFFER = 4 << 20;
/** What a failure with the kernel's own words takes of the receive buffer, at most. */
const ANSWER_BYTES = 2048;
/** Longest wait for an answer, milliseconds. */
const SILENCE = 5_000;

/** The batch the kernel has before it. Message `i` bears sequence number `base + i`. */
interface Batch {
  readonly base: number;
  /** Index of the message whose answer ends the batch. */
  readonly last: number;
  /** The socket's count of lost answers before it. */
  readonly dropped: number;
  readonly failures: OperationFailure[];
  readonly settle: (outcome: 'answered' | 'lost' | KernelError) => void;
}

export class WriteClient {
  readonly #writer = new MessageWriter(BATCH_BYTES + MESSAGE_BYTES);
  readonly #socket: NetlinkSocket;
  readonly #limit: number;
  /** As {@link BATCH_BYTES}, or less where the kernel takes no message so long. */
  readonly #bytes: number;
  readonly #deadline: Deadline;
  #batch: Batch | undefined;
  #seq = 1;
  /** Something in the batch being written takes long however short it is. */
  #heavy = false;
  #broken: KernelError | undefined;

  /**
   * @param malformed told of answers that did not decode.
   * @param silence longest wait for an answer, milliseconds.
   * @throws KernelError
   */
  constructor(
    readonly malformed: (count: number) => void,
    silence = SILENCE,
  ) {
    this.#deadline = new Deadline(silence, () => this.#settle('lost'));
    this.#socket = NetlinkSocket.open(
      { receiveBuffer: RECEIVE_BUFFER },
      {
        message: (chunk) => this.#receive(chunk),
        error: (error) => this.#break(error),
      },
    );
    const bytes = Math.min(BATCH_BYTES, this.#socket.sendBuffer - MESSAGE_BYTES);
    this.#bytes = Math.max(LEAST_BATCH_BYTES, bytes);
    this.#limit = Math.min(BATCH_MESSAGES, Math.floor(this.#socket.receiveBuffer / ANSWER_BYTES));
  }

  /** Port id of every write. */
  get port(): number {
    return this.#socket.port;
  }

  /**
   * Sends `requests[from]` to `requests[to - 1]` in order. Returns the index of
   * the first whose answer was lost, or `to`; those before it that are not in
   * `failures` were done. Nothing is sent after a loss.
   * @throws KernelError when the socket is gone.
   */
  async write(
    requests: readonly Request[],
    from: number,
    to: number,
    failures: OperationFailure[],
  ): Promise<number> {
    for (let at = from; at < to; ) {
      const refused: OperationFailure[] = [];
      const end = this.#encode(requests, at, to, refused);
      const outcome = await this.#send(end - at, refused);
      if (outcome === 'lost') return at;
      if (outcome !== 'answered') throw outcome;
      for (const { index, errno, message } of refused) {
        failures.push({ index: at + index, errno, message });
      }
      at = end;
    }
    return to;
  }

  close(): void {
    this.#break(new KernelError('execute', 'ECANCELED', 'closed'));
  }

  /** Fills the buffer with one batch; returns the index behind its last request. */
  #encode(requests: readonly Request[], from: number, to: number, refused: OperationFailure[]) {
    const writer = this.#writer;
    const stop = Math.min(to, from + this.#limit);
    writer.reset();
    this.#heavy = false;
    let at = from;
    for (; at < stop && writer.length < this.#bytes; at++) {
      const request = requests[at];
      if (request === undefined) break;
      this.#heavy ||= isHeavy(request);
      try {
        encodeRequest(writer, (this.#seq + at - from) >>> 0, request);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        writer.abandon();
        refused.push({ index: at - from, errno: 'EMSGSIZE', message: error.message });
      }
    }
    return at;
  }

  #send(count: number, failures: OperationFailure[]): Promise<'answered' | 'lost' | KernelError> {
    if (this.#broken !== undefined) return Promise.resolve(this.#broken);
    if (this.#writer.length === 0) return Promise.resolve('answered');
    const base = this.#seq;
    this.#seq = (this.#seq + count) >>> 0;
    const last = (this.#writer.markLast(NLM_F_ACK) - base) >>> 0;
    return new Promise((settle) => {
      this.#batch = { base, last, dropped: this.#socket.dropped, failures, settle };
      const batch = this.#batch;
      // While the kernel works it owes no answer: a million routes on one object take it a second.
      const sent = () => {
        if (this.#batch === batch) this.#deadline.kick();
      };
      const failed = (error: KernelError) => this.#break(error);
      this.#socket.send(this.#writer.written(), failed, { heavy: this.#heavy, sent });
    });
  }

  #receive(chunk: Buffer): void {
    const skipped = walkMessages(chunk, (type, flags, seq, body, end) => {
      const batch = this.#batch;
      if (batch === undefined || type !== NLMSG_ERROR) return;
      const index = (seq - batch.base) >>> 0;
      if (index > batch.last) return;
      const { errno, symbol, message } = decodeError(chunk, flags, body, end);
      if (errno !== 0) batch.failures.push({ index, errno: symbol, message });
      if (index !== batch.last) return;
      this.#settle(this.#socket.dropped === batch.dropped ? 'answered' : 'lost');
    });
    if (skipped > 0) this.malformed(skipped);
  }

  #settle(outcome: 'answered' | 'lost' | KernelError): void {
    this.#deadline.stop();
    const batch = this.#batch;
    this.#batch = undefined;
    batch?.settle(outcome);
  }

  #break(error: KernelError): void {
    this.#broken ??= error;
    this.#socket.close();
    this.#settle(error);
  }
}

/** The kernel looks at every route that stands on the object: a second for a million. */
function isHeavy({ op }: Request): boolean {
  return op === 'nexthop-replace' || op === 'nexthop-delete';
}
