/**
 * The kernel's port over a kernel in memory. Every operation is recorded in the
 * words of `ip`, and a test changes things behind the daemon's back in the same
 * words. Throws where two batches are under way at once; kernel-state.ts tells
 * what else it refuses.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { formatNexthop, formatRoute, formatRule } from '../../src/desired/format.js';
import type { Route } from '../../src/desired/route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from '../../src/desired/topology.js';
import {
  type ExecuteResult,
  type Kernel,
  type KernelNexthop,
  type KernelNotice,
  type KernelRoute,
  type KernelRule,
  type Operation,
  type OperationFailure,
  OWN_PROTOCOL,
} from '../../src/kernel/kernel.js';
import { FAMILIES, type Family } from '../../src/net/family.js';
import { Prefix } from '../../src/net/prefix.js';
import { parseId, parseNexthop, parseRoute, parseRule, shortIds } from './ip-text.js';
import { KernelState, OURS, slotOf } from './kernel-state.js';

interface Refusal {
  readonly pattern: string;
  readonly errno: string;
  left: number;
}

/** The netlink port of whoever changes something outside. */
const OTHERS_PORT = 4711;

export class FakeKernel implements Kernel {
  /** What was asked since it was last taken, refused ones marked `! ERRNO`; ours, so without ` proto 178`. */
  #log: string[] = [];
  readonly #state = new KernelState();
  #families: readonly Family[] = FAMILIES;
  #refusals: Refusal[] = [];
  #loseFrom: number | undefined;
  #busy = false;
  #meanwhile: (() => void) | undefined;
  #whileRead: (() => void) | undefined;
  #whileNexthopsRead: (() => void) | undefined;
  #abandoned: readonly KernelRoute[] = [];
  #listened = false;
  #late = false;
  #notices: KernelNotice[] = [];
  #wake: () => void = () => undefined;
  /** Full reads of our routes: what an audit costs. */
  audits = 0;
  underlayReads = 0;

  // What a test sets up.

  /** Up, with carrier; an interface of the same name is replaced. */
  link(name: string, index: number, given: { up?: boolean; carrier?: boolean } = {}): void {
    this.#state.links.set(name, { index, name, up: true, carrier: true, ...given });
  }

  /** `10.9.0.1/24 dev eth1`: with its local and its connected route. */
  address(text: string, scope: InterfaceAddress['scope'] = 'global', tentative = false): void {
    const [word = '', , name = ''] = text.split(' ');
    const [host = '', length = ''] = word.split('/');
    const { prefix: own } = parseRoute(
      `${host}/${host.includes(':') ? 128 : 32}`,
      this.#state.index,
    );
    const { address } = own;
    const index = this.#state.index(name);
    const state = { scope, tentative, settled: !tentative };
    this.#state.addresses.push({ index, address, length: Number(length), ...state });
    const legs = [{ gateway: undefined, oif: index, onlink: false, weight: 1 }];
    const connected = Prefix.of(address, Number(length));
    const shape = { metric: 0, legs, dead: false };
    this.#state.main.push({ ...shape, table: 255, prefix: own, type: 'local' });
    this.#state.main.push({ ...shape, table: 254, prefix: connected, type: 'unicast' });
  }

