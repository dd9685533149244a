/** The alerts of the daemon as a whole; those of limits are the limit keeper's. */
import { rivalText } from './admin/contest-text.js';
import { type Facts, wallTime } from './admin/facts.js';
import type { FeedPhase } from './desired/feed.js';
import type { ResourceStatus } from './discover/discovered.js';
import type { Alert, AlertSender } from './observe/alerts.js';
import { objectText } from './reconcile/kernel-object.js';
import { isLeftAlone } from './reconcile/left-alone.js';
import type { Source, SourceState } from './source/source.js';

/** A refusal that lasted so many attempts is not passing. */
const LASTING_ATTEMPTS = 3;

/** A source that is only starting, as this daemon is, or has come by a reload, is given so long. */
const GRACE_MS = 30_000;

/** An API server that is only being upgraded is back by then. */
const STALE_MS = 5 * 60_000;

type Condition = Omit<Alert, 'labels'>;

export class DaemonAlerts {
  /** The source looked at last, and since when, on the monotonic clock. */
  #source: Source;
  #sourceSince: number;
  /** Its feed was complete once, or was too long in coming. */
  #expected = false;
  readonly #holdEnds = new WeakMap<FeedPhase, string>();

  constructor(
    private readonly facts: Facts,
    private readonly alerts: Pick<AlertSender, 'raise' | 'resolve'>,
  ) {
    this.#source = facts.source();
    this.#sourceSince = facts.clock.monotonic();
  }

  /** Raises what holds and resolves what does not. Cheap, idempotent. */
  review(): void {
    this.#set('Rib2fibSourceLost', this.#sourceLost());
    this.#set('Rib2fibFeedAway', this.#feedAway());
    this.#set('Rib2fibSourceRefused', this.#sourceRefused());
    this.#set('Rib2fibConfigRefused', this.#configRefused());
    this.#set('Rib2fibLocalRuleBehind', this.#localRuleBehind());
    this.#set('Rib2fibKernelRefuses', this.#kernelRefuses());
    this.#set('Rib2fibForeignRoutes', this.#foreignRoutes());
    this.#set('Rib2fibContested', this.#contested());
    this.#set('Rib2fibDiscoveryStale', this.#discoveryStale());
    this.#set('Rib2fibDiscoveryRefused', this.#discoveryRefused());
  }

