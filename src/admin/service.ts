/** What the admin socket offers; the daemon implements it. */
import type {
  ExplainReport,
  LimitClearReport,
  PlanReport,
  ReloadReport,
  RouteReport,
  RoutesQuery,
} from './command-report.js';
import type { StatusReport } from './report.js';

/** A question that cannot be answered: its message is for the person who asked. */
export class AdminFault extends Error {
  override readonly name = 'AdminFault';
}

export interface AdminService {
  status(): StatusReport;
  /** Walked while it is sent, so it may be made on the way; `limit` is already kept to. */
  routes(query: RoutesQuery): Iterable<RouteReport>;
  /** `query` is a prefix or an address. Throws {@link AdminFault}. */
  explain(query: string): Promise<ExplainReport>;
  /** Evaluates the configuration at `configPath` against the daemon's feed; changes nothing. */
  plan(configPath: string): Promise<PlanReport>;
  reload(): Promise<ReloadReport>;
  /** `selector`: a limit's id, a table's name or id, or `all`. Throws {@link AdminFault} when nothing matches. */
  clearLimit(selector: string): LimitClearReport;
}
