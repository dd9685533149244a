import type { PeerStatus } from '../source/source.js';

const MOST = 3;

/** `; no session with 10.9.0.2 (why), …`, for a prefix that nobody offers; empty while all sessions are up. */
export function silentPeersText(peers: readonly PeerStatus[]): string {
  const silent = peers.filter(({ established }) => !established);
  if (silent.length === 0) return '';
  const named = silent
    .slice(0, MOST)
    .map(({ peer, lastError, sessionState }) => `${peer} (${lastError ?? sessionState})`);
  const more = silent.length > MOST ? ` and ${silent.length - MOST} more` : '';
  return `; no session with ${named.join(', ')}${more}`;
}
