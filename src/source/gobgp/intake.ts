/**
 * What a feed passes gobgpd's messages to: best paths (route-intake.ts), or all
 * paths (all-paths-intake.ts). Either fills the queue with whole sets.
 */
import type { Clock } from '../../clock.js';
import type { EventQueue } from '../event-queue.js';
import type { GlobalMessage } from './api.js';
import type { GobgpClient } from './client.js';
import type { DecodedEvent } from './path-decoder.js';
import type { PeerTable } from './peer-table.js';
import type { DecodeError } from './wire.js';
import type { SessionsNow } from './withdrawal-parking.js';

export interface IntakeOptions {
  readonly client: GobgpClient;
  readonly global: GlobalMessage;
  readonly peers: PeerTable;
  readonly queue: EventQueue;
  /** Where the queue is full: what is read of a whole table waits for it. */
  readonly room: () => Promise<void> | undefined;
  readonly clock: Clock;
  readonly askSessions: () => Promise<SessionsNow>;
  readonly undecodable: (error: DecodeError) => void;
  /** A part that works in the background has failed: the feed is at its end. */
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal;
}

export interface Intake {
  /** WatchEvent sends the table as it stands first, and is not through with it yet. */
  readonly dumping: boolean;
  /** Nothing waits to be read again, and no withdrawal is held. */
  readonly settled: boolean;
  /** Takes one WatchEventResponse, of the dump or behind it; `undefined` for one whose frame is broken. */
  event(message: Buffer): DecodedEvent | undefined;
  /** Reads the whole table by ListPath; changes that come meanwhile win over what it says. */
  readTable(): Promise<void>;
  /** Peers may be behind other interfaces now, or of another kind. */
  sessionsMoved(): void;
}
