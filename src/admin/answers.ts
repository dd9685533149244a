/** The admin socket's answers, made from the parts of the running daemon. */

import type { Config } from '../config/config.js';
import { formatFault } from '../config/fault.js';
import { loadConfigApart } from '../config/load-apart.js';
import type { Nft } from '../connmark/nft.js';
import { sameCluster } from '../discover/create.js';
import type { Kernel, KernelRoute } from '../kernel/kernel.js';
import { refusalsHere } from '../preflight.js';
import { adopt } from '../reconcile/audit.js';
import type { Mirror } from '../reconcile/mirror.js';
import type {
  ExplainReport,
  LimitClearReport,
  PlanReport,
  ReloadReport,
  RouteReport,
  RoutesQuery,
} from './command-report.js';
import { connmarkPlan } from './connmark-answer.js';
import { explainAnswer } from './explain-answer.js';
import type { Facts } from './facts.js';
import { operationText } from './operation-text.js';
import type { StatusReport } from './report.js';
import { routesAnswer } from './routes-answer.js';
import { AdminFault, type AdminService } from './service.js';
import { statusAnswer } from './status-answer.js';
import { planNotes } from './table-notes.js';

/** Of a plan that asks the cluster for what the daemon does not, or is not told yet. */
const UNDISCOVERED =
  'not all that discovery is to find is known: what came of it before is left alone';

export interface Actions {
  readonly kernel: Kernel;
  readonly nft: Nft;
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

  /**
   * The same difference the loop would carry out, over another engine.
   * @throws AdminFault for a configuration that is refused, and before the kernel was read once.
   */
  async plan(configPath: string): Promise<PlanReport> {
    const result = await loadConfigApart(configPath);
    if (!result.ok) throw new AdminFault(result.faults.map(formatFault).join('\n'));
    const { engine, reconciler, clock, discovery } = this.facts;
    const refusals = await refusalsHere(
      result,
      this.actions.kernel,
      engine.config,
      this.actions.nft,
    );
    const unread = await this.#unreadRoutes(result.config);
    if (reconciler.lastAudit === undefined)
      throw new AdminFault(
        'the daemon has only begun, and reads the kernel: ask again in a moment',
      );
    const now = clock.monotonic();
    const known = sameCluster(engine.config, result.config);
    const discovered = known ? discovery()?.snapshot(result.config) : undefined;
    const planned = engine.withConfig(result.config, now, discovered);
    for (const table of planned.tables.values()) adopt(table, reconciler.mirror, false);
    planned.apply(engine.heard(), now);
    const linkName = (index: number): string => engine.underlay.linkName(index);
    const { operations } = withForeign(
      unread.filter(({ table }) => !engine.tables.has(table)),
      reconciler.mirror,
      () => reconciler.difference(planned),
    );
    const connmark = connmarkPlan(this.facts.marks(), planned);
    return {
      changes: [
        ...operations.map((operation) => operationText(operation, linkName)),
        ...connmark.changes,
      ],
      evaluatedBy: 'daemon',
      notes: [
        ...refusals,
        ...planNotes(planned),
        ...(planned.discoveryWhole ? [] : [UNDISCOVERED]),
        ...connmark.notes,
        ...(engine.feed.complete ? [] : ['the feed is not complete: stale routes are left alone']),
      ],
    };
  }

  /** Routes of others in tables that are none of the daemon's yet. */
  async #unreadRoutes(config: Config): Promise<KernelRoute[]> {
    const routes: KernelRoute[] = [];
    for (const { id } of config.tables) {
      if (this.facts.engine.tables.has(id)) continue;
      for (const route of await this.actions.kernel.foreignRoutes(id)) routes.push(route);
    }
    return routes;
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

/** What `look` sees with these routes in the mirror too; they are out of it again before anybody else looks. */
function withForeign<T>(routes: readonly KernelRoute[], mirror: Mirror, look: () => T): T {
  for (const route of routes) mirror.setForeign(route);
  try {
    return look();
  } finally {
    for (const route of routes) mirror.removeForeign(route);
  }
}
