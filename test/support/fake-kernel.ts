/**
 * A kernel in memory that refuses what Linux refuses, with the same errno, and
 * throws on what nobody may ask of it: to touch what is not ours, to write into
 * a table of the kernel's own, to have two batches under way. Every operation
 * is recorded in the words of `ip`, and a test changes things behind the
 * daemon's back in the same words.
 */
import { formatNexthop, formatRoute, formatRule } from '../../src/desired/format.js';
import type { Leg, NexthopObject, Route, Rule } from '../../src/desired/route.js';
import { ruleKey } from '../../src/desired/route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from '../../src/desired/topology.js';
import {
  type ExecuteResult,
  type Kernel,
  type KernelNexthop,
  type KernelNotice,
  type KernelRoute,
  type KernelRule,
  NEXTHOP_ID_BASE,
  NEXTHOP_ID_LAST,
  type Operation,
  type OperationFailure,
  OWN_PROTOCOL,
} from '../../src/kernel/kernel.js';
import { FAMILIES, type Family } from '../../src/net/family.js';
import { Prefix } from '../../src/net/prefix.js';
import { parseId, parseNexthop, parseRoute, parseRule, shortIds } from './ip-text.js';

interface Refusal {
  readonly pattern: string;
  readonly errno: string;
  left: number;
}

/** The kernel's own tables, and the unspecified one. */
const FORBIDDEN_TABLES = [0, 253, 254, 255];

export class FakeKernel implements Kernel {
  /** What was asked since it was last taken, refused ones marked `! ERRNO`; ours, so without ` proto 178`. */
  #log: string[] = [];
  readonly #routes = new Map<string, KernelRoute>();
  #rules: KernelRule[] = [];
  readonly #nexthops = new Map<number, KernelNexthop>();
  readonly #links = new Map<string, Link>();
  #addresses: InterfaceAddress[] = [];
  #main: UnderlayRoute[] = [];
  #families: readonly Family[] = FAMILIES;
  #refusals: Refusal[] = [];
  #loseFrom: number | undefined;
  #busy = false;
  #notices: KernelNotice[] = [];
  #wake: () => void = () => undefined;
  /** Full reads of our routes: what an audit costs. */
  audits = 0;
  underlayReads = 0;

  // What a test sets up.

  /** Up, with carrier; an interface of the same name is replaced. */
  link(name: string, index: number, given: { up?: boolean; carrier?: boolean } = {}): void {
    this.#links.set(name, { index, name, up: true, carrier: true, ...given });
  }

