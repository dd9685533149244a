/**
 * What becomes of the peers that `teardown` disabled at gobgpd when rib2fib
 * goes. gobgpd goes on without us, and nobody else would enable them: so they
 * are enabled where we leave for good, and told of where we do not, or cannot.
 */
import type { Clock } from './clock.js';
import type { GobgpConfig } from './config/config.js';
import type { Log } from './log-port.js';
import { type DisabledPeer, loadState, type SavedState, saveState } from './state-file.js';

export interface ReleaseOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Resolves once all of the peers are enabled at this gobgpd; ends when the signal aborts. */
  readonly enablePeers: (
    gobgp: GobgpConfig,
    peers: readonly string[],
    signal: AbortSignal,
  ) => Promise<void>;
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
  const addresses = [...new Set(peers.map(({ gobgp }) => gobgp.address))];
  const enabled = await Promise.all(
    addresses.map(async (address) => {
      const there = peers.filter(({ gobgp }) => gobgp.address === address);
      return (await releaseAll(there, options, signal)) ? there : [];
    }),
  );
  return enabled.flat();
}

/** The same for what a state file holds, where no daemon runs; the next one will not disable them again. Throws the system's error when it cannot be written. */
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
  await saveState(path, {
    latched: state.latched.filter((id) => !lapsed.has(id)),
    disabledPeers: state.disabledPeers.filter(({ limit }) => !lapsed.has(limit)),
  });
}

/** For a daemon that stops and is to run again: one line a peer. */
export function tellDisabled(peers: readonly DisabledPeer[], log: ReleaseOptions['log']): void {
  for (const disabled of peers) {
    const why = 'until rib2fib runs again';
    log.warn(fieldsOf(disabled), `${staysText(disabled)} ${why}; before that: ${byHand(disabled)}`);
  }
}

/** Those of one gobgpd, all or none. */
async function releaseAll(
  there: readonly DisabledPeer[],
  { clock, log, enablePeers }: ReleaseOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const [first] = there;
  if (first === undefined) return true;
  const patience = new AbortController();
  const end = () => patience.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const expiry = clock.delay(PATIENCE_MS, patience.signal).then(
    () => patience.abort(new Error(`no answer within ${PATIENCE_MS / 1000} s`)),
    () => undefined,
  );
  try {
    const peers = new Set(there.map(({ peer }) => peer));
    await enablePeers(first.gobgp, [...peers], patience.signal);
  } catch (error) {
    if (signal.aborted) return false;
    for (const disabled of there) {
      const why = `${messageOf(error)}; to enable it: ${byHand(disabled)}`;
      log.warn(fieldsOf(disabled), `${staysText(disabled)}: ${why}`);
    }
    return false;
  } finally {
    signal.removeEventListener('abort', end);
    patience.abort();
    await expiry;
  }
  for (const disabled of there) {
    const { peer, gobgp } = disabled;
    log.info(fieldsOf(disabled), `peer ${peer} is enabled again at gobgpd ${gobgp.address}`);
  }
  return true;
}

function fieldsOf({ peer, limit, gobgp }: DisabledPeer): object {
  return { peer, limit, gobgpd: gobgp.address };
}

function staysText({ peer, gobgp }: DisabledPeer): string {
  return `peer ${peer} stays disabled at gobgpd ${gobgp.address}`;
}

function byHand({ peer }: DisabledPeer): string {
  return `gobgp neighbor ${peer} enable`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
