/** A connection as a session sees it: bytes both ways, and an end. */
import type { Address } from '../../../net/address.js';

export interface TransportHandlers {
  /** Nothing more is read before what it returns resolves, so that the peer waits too. */
  readonly data: (chunk: Buffer) => Promise<void> | undefined;
  /** Once, and not after {@link Transport.close}: the peer has gone, or the way to it. */
  readonly closed: (reason: string) => void;
}

export interface Transport {
  readonly remote: Address;
  /** Of a link-local peer, and where the session runs: whose link-local next hops are meant. */
  readonly interface: string | undefined;
  /** Begins to read; to be called once. */
  open(handlers: TransportHandlers): void;
  /** Never waits: what the peer does not take is kept. */
  send(bytes: Buffer): void;
  /** Octets kept: sent, and not yet taken by the kernel. */
  readonly unsent: number;
  /** Sends what is kept, but waits for no peer that takes nothing. Idempotent. */
  close(): void;
}
