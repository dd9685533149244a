import type { StatusReport } from './report.js';

/** Why the daemon is not ready, in one phrase for people and probes; `undefined` when it is. */
export function unreadyReason(status: StatusReport): string | undefined {
  if (status.ready) return undefined;
  const { feed, state } = status.source;
  switch (feed.state) {
    case 'stale':
      return `routes are kept from before, not confirmed by the source: ${feed.reason}`;
    case 'expired':
      return `the source is lost and hold has ended: ${feed.reason}`;
    case 'syncing':
      return state.state === 'syncing'
        ? `syncing, waiting for ${state.waitingFor}`
        : `syncing, source is ${state.state}, waiting for ${feed.pending.join(' and ')}`;
    case 'synced': {
      const { pending } = status.kernel;
      return pending === 0
        ? 'the kernel is being brought in step'
        : `${pending} change${pending === 1 ? '' : 's'} not yet in the kernel`;
    }
  }
}
