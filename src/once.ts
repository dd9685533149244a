/** The daemon's work done once, for the commands that need no daemon: `plan`, `apply`, `cleanup`. */
import { operationText } from './admin/operation-text.js';
import type { ApplyReport, CleanupReport, PlanReport } from './admin/report.js';
import { type Clock, systemClock } from './clock.js';
import type { Config } from './config/config.js';
import { Engine } from './desired/engine.js';
import type { Operation } from './kernel/kernel.js';
import type { Log } from './log-port.js';
import { checkAgainstKernel, loadOrFault, openKernel } from './preflight.js';
import { type ReconcileMetrics, Reconciler } from './reconcile/loop.js';
import { createSource } from './source/create.js';
import type { Source } from './source/source.js';
import { StartFault } from './start-fault.js';
import { EMPTY_STATE, loadState, statePath } from './state-file.js';

/** A source that has not answered by then will not answer a command. */
const CONNECT_MS = 10_000;

/** Of `apply`, while the kernel turns out to be other than was thought. */
const MORE_PASSES = 3;

/** A failure of `apply` that is none of a single operation. */
const UNSETTLED = {
  what: 'the kernel as a whole',
  errno: 'EAGAIN',
  message: `not in step after ${MORE_PASSES + 1} passes: others change it at the same time; run apply again`,
} as const;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

interface Pipeline {
  readonly engine: Engine;
  readonly reconciler: Reconciler;
}

export interface PlanOptions {
  readonly configPath: string;
  readonly signal: AbortSignal;
}

/** Reads the source once and says what `apply` would change. Throws {@link StartFault}. */
export async function planOnce({ configPath, signal }: PlanOptions): Promise<PlanReport> {
  return await withFeed(configPath, signal, {}, async ({ engine, reconciler }) => {
    const linkName = (index: number): string => engine.underlay.linkName(index);
    const { operations, misplaced } = reconciler.difference();
    return {
      changes: operations.map((operation) => operationText(operation, linkName)),
      evaluatedBy: 'command',
      notes: misplaced.map(
        ({ rule }) => `rule priority ${rule.priority} is not behind table local`,
      ),
    };
  });
}

export interface ApplyOptions extends PlanOptions {
  readonly onProgress: (done: number, total: number) => void;
}

/** Reads the source once, brings the kernel in step, and leaves it so. Throws {@link StartFault}. */
export async function applyOnce({
  configPath,
  signal,
  onProgress,
}: ApplyOptions): Promise<ApplyReport> {
  const counts = new Map<string, number>();
  const count = (op: Operation['op']): number => counts.get(op) ?? 0;
  const metrics = {
    ...NO_METRICS,
    countOperations: (op: string, n: number) => void counts.set(op, (counts.get(op) ?? 0) + n),
  };
  return await withFeed(
    configPath,
    signal,
    { metrics, onProgress },
    async ({ engine, reconciler }) => {
      const settled = await bringInStep(reconciler);
      const { mirror } = reconciler;
      const installed = [...engine.tables.keys()].reduce(
        (sum, table) => sum + mirror.count(table, 'ipv4') + mirror.count(table, 'ipv6'),
        mirror.ownRules().size,
      );
      const written = count('route-add') + count('rule-add') + count('route-replace');
      return {
        added: count('route-add') + count('rule-add') + count('nexthop-add'),
        replaced: count('route-replace') + count('nexthop-replace'),
        removed:
          count('route-delete') +
          count('rule-delete') +
          count('foreign-route-delete') +
          count('nexthop-delete'),
        unchanged: Math.max(0, installed - written),
        failed: [...failures(reconciler, engine), ...(settled ? [] : [UNSETTLED])],
      };
    },
  );
}

/** The passes after the first take in what others changed meanwhile. False when there is still more of it. */
async function bringInStep(reconciler: Reconciler): Promise<boolean> {
  await reconciler.once();
  for (let again = 0; again < MORE_PASSES && !reconciler.settled; again++) await reconciler.once();
  return reconciler.settled;
}

