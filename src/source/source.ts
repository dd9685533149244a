/**
 * The port every source implements: a daemon's routes as a stream of whole
 * sets. A version quirk of a daemon ends inside its adapter; nothing behind
 * this file knows which daemon it was.
 */
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import type { Path } from '../rib/path.js';

/** `paths` is the complete current set of the prefix; empty means withdrawn. */
export interface RouteUpdate {
  readonly prefix: Prefix;
  readonly paths: readonly Path[];
}

export type SourceEvent =
  /** Changed prefixes, each at most once in a batch. */
  | { readonly type: 'updates'; readonly updates: readonly RouteUpdate[] }
  /** A new full feed begins: what it does not repeat is gone once it is `synced`. */
  | { readonly type: 'reset' }
  /** The full feed of one family has ended (dump over, sessions up, End-of-RIB heard; or the time-out). */
  | { readonly type: 'synced'; readonly family: Family }
  /** The feed broke. Routes stay as they are; the hold timer decides. */
  | { readonly type: 'lost'; readonly reason: string };

/** What the adapter is doing, for `status`, logs and metrics. Times are epoch milliseconds. */
export type SourceState =
  | {
      readonly state: 'connecting';
      readonly since: number;
      /** Where it is the adapter that calls. */
      readonly attempts?: number;
      readonly lastError: string | undefined;
      /** Where others call: until then it is nothing to wonder at that nobody has. */
      readonly expectedBy?: number;
    }
  /** The daemon answers, but BGP has not been started in it (AS number 0). */
  | { readonly state: 'bgp-not-started'; readonly since: number }
  /** Dump running, or waiting for sessions and End-of-RIB; `waitingFor` says which, for people. */
  | { readonly state: 'syncing'; readonly since: number; readonly waitingFor: string }
  | { readonly state: 'synced'; readonly since: number }
  /** What is offered now has a fault, as `reason` says; what was fed before it still stands. */
  | { readonly state: 'refused'; readonly since: number; readonly reason: string }
  /** The feed broke after it had been up; `retryAt` is the next attempt, where it is the adapter that calls. */
  | {
      readonly state: 'lost';
      readonly since: number;
      readonly reason: string;
      readonly attempts?: number;
      readonly retryAt?: number;
    }
  | { readonly state: 'stopped'; readonly since: number };

export interface PeerStatus {
  /** Address without zone or port. */
  readonly peer: string;
  readonly as: number;
  readonly established: boolean;
  /** The daemon's own word, for people: `established`, `active`, `idle (admin down)`. */
  readonly sessionState: string;
  readonly adminDown: boolean;
  /** Prefixes heard before any policy, as the daemon counts them. */
  readonly received: Readonly<Record<Family, number>>;
  /** Epoch milliseconds of the session's establishment. */
  readonly since: number | undefined;
  /** Why there is no session, where the source knows; undefined while there is one, or none is to be. */
  readonly lastError: string | undefined;
  /** Dotted quad, of a session of our own: what the peer must have, or had last. */
  readonly routerId?: string | undefined;
  /** Of a session of our own. */
  readonly role?: 'neighbour' | 'feed';
  /** While it is away and the source keeps routes of it: up to when, epoch milliseconds; `null`: for ever. */
  readonly heldUntil?: number | null | undefined;
}

export interface SourceCounters {
  /** Messages, or parts of one, that did not decode; each cost one route. */
  readonly undecodable: number;
  readonly lastEventAt: number | undefined;
}

/** Ends and restores sessions; only sources that have sessions offer it. */
export interface SessionControl {
  /**
   * Administratively disables the peer; resolves once the daemon has taken it.
   * `cause` is what the peer is told beside the words, where the source can choose.
   */
  disable(
    peer: string,
    communication: string,
    cause: 'shutdown' | 'maximum-prefixes',
  ): Promise<void>;
  /** Idempotent: enabling an enabled peer is no error. */
  enable(peer: string): Promise<void>;
}

export interface Source {
  /** For people and labels: `gobgp`, `file`. */
  readonly name: string;
  readonly sessions: SessionControl | undefined;
  /** `best`: its daemon's best set of each prefix; `all`: every path heard, to be selected from per table. */
  readonly offers: 'best' | 'all';
  /**
   * Runs the source until `signal` aborts, reconnecting for ever; may be
   * called once. Yields batches in order; while the consumer is busy, updates
   * coalesce by prefix, so memory stays bounded by the table.
   */
  events(signal: AbortSignal): AsyncIterable<readonly SourceEvent[]>;
  state(): SourceState;
  peers(): readonly PeerStatus[];
  counters(): SourceCounters;
}
