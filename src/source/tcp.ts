/**
 * Sockets with options that Node has no call for. What makes them is of the
 * kernel's side, and handed in.
 */
import type { Address } from '../net/address.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';

export interface TcpOptions {
  readonly family: Family;
  /** Port 0: any free one. Absent: as the kernel chooses. */
  readonly local:
    | {
        readonly address: Address;
        readonly port: number;
        /** Of a link-local address. */
        readonly interface: string | undefined;
      }
    | undefined;
  /** RFC 2385: whose segments must be signed, and are; of several that fit the longest prefix counts. */
  readonly passwords: readonly { readonly from: Prefix; readonly password: string }[];
  /** RFC 5082: sends with a TTL of 255. */
  readonly fullTtl: boolean;
  /** Takes nothing with less; 0: anything. Connections that come in to a socket have it too. */
  readonly leastTtl: number;
}

export interface TcpSockets {
  /** The descriptor of a new TCP socket, bound and not connected; the caller's to close. Throws what people can act on. */
  open(options: TcpOptions): number;
  /** Throws what {@link open} would, and opens nothing. */
  try(options: TcpOptions): void;
  /** As {@link TcpOptions.leastTtl}, of a connection. Throws what people can act on. */
  requireTtl(fd: number, family: Family, least: number): void;
}
