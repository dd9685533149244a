/**
 * One netlink socket: transport by npm `netlink` (the only importer),
 * with the options that make it fit to live with. Without NO_ENOBUFS an overrun
 * of any of its sockets would abort the process.
 */
import { RawNetlinkSocket } from 'netlink/dist/raw.js';
import { KernelError } from './kernel.js';
import {
  descriptorOf,
  droppedMessages,
  enable,
  growReceiveBuffer,
  ignoreSenders,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_NO_ENOBUFS,
  sendBeside,
  sendBufferOf,
  waitingBytes,
} from './socket-options.js';

/** Netlink protocols of linux/netlink.h. */
const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

/** A longer message is refused with EMSGSIZE; the kernel grants twice this. */
const SEND_BUFFER = 208 * 1024;

/** A send beyond this goes on beside the event loop; handing it over costs some 50 µs. */
const BESIDE_BYTES = 8 * 1024;

export interface SocketOptions {
  /** Default NETLINK_ROUTE. */
  readonly protocol?: number;
  /** Bytes asked for; see {@link NetlinkSocket.receiveBuffer}. */
  readonly receiveBuffer: number;
  /** Port ids whose writes are not to be heard, before any group is joined. */
  readonly ignore?: readonly number[];
  /** RTNLGRP_ numbers, or those of another protocol; one that the kernel does not know is passed over. */
  readonly groups?: readonly number[];
}

export interface SocketHandlers {
  /** One datagram, of one or more messages; `cut` when it was longer than the buffer. */
  readonly message: (chunk: Buffer, cut: boolean) => void;
  /** The socket is of no use any more. */
  readonly error: (error: KernelError) => void;
}

export class NetlinkSocket {
  readonly #raw: RawNetlinkSocket;
  readonly #fd: number;
  #open = true;
  #sending = 0;
  /** Our port id: nlmsg_pid of what the kernel tells about our writes. */
  readonly port: number;
  /** Granted receive buffer, in bytes as the kernel counts them. */
  readonly receiveBuffer: number;
  /** Granted send buffer: no message may be longer. */
  readonly sendBuffer: number;

  private constructor(raw: RawNetlinkSocket, options: SocketOptions) {
    this.#raw = raw;
    this.port = raw.address().port >>> 0;
    this.#fd = descriptorOf(this.port, options.protocol ?? NETLINK_ROUTE);
    enable(this.#fd, NETLINK_NO_ENOBUFS);
    enable(this.#fd, NETLINK_CAP_ACK);
    enable(this.#fd, NETLINK_EXT_ACK);
    enable(this.#fd, NETLINK_GET_STRICT_CHK);
    this.receiveBuffer = growReceiveBuffer(this.#fd, options.receiveBuffer);
    this.sendBuffer = sendBufferOf(this.#fd);
    if (options.ignore !== undefined) ignoreSenders(this.#fd, options.ignore);
    for (const group of options.groups ?? []) this.#join(group);
  }

  /** @throws KernelError */
  static open(options: SocketOptions, handlers: SocketHandlers): NetlinkSocket {
    let raw: RawNetlinkSocket | undefined;
    try {
      raw = new RawNetlinkSocket(options.protocol ?? NETLINK_ROUTE, {
        // 0 lets the kernel choose: process ids repeat in the containers of one network namespace.
        localPort: 0,
        // A look at the size first: short messages would each keep a whole buffer alive until collected.
        messagePeeking: true,
        recvBufferSize: 0,
        sendBufferSize: SEND_BUFFER,
      });
      const socket = new NetlinkSocket(raw, options);
      raw.on('message', (chunk) => socket.#open && handlers.message(chunk, false));
      raw.on('truncatedMessage', (chunk) => socket.#open && handlers.message(chunk, true));
      raw.on('error', (error) => socket.#open && handlers.error(kernelError('socket', error)));
      return socket;
    } catch (error) {
      raw?.close();
      throw kernelError('socket', error);
    }
  }

  /**
   * Hands messages to the kernel, which carries them out and queues its answers
   * before it returns: once the last answer is here, the bytes may be reused.
   * `heavy`: what they ask for takes long, however short they are. `sent`: the
   * kernel has done all.
   */
  send(
    bytes: Buffer,
    failed: (error: KernelError) => void,
    { heavy = false, sent = () => {} }: { heavy?: boolean; sent?: () => void } = {},
  ): void {
    if (heavy || bytes.length > BESIDE_BYTES) {
      this.#sending++;
      sendBeside(this.#fd, bytes, (taken) => {
        this.#sending--;
        if (!this.#open) this.#closeRaw();
        else if (taken) sent();
        else failed(new KernelError('send', 'EIO', 'the kernel took no batch'));
      });
      return;
    }
    this.#raw.send(bytes, {}, (error) => {
      if (error === undefined) sent();
      else failed(kernelError('send', error));
    });
  }

  /** Nothing waits to be read. */
  get drained(): boolean {
    return waitingBytes(this.#fd) === 0;
  }

  /** Messages lost for want of room since the socket was opened. */
  get dropped(): number {
    return droppedMessages(this.#fd);
  }

  /** Nothing is handed over any more. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#closeRaw();
  }

  /** Not while a send uses the descriptor, which somebody else might be given. */
  #closeRaw(): void {
    if (this.#sending > 0) return;
    // The native side does not survive being closed from within its own callback.
    setImmediate(() => this.#raw.close());
  }

  #join(group: number): void {
    try {
      this.#raw.addMembership(group);
    } catch (error) {
      if (codeOf(error) !== 'EINVAL') throw error;
    }
  }
}

function kernelError(op: string, error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new KernelError(op, codeOf(error), text, { cause: error });
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EIO';
}