/** Removes everything of ours in this network namespace, and nothing else. Needs no configuration. */
export async function cleanup(): Promise<CleanupReport> {
  const kernel = await openKernel(silent);
  const counts = new Map<string, number>();
  const metrics = {
    ...NO_METRICS,
    countOperations: (op: string, n: number) => void counts.set(op, (counts.get(op) ?? 0) + n),
  };
  try {
    const engine = new Engine({ config: NO_CONFIG, now: 0, latched: new Set() });
    const reconciler = new Reconciler({ kernel, engine, clock: systemClock, log: silent, metrics });
    await reconciler.prepare();
    await reconciler.flush();
    return {
      rules: counts.get('rule-delete') ?? 0,
      routes: counts.get('route-delete') ?? 0,
      nexthops: counts.get('nexthop-delete') ?? 0,
      failed: failures(reconciler, engine),
    };
  } finally {
    await kernel.close();
  }
}

function failures(reconciler: Reconciler, engine: Engine): ApplyReport['failed'] {
  const linkName = (index: number): string => engine.underlay.linkName(index);
  return [...reconciler.retries.values()].map(({ operation, errno, message }) => ({
    what: operationText(operation, linkName).text,
    errno,
    message,
  }));
}

async function withFeed<T>(
  configPath: string,
  signal: AbortSignal,
  hooks: { metrics?: ReconcileMetrics; onProgress?: (done: number, total: number) => void },
  work: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  const config = await loadOrFault(configPath);
  const kernel = await openKernel(silent);
  const clock = systemClock;
  try {
    await checkAgainstKernel(config, kernel);
    const state = await loadState(statePath(config.admin.socket)).catch(() => EMPTY_STATE);
    const latched = new Set(state.latched);
    const engine = new Engine({ config, now: clock.monotonic(), latched });
    const metrics = hooks.metrics ?? NO_METRICS;
    const { onProgress } = hooks;
    const progress = onProgress === undefined ? {} : { onProgress };
    const reconciler = new Reconciler({ kernel, engine, clock, log: silent, metrics, ...progress });
    await reconciler.prepare();
    await feed(
      engine,
      createSource(config, { clock, random: Math.random, log: silent }),
      clock,
      signal,
    );
    // The kernel as it is now, not as it was before a feed that may have taken minutes.
    reconciler.audit();
    await reconciler.prepare();
    return await work({ engine, reconciler });
  } finally {
    await kernel.close();
  }
}

/** Until the source has fed a full table. Throws {@link StartFault} when it does not answer. */
async function feed(
  engine: Engine,
  source: Source,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const giveUp = clock.delay(CONNECT_MS, both).then(
    () => {
      const state = source.state();
      if (state.state === 'connecting')
        stop.abort(new StartFault(`${source.name}: ${state.lastError ?? 'no answer'}`, 1));
      if (state.state === 'bgp-not-started')
        stop.abort(new StartFault(`${source.name}: BGP has not been started in it`, 1));
    },
    () => undefined,
  );
  for await (const events of source.events(both)) {
    engine.apply(events, clock.monotonic());
    engine.setReceived(source.peers());
    if (engine.feed.complete) break;
  }
  signal.throwIfAborted();
  if (stop.signal.reason instanceof StartFault) throw stop.signal.reason;
  stop.abort();
  await giveUp;
}

const NO_METRICS: ReconcileMetrics = {
  countOperations() {},
  countKernelError() {},
  countDrift() {},
  observeReconcile() {},
};

const NO_CONFIG: Config = {
  source: { kind: 'file', file: { path: '' } },
  hold: 0,
  sync: { timeout: 0 },
  tables: [],
  prefixLists: new Map(),
  metrics: { listen: undefined },
  admin: { socket: '' },
  alerts: { alertmanager: undefined },
  log: { level: 'info' },
  files: [],
};
