/** The alerts of prefix limits: raised while one warns or is exceeded, resolved when it is neither, or is gone. */
import type { Alert, AlertSender } from './observe/alerts.js';
import type { LimitTracker } from './policy/limit.js';

export class LimitAlerts {
  /** Limits looked at last, by id, with the labels of their alerts. */
  #known = new Map<string, Alert['labels']>();

  constructor(private readonly alerts: Pick<AlertSender, 'raise' | 'resolve'>) {}

  /** Takes all limits, each with the name of its table. Cheap, idempotent. */
  review(limits: Iterable<readonly [table: string, limit: LimitTracker]>): void {
    const before = this.#known;
    this.#known = new Map();
    for (const [table, limit] of limits) {
      const { id, peer, family } = limit.config;
      const labels = { table, peer: peer ?? 'all', family };
      this.#known.set(id, labels);
      this.#tell(table, limit, labels);
    }
    // A reload may have taken a limit out.
    for (const [id, labels] of before) if (!this.#known.has(id)) this.#resolve(labels);
  }

  #tell(table: string, limit: LimitTracker, labels: Alert['labels']): void {
    const { peer, family, action, max, warnPercent } = limit.config;
    const { state } = limit.snapshot();
    const what = `${table}: ${peer ?? 'all peers'}, ${family}`;
    const exceeded = { name: 'Rib2fibPrefixLimitExceeded', labels } as const;
    const warning = { name: 'Rib2fibPrefixLimitWarning', labels } as const;
    switch (state) {
      case 'exceeded':
      case 'latched':
        this.alerts.resolve(warning);
        this.alerts.raise({
          ...exceeded,
          severity: 'critical',
          summary: `${what}: prefix limit of ${max} exceeded`,
          description: `More than ${max} prefixes were offered; action ${action} is in force.`,
        });
        return;
      case 'warning':
        this.alerts.resolve(exceeded);
        this.alerts.raise({
          ...warning,
          severity: 'warning',
          summary: `${what}: above ${warnPercent} % of the limit of ${max}`,
          description: `Above ${max} prefixes action ${action} begins.`,
        });
        return;
      case 'ok':
        this.#resolve(labels);
    }
  }

  #resolve(labels: Alert['labels']): void {
    this.alerts.resolve({ name: 'Rib2fibPrefixLimitExceeded', labels });
    this.alerts.resolve({ name: 'Rib2fibPrefixLimitWarning', labels });
  }
}
