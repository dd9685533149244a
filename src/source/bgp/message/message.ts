/**
 * BGP messages as values: what `decode.ts` makes of bytes and `encode.ts` turns
 * into bytes. Only what a speaker needs that listens and announces nothing.
 */
import type { Family } from '../../../net/family.js';
import type { Prefix } from '../../../net/prefix.js';
import type { Attributes, NextHop } from '../../../rib/path.js';

/** RFC 4271 4.1, RFC 2918. */
export const MESSAGE_TYPE = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  routeRefresh: 5,
} as const;

export type BgpMessage =
  | OpenMessage
  | UpdateMessage
  | NotificationMessage
  | { readonly type: 'keepalive' }
  | RouteRefreshMessage;

/** RFC 4271 4.2; optional parameters in either form of RFC 9072. */
export interface OpenMessage {
  readonly type: 'open';
  readonly version: number;
  /** My Autonomous System, two octets: 23456 where the capability has the real one. */
  readonly as: number;
  /** Seconds: 0, or 3 and more. */
  readonly holdTime: number;
  /** Unsigned 32 bits. */
  readonly routerId: number;
  readonly capabilities: readonly Capability[];
}

/** An address family as the wire has it: ours are AFI 1 and 2 with SAFI 1. */
export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

/**
 * RFC 5492; here in the order of their codes, in an OPEN in the peer's. One that
 * is not as its RFC says is `unknown`, as if it had not been sent.
 */
export type Capability =
  | ({ readonly type: 'multiprotocol' } & AfiSafi)
  | { readonly type: 'route-refresh' }
  | {
      readonly type: 'extended-next-hop';
      readonly entries: readonly (AfiSafi & { readonly nextHopAfi: number })[];
    }
  | { readonly type: 'extended-message' }
  /** RFC 9234: 0 provider, 1 route server, 2 route server client, 3 customer, 4 peer. */
  | { readonly type: 'role'; readonly role: number }
  | {
      readonly type: 'graceful-restart';
      /** The R bit: the sender has restarted. */
      readonly restarting: boolean;
      /** The N bit of RFC 8538. */
      readonly notification: boolean;
      /** Seconds, 0 to 4095. */
      readonly time: number;
      readonly families: readonly (AfiSafi & { readonly forwarding: boolean })[];
    }
  | { readonly type: 'four-octet-as'; readonly as: number }
  | {
      readonly type: 'add-path';
      /** 1 receive, 2 send, 3 both. */
      readonly entries: readonly (AfiSafi & { readonly mode: 1 | 2 | 3 })[];
    }
  | { readonly type: 'enhanced-route-refresh' }
  | {
      readonly type: 'long-lived-graceful-restart';
      /** `time`: seconds, 24 bits. */
      readonly families: readonly (AfiSafi & {
        readonly forwarding: boolean;
        readonly time: number;
      })[];
    }
  | { readonly type: 'unknown'; readonly code: number; readonly value: Buffer };

/** A prefix as an UPDATE names it; `pathId` is 0 without ADD-PATH. */
export interface Nlri {
  readonly prefix: Prefix;
  readonly pathId: number;
}

/** What one UPDATE announces of one family: all its prefixes share next hop and attributes. */
export interface Announcement {
  readonly family: Family;
  readonly nlri: readonly Nlri[];
  /** The global one of a pair (RFC 2545 3) where there is one; a link-local one's interface is the session's. */
  readonly nextHop: NextHop;
  /** Interned: as a rule, equal attributes are one object for all that share the decoder's cache. */
  readonly attributes: Attributes;
  /** RFC 9234 5: the AS number in OTC, for the check of route leaks; `undefined` where absent. */
  readonly onlyToCustomer: number | undefined;
}

/**
 * An UPDATE after RFC 7606: what is left of it once every fault has had its
 * consequence. `withdrawn` holds what was withdrawn, and what is treated as such;
 * it comes before `announced`, which may name the same prefix (RFC 4271 4.3).
 */
export interface UpdateMessage {
  readonly type: 'update';
  readonly withdrawn: readonly Nlri[];
  readonly announced: readonly Announcement[];
  /** The End-of-RIB marker of this family (RFC 4724 2). */
  readonly endOfRib: Family | undefined;
  readonly faults: readonly UpdateFault[];
}

/** Something wrong in an UPDATE that did not end the session. */
export interface UpdateFault {
  /** RFC 7606 2; `prefix-ignored` of a prefix that no unicast route can have (RFC 4271 6.3). */
  readonly consequence: 'treat-as-withdraw' | 'attribute-discard' | 'prefix-ignored';
  /** `ORIGIN: length 2, must be 1`. */
  readonly reason: string;
  /** Of the faulty octets, in the message. */
  readonly offset: number;
}

/** RFC 4271 4.5, 6; codes and subcodes as IANA has them. */
export interface NotificationMessage {
  readonly type: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Buffer;
}

/** RFC 2918 3, RFC 7313 3.2; one of `unknown` kind is to be ignored (RFC 7313 5). */
export interface RouteRefreshMessage extends AfiSafi {
  readonly type: 'route-refresh';
  readonly kind: 'request' | 'begin' | 'end' | 'unknown';
}

/** What was agreed on in the OPENs, as far as it changes what bytes mean. */
export interface DecodeContext {
  /** RFC 6793: AS numbers of four octets in AS_PATH and AGGREGATOR. */
  readonly fourOctetAs: boolean;
  /** The families in which the peer sends path identifiers. */
  readonly addPath: ReadonlySet<Family>;
  /** The families that were agreed on; others in MP_REACH_NLRI are passed over. */
  readonly families: ReadonlySet<Family>;
  /** RFC 8950: IPv4 prefixes may have IPv6 next hops. */
  readonly extendedNextHop: boolean;
  /** RFC 8654: 65535 octets instead of 4096. */
  readonly maxLength: 4096 | 65535;
  /**
   * Of the same AS or confederation. LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are discarded of an
   * external peer (RFC 7606 7.5, 7.9, 7.10), and confederation segments malformed (RFC 5065 5).
   */
  readonly internal: boolean;
  /** The interface of a link-local next hop: the one the session runs over. */
  readonly interface: string | undefined;
}

/** What the session has to be ended for, with this NOTIFICATION (RFC 4271 6). */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  constructor(
    readonly notification: NotificationMessage,
    /** For logs: `UPDATE: attribute flags …`. */
    reason: string,
  ) {
    super(reason);
  }
}
