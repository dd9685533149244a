/** What `teardown` has done to a peer, as it outlives a start, a reload, and a command beside no daemon. */
import type { Config, LimitConfig } from './config/config.js';
import type { SessionControl } from './source/source.js';
import type { DisabledPeer } from './state-file.js';

/**
 * Whether the peer is to stay without a session at `now`, epoch milliseconds.
 * `limit`: the one that ended it, as it is configured now; it may be gone, or
 * end no sessions any more.
 */
export function staysDisabled(
  { restoreAt }: DisabledPeer,
  limit: LimitConfig | undefined,
  now: number,
): boolean {
  return limit?.action === 'teardown' && (restoreAt === null || now < restoreAt);
}

/** Session control of our own, and whose peers are to have none. */
export interface DisableAgainOptions {
  readonly config: Config;
  readonly peers: readonly DisabledPeer[];
  /** Of a source that has not begun. */
  readonly sessions: SessionControl | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** For a command that reads the source once. A gobgpd needs no reminder: its peers are disabled in it. */
export async function disableAgain(options: DisableAgainOptions): Promise<void> {
  const { config, peers, sessions, now } = options;
  if (sessions === undefined || config.source.kind !== 'bgp') return;
  const limits = config.tables.flatMap((table) => table.limits);
  for (const disabled of peers) {
    if (disabled.gobgp !== undefined) continue;
    const limit = limits.find(({ id }) => id === disabled.limit);
    if (!staysDisabled(disabled, limit, now)) continue;
    await sessions.disable(disabled.peer, teardownWords(disabled), 'maximum-prefixes');
  }
}

/** What the peer is told. */
export function teardownWords({ limit }: DisabledPeer): string {
  return `prefix limit ${limit} exceeded`;
}
