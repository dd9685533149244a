/**
 * The three requests of a node that reports to its cluster: the status of its NodeRoutes object, the
 * object itself where there is none yet, and an Event on the Node.
 */
import type { Happening } from './event.js';
import type { NodeRoutesStatus } from './node-routes.js';
import { timeText } from './time-text.js';

/** The API server: rejects with an Error that has `code`, HTTP's status, where it refuses. */
export interface ClusterApi {
  json(request: {
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    readonly method: 'GET' | 'POST' | 'PATCH';
    readonly body?: unknown;
    readonly type?: string;
  }): Promise<unknown>;
}

/** Once, or several times as one. */
export interface DatedHappening {
  /** The last. */
  readonly happening: Happening;
  /** The first; epoch milliseconds, as the next. */
  readonly at: number;
  readonly lastAt: number;
  readonly count: number;
  readonly serial: number;
}

const API_VERSION = 'rib2fib.io/v1alpha1';
const COLLECTION = `/apis/${API_VERSION}/noderoutes`;
/** Of a Node, which has no namespace, Events are told here. */
const EVENTS = '/api/v1/namespaces/default/events';
/** Server-side apply: what is not in it any more, and was ours, goes. */
const APPLY = 'application/apply-patch+yaml';
const MANAGER = 'rib2fib';

export class ClusterWriter {
  constructor(
    private readonly api: ClusterApi,
    private readonly node: string,
    /** Epoch milliseconds. */
    private readonly startedAt: number,
  ) {}

  /** The whole status, in the place of the one before. Rejects as {@link ClusterApi} does. */
  async status(status: NodeRoutesStatus, signal: AbortSignal): Promise<void> {
    try {
      await this.#apply(status, signal);
    } catch (error) {
      if (codeOf(error) !== 404) throw error;
      await this.#create(signal);
      await this.#apply(status, signal);
    }
  }

  /**
   * One Event. `serial` tells it from the others of this process: told again under the same one, it
   * is the same Event. Rejects as {@link ClusterApi} does.
   */
  async event(
    { happening, at, lastAt, count, serial }: DatedHappening,
    signal: AbortSignal,
  ): Promise<void> {
    const { node } = this;
    const { type, reason, message } = happening;
    const name = `${node}.${(this.startedAt * 1_000 + serial).toString(16)}`;
    const body = {
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: 'default' } },
      // As a kubelet names its Node, so that `kubectl describe node` finds it.
      involvedObject: { apiVersion: 'v1', kind: 'Node', name: node, uid: node },
      ...{ type, reason, message, count },
      ...{ firstTimestamp: timeText(at), lastTimestamp: timeText(lastAt) },
      source: { component: 'rib2fib', host: node },
      ...{ reportingComponent: 'rib2fib.io/rib2fib', reportingInstance: node },
    };
    try {
      await this.api.json({ path: EVENTS, method: 'POST', body, signal });
    } catch (error) {
      // It was taken, and the answer was lost.
      if (codeOf(error) !== 409) throw error;
    }
  }

  async #apply(status: NodeRoutesStatus, signal: AbortSignal): Promise<void> {
    await this.api.json({
      path: `${COLLECTION}/${encodeURIComponent(this.node)}/status`,
      query: { fieldManager: MANAGER, force: 'true' },
      ...{ method: 'PATCH', type: APPLY, signal },
      body: {
        ...{ apiVersion: API_VERSION, kind: 'NodeRoutes', metadata: { name: this.node } },
        status,
      },
    });
  }

  /** The Node's, so that it goes with it. */
  async #create(signal: AbortSignal): Promise<void> {
    const { node } = this;
    const owner = await this.api.json({
      ...{ path: `/api/v1/nodes/${encodeURIComponent(node)}`, method: 'GET', signal },
    });
    const uid = uidOf(owner);
    const metadata = {
      name: node,
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node, uid }],
    };
    const body = { apiVersion: API_VERSION, kind: 'NodeRoutes', metadata };
    try {
      await this.api.json({ path: COLLECTION, method: 'POST', body, signal });
    } catch (error) {
      if (codeOf(error) !== 409) throw error;
    }
  }
}

/** HTTP's status of a refusal. */
export function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;
}

function uidOf(object: unknown): string {
  const { metadata } = object as { readonly metadata?: { readonly uid?: unknown } };
  if (typeof metadata?.uid !== 'string') throw new TypeError('the Node has no uid');
  return metadata.uid;
}
