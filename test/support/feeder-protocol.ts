/** What a test and the feeder process it started say to each other over Node's IPC. */
import type { Family } from '../../src/net/family.js';
import type { RouteOptions, RouteSet } from './routes.js';

export interface SpeakerOptions {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localAs: number;
  readonly peerAs: number;
  readonly routerId: string;
  readonly holdTime: number;
  readonly families: readonly Family[];
  readonly addPath: boolean;
  /** Seconds; absent: the capability is not offered. */
  readonly gracefulRestart: { readonly restartTime: number } | undefined;
  /** `auto`: sent behind the routes known when the session opens; `manual`: on command. */
  readonly endOfRib: 'auto' | 'manual';
}

export type Command =
  | { readonly do: 'announce'; readonly sets: readonly RouteSet[] }
  | { readonly do: 'announce-generated'; readonly count: number; readonly options: RouteOptions }
  | { readonly do: 'withdraw'; readonly prefixes: readonly string[] | 'all' }
  | { readonly do: 'end-of-rib' }
  /** Close the connection without a word, and stay away until `connect`. */
  | { readonly do: 'drop' }
  /** NOTIFICATION cease, administrative shutdown; stay away until `connect`. */
  | { readonly do: 'close' }
  | { readonly do: 'connect' }
  | { readonly do: 'state' };

export interface SpeakerState {
  readonly established: boolean;
  /** Times the session has been established. */
  readonly sessions: number;
  /** Prefixes announced now, whether a session is up or not. */
  readonly announced: number;
  /** UPDATE messages received in all sessions. */
  readonly updatesReceived: number;
  /** Code and subcode of the last NOTIFICATION received. */
  readonly lastNotification: readonly [number, number] | undefined;
}

/** What one command sent: nothing while no session is up, the routes then follow when one is. */
export interface Sent {
  readonly messages: number;
  /** `process.hrtime.bigint()` (CLOCK_MONOTONIC, ns) just before the first write, in decimal. */
  readonly at: string;
}

export interface Request {
  readonly id: number;
  readonly command: Command;
}

export type Reply =
  | { readonly id: number; readonly sent: Sent; readonly state: SpeakerState }
  | { readonly id: number; readonly error: string };
