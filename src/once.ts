/** The daemon's work done once, for the commands that need no daemon: `plan`, `apply`, `cleanup`. */
import { misplacedText } from './admin/misplaced-text.js';
import { operationText } from './admin/operation-text.js';
import type { ApplyReport, CleanupReport, PlanReport } from './admin/report.js';
import { planNotes } from './admin/table-notes.js';
import { systemClock } from './clock.js';
import type { Config } from './config/config.js';
import { loadConfig } from './config/load.js';
import { Engine } from './desired/engine.js';
import { createDiscovery } from './discover/create.js';
import { discoverOnce } from './discover-once.js';
import { fpmNode } from './fpm-node.js';
import { readFullFeed } from './full-feed.js';
import type { Kernel, Operation } from './kernel/kernel.js';
import { tcpSockets } from './kernel/tcp-options.js';
import type { Log } from './log-port.js';
import {
  acceptedOrFault,
  checkAgainstKernel,
  checkEnvironment,
  openKernel,
  openKernelForReading,
} from './preflight.js';
import type { MisplacedRule } from './reconcile/diff-rules.js';
import { type ReconcileMetrics, Reconciler } from './reconcile/loop.js';
import { createSource } from './source/create.js';
import { EMPTY_STATE, loadState, statePath } from './state-file.js';
import { disableAgain } from './teardown.js';

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
  /** What was not to be had of the cluster, one line each. */
  readonly undiscovered: readonly string[];
  readonly engine: Engine;
  readonly reconciler: Reconciler;
}

export interface PlanOptions {
  readonly configPath: string;
  readonly signal: AbortSignal;
  /** As that of `readFullFeed`. */
  readonly onWait: (wait: string) => void;
}

/**
 * Reads the source once and says what `apply` would change. Takes no right
 * beyond an ordinary user's. Throws `StartFault`.
 */
export async function planOnce(options: PlanOptions): Promise<PlanReport> {
  const open = () => openKernelForReading(silent);
  return await withFeed({ ...options, open }, async ({ engine, reconciler, undiscovered }) => {
    const linkName = (index: number): string => engine.underlay.linkName(index);
    const { operations, misplaced } = reconciler.difference();
    return {
      changes: operations.map((operation) => operationText(operation, linkName)),
      evaluatedBy: 'command',
      notes: [...undiscovered, ...notesOf(engine, misplaced)],
    };
  });
}

export interface ApplyOptions extends PlanOptions {
  readonly onProgress: (done: number, total: number) => void;
}

/** Reads the source once, brings the kernel in step, and leaves it so. Throws `StartFault`. */
export async function applyOnce(options: ApplyOptions): Promise<ApplyReport> {
  const counts = new Map<string, number>();
  const count = (op: Operation['op']): number => counts.get(op) ?? 0;
  const metrics = {
    ...NO_METRICS,
    countOperations: (op: string, n: number) => void counts.set(op, (counts.get(op) ?? 0) + n),
  };
  const open = () => openKernel(silent);
  return await withFeed({ ...options, open, metrics }, async (pipeline) => {
    const { engine, reconciler, undiscovered } = pipeline;
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
      notes: [...undiscovered, ...notesOf(engine, reconciler.misplaced)],
    };
  });
}

function notesOf(engine: Engine, misplaced: readonly MisplacedRule[]): readonly string[] {
  return [...misplaced.map(misplacedText), ...planNotes(engine)];
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

interface FeedOptions extends PlanOptions {
  readonly open: () => Promise<Kernel>;
  readonly metrics?: ReconcileMetrics;
  readonly onProgress?: (done: number, total: number) => void;
}

async function withFeed<T>(
  { configPath, signal, onWait, open, metrics = NO_METRICS, onProgress }: FeedOptions,
  work: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  const loaded = acceptedOrFault(await loadConfig(configPath));
  const { config } = loaded;
  checkEnvironment(config);
  const kernel = await open();
  const clock = systemClock;
  try {
    await checkAgainstKernel(loaded, kernel);
    const state = await loadState(statePath(config.admin.socket)).catch(() => EMPTY_STATE);
    const latched = new Set(state.latched);
    const engine = new Engine({ config, now: clock.monotonic(), latched });
    const progress = onProgress === undefined ? {} : { onProgress };
    const reconciler = new Reconciler({ kernel, engine, clock, log: silent, metrics, ...progress });
    await reconciler.prepare();
    const given = { hold: () => config.hold, sockets: tcpSockets, node: fpmNode(kernel) };
    const source = createSource(config, { clock, random: Math.random, log: silent, ...given });
    const discovery = await createDiscovery(config, { clock, random: Math.random, log: silent });
    const undiscovered =
      discovery === undefined ? [] : await discoverOnce({ discovery, engine, clock, signal });
    const { sessions } = source;
    await disableAgain({ config, peers: state.disabledPeers, sessions, now: clock.now() });
    await readFullFeed({ engine, source, clock, signal, onWait });
    // The kernel as it is now, not as it was before a feed that may have taken minutes.
    reconciler.audit();
    await reconciler.prepare();
    return await work({ engine, reconciler, undiscovered });
  } finally {
    await kernel.close();
  }
}

const NO_METRICS: ReconcileMetrics = {
  countOperations() {},
  countKernelError() {},
  countDrift() {},
  countOverrun() {},
  observeReconcile() {},
};

const NO_CONFIG: Config = {
  source: { kind: 'file', file: { path: '' } },
  hold: 0,
  sync: { timeout: 0 },
  tables: [],
  prefixLists: new Map(),
  discovery: { kubernetes: undefined },
  metrics: { listen: undefined },
  admin: { socket: '' },
  alerts: { alertmanager: undefined },
  log: { level: 'info' },
  files: [],
};
