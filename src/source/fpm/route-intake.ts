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
  readonly refused: (prefix: Prefix, reason: RouteRefusal) => void;
}

const NONE: readonly Path[] = [];

interface Homeless {
  readonly change: Extract<RouteChange, { type: 'new' }>;
  /** The interfaces were asked for when it waited already: what they do not have then, there is not. */
  readonly asked: boolean;
}

export class RouteIntake {
  readonly #options: RouteIntakeOptions;
  /** What zebra holds, by table and {@link Prefix.key}, in the order of `tables`. */
  readonly #tables: ReadonlyMap<number, Map<string, readonly Path[]>>;
  readonly #sets: PathSets;
  readonly #gate: WithdrawalGate;
  /** Routes whose interface is not known, to be offered again once it is, by table and prefix. */
  #homeless = new Map<string, Homeless>();

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

  /**
   * A route waits for its interface's name: call {@link interfacesAsked}, read the
   * interfaces, then call {@link interfacesRead}, until none waits.
   */
  get lacksInterface(): boolean {
    return this.#homeless.size > 0;
  }

  /** False for what is no word about a route of BGP in a table that is taken. */
  take(change: RouteChange): boolean {
    const routes = this.#tables.get(change.table);
    if (routes === undefined) return false;
    const { prefix } = change;
    const place = `${change.table} ${prefix.key}`;
    const waited = this.#homeless.size > 0 && this.#homeless.delete(place);
    if (change.type === 'new') {
      const paths = this.#sets.of(change.legs);
      if (paths === undefined) {
        this.#homeless.set(place, { change, asked: false });
        return true;
      }
      routes.set(prefix.key, paths);
      this.#offer(prefix);
      return true;
    }
    if (change.type === 'refused') this.#options.refused(prefix, change.reason);
    // What zebra never told here is no withdrawal: it says nothing of what else it has.
    const stood = routes.delete(prefix.key);
    if (stood) this.#offer(prefix);
    return stood || waited || change.type !== 'others';
  }

  /** The interfaces are about to be read: whatever waits now is judged by them. */
  interfacesAsked(): void {
    for (const [place, { change }] of this.#homeless) {
      this.#homeless.set(place, { change, asked: true });
    }
  }

  /** What waits is offered again; what was asked for and still lacks its interface is refused. */
  interfacesRead(): void {
    const waiting = this.#homeless;
    this.#homeless = new Map();
    for (const { change, asked } of waiting.values()) {
      if (!asked || this.#sets.of(change.legs) !== undefined) this.take(change);
      else this.take({ ...change, type: 'refused', reason: 'unknown-interface' });
    }
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
