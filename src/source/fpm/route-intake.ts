/** From zebra's changes to whole sets in the queue: which table counts, and what withdrawals are worth. */
import type { Clock } from '../../clock.js';
import type { Family } from '../../net/family.js';
import { familyOfKey, type Prefix } from '../../net/prefix.js';
import type { Path } from '../../rib/path.js';
import type { EventQueue } from '../event-queue.js';
import type { RouteChange, RouteRefusal } from './decoder.js';
import { PathSets } from './path-sets.js';
import { WithdrawalGate } from './withdrawal-gate.js';

export interface RouteIntakeOptions {
  /** Tables to take; where a prefix is in several, the first has it. */
  readonly tables: readonly number[];
  readonly queue: EventQueue;
  readonly clock: Clock;
  readonly interfaceName: (index: number) => string | undefined;
  /** A route that cannot be taken. */
  readonly refused: (prefix: Prefix, reason: RouteRefusal | 'unknown-interface') => void;
}

const NONE: readonly Path[] = [];

export class RouteIntake {
  readonly #options: RouteIntakeOptions;
  /** What zebra holds, by table and {@link Prefix.key}, in the order of `tables`. */
  readonly #tables: ReadonlyMap<number, Map<string, readonly Path[]>>;
  readonly #sets: PathSets;
  readonly #gate: WithdrawalGate;
  /** Routes whose interface is not known, to be offered again once it is. */
  #homeless = new Map<string, Extract<RouteChange, { type: 'new' }>>();

  constructor(options: RouteIntakeOptions) {
    const { tables, queue, clock, interfaceName } = options;
    this.#options = options;
    this.#tables = new Map(tables.map((id) => [id, new Map()]));
    this.#sets = new PathSets(interfaceName);
    this.#gate = new WithdrawalGate({
      clock,
      live: () => this.#live,
      release: (prefixes) => {
        for (const prefix of prefixes) queue.update(prefix, NONE);
      },
    });
  }

  /** Families of which there are routes; costs a walk over all of them. */
  families(): ReadonlySet<Family> {
    const families = new Set<Family>();
    for (const routes of this.#tables.values()) {
      for (const key of routes.keys()) families.add(familyOfKey(key));
    }
    return families;
  }

  /** A route waits for its interface's name: read the interfaces, then call {@link interfacesRead}. */
  get lacksInterface(): boolean {
    return this.#homeless.size > 0;
  }

  /** False for what is of no table that is taken. */
  take(change: RouteChange): boolean {
    const routes = this.#tables.get(change.table);
    if (routes === undefined) return false;
    const { prefix } = change;
    const place = `${change.table} ${prefix.key}`;
    if (this.#homeless.size > 0) this.#homeless.delete(place);
    if (change.type !== 'new') {
      if (change.type === 'refused') this.#options.refused(prefix, change.reason);
      routes.delete(prefix.key);
      this.#offer(prefix);
      return true;
    }
    const paths = this.#sets.of(change.legs);
    if (paths === undefined) {
      this.#homeless.set(place, change);
      return true;
    }
    routes.set(prefix.key, paths);
    this.#offer(prefix);
    return true;
  }

  /** What waited for an interface is offered again; what still lacks one is refused. */
  interfacesRead(): void {
    const waiting = [...this.#homeless.values()];
    this.#homeless = new Map();
    this.#sets.forget();
    for (const change of waiting) this.take(change);
    for (const { table, prefix } of this.#homeless.values()) {
      this.#options.refused(prefix, 'unknown-interface');
      this.#tables.get(table)?.delete(prefix.key);
      this.#offer(prefix);
    }
    this.#homeless = new Map();
  }

  /** Lets withdrawals go as {@link WithdrawalGate} has it. Rejects with the signal's reason. */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.#gate.size > 0) await this.#gate.settle(signal);
  }

  get #live(): number {
    let live = 0;
    for (const routes of this.#tables.values()) live += routes.size;
    return live;
  }

  #offer(prefix: Prefix): void {
    const paths = this.#best(prefix.key);
    if (paths === undefined) {
      this.#gate.hold(prefix);
      return;
    }
    this.#gate.cancel(prefix.key);
    this.#options.queue.update(prefix, paths);
  }

  #best(key: string): readonly Path[] | undefined {
    for (const routes of this.#tables.values()) {
      const paths = routes.get(key);
      if (paths !== undefined) return paths;
    }
    return undefined;
  }
}
