/**
 * A NETLINK_ROUTE socket for dumps alone, read beside the event loop: the kernel
 * puts the next piece of a dump together while the one before is being read
 * (netlink_recvmsg), which is a second of its work for a million routes. Through
 * libc, since the npm transport reads in the event loop.
 */
import koffi from 'koffi';
import { errnoSymbol } from './errno.js';
import { KernelError } from './kernel.js';
import {
  enable,
  growReceiveBuffer,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_NO_ENOBUFS,
  receiveTimeout,
} from './socket-options.js';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
/** recvmmsg(2): waits for one message, and takes what there is beside it. */
const MSG_WAITFORONE = 0x10000;
const MSG_TRUNC = 0x20;

/** The most the kernel puts into one message of a dump (netlink_recvmsg). */
const DATAGRAM = 32 * 1024;
/** Messages read at once: what one turn of the event loop decodes, some 5,000 routes. */
const AT_ONCE = 8;
const RECEIVE_BUFFER = 1 << 20;

/** struct mmsghdr and struct iovec of a 64-bit machine (bits/socket.h), in bytes. */
const MMSGHDR = 64;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_FLAGS = 48;
const MSG_LEN = 56;
const IOVEC = 16;
const IOV_LEN = 8;

const libc = koffi.load(null);
const newSocket: (family: number, type: number, protocol: number) => number = libc.func(
  'socket',
  'int',
  ['int', 'int', 'int'],
);
const closeSocket: (fd: number) => number = libc.func('close', 'int', ['int']);
const sendBytes: (fd: number, bytes: Buffer, length: number, flags: number) => number = libc.func(
  'send',
  'long',
  ['int', 'const void *', 'size_t', 'int'],
);
const receiveMany: {
  readonly async: (
    fd: number,
    headers: Buffer,
    count: number,
    flags: number,
    timeout: null,
    done: (error: Error | null, received: number) => void,
  ) => void;
} = libc.func('recvmmsg', 'int', ['int', 'void *', 'uint', 'int', 'void *']);

/** One datagram, of one or more messages; `cut` when it was longer than there was room for. */
export interface Datagram {
  readonly bytes: Buffer;
  readonly cut: boolean;
}

export class DumpSocket {
  readonly #fd: number;
  /** Two, so that one is filled while what is in the other is decoded. */
  readonly #rooms = [new Room(), new Room()] as const;
  #turn = 0;
  #reading = false;
  #open = true;

  /**
   * @param silence the longest wait for the kernel, milliseconds.
   * @throws KernelError
   */
  constructor(silence: number) {
    this.#fd = newSocket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.#fd < 0) throw lastError('no netlink socket');
    try {
      for (const option of OPTIONS) enable(this.#fd, option);
      growReceiveBuffer(this.#fd, RECEIVE_BUFFER);
      receiveTimeout(this.#fd, silence);
    } catch (error) {
      closeSocket(this.#fd);
      throw error;
    }
  }

  /** @throws KernelError */
  send(request: Buffer): void {
    if (sendBytes(this.#fd, request, request.length, 0) !== request.length)
      throw lastError('the kernel took no request');
  }

  /**
   * What the kernel has next, at least one datagram; one call at a time. Its bytes are good until
   * the call after the next.
   * @throws KernelError where nothing came in time, or the socket failed.
   */
  read(): Promise<readonly Datagram[]> {
    const room = this.#rooms[this.#turn++ % 2] ?? this.#rooms[0];
    room.clear();
    this.#reading = true;
    return new Promise((resolve, reject) => {
      receiveMany.async(
        this.#fd,
        room.headers,
        AT_ONCE,
        MSG_WAITFORONE,
        null,
        (error, received) => {
          this.#reading = false;
          if (!this.#open) closeSocket(this.#fd);
          if (error === null && received > 0) resolve(room.datagrams(received));
          else reject(new KernelError('dump', 'ETIMEDOUT', 'the kernel stopped answering'));
        },
      );
    });
  }

  /** Idempotent. Not while a read uses the descriptor, which somebody else might be given. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (!this.#reading) closeSocket(this.#fd);
  }
}

const OPTIONS = [
  NETLINK_NO_ENOBUFS,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
] as const;

/** Where the datagrams of one read lie, and the headers that lead recvmmsg(2) there. */
class Room {
  readonly headers = Buffer.alloc(AT_ONCE * MMSGHDR);
  readonly #vectors = Buffer.alloc(AT_ONCE * IOVEC);
  /** Of its own, not of the pool: memory that stays where it is. */
  readonly #bytes = Buffer.allocUnsafeSlow(AT_ONCE * DATAGRAM);

  constructor() {
    const [bytes, vectors] = [koffi.address(this.#bytes), koffi.address(this.#vectors)];
    for (let i = 0; i < AT_ONCE; i++) {
      this.#vectors.writeBigUInt64LE(bytes + BigInt(i * DATAGRAM), i * IOVEC);
      this.#vectors.writeBigUInt64LE(BigInt(DATAGRAM), i * IOVEC + IOV_LEN);
      this.headers.writeBigUInt64LE(vectors + BigInt(i * IOVEC), i * MMSGHDR + MSG_IOV);
      this.headers.writeBigUInt64LE(1n, i * MMSGHDR + MSG_IOVLEN);
    }
  }

  clear(): void {
    for (let i = 0; i < AT_ONCE; i++) this.headers.writeUInt32LE(0, i * MMSGHDR + MSG_FLAGS);
  }

  datagrams(count: number): Datagram[] {
    return Array.from({ length: count }, (_, i) => {
      const at = i * DATAGRAM;
      return {
        bytes: this.#bytes.subarray(at, at + this.headers.readUInt32LE(i * MMSGHDR + MSG_LEN)),
        cut: (this.headers.readUInt32LE(i * MMSGHDR + MSG_FLAGS) & MSG_TRUNC) !== 0,
      };
    });
  }
}

function lastError(reason: string): KernelError {
  return new KernelError('socket', errnoSymbol(koffi.errno()), reason);
}
