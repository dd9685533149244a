/** The daemon's work done once, for the commands that need no daemon: `plan`, `apply`, `cleanup`. */

import type { ApplyReport, CleanupReport, PlanReport } from './admin/command-report.js';
import { CONNMARK } from './admin/connmark-answer.js';
import { misplacedText } from './admin/misplaced-text.js';
import { operationText } from './admin/operation-text.js';
import type { HookReport } from './admin/report.js';
import { planNotes } from './admin/table-notes.js';
import { systemClock } from './clock.js';
import type { Config } from './config/config.js';
import { loadConfig } from './config/load.js';
import type { LoadedConfig } from './config/loaded.js';
import { MarkKeeper, type MarkMetrics } from './connmark/mark-keeper.js';
import { NftError, systemNft } from './connmark/nft.js';
import { Engine } from './desired/engine.js';
import { createDiscovery } from './discover/create.js';
import { discoverOnce } from './discover-once.js';
import { fpmNode } from './fpm-node.js';
import { readFullFeed } from './full-feed.js';
import { ChangeHooks } from './hooks/change-hooks.js';
import type { Kernel, Operation } from './kernel/kernel.js';
import { tcpSockets } from './kernel/tcp-options.js';
import type { Log } from './log-port.js';
import {
  acceptedOrFault,
  checkAgainstKernel,
  checkConnmark,
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
  readonly marks: MarkKeeper;
  readonly reconciler: Reconciler;
  /** Where something may be written. */
  readonly hooks: ChangeHooks | undefined;
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
  return await withFeed({ ...options, open }, async (pipeline) => {
    const { engine, reconciler, marks, undiscovered } = pipeline;
    const linkName = (index: number): string => engine.underlay.linkName(index);
    const { operations, misplaced } = reconciler.difference();
    const connmark = await plannedMarks(marks);
    return {
      changes: [
        ...operations.map((operation) => operationText(operation, linkName)),
        ...connmark.changes,
      ],
      evaluatedBy: 'command',
      notes: [...undiscovered, ...notesOf(engine, misplaced), ...connmark.notes],
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
  const check = (loaded: LoadedConfig): Promise<void> => checkConnmark(loaded, systemNft);
  const writes = { ...options, open, check, metrics, hooksOf };
  return await withFeed(writes, async (pipeline) => {
    const { engine, reconciler, marks, hooks, undiscovered } = pipeline;
    const settled = await bringInStep(reconciler);
    const connmark = await attempt(() => marks.once());
    await hooks?.end();
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
      failed: [
        ...failures(reconciler, engine),
        ...(settled ? [] : [UNSETTLED]),
        ...connmark.failed,
      ],
      notes: [
        ...undiscovered,
        ...notesOf(engine, reconciler.misplaced),
        ...(hooks?.reports() ?? []).flatMap(hookNote),
      ],
    };
  });
}

function hooksOf(engine: Engine): ChangeHooks {
  return new ChangeHooks({
    hooks: () => engine.config.hooks,
    tableName: (id) => engine.tables.get(id)?.config.name ?? `table${id}`,
    ...{ environment: process.env, clock: systemClock, log: silent },
    metrics: { countHook() {} },
  });
}

function hookNote({ hook, program, last }: HookReport): readonly string[] {
  if (last === undefined || last.result === 'ok') return [];
  return [`hook ${hook}: ${program}: ${last.detail}; what it goes with is done all the same`];
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
    const marks = markKeeper(engine);
    const connmark = await attempt(() => marks.flush());
    return {
      rules: counts.get('rule-delete') ?? 0,
      routes: counts.get('route-delete') ?? 0,
      nexthops: counts.get('nexthop-delete') ?? 0,
      connmark: connmark.done,
      failed: [...failures(reconciler, engine), ...connmark.failed],
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

/** Of commands, which end: nothing is followed. */
function markKeeper(engine: Engine): MarkKeeper {
  const watch = (): Promise<void> => Promise.resolve();
  const metrics = NO_METRICS;
  return new MarkKeeper({
    engine,
    nft: systemNft,
    clock: systemClock,
    log: silent,
    metrics,
    watch,
  });
}

/** `done` is what `work` resolved with, false where nft did not do it. */
async function attempt(
  work: () => Promise<boolean>,
): Promise<{ done: boolean; failed: ApplyReport['failed'] }> {
  try {
    return { done: await work(), failed: [] };
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    const { kind: errno, message } = error;
    return { done: false, failed: [{ what: CONNMARK, errno, message }] };
  }
}

async function plannedMarks(marks: MarkKeeper): Promise<Pick<PlanReport, 'changes' | 'notes'>> {
  try {
    const op = await marks.planned();
    return {
      changes: op === undefined ? [] : [{ op, kind: 'connmark', text: CONNMARK }],
      notes: [],
    };
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    return { changes: [], notes: [`${CONNMARK} could not be read: ${error.message}`] };
  }
}

interface FeedOptions extends PlanOptions {
  readonly open: () => Promise<Kernel>;
  /** Before anything is heard: throws `StartFault`. */
  readonly check?: (loaded: LoadedConfig) => Promise<void>;
  readonly metrics?: ReconcileMetrics;
  readonly hooksOf?: (engine: Engine) => ChangeHooks;
  readonly onProgress?: (done: number, total: number) => void;
}

async function withFeed<T>(
  options: FeedOptions,
  work: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  const { configPath, signal, onWait, open, metrics = NO_METRICS, hooksOf, onProgress } = options;
  const loaded = acceptedOrFault(await loadConfig(configPath));
  const { config } = loaded;
  checkEnvironment(config);
  const kernel = await open();
  const clock = systemClock;
  try {
    await checkAgainstKernel(loaded, kernel);
    await options.check?.(loaded);
    const state = await loadState(statePath(config.admin.socket)).catch(() => EMPTY_STATE);
    const latched = new Set(state.latched);
    const engine = new Engine({ config, now: clock.monotonic(), latched });
    const progress = onProgress === undefined ? {} : { onProgress };
    const hooks = hooksOf?.(engine);
    const reconciler = new Reconciler({
      ...{ kernel, engine, clock, log: silent, metrics, ...progress },
      ...(hooks === undefined ? {} : { gate: hooks }),
    });
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
    return await work({ engine, reconciler, marks: markKeeper(engine), hooks, undiscovered });
  } finally {
    await kernel.close();
  }
}

const NO_METRICS: ReconcileMetrics & MarkMetrics = {
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
  hooks: { before: undefined, after: undefined },
  log: { level: 'info' },
  files: [],
};
