import type { Facts } from './facts.js';
import { misplacedText } from './misplaced-text.js';

/** What readiness is made from: nothing that takes a walk over a table. */
export type ReadinessFacts = {
  readonly ready: Facts['ready'];
  readonly source: () => Pick<ReturnType<Facts['source']>, 'state'>;
  readonly engine: {
    readonly feed: Pick<Facts['engine']['feed'], 'phase' | 'pending'>;
    readonly discoverySettled: boolean;
  };
  readonly reconciler: Pick<Facts['reconciler'], 'pending' | 'misplaced' | 'unread'>;
};

/** Why the daemon is not ready, in one phrase for people and probes; `undefined` when it is. */
export function unreadyReason(facts: ReadinessFacts): string | undefined {
  const { misplaced: rules, unread } = facts.reconciler;
  if (unread?.lasting) return `the kernel cannot be read: ${unread.error.message}`;
  if (!facts.ready()) return unfedReason(facts);
  if (!facts.engine.discoverySettled) return 'not all that discovery is to find is known yet';
  const [misplaced] = rules;
  return misplaced && `rules are taken out: ${misplacedText(misplaced)}`;
}

function unfedReason({ engine, reconciler, source }: ReadinessFacts): string {
  const { feed } = engine;
  const { phase } = feed;
  switch (phase.phase) {
    case 'stale':
      return `routes are kept from before, not confirmed by the source: ${phase.reason}`;
    case 'expired':
      return `the source is lost and hold has ended: ${phase.reason}`;
    case 'syncing': {
      const state = source().state();
      return state.state === 'syncing'
        ? `syncing, waiting for ${state.waitingFor}`
        : `syncing, source is ${state.state}, waiting for ${feed.pending.join(' and ')}`;
    }
    case 'synced': {
      const { pending } = reconciler;
      return pending === 0
        ? 'the kernel is being brought in step'
        : `${pending} change${pending === 1 ? '' : 's'} not yet in the kernel`;
    }
  }
}
