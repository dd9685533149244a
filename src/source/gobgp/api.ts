/**
 * What rib2fib asks of GoBGP's gRPC API, in terms both versions share. The
 * numbers that differ (v4 moved every enum up by one, to make room for
 * UNSPECIFIED) are in `api-v3.ts` and `api-v4.ts`.
 */
import type { Family } from '../../net/family.js';
import type { Prefix } from '../../net/prefix.js';
import type { MessageFormat } from './message-format.js';

/** Family `{afi, safi}`, by IANA's numbers. */
export interface ApiFamily {
  readonly afi: number;
  readonly safi: number;
}

export const API_FAMILY: Readonly<Record<Family, ApiFamily>> = {
  ipv4: { afi: 1, safi: 1 },
  ipv6: { afi: 2, safi: 1 },
};

/** The family of an AFI and SAFI; `undefined` for one rib2fib has no use for. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== 1) return undefined;
  if (afi === 1) return 'ipv4';
  return afi === 2 ? 'ipv6' : undefined;
}

export interface GlobalMessage {
  /** 0: BGP has not been started. */
  readonly asn: number;
  readonly useMultiplePaths: boolean;
  /** RFC 5065: the other member ASes of a confederation that `asn` is in. */
  readonly confederation: {
    readonly enabled: boolean;
    readonly memberAsList: readonly number[];
  } | null;
}

/** A capability of RFC 5492: google.protobuf.Any in v3, a oneof in v4. */
export interface CapabilityMessage {
  readonly typeUrl?: string;
  readonly value?: Buffer;
  readonly multiProtocol?: { readonly family: ApiFamily | null } | null;
  readonly gracefulRestart?: object | null;
}

/** Peer, as proto-loader hands it over: scalars default to 0 and '', messages to null. */
export interface PeerMessage {
  readonly conf: {
    readonly localAsn: number;
    readonly neighborAddress: string;
    readonly peerAsn: number;
    readonly neighborInterface: string;
  } | null;
  readonly state: {
    readonly localAsn: number;
    readonly messages: { readonly received: { readonly update: number } | null } | null;
    readonly neighborAddress: string;
    readonly peerAsn: number;
    readonly sessionState: number;
    readonly adminState: number;
    readonly remoteCap: readonly CapabilityMessage[];
    readonly localCap: readonly CapabilityMessage[];
    /** The peer's BGP identifier as an address; '' before its first session. */
    readonly routerId: string;
  } | null;
  readonly timers: {
    readonly state: { readonly uptime: { readonly seconds: number } | null } | null;
  } | null;
  readonly afiSafis: readonly {
    readonly mpGracefulRestart: {
      readonly state: { readonly endOfRibReceived: boolean } | null;
    } | null;
    readonly config: { readonly family: ApiFamily | null; readonly enabled: boolean } | null;
    readonly state: { readonly received: number } | null;
  }[];
}

/** One capability, as far as it matters here: the family of a multiprotocol one (RFC 4760), or graceful restart (RFC 4724). */
export type Capability = Family | 'graceful-restart' | undefined;

/** One version of the API. */
export interface GobgpApi {
  readonly version: 'v3' | 'v4';
  /** Full name of the service, and its file in proto/. */
  readonly service: string;
  readonly proto: string;
  readonly format: MessageFormat;
  /** PeerState.AdminState, by number. */
  readonly adminStates: readonly ('up' | 'down' | 'prefix limit' | undefined)[];
  readonly capability: (message: CapabilityMessage) => Capability;
  /**
   * How many paths a message of WatchEvent's initial dump holds; the first
   * message with another number ends the dump. `undefined` where WatchEvent
   * cannot be asked for the table as it stands: then ListPath is.
   */
  readonly dumpBatch: number | undefined;
  /**
   * WatchEventRequest for sessions, and for best paths or all. Those of `all`
   * are told behind gobgpd's import policies, each path by itself, a rejected
   * one as a withdrawal; without the table as it stands, whose end nothing marks.
   */
  readonly watchRequest: (paths: 'best' | 'all') => object;
  /** ListPathRequest for the global table: all of it, or the named prefixes exactly. */
  readonly listRequest: (family: Family, prefixes?: readonly Prefix[]) => object;
}

/** PeerState.SessionState, by number: the same in both versions. */
export const SESSION_STATES: readonly string[] = [
  'unknown',
  'idle',
  'connect',
  'active',
  'opensent',
  'openconfirm',
  'established',
];

export const ESTABLISHED = 6;
