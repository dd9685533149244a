/** The nftables table that marks connections, as status tells it: what stands, not what is wanted. */
import type { MarkState } from '../connmark/mark-keeper.js';
import { arrivedChain, interfacesSet, poolsSet } from '../connmark/ruleset.js';
import { changeTo, wantedMarks } from '../connmark/wanted.js';
import type { Engine } from '../desired/engine.js';
import { FAMILIES } from '../net/family.js';
import { hexMark } from '../net/mark.js';
import type { PlanReport } from './command-report.js';
import { type Facts, wallTime } from './facts.js';
import type { ConnmarkReport } from './report.js';

export function connmarkAnswer({ marks, clock, engine }: Facts): ConnmarkReport {
  const state = marks();
  switch (state.state) {
    case 'off':
    case 'pending':
      return { state: state.state };
    case 'contested': {
      const { since, retryAt } = state;
      return {
        state: 'contested',
        since: wallTime(clock, since),
        retryAt: wallTime(clock, retryAt),
      };
    }
    case 'failing': {
      const { since, retryAt, reason, attempts } = state;
      return {
        ...{ state: 'failing', reason, attempts },
        since: wallTime(clock, since),
        retryAt: wallTime(clock, retryAt),
      };
    }
    case 'kept': {
      const { since, readAt, marked, listing } = state;
      const members = (set: string): readonly string[] => listing.sets.get(set) ?? [];
      return {
        state: 'kept',
        since: wallTime(clock, since),
        readAt: wallTime(clock, readAt),
        tables: marked.map(({ table, mark }) => {
          const pools = FAMILIES.map((family) => poolsSet(table, family));
          return {
            table: engine.tables.get(table)?.config.name ?? String(table),
            mark: hexMark(mark),
            interfaces: members(interfacesSet(table)),
            pools: pools.flatMap(members),
            marked: listing.counts.get(arrivedChain(table)) ?? 0,
          };
        }),
      };
    }
  }
}

/** As changes and failures name it. */
export const CONNMARK = 'nftables table rib2fib';

/** What becomes of it under the engine of a plan, by what was read of it last. */
export function connmarkPlan(
  state: MarkState,
  planned: Engine,
): Pick<PlanReport, 'changes' | 'notes'> {
  const wanted = wantedMarks(planned);
  const unread = unmarkedReason(state);
  if (unread !== undefined) {
    return { changes: [], notes: [`${CONNMARK} is not compared: ${unread}`] };
  }
  const op = changeTo(wanted, state.state === 'kept' ? state.listing : undefined);
  return { changes: op === undefined ? [] : [{ op, kind: 'connmark', text: CONNMARK }], notes: [] };
}

/** Why connections are not marked, though a table goes by marks; `undefined` where they are. */
export function unmarkedReason(state: MarkState): string | undefined {
  switch (state.state) {
    case 'off':
    case 'kept':
      return undefined;
    case 'pending':
      return 'the nftables table rib2fib was not looked at yet';
    case 'contested':
      return 'others change the nftables table rib2fib again and again';
    case 'failing':
      return state.reason;
  }
}