  #set(name: Alert['name'], condition: Omit<Condition, 'name'> | undefined): void {
    if (condition === undefined) this.alerts.resolve({ name, labels: {} });
    else this.alerts.raise({ name, labels: {}, ...condition });
  }

  /** Holds until a feed is complete, whatever the source does on the way there. */
  #sourceLost(): Omit<Condition, 'name'> | undefined {
    const { engine, clock } = this.facts;
    const { phase, complete } = engine.feed;
    const source = this.facts.source();
    if (source !== this.#source) {
      this.#source = source;
      this.#sourceSince = clock.monotonic();
      this.#expected = false;
    }
    const late = clock.monotonic() - this.#sourceSince >= GRACE_MS;
    const expired = phase.phase === 'expired' && phase.since > this.#sourceSince;
    this.#expected ||= complete || late || expired;
    if (complete || !this.#expected) return undefined;
    switch (phase.phase) {
      case 'expired':
        return {
          severity: 'critical',
          summary: `${source.name} is lost and hold has ended: learned routes are gone`,
          description: missingText(source.state()),
        };
      case 'stale':
        return {
          severity: 'warning',
          summary: `${source.name} is lost: its routes stay ${this.#holdText(phase)}`,
          description: missingText(source.state()),
        };
      case 'syncing':
      case 'synced':
        return {
          severity: 'warning',
          summary: `${source.name} is back, but its feed is not complete yet`,
          description: missingText(source.state()),
        };
    }
  }

  /** The wall clock may jump, and an alert of other words is sent anew: looked at once a phase. */
  #holdText(phase: Extract<FeedPhase, { phase: 'stale' }>): string {
    if (!Number.isFinite(phase.until)) return 'until it is back (hold: forever)';
    const known = this.#holdEnds.get(phase);
    if (known !== undefined) return known;
    const end = new Date(wallTime(this.facts.clock, phase.until)).toISOString();
    const text = `until hold ends, at ${end.replace(/\.\d+/, '')}`;
    this.#holdEnds.set(phase, text);
    return text;
  }

  /** One daemon of several: the source as a whole is not lost. No time is named, which every look would find another. */
  #feedAway(): Omit<Condition, 'name'> | undefined {
    if (!this.facts.engine.feed.complete) return undefined;
    const away = this.facts
      .source()
      .peers()
      .filter(({ role, heldUntil }) => role === 'feed' && heldUntil !== undefined);
    if (away.length === 0) return undefined;
    return {
      severity: 'warning',
      summary: `a feed is away, and its routes are held: ${away.map(({ peer }) => peer).join(', ')}`,
      description: away
        .map(({ peer, lastError }) => `${peer}: ${lastError ?? 'no session'}`)
        .join('\n'),
    };
  }

  #sourceRefused(): Omit<Condition, 'name'> | undefined {
    const source = this.facts.source();
    const state = source.state();
    if (state.state !== 'refused') return undefined;
    return {
      severity: 'warning',
      summary: `source ${source.name} was refused: its last good routes stay`,
      description: state.reason,
    };
  }

  #configRefused(): Omit<Condition, 'name'> | undefined {
    const { faults, file } = this.facts.config();
    if (faults.length === 0) return undefined;
    return {
      severity: 'warning',
      summary: `${file} was refused: the last good configuration is in force`,
      description: faults.join('\n'),
    };
  }

  #localRuleBehind(): Omit<Condition, 'name'> | undefined {
    const [first] = this.facts.reconciler.misplaced;
    if (first === undefined) return undefined;
    const { rule, localPriority } = first;
    return {
      severity: 'critical',
      summary: `the ${rule.family} rule of table local stands at ${localPriority}, not ahead of ours: ours are taken out`,
      description: `Rules at priority ${rule.priority} would cut the node off from its own addresses.`,
    };
  }

  #kernelRefuses(): Omit<Condition, 'name'> | undefined {
    const { retries, unread } = this.facts.reconciler;
    if (unread?.lasting) {
      return {
        severity: 'critical',
        summary: `the kernel cannot be read: ${unread.error.errno}`,
        description: unread.error.message,
      };
    }
    for (const { attempts, errno, operation, message } of retries.values()) {
      if (attempts < LASTING_ATTEMPTS) continue;
      return {
        severity: 'warning',
        summary: `the kernel refuses operations of ours: ${errno}`,
        description: `First: ${operation.op}: ${message}`,
      };
    }
    return undefined;
  }

  #foreignRoutes(): Omit<Condition, 'name'> | undefined {
    const { engine, reconciler } = this.facts;
    const alone = [...engine.tables.values()].filter((table) =>
      isLeftAlone(table, reconciler.mirror),
    );
    if (alone.length === 0) return undefined;
    const names = alone.map(({ config }) => config.name).join(', ');
    return {
      severity: 'warning',
      summary: `not touched while others have routes there (foreign: fail): ${names}`,
      description: 'Remove those routes, or choose foreign: preserve or evict.',
    };
  }

  #discoveryStale(): Omit<Condition, 'name'> | undefined {
    const { clock } = this.facts;
    const away = this.#resources().filter(
      ({ state, since }) =>
        (state === 'stale' || state === 'listing') && clock.now() - since >= STALE_MS,
    );
    if (away.length === 0) return undefined;
    return {
      severity: 'warning',
      summary: `the API server does not answer for ${away.map(({ resource }) => resource).join(', ')}: the last known stays`,
      description: away
        .map(({ resource, lastError }) => `${resource}: ${lastError ?? 'no answer yet'}`)
        .join('\n'),
    };
  }

  #discoveryRefused(): Omit<Condition, 'name'> | undefined {
    const refused = this.#resources().filter(({ state }) => state === 'refused');
    if (refused.length === 0) return undefined;
    return {
      severity: 'warning',
      summary: `the API server forbids to read ${refused.map(({ resource }) => resource).join(', ')}`,
      description: refused.map(({ resource, lastError }) => `${resource}: ${lastError}`).join('\n'),
    };
  }

  #resources(): readonly ResourceStatus[] {
    return this.facts.discovery()?.resources() ?? [];
  }

  #contested(): Omit<Condition, 'name'> | undefined {
    const { contests } = this.facts.reconciler;
    const [first] = contests.values();
    if (first === undefined) return undefined;
    return {
      severity: 'warning',
      summary: `others undo what is ours again and again: ${objectText(first.object)}`,
      description: `By ${rivalText(first)}. It is put right at longer and longer intervals.`,
    };
  }
}

/** What stands between the source and a complete feed. */
function missingText(state: SourceState): string {
  switch (state.state) {
    case 'connecting':
      return state.lastError ?? 'not connected yet';
    case 'bgp-not-started':
      return 'BGP has not been started in it';
    case 'syncing':
      return `waiting for ${state.waitingFor}`;
    case 'lost':
    case 'refused':
      return state.reason;
    case 'synced':
    case 'stopped':
      return `it is ${state.state}`;
  }
}
