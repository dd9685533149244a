/**
 * What others change, as batches of notices: one a turn of the event loop.
 * A slow consumer costs bounded memory: it gets an overrun instead.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { RTM_DELROUTE, RTM_NEWROUTE } from '../netlink/route-message.js';
import { walkMessages } from '../netlink/walk.js';
import { NLM_F_REPLACE } from './answer.js';
import {
  decodeLink,
  decodeLinkIndex,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from './codec-link.js';
import { decodeNexthop, RTM_DELNEXTHOP, RTM_NEWNEXTHOP } from './codec-nexthop.js';
import { decodeRoute } from './codec-route.js';
import { decodeRule, RTM_DELRULE, RTM_NEWRULE } from './codec-rule.js';
import { KernelError, type KernelNotice } from './kernel.js';
import { NetlinkSocket } from './socket.js';

/** RTNLGRP_: LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_RULE, NEXTHOP. */
const GROUPS = [1, 5, 7, 8, 9, 11, 19, 32];
const RECEIVE_BUFFER = 16 << 20;
/** nlmsg_pid is the last field of the header. */
const NLMSG_PID_BEFORE_BODY = 4;
/** Most notices kept for a consumer that is not there. */
const BACKLOG = 100_000;
/** A loss is looked for after every turn with messages, and this often for one that left none (milliseconds). */
const LOSS_CHECK = 5_000;

/** Turns of the event loop that are waited for what was sent to be heard: where ever more comes, that is newer. */
const MOST_TURNS = 1_000;

export class Monitor implements AsyncIterable<readonly KernelNotice[]> {
  #socket: NetlinkSocket;
  readonly #ownPorts: readonly number[];
  readonly #lossCheck: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  #pending: KernelNotice[] = [];
  /** What `pending` already says, so that it is said once. */
  #said = new Set<string>();
  #dropped = 0;
  #turnEnds = false;
  #end: 'no' | 'aborted' | KernelError = 'no';
  #wake: () => void = () => undefined;

  /**
   * Subscribed when this returns.
   * @param ownPorts port ids whose writes are not to be heard.
   * @param malformed told of every message that did not decode.
   * @throws KernelError
   */
  constructor(
    signal: AbortSignal,
    ownPorts: readonly number[],
    readonly malformed: (count: number) => void,
  ) {
    this.#signal = signal;
    this.#ownPorts = ownPorts;
    this.#socket = this.#subscribed();
    this.#lossCheck = setInterval(() => this.#checkLoss(), LOSS_CHECK).unref();
    signal.addEventListener('abort', this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly KernelNotice[]> {
    try {
      for (;;) {
        if (this.#end === 'aborted') return;
        if (this.#end !== 'no') throw this.#end;
        if (this.#pending.length > 0 && !this.#turnEnds) yield this.#take();
        else await new Promise<void>((wake) => (this.#wake = wake));
      }
    } finally {
      this.#stop('aborted');
    }
  }

  /** See `Kernel.heard`. */
  async heard(): Promise<void> {
    for (let turns = 0; turns < MOST_TURNS && this.#end === 'no'; turns++) {
      await turn();
      if (this.#socket.drained && !this.#turnEnds && this.#pending.length === 0) return;
    }
  }

  /** @throws KernelError */
  #subscribed(): NetlinkSocket {
    return NetlinkSocket.open(
      { receiveBuffer: RECEIVE_BUFFER, ignore: this.#ownPorts, groups: GROUPS },
      {
        message: (chunk) => this.#receive(chunk),
        error: (error) => this.#stop(error),
      },
    );
  }

  #take(): readonly KernelNotice[] {
    const batch = this.#pending;
    this.#pending = [];
    this.#said = new Set();
    return batch;
  }

  readonly #abort = (): void => this.#stop('aborted');

  #stop(end: 'aborted' | KernelError): void {
    if (this.#end !== 'no') return;
    this.#end = end;
    clearInterval(this.#lossCheck);
    this.#signal.removeEventListener('abort', this.#abort);
    this.#socket.close();
    this.#wake();
  }

  #receive(chunk: Buffer): void {
    const skipped = walkMessages(chunk, (type, flags, _seq, body, end) =>
      this.#notice(type, flags, chunk, body, end),
    );
    if (skipped > 0) {
      this.malformed(skipped);
      // Nobody knows what it said.
      this.#sayOnce({ type: 'overrun' });
    }
    this.#endTurn();
  }

  #notice(type: number, flags: number, bytes: Buffer, body: number, end: number): void {
    const port = bytes.readUInt32LE(body - NLMSG_PID_BEFORE_BODY);
    switch (type) {
      case RTM_NEWROUTE:
      case RTM_DELROUTE: {
        const route = decodeRoute(bytes, body, end);
        const event = type === RTM_NEWROUTE ? 'new' : 'gone';
        if (route !== undefined) {
          const replaces = (flags & NLM_F_REPLACE) !== 0;
          this.#say({ type: 'route', event, route, replaces, port });
        }
        return;
      }
      case RTM_NEWRULE:
      case RTM_DELRULE: {
        const rule = decodeRule(bytes, body, end);
        const event = type === RTM_NEWRULE ? 'new' : 'gone';
        if (rule !== undefined) this.#say({ type: 'rule', event, rule, port });
        return;
      }
      case RTM_NEWNEXTHOP:
      case RTM_DELNEXTHOP: {
        const nexthop = decodeNexthop(bytes, body, end);
        const event = type === RTM_NEWNEXTHOP ? 'new' : 'gone';
        this.#say({ type: 'nexthop', event, nexthop, port });
        return;
      }
      case RTM_NEWLINK:
      case RTM_DELLINK: {
        const { index, up, carrier } = decodeLink(bytes, body, end);
        this.#sayOnce({ type: 'link', index, usable: type === RTM_NEWLINK && up && carrier });
        return;
      }
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        const event = type === RTM_NEWADDR ? 'new' : 'gone';
        this.#sayOnce({ type: 'address', event, index: decodeLinkIndex(bytes, body) });
        return;
      }
    }
  }

  #say(notice: KernelNotice): void {
    if (this.#pending.length < BACKLOG) this.#pending.push(notice);
    else this.#overrun();
  }

  #sayOnce(notice: Extract<KernelNotice, { type: 'link' | 'address' | 'overrun' }>): void {
    const words = Object.values(notice).join(' ');
    if (this.#said.has(words)) return;
    this.#said.add(words);
    this.#pending.push(notice);
  }

  /** What came before the loss is read again with the rest. */
  #overrun(): void {
    this.#take();
    this.#sayOnce({ type: 'overrun' });
  }

  /** Lets the turn's other messages arrive, then hands all of them over. */
  #endTurn(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(() => {
      this.#turnEnds = false;
      this.#checkLoss();
      this.#wake();
    });
  }

  #checkLoss(): void {
    if (this.#end !== 'no') return;
    const { dropped } = this.#socket;
    if (dropped === this.#dropped) return;
    this.#dropped = dropped;
    this.#startAnew();
    this.#overrun();
    this.#wake();
  }

  /**
   * What is still queued is older than what the overrun's reader will read: with
   * another socket, subscribed before, it need not be worked off first.
   */
  #startAnew(): void {
    let next: NetlinkSocket;
    try {
      next = this.#subscribed();
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return; // No more descriptors, say: the old one still serves, only slower.
    }
    this.#socket.close();
    this.#socket = next;
    this.#dropped = 0;
  }
}
