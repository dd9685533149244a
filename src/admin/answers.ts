/** The admin socket's answers, made from the parts of the running daemon. */

import { formatFault } from '../config/fault.js';
import { loadConfig } from '../config/load.js';
import type { Kernel } from '../kernel/kernel.js';
import { adopt } from '../reconcile/audit.js';
import { explainAnswer } from './explain-answer.js';
import type { Facts } from './facts.js';
import { operationText } from './operation-text.js';
import type {
  ExplainReport,
  LimitClearReport,
  PlanReport,
  ReloadReport,
  RouteReport,
  RoutesQuery,
  StatusReport,
} from './report.js';
import { routesAnswer } from './routes-answer.js';
import { AdminFault, type AdminService } from './service.js';
import { statusAnswer } from './status-answer.js';

export interface Actions {
  readonly kernel: Kernel;
  reload(): Promise<ReloadReport>;
  clearLimits(ids: ReadonlySet<string>): void;
}

export class Answers implements AdminService {
  constructor(
    private readonly facts: Facts,
    private readonly actions: Actions,
  ) {}

  status(): StatusReport {
    return statusAnswer(this.facts);
  }

  routes(query: RoutesQuery): Iterable<RouteReport> {
    return routesAnswer(this.facts, query);
  }

  async explain(query: string): Promise<ExplainReport> {
    return explainAnswer(this.facts, query);
  }

  /** The same difference the loop would carry out, over another engine. */
  async plan(configPath: string): Promise<PlanReport> {
    const result = await loadConfig(configPath);
    if (!result.ok) throw new AdminFault(result.faults.map(formatFault).join('\n'));
    const { engine, reconciler, clock } = this.facts;
    const now = clock.monotonic();
    const planned = engine.withConfig(result.config, now);
    for (const table of planned.tables.values()) adopt(table, reconciler.mirror);
    planned.apply(engine.heard(), now);
    const linkName = (index: number): string => engine.underlay.linkName(index);
    const { operations, misplaced } = reconciler.difference(planned);
    const notes = misplaced.map(
      ({ rule, localPriority }) =>
        `rule priority ${rule.priority} is not behind table local (${localPriority})`,
    );
    if (!engine.feed.complete) notes.push('the feed is not complete: stale routes are left alone');
    return {
      changes: operations.map((operation) => operationText(operation, linkName)),
      evaluatedBy: 'daemon',
      notes,
    };
  }

  reload(): Promise<ReloadReport> {
    return this.actions.reload();
  }

  clearLimit(selector: string): LimitClearReport {
    const selected = [...this.facts.engine.tables.values()].flatMap(({ config, limits }) =>
      limits.filter(
        (limit) =>
          selector === 'all' ||
          selector === limit.config.id ||
          selector === config.name ||
          selector === `${config.id}`,
      ),
    );
    if (selected.length === 0)
      throw new AdminFault(`${selector} is no limit, and no table with limits`);
    const latched = selected.filter((limit) => limit.snapshot().latched);
    const cleared = latched.map((limit) => limit.config.id);
    this.actions.clearLimits(new Set(cleared));
    return { cleared };
  }
}
