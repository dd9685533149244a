/**
 * What becomes of the peers that `teardown` disabled at gobgpd when rib2fib
 * goes. gobgpd goes on without us, and nobody else would enable them: so they
 * are enabled where we leave for good, and told of where we do not, or cannot.
 */
import type { Clock } from './clock.js';
import type { GobgpConfig } from './config/config.js';
import type { Log } from './log-port.js';
import type { PeerOutcome } from './source/gobgp/enable-peers.js';
import { type DisabledPeer, loadState, type SavedState, saveState } from './state-file.js';

export interface ReleaseOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Enables peers at a gobgpd, and tells `onDone` of each; rejects where it cannot, or the signal aborts. */
  readonly enablePeers: (
    gobgp: GobgpConfig,
    peers: readonly string[],
    onDone: (peer: string, outcome: PeerOutcome) => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

/** Others are at our own sessions, which nobody has to be told of: they end with us. */
type PeerAtGobgp = DisabledPeer & { readonly gobgp: GobgpConfig };

function isAtGobgp(peer: DisabledPeer): peer is PeerAtGobgp {
  return peer.gobgp !== undefined;
}

/** A gobgpd that has not answered by then is not waited for. */
const PATIENCE_MS = 3_000;

/**
 * Enables them, and resolves with those for which it has succeeded; each has a
 * line in the log, with what to do by hand where it has not. Takes
 * {@link PATIENCE_MS} at most, whatever their number; ends, and tells nothing,
 * when the signal aborts. Never rejects.
 */
export async function releasePeers(
  peers: readonly DisabledPeer[],
  options: ReleaseOptions,
  signal = new AbortController().signal,
): Promise<readonly DisabledPeer[]> {
  const addresses = [...new Set(peers.flatMap(({ gobgp }) => gobgp?.address ?? []))];
  const enabled = await Promise.all(
    addresses.map((address) => {
      const there = peers.filter(isAtGobgp).filter(({ gobgp }) => gobgp.address === address);
      return releaseThere(there, options, signal);
    }),
  );
  return [...peers.filter((peer) => !isAtGobgp(peer)), ...enabled.flat()];
}

/** The same for what a state file holds, where no daemon runs; the next one will not disable them again. Never rejects. */
export async function releaseSavedPeers(path: string, options: ReleaseOptions): Promise<void> {
  let state: SavedState;
  try {
    state = await loadState(path);
  } catch (error) {
    const reason = messageOf(error);
    options.log.warn({ reason }, `${path}: ${reason}: see \`gobgp neighbor\` for disabled peers`);
    return;
  }
  const enabled = await releasePeers(state.disabledPeers, options);
  if (enabled.length === 0) return;
  const lapsed = new Set(enabled.map(({ limit }) => limit));
  try {
    await saveState(path, {
      latched: state.latched.filter((id) => !lapsed.has(id)),
      disabledPeers: state.disabledPeers.filter(({ limit }) => !lapsed.has(limit)),
    });
  } catch (error) {
    const reason = messageOf(error);
    options.log.warn({ reason }, `${path}: ${reason}: rib2fib would disable these peers again`);
  }
}

/** For a daemon that stops and is to run again: one line a peer. */
export function tellDisabled(peers: readonly DisabledPeer[], log: ReleaseOptions['log']): void {
  for (const disabled of peers.filter(isAtGobgp)) {
    const why = 'until rib2fib runs again';
    log.warn(fieldsOf(disabled), `${staysText(disabled)} ${why}; before that: ${byHand(disabled)}`);
  }
}

/** Those of one gobgpd. */
async function releaseThere(
  there: readonly PeerAtGobgp[],
  { clock, log, enablePeers }: ReleaseOptions,
  signal: AbortSignal,
): Promise<readonly PeerAtGobgp[]> {
  const [first] = there;
  if (first === undefined) return [];
  const outcomes = new Map<string, PeerOutcome>();
  const patience = new AbortController();
  const end = () => patience.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const expiry = clock.delay(PATIENCE_MS, patience.signal).then(
    () => patience.abort(new Error(`no answer within ${PATIENCE_MS / 1000} s`)),
    () => undefined,
  );
  const peers = [...new Set(there.map(({ peer }) => peer))];
  const done = (peer: string, outcome: PeerOutcome) => void outcomes.set(peer, outcome);
  let failure = '';
  try {
    await enablePeers(first.gobgp, peers, done, patience.signal);
  } catch (error) {
    failure = messageOf(error);
  } finally {
    signal.removeEventListener('abort', end);
    patience.abort();
    await expiry;
  }
  for (const disabled of there) tellOutcome(disabled, outcomes.get(disabled.peer), failure);
  return there.filter(({ peer }) => outcomes.has(peer));

  function tellOutcome(disabled: PeerAtGobgp, outcome: PeerOutcome | undefined, why: string) {
    const { peer, gobgp } = disabled;
    const fields = fieldsOf(disabled);
    if (outcome === 'enabled')
      log.info(fields, `peer ${peer} is enabled again at gobgpd ${gobgp.address}`);
    else if (outcome !== undefined)
      log.info(fields, `peer ${peer} is not disabled at gobgpd ${gobgp.address}`);
    else if (!signal.aborted)
      log.warn(fields, `${staysText(disabled)}: ${why}; to enable it: ${byHand(disabled)}`);
  }
}

function fieldsOf({ peer, limit, gobgp }: PeerAtGobgp): object {
  return { peer, limit, gobgpd: gobgp.address };
}

function staysText({ peer, gobgp }: PeerAtGobgp): string {
  return `peer ${peer} stays disabled at gobgpd ${gobgp.address}`;
}

function byHand({ peer }: PeerAtGobgp): string {
  return `gobgp neighbor ${peer} enable`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
