/**
 * TCP sockets with the options of linux/tcp.h and linux/in.h that Node cannot
 * set: signatures (TCP_MD5SIG, RFC 2385) and the least TTL (RFC 5082). They
 * must be there before the first SYN, so the socket is made here.
 */

import { closeSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import koffi from 'koffi';
import { Address } from '../net/address.js';
import { type Family, familyBits } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { errnoSymbol } from './errno.js';
import { KernelError } from './kernel.js';

const AF: Readonly<Record<Family, number>> = { ipv4: 2, ipv6: 10 };
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MINHOPCOUNT = 73;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;

/** struct tcp_md5sig: sockaddr_storage, flags, prefix length, key length, interface, key. */
const MD5SIG = { size: 216, flags: 128, prefixLength: 129, keyLength: 130, key: 136 };

const libc = koffi.load(null);
const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'socket',
  'int',
  ['int', 'int', 'int'],
);
const bind: (fd: number, address: Buffer, length: number) => number = libc.func('bind', 'int', [
  'int',
  'const void *',
  'uint32',
]);
const setsockopt: (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: number,
) => number = libc.func('setsockopt', 'int', ['int', 'int', 'int', 'const void *', 'uint32']);

/** `TcpOptions` of source/tcp.ts, which says what each means: neither side knows the other, and daemon.ts holds them together. */
interface TcpSocketOptions {
  readonly family: Family;
  readonly local:
    | { readonly address: Address; readonly port: number; readonly interface: string | undefined }
    | undefined;
  readonly passwords: readonly { readonly from: Prefix; readonly password: string }[];
  readonly fullTtl: boolean;
  readonly leastTtl: number;
}

/** Its descriptor, non-blocking, bound where that is asked for. @throws KernelError */
function openTcpSocket(options: TcpSocketOptions): number {
  const { family, local, passwords, fullTtl, leastTtl } = options;
  const fd = socket(AF[family], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw failure('socket', family);
  try {
    setInt(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
    for (const { from, password } of passwords) sign(fd, family, from, password);
    if (fullTtl) setTtl(fd, family);
    if (leastTtl > 0) requireTtl(fd, family, leastTtl);
    if (local !== undefined) {
      const address = socketAddress(local.address, local.port, local.interface);
      if (bind(fd, address, address.length) !== 0) throw failure('bind', `${local.address}`);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Whether there are such sockets here; opens none. @throws KernelError */
function tryTcpSocket(options: TcpSocketOptions): void {
  closeSync(openTcpSocket(options));
}

/** Drops what has come over more than 255 - `least` routers. @throws KernelError */
function requireTtl(fd: number, family: Family, least: number): void {
  setInt(fd, IPPROTO_IP, IP_MINTTL, least, 'IP_MINTTL (TTL security)');
  if (family === 'ipv6') {
    setInt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, least, 'IPV6_MINHOPCOUNT (TTL security)');
  }
}

function setTtl(fd: number, family: Family): void {
  setInt(fd, IPPROTO_IP, IP_TTL, 255, 'IP_TTL');
  if (family === 'ipv6') setInt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255, 'IPV6_UNICAST_HOPS');
}

/**
 * An IPv6 socket speaks IPv4 too, under addresses of ::ffff:0:0/96. One key an
 * address, whatever the link: TCP_MD5SIG_FLAG_IFINDEX takes no interface but a VRF.
 */
function sign(fd: number, family: Family, from: Prefix, password: string): void {
  const mapped = family === 'ipv6' && from.family === 'ipv4';
  const address = mapped ? new Address('ipv6', 0, 0, 0xffff, from.address.w0) : from.address;
  const value = Buffer.alloc(MD5SIG.size);
  socketAddress(address, 0, undefined).copy(value);
  const key = Buffer.from(password, 'utf8');
  value.writeUInt16LE(key.length, MD5SIG.keyLength);
  key.copy(value, MD5SIG.key);
  const what = 'TCP MD5 signatures (CONFIG_TCP_MD5SIG)';
  if (from.length === familyBits(from.family)) {
    setBytes(fd, IPPROTO_TCP, TCP_MD5SIG, value, what);
    return;
  }
  value.writeUInt8(TCP_MD5SIG_FLAG_PREFIX, MD5SIG.flags);
  // The kernel counts the bits of a mapped address as those of IPv4.
  value.writeUInt8(from.length, MD5SIG.prefixLength);
  setBytes(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, value, `${what} of a prefix`);
}

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress(address: Address, port: number, zone: string | undefined): Buffer {
  const bytes = Buffer.alloc(address.family === 'ipv4' ? 16 : 28);
  bytes.writeUInt16LE(AF[address.family], 0);
  bytes.writeUInt16BE(port, 2);
  address.writeTo(bytes, address.family === 'ipv4' ? 4 : 8);
  if (zone !== undefined) bytes.writeUInt32LE(indexOf(zone), 24);
  return bytes;
}

/** 0 where there is none: the kernel then says what it thinks of that. */
function indexOf(name: string): number {
  const addresses = networkInterfaces()[name] ?? [];
  return addresses.find(({ family }) => family === 'IPv6')?.scopeid ?? 0;
}

function setInt(fd: number, level: number, name: number, value: number, what: string): void {
  const int = Buffer.alloc(4);
  int.writeInt32LE(value);
  setBytes(fd, level, name, int, what);
}

function setBytes(fd: number, level: number, name: number, value: Buffer, what: string): void {
  if (setsockopt(fd, level, name, value, value.length) === 0) return;
  const errno = errnoSymbol(koffi.errno());
  const text = errno === 'ENOPROTOOPT' ? `this kernel has no ${what}` : `${what}: ${errno}`;
  throw new KernelError('setsockopt', errno, text);
}

function failure(op: string, what: string): KernelError {
  const errno = errnoSymbol(koffi.errno());
  return new KernelError(op, errno, `${what}: ${errno}`);
}

/** All of it, as the port of the sources wants it. */
export const tcpSockets = { open: openTcpSocket, try: tryTcpSocket, requireTtl };
