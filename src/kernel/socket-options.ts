/**
 * What the netlink transport has no call for, through libc on the socket's file
 * descriptor: its options, and a send that does not hold the event loop up.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { errnoSymbol } from './errno.js';
import { KernelError } from './kernel.js';
import { swap } from './message-writer.js';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;

const SOL_NETLINK = 270;
/** Options of linux/netlink.h that are on or off. */
export const NETLINK_NO_ENOBUFS = 5;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;

/** SO_MEMINFO (linux/sock_diag.h): nine u32. */
const MEMINFO_SIZE = 36;
const SK_MEMINFO_RMEM_ALLOC = 0;
const SK_MEMINFO_RCVBUF = 4;
const SK_MEMINFO_SNDBUF = 12;
const SK_MEMINFO_DROPS = 32;

const libc = koffi.load(null);
const filterInstruction = koffi.struct({ code: 'uint16', jt: 'uint8', jf: 'uint8', k: 'uint32' });
const filterProgram = koffi.struct({ len: 'uint16', filter: koffi.pointer(filterInstruction) });

type SetOption<Value> = (
  fd: number,
  level: number,
  name: number,
  value: Value,
  length: number,
) => number;

type GetOption = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number;

const setBytes: SetOption<Buffer> = libc.func('setsockopt', 'int', [
  'int',
  'int',
  'int',
  'const void *',
  'uint32',
]);

type Send = (fd: number, bytes: Buffer, length: number, flags: number) => number;

const sendBytes: Send & { readonly async: SendAsync } = libc.func('send', 'long', [
  'int',
  'const void *',
  'size_t',
  'int',
]);

type SendAsync = (
  ...parameters: [...Parameters<Send>, done: (error: Error | null, sent: number) => void]
) => void;

interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const setFilter: SetOption<{ len: number; filter: readonly FilterInstruction[] }> = libc.func(
  'setsockopt',
  'int',
  ['int', 'int', 'int', koffi.pointer(filterProgram), 'uint32'],
);

const getBytes: GetOption = libc.func('getsockopt', 'int', [
  'int',
  'int',
  'int',
  'void *',
  'void *',
]);

/**
 * The descriptor of this process's netlink socket of a protocol, bound to a port id.
 * @throws KernelError when /proc does not show it.
 */
export function descriptorOf(port: number, protocol: number): number {
  const inode = readFileSync('/proc/net/netlink', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, its, pid]) => its === String(protocol) && pid === String(port))
    ?.at(-1);
  for (const name of readdirSync('/proc/self/fd')) {
    if (linkOf(`/proc/self/fd/${name}`) === `socket:[${inode}]`) return Number(name);
  }
  throw new KernelError('socket', 'ENOENT', `no descriptor for netlink port ${port} in /proc`);
}

/** The directory listing's own descriptor is gone by the time it is looked at. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** False when the kernel is too old for it. @throws KernelError for any other refusal. */
export function enable(fd: number, option: number): boolean {
  const errno = setInt(fd, SOL_NETLINK, option, 1);
  if (errno !== '' && errno !== 'ENOPROTOOPT') {
    throw new KernelError('setsockopt', errno, `netlink option ${option}`);
  }
  return errno === '';
}

/**
 * Asks for a receive buffer beyond net.core.rmem_max, which takes CAP_NET_ADMIN
 * in the first user namespace, else for what that limit allows. Returns what
 * was granted, in bytes of the kernel's own counting (it doubles what is asked).
 */
export function growReceiveBuffer(fd: number, bytes: number): number {
  if (setInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) !== '') {
    setInt(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
  return memoryInfo(fd).readUInt32LE(SK_MEMINFO_RCVBUF);
}

/** The longest wait of a read, milliseconds: struct timeval of a 64-bit machine. @throws KernelError */
export function receiveTimeout(fd: number, milliseconds: number): void {
  const time = Buffer.alloc(16);
  time.writeBigInt64LE(BigInt(Math.floor(milliseconds / 1000)));
  time.writeBigInt64LE(BigInt((milliseconds % 1000) * 1000), 8);
  if (setBytes(fd, SOL_SOCKET, SO_RCVTIMEO, time, time.length) !== 0)
    throw new KernelError('setsockopt', errnoSymbol(koffi.errno()), 'SO_RCVTIMEO');
}

/** In bytes as the kernel counts them. */
export function sendBufferOf(fd: number): number {
  return memoryInfo(fd).readUInt32LE(SK_MEMINFO_SNDBUF);
}

/**
 * send(2) on a thread of libuv's pool: the kernel works on a large batch beside
 * the event loop. The bytes must stay as they are until `done`.
 */
export function sendBeside(fd: number, bytes: Buffer, done: (sent: boolean) => void): void {
  sendBytes.async(fd, bytes, bytes.length, 0, (error, sent) => {
    done(error === null && sent === bytes.length);
  });
}

/** Of what waits to be read, the size in bytes as the kernel counts them. */
export function waitingBytes(fd: number): number {
  return memoryInfo(fd).readUInt32LE(SK_MEMINFO_RMEM_ALLOC);
}

/** Messages this socket has lost since it was opened: the Drops column of /proc/net/netlink. */
export function droppedMessages(fd: number): number {
  return memoryInfo(fd).readUInt32LE(SK_MEMINFO_DROPS);
}

/**
 * Classic BPF: drops every message whose nlmsg_pid is one of `ports`, that is,
 * what the kernel tells all about the writes of these sockets.
 */
export function ignoreSenders(fd: number, ports: readonly number[]): void {
  const program: FilterInstruction[] = [
    // A = the word at nlmsg_pid, taken for big-endian.
    { code: BPF_LD_W_ABS, jt: 0, jf: 0, k: 12 },
    ...ports.map((port, i) => ({
      code: BPF_JEQ,
      jt: ports.length - i,
      jf: 0,
      k: swap(port) >>> 0,
    })),
    { code: BPF_RET, jt: 0, jf: 0, k: 0xffffffff },
    { code: BPF_RET, jt: 0, jf: 0, k: 0 },
  ];
  const value = { len: program.length, filter: program };
  const size = koffi.sizeof(filterProgram);
  if (setFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, size) !== 0) {
    throw new KernelError('setsockopt', errnoSymbol(koffi.errno()), 'SO_ATTACH_FILTER');
  }
}

const BPF_LD_W_ABS = 0x20;
const BPF_JEQ = 0x15;
const BPF_RET = 0x06;

const int = Buffer.alloc(4);

/** The errno's symbol; empty when done. */
function setInt(fd: number, level: number, name: number, value: number): string {
  int.writeInt32LE(value);
  return setBytes(fd, level, name, int, int.length) === 0 ? '' : errnoSymbol(koffi.errno());
}

const memory = Buffer.alloc(MEMINFO_SIZE);
const memoryLength = Buffer.alloc(4);

function memoryInfo(fd: number): Buffer {
  memoryLength.writeInt32LE(MEMINFO_SIZE);
  if (getBytes(fd, SOL_SOCKET, SO_MEMINFO, memory, memoryLength) !== 0) {
    throw new KernelError('getsockopt', errnoSymbol(koffi.errno()), 'SO_MEMINFO');
  }
  return memory;
}