  /** `10.9.0.1/24 dev eth1`: with its local and its connected route. */
  address(text: string, scope: InterfaceAddress['scope'] = 'global', settled = true): void {
    const [word = '', , name = ''] = text.split(' ');
    const [host = '', length = ''] = word.split('/');
    const { prefix: own } = parseRoute(`${host}/${host.includes(':') ? 128 : 32}`, this.#index);
    const { address } = own;
    const index = this.#index(name);
    this.#addresses.push({ index, address, length: Number(length), scope, settled });
    const legs = [{ gateway: undefined, oif: index, onlink: false, weight: 1 }];
    const connected = Prefix.of(address, Number(length));
    const shape = { metric: 0, legs, dead: false };
    this.#main.push({ ...shape, table: 255, prefix: own, type: 'local' });
    this.#main.push({ ...shape, table: 254, prefix: connected, type: 'unicast' });
  }

  /** `0.0.0.0/0 via 192.0.2.1 dev eth0`, into table main. */
  mainRoute(text: string): void {
    const { prefix, metric, target } = parseRoute(text, this.#index);
    const legs = target.type === 'legs' ? target.legs : [];
    const type = target.type === 'legs' ? 'unicast' : 'other';
    this.#main.push({ table: 254, prefix, metric, type, legs, dead: false });
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

  // What others do.

  /** `route add|replace|del …`, `rule add|del …`, `nexthop add|replace|del …`; told by a notice unless `silent`. */
  outside(text: string, { silent = false } = {}): void {
    const [object = '', verb = '', ...rest] = text.split(' ');
    const words = rest.join(' ');
    const event = verb === 'del' ? 'gone' : 'new';
    const told: KernelNotice[] = [];
    if (object === 'route') {
      const route = parseRoute(words, this.#index);
      const key = slotOf(route);
      const standing = this.#routes.get(key);
      if (verb === 'add' && standing !== undefined) throw new Error(`EEXIST: ${text}`);
      if (verb !== 'add' && standing === undefined) throw new Error(`ESRCH: ${text}`);
      if (event === 'new') this.#routes.set(key, route);
      else this.#routes.delete(key);
      const what = event === 'gone' && standing !== undefined ? standing : route;
      told.push({ type: 'route', event, route: what });
    } else if (object === 'rule') {
      const rule = parseRule(words);
      if (event === 'new') this.#rules.push(rule);
      else this.#removeRule(rule);
      told.push({ type: 'rule', event, rule });
    } else if (event === 'gone') {
      const gone = this.#removeNexthop(parseId(rest[1] ?? ''));
      if (gone.length === 0) throw new Error(`ENOENT: ${text}`);
      for (const nexthop of gone) told.push({ type: 'nexthop', event, nexthop });
    } else {
      const nexthop = parseNexthop(words, this.#index);
      this.#nexthops.set(nexthop.id, nexthop);
      told.push({ type: 'nexthop', event, nexthop });
    }
    if (!silent) this.tell(...told);
  }

  /** `main: + route`: adds or removes a route of main, in the words of {@link mainRoute}. */
  changeMain(verb: 'add' | 'del', text: string): void {
    const route = parseRoute(text, this.#index);
    if (verb === 'add') this.mainRoute(text);
    else this.#main = this.#main.filter(({ prefix }) => prefix.key !== route.prefix.key);
    this.tell({ type: 'route', event: verb === 'add' ? 'new' : 'gone', route });
  }

  /** With what the kernel silently drops; routes of main come back with the link. */
  setLink(name: string, state: { up: boolean; carrier: boolean }): void {
    const link = this.#links.get(name);
    if (link === undefined) throw new Error(`there is no ${name}`);
    this.#links.set(name, { ...link, ...state });
    if (!state.up || !state.carrier) {
      for (const nexthop of [...this.#nexthops.values()]) {
        if (nexthop.type === 'single' && nexthop.leg.oif === link.index)
          this.#removeNexthop(nexthop.id);
      }
    }
    if (!state.up) {
      for (const [key, { target }] of this.#routes) {
        if (target.type === 'legs' && target.legs.every(({ oif }) => !this.#isUp(oif)))
          this.#routes.delete(key);
      }
    }
    this.tell({ type: 'link', index: link.index, usable: state.up && state.carrier });
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
    return [...this.#routes.values()]
      .filter(({ table }) => table === id)
      .map((route) => brief(formatRoute(route, this.#name)))
      .sort();
  }

  /** As {@link table}, with the legs that a route reaches through its group. */
  resolvedTable(id: number): string[] {
    return [...this.#routes.values()]
      .filter(({ table }) => table === id)
      .map((route) => brief(formatRoute({ ...route, target: this.#resolved(route) }, this.#name)))
      .sort();
  }

  #resolved({ target }: Route): Route['target'] {
    const group = target.type === 'nexthop' ? this.#nexthops.get(target.id) : undefined;
    if (group?.type !== 'group') return target;
    const legs = group.members.flatMap(({ id, weight }) => {
      const single = this.#nexthops.get(id);
      return single?.type === 'single' ? [{ ...single.leg, weight }] : [];
    });
    return { type: 'legs', legs };
  }

  /** All rules but those of `local`, in their order. */
  ruleTexts(): string[] {
    return this.#rules
      .filter(({ table }) => table !== 255)
      .toSorted((a, b) => a.priority - b.priority)
      .map((rule) => brief(formatRule(rule)));
  }

  nexthopTexts(): string[] {
    return [...this.#nexthops.values()]
      .toSorted((a, b) => a.id - b.id)
      .map((nexthop) => brief(formatNexthop(nexthop, this.#name)));
  }

  // The port.

  async routes(table: number): Promise<KernelRoute[]> {
    return [...this.#routes.values()].filter((route) => route.table === table);
  }

  async ownRoutes(): Promise<KernelRoute[]> {
    this.audits++;
    return [...this.#routes.values()].filter(({ protocol }) => protocol === OWN_PROTOCOL);
  }

  async rules(): Promise<KernelRule[]> {
    return [...this.#rules];
  }

  async nexthops(): Promise<KernelNexthop[]> {
    return [...this.#nexthops.values()];
  }

  async links(): Promise<Link[]> {
    this.underlayReads++;
    return [...this.#links.values()];
  }

  async addresses(): Promise<InterfaceAddress[]> {
    return [...this.#addresses];
  }

  async underlay(): Promise<UnderlayRoute[]> {
    return this.#main
      .filter(({ legs }) => legs.length === 0 || legs.some(({ oif }) => this.#isUp(oif)))
      .map((route) => ({
        ...route,
        dead: route.legs.length > 0 && route.legs.every(({ oif }) => !this.#hasCarrier(oif)),
      }));
  }

  async families(): Promise<readonly Family[]> {
    return this.#families;
  }

  async *notices(signal: AbortSignal): AsyncGenerator<readonly KernelNotice[]> {
    signal.addEventListener('abort', () => this.#wake());
    while (!signal.aborted) {
      if (this.#notices.length > 0) yield this.#notices.splice(0);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async execute(operations: readonly Operation[]): Promise<ExecuteResult> {
    if (this.#busy) throw new Error('two batches at once');
    this.#busy = true;
    await Promise.resolve();
    this.#busy = false;
    const failures: OperationFailure[] = [];
    operations.forEach((operation, index) => {
      const text = this.#text(operation);
      const errno = this.#injected(text) ?? this.#do(operation, text);
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

  /** The errno, where it is refused. */
  #do(operation: Operation, text: string): string | undefined {
    switch (operation.op) {
      case 'route-add':
      case 'route-replace':
        return this.#writeRoute(operation.route, operation.op === 'route-replace', text);
      case 'route-delete': {
        const standing = this.#routes.get(slotOf(operation.route));
        if (standing?.protocol !== OWN_PROTOCOL) return 'ESRCH';
        this.#routes.delete(slotOf(standing));
        return undefined;
      }
      case 'foreign-route-delete': {
        const { route } = operation;
        if (route.protocol === OWN_PROTOCOL) throw new Error(`not foreign: ${text}`);
        if (this.#routes.get(slotOf(route))?.protocol !== route.protocol) return 'ESRCH';
        this.#routes.delete(slotOf(route));
        return undefined;
      }
      case 'rule-add': {
        const rule = { ...operation.rule, ...OURS };
        if (this.#rules.some((other) => sameRule(other, rule))) return 'EEXIST';
        if (isEverything(rule.from) || isEverything(rule.to))
          throw new Error(`the kernel keeps no /0: ${text}`);
        this.#rules.push(rule);
        return undefined;
      }
      case 'rule-delete':
        return this.#removeRule({ ...operation.rule, ...OURS }) ? undefined : 'ENOENT';
      case 'nexthop-add':
      case 'nexthop-replace':
        return this.#writeNexthop(operation.nexthop, operation.op === 'nexthop-replace', text);
      case 'nexthop-delete': {
        const standing = this.#nexthops.get(operation.id);
        if (standing === undefined) return 'ENOENT';
        if (standing.protocol !== OWN_PROTOCOL) throw new Error(`foreign nexthop: ${text}`);
        this.#removeNexthop(operation.id);
        return undefined;
      }
    }
  }

  #writeRoute(route: Route, replace: boolean, text: string): string | undefined {
    if (FORBIDDEN_TABLES.includes(route.table)) throw new Error(`a table of the kernel: ${text}`);
    if (route.metric < 1) throw new Error(`no metric: ${text}`);
    const key = slotOf(route);
    const standing = this.#routes.get(key);
    const errno = this.#targetFault(route, text);
    if (errno !== undefined) return errno;
    if (!replace && standing !== undefined) return 'EEXIST';
    if (replace && standing === undefined) return 'ENOENT';
    if (replace && standing?.protocol !== OWN_PROTOCOL) throw new Error(`foreign route: ${text}`);
    this.#routes.set(key, { ...route, protocol: OWN_PROTOCOL, dead: false });
    return undefined;
  }

  #targetFault({ target, prefix }: Route, text: string): string | undefined {
    switch (target.type) {
      case 'nexthop': {
        const nexthop = this.#nexthops.get(target.id);
        if (nexthop === undefined) return 'EINVAL';
        if (nexthop.type !== 'group' || nexthop.protocol !== OWN_PROTOCOL)
          throw new Error(`not a group of ours: ${text}`);
        return undefined;
      }
      case 'legs': {
        if (target.legs.length === 0) throw new Error(`no legs: ${text}`);
        if (prefix.family === 'ipv6' && target.legs.some((leg) => leg.gateway?.family === 'ipv4'))
          return 'EINVAL';
        return target.legs.map((leg) => this.#legFault(leg, text)).find((fault) => fault);
      }
      case 'throw':
      case 'unreachable':
        return undefined;
      case 'other':
        throw new Error(`we write no such route: ${text}`);
    }
  }

  #legFault({ gateway, oif, onlink, weight }: Leg, text: string): string | undefined {
    if (!(weight >= 1 && weight <= 256)) throw new Error(`weight ${weight}: ${text}`);
    const link = this.#linkAt(oif);
    if (link === undefined) return 'ENODEV';
    if (!link.up) return 'ENETDOWN';
    if (gateway === undefined || gateway.isLinkLocal || onlink) return undefined;
    const onLink = this.#main.some(
      ({ table, prefix, legs }) =>
        table === 254 &&
        prefix.contains(gateway) &&
        legs.some((leg) => leg.oif === oif && leg.gateway === undefined),
    );
    return onLink ? undefined : 'ENETUNREACH';
  }

  #writeNexthop(nexthop: NexthopObject, replace: boolean, text: string): string | undefined {
    const { id } = nexthop;
    if (id < NEXTHOP_ID_BASE || id > NEXTHOP_ID_LAST) throw new Error(`not our id: ${text}`);
    const standing = this.#nexthops.get(id);
    if (nexthop.type === 'group') {
      const members = nexthop.members.map((member) => this.#nexthops.get(member.id));
      if (members.length === 0) throw new Error(`an empty group: ${text}`);
      if (new Set(nexthop.members.map((member) => member.id)).size < members.length) throw new Error(`a member twice: ${text}`);
      if (members.some((member) => member?.type !== 'single')) return 'EINVAL';
    } else {
      const { leg } = nexthop;
      if (leg.weight !== 1) throw new Error(`a single has no weight: ${text}`);
      const errno = this.#legFault(leg, text);
      if (errno !== undefined) return errno;
      if (!this.#hasCarrier(leg.oif)) return 'ENETDOWN';
    }
    if (!replace && standing !== undefined) return 'EEXIST';
    if (replace && standing === undefined) return 'ENOENT';
    if (replace && standing?.protocol !== OWN_PROTOCOL) throw new Error(`foreign nexthop: ${text}`);
    if (standing !== undefined && standing.type !== nexthop.type) return 'EINVAL';
    this.#nexthops.set(id, { ...nexthop, protocol: OWN_PROTOCOL });
    return undefined;
  }

  /** With the groups that lose their last leg, and the routes on all of them. Returns what went. */
  #removeNexthop(id: number): KernelNexthop[] {
    const gone = this.#nexthops.get(id);
    if (gone === undefined) return [];
    this.#nexthops.delete(id);
    for (const [key, { target }] of this.#routes) {
      if (target.type === 'nexthop' && target.id === id) this.#routes.delete(key);
    }
    const all = [gone];
    for (const group of [...this.#nexthops.values()]) {
      if (group.type !== 'group') continue;
      const members = group.members.filter((member) => member.id !== id);
      if (members.length === group.members.length) continue;
      if (members.length === 0) all.push(...this.#removeNexthop(group.id));
      else this.#nexthops.set(group.id, { ...group, members });
    }
    return all;
  }

  #removeRule(rule: KernelRule): boolean {
    const at = this.#rules.findIndex((other) => sameRule(other, rule));
    if (at >= 0) this.#rules.splice(at, 1);
    return at >= 0;
  }

  #text(operation: Operation): string {
    switch (operation.op) {
      case 'route-add':
        return `route add ${brief(formatRoute(operation.route, this.#name))}`;
      case 'route-replace':
        return `route replace ${brief(formatRoute(operation.route, this.#name))}`;
      case 'route-delete':
      case 'foreign-route-delete':
        return `route del ${brief(formatRoute(operation.route, this.#name))}`;
      case 'rule-add':
        return `rule add ${brief(formatRule(operation.rule))}`;
      case 'rule-delete':
        return `rule del ${brief(formatRule({ ...operation.rule, ...OURS }))}`;
      case 'nexthop-add':
        return `nexthop add ${brief(formatNexthop(operation.nexthop, this.#name))}`;
      case 'nexthop-replace':
        return `nexthop replace ${brief(formatNexthop(operation.nexthop, this.#name))}`;
      case 'nexthop-delete':
        return shortIds(`nexthop del id ${operation.id}`);
    }
  }

  readonly #name = (index: number): string => this.#linkAt(index)?.name ?? `if${index}`;

  readonly #index = (name: string): number => {
    const link = this.#links.get(name);
    if (link === undefined) throw new Error(`there is no ${name}`);
    return link.index;
  };

  #linkAt(index: number): Link | undefined {
    return [...this.#links.values()].find((link) => link.index === index);
  }

  #isUp(index: number): boolean {
    return this.#linkAt(index)?.up === true;
  }

  #hasCarrier(index: number): boolean {
    const link = this.#linkAt(index);
    return link?.up === true && link.carrier;
  }
}

const OURS = { protocol: OWN_PROTOCOL, action: 'lookup', opaque: false } as const;

function slotOf({ table, prefix, metric }: Route): string {
  return `${table} ${prefix.key} ${metric}`;
}

/** fib_rules.c compares the protocol too. */
function sameRule(a: KernelRule, b: KernelRule): boolean {
  return a.protocol === b.protocol && ruleKey(a) === ruleKey(b);
}

function isEverything(prefix: Rule['from']): boolean {
  return prefix?.isDefault === true;
}

function brief(text: string): string {
  return shortIds(text.replace(` proto ${OWN_PROTOCOL}`, ''));
}
