/**
 * When a feed of gobgpd is complete. The end of its dump is not it: after a
 * restart of gobgpd the dump is empty, and the routes come as its peers do. So
 * every peer that is meant to be up must be up and have told all it has.
 *
 * The mark for that is End-of-RIB. gobgpd notes one from any peer, with or
 * without graceful restart (measured, 3.10 and 4.8); but GoBGP and FRR send
 * one only where both sides have graceful restart, which gobgpd by default has
 * not. Without that promise, silence has to do.
 */
import type { Family } from '../../net/family.js';
import type { PeerView } from './peer-table.js';

/** A peer that has sent UPDATEs, but none for so long, has sent them all. */
const QUIET_MS = 2000;
/** One that never sent any may still be gathering them. */
const SPEECHLESS_MS = 5000;
/** One that never falls silent, for so long, is no more in its first table. */
const SETTLED_MS = 60_000;

export interface Moment {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly monotonic: number;
}

/** What is missing, for people; `undefined` when nothing is. Waits for a peer where there is none. */
export function waitingFor(
  family: Family,
  peers: readonly PeerView[],
  moment: Moment,
): string | undefined {
  if (peers.length === 0) return 'a peer';
  for (const peer of peers) {
    const missing = missingFrom(peer, family, moment);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function missingFrom(view: PeerView, family: Family, moment: Moment): string | undefined {
  const { status, families, willMarkEndOfRib, updates, quietSince } = view;
  const state = families.get(family);
  if (status.adminDown || state === undefined) return undefined;
  if (!status.established) return `peer ${status.peer} to establish`;
  if (!state.negotiated || state.endOfRib) return undefined;
  if (willMarkEndOfRib) return `End-of-RIB of ${status.peer} ${family}`;
  const settled = status.since !== undefined && moment.now - status.since >= SETTLED_MS;
  const quiet = moment.monotonic - quietSince >= (updates > 0 ? QUIET_MS : SPEECHLESS_MS);
  return settled || quiet ? undefined : `the updates of ${status.peer} to end`;
}