  /** `0.0.0.0/0 via 192.0.2.1 dev eth0`, into table main. */
  mainRoute(text: string): void {
    const { prefix, metric, target } = parseRoute(text, this.#state.index);
    const legs = target.type === 'legs' ? target.legs : [];
    const type = target.type === 'legs' ? 'unicast' : 'other';
    this.#state.main.push({ table: 254, prefix, metric, type, legs, dead: false });
  }

  disableIpv6(): void {
    this.#families = ['ipv4'];
  }

  /** Refuses operations whose text contains `pattern`, `times` times. */
  refuse(pattern: string, errno: string, times = Number.POSITIVE_INFINITY): void {
    this.#refusals.push({ pattern, errno, left: times });
  }

  refuseNothing(): void {
    this.#refusals = [];
  }

  /** Of the next batch the answers from this operation on are lost; the operations are done. */
  loseAnswersFrom(index: number): void {
    this.#loseFrom = index;
  }

  /** Runs while the next batch is under way, before any of it is done. */
  meanwhile(work: () => void): void {
    this.#meanwhile = work;
  }

  /** While `late`, notices are on their way: told when it ends, or when they are asked for. */
  late(late: boolean): void {
    this.#late = late;
    this.#wake();
  }

  /** Runs as the nexthop objects are read the next time. */
  whileNexthopsRead(work: () => void): void {
    this.#whileNexthopsRead = work;
  }

  /** Runs in the middle of the next full reading. */
  whileRead(work: () => void): void {
    this.#whileRead = work;
  }

  /** The next full reading begins anew once it has told these. */
  abandonReading(...routes: readonly KernelRoute[]): void {
    this.#abandoned = routes;
  }

  // What others do.

  /** `route add|replace|del …`, `rule add|del …`, `nexthop add|replace|del …`; told by a notice unless `silent`. */
  outside(text: string, { silent = false, port = OTHERS_PORT } = {}): void {
    const [object = '', verb = '', ...rest] = text.split(' ');
    const words = rest.join(' ');
    const event = verb === 'del' ? 'gone' : 'new';
    const told: KernelNotice[] = [];
    if (object === 'route') {
      const route = parseRoute(words, this.#state.index);
      const key = slotOf(route);
      const standing = this.#state.routes.get(key);
      if (verb === 'add' && standing !== undefined) throw new Error(`EEXIST: ${text}`);
      if (verb !== 'add' && standing === undefined) throw new Error(`ESRCH: ${text}`);
      if (event === 'new') this.#state.routes.set(key, route);
      else this.#state.routes.delete(key);
      const what = event === 'gone' && standing !== undefined ? standing : route;
      told.push({ type: 'route', event, route: what, replaces: verb === 'replace', port });
    } else if (object === 'rule') {
      const rule = parseRule(words);
      if (event === 'new') this.#state.rules.push(rule);
      else this.#state.removeRule(rule);
      told.push({ type: 'rule', event, rule, port });
    } else if (event === 'gone') {
      const gone = this.#state.removeNexthop(parseId(rest[1] ?? ''));
      if (gone.length === 0) throw new Error(`ENOENT: ${text}`);
      for (const nexthop of gone) told.push({ type: 'nexthop', event, nexthop, port });
    } else {
      const nexthop = parseNexthop(words, this.#state.index);
      this.#state.nexthops.set(nexthop.id, nexthop);
      told.push({ type: 'nexthop', event, nexthop, port });
    }
    if (!silent) this.tell(...told);
  }

  /** `main: + route`: adds or removes a route of main, in the words of {@link mainRoute}. */
  changeMain(verb: 'add' | 'del', text: string): void {
    const route = parseRoute(text, this.#state.index);
    if (verb === 'add') this.mainRoute(text);
    else
      this.#state.main = this.#state.main.filter(({ prefix }) => prefix.key !== route.prefix.key);
    const event = verb === 'add' ? 'new' : 'gone';
    this.tell({ type: 'route', event, route, replaces: false, port: OTHERS_PORT });
  }

  /** With what the kernel silently drops; routes of main come back with the link. */
  setLink(name: string, state: { up: boolean; carrier: boolean }): void {
    const index = this.#state.setLink(name, state);
    this.tell({ type: 'link', index, usable: state.up && state.carrier });
  }

  /** `10.9.0.1 dev eth1`; with what the kernel silently drops where it was the last IPv4 address. */
  removeAddress(text: string): void {
    const [host = '', , name = ''] = text.split(' ');
    const index = this.#state.removeAddress(host, name);
    this.tell({ type: 'address', event: 'gone', index });
  }

  tell(...notices: readonly KernelNotice[]): void {
    this.#notices.push(...notices);
    this.#wake();
  }

  // What a test looks at.

  /** Operations since the last call. */
  takeLog(): string[] {
    const log = this.#log;
    this.#log = [];
    return log;
  }

  /** The routes of a table, everybody's, sorted; ours without ` proto 178`. */
  table(id: number): string[] {
    return [...this.#state.routes.values()]
      .filter(({ table }) => table === id)
      .map((route) => brief(formatRoute(route, this.#state.name)))
      .sort();
  }

  /** As {@link table}, with the legs that a route reaches through its group. */
  resolvedTable(id: number): string[] {
    return [...this.#state.routes.values()]
      .filter(({ table }) => table === id)
      .map((route) =>
        brief(formatRoute({ ...route, target: this.#resolved(route) }, this.#state.name)),
      )
      .sort();
  }

  #resolved({ target }: Route): Route['target'] {
    const group = target.type === 'nexthop' ? this.#state.nexthops.get(target.id) : undefined;
    if (group?.type !== 'group') return target;
    const legs = group.members.flatMap(({ id, weight }) => {
      const single = this.#state.nexthops.get(id);
      return single?.type === 'single' ? [{ ...single.leg, weight }] : [];
    });
    return { type: 'legs', legs };
  }

  /** All rules but those of `local`, in their order. */
  ruleTexts(): string[] {
    return this.#state.rules
      .filter(({ table }) => table !== 255)
      .toSorted((a, b) => a.priority - b.priority)
      .map((rule) => brief(formatRule(rule)));
  }

  nexthopTexts(): string[] {
    return [...this.#state.nexthops.values()]
      .toSorted((a, b) => a.id - b.id)
      .map((nexthop) => brief(formatNexthop(nexthop, this.#state.name)));
  }

  // The port.

  async routes(table: number, oif?: number): Promise<KernelRoute[]> {
    const found = [...this.#state.routes.values()].filter((route) => route.table === table);
    if (oif === undefined) return found;
    return found.filter((route) => {
      const target = this.#resolved(route);
      return target.type === 'legs' && target.legs.some((leg) => leg.oif === oif);
    });
  }

  async foreignRoutes(table: number): Promise<KernelRoute[]> {
    return (await this.routes(table)).filter(({ protocol }) => protocol !== OWN_PROTOCOL);
  }

  async readRoutes(
    tables: ReadonlySet<number>,
    begin: (family: Family) => (route: KernelRoute) => void,
  ): Promise<void> {
    this.audits++;
    const abandoned = this.#abandoned;
    this.#abandoned = [];
    for (const family of FAMILIES) {
      // As where the set changed while it was read: all of that is told, and void.
      const told = abandoned.filter(({ prefix }) => prefix.family === family);
      if (told.length > 0) told.forEach(begin(family));
      const take = begin(family);
      for (const route of this.#read(tables)) if (route.prefix.family === family) take(route);
    }
  }

  #read(tables: ReadonlySet<number>): KernelRoute[] {
    const whileRead = this.#whileRead;
    this.#whileRead = undefined;
    whileRead?.();
    return [...this.#state.routes.values()].filter(
      ({ protocol, table }) => protocol === OWN_PROTOCOL || tables.has(table),
    );
  }

  async rules(): Promise<KernelRule[]> {
    return [...this.#state.rules];
  }

  async nexthops(): Promise<KernelNexthop[]> {
    const whileRead = this.#whileNexthopsRead;
    this.#whileNexthopsRead = undefined;
    whileRead?.();
    return [...this.#state.nexthops.values()];
  }

  async links(): Promise<Link[]> {
    this.underlayReads++;
    return [...this.#state.links.values()];
  }

  async addresses(): Promise<InterfaceAddress[]> {
    return [...this.#state.addresses];
  }

  async unicastRoutes(table: number, protocol: number): Promise<UnderlayRoute[]> {
    return (await this.routes(table)).flatMap((route) =>
      route.protocol === protocol && route.target.type === 'legs'
        ? [{ ...route, type: 'unicast', legs: route.target.legs }]
        : [],
    );
  }

  async underlay(): Promise<UnderlayRoute[]> {
    return this.#state.main
      .filter(({ legs }) => legs.length === 0 || legs.some(({ oif }) => this.#state.isUp(oif)))
      .map((route) => ({
        ...route,
        dead: route.legs.length > 0 && route.legs.every(({ oif }) => !this.#state.hasCarrier(oif)),
      }));
  }

  async families(): Promise<readonly Family[]> {
    return this.#families;
  }

  async *notices(signal: AbortSignal): AsyncGenerator<readonly KernelNotice[]> {
    this.#listened = true;
    signal.addEventListener('abort', () => this.#wake());
    while (!signal.aborted) {
      if (this.#notices.length > 0 && !this.#late) yield this.#notices.splice(0);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#listened = false;
  }

  async heard(): Promise<void> {
    this.late(false);
    while (this.#listened && this.#notices.length > 0) await turn();
  }

  async execute(operations: readonly Operation[]): Promise<ExecuteResult> {
    if (this.#busy) throw new Error('two batches at once');
    this.#busy = true;
    await Promise.resolve();
    const meanwhile = this.#meanwhile;
    this.#meanwhile = undefined;
    meanwhile?.();
    this.#busy = false;
    const failures: OperationFailure[] = [];
    operations.forEach((operation, index) => {
      const text = this.#text(operation);
      const errno = this.#injected(text) ?? this.#state.do(operation, text);
      this.#log.push(errno === undefined ? text : `${text} ! ${errno}`);
      if (errno !== undefined) failures.push({ index, errno, message: `no: ${errno}` });
    });
    const unknownFrom = Math.min(this.#loseFrom ?? operations.length, operations.length);
    this.#loseFrom = undefined;
    return { failures: failures.filter(({ index }) => index < unknownFrom), unknownFrom };
  }

  async close(): Promise<void> {}

  #injected(text: string): string | undefined {
    const refusal = this.#refusals.find(({ pattern, left }) => left > 0 && text.includes(pattern));
    if (refusal === undefined) return undefined;
    refusal.left--;
    return refusal.errno;
  }

  #text(operation: Operation): string {
    switch (operation.op) {
      case 'route-add':
        return `route add ${brief(formatRoute(operation.route, this.#state.name))}`;
      case 'route-replace':
        return `route replace ${brief(formatRoute(operation.route, this.#state.name))}`;
      case 'route-delete':
      case 'foreign-route-delete':
        return `route del ${brief(formatRoute(operation.route, this.#state.name))}`;
      case 'rule-add':
        return `rule add ${brief(formatRule(operation.rule))}`;
      case 'rule-delete':
        return `rule del ${brief(formatRule({ ...operation.rule, ...OURS }))}`;
      case 'nexthop-add':
        return `nexthop add ${brief(formatNexthop(operation.nexthop, this.#state.name))}`;
      case 'nexthop-replace':
        return `nexthop replace ${brief(formatNexthop(operation.nexthop, this.#state.name))}`;
      case 'nexthop-delete':
        return shortIds(`nexthop del id ${operation.id}`);
    }
  }
}

function brief(text: string): string {
  return shortIds(text.replace(` proto ${OWN_PROTOCOL}`, ''));
}
