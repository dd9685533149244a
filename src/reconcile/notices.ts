/**
 * What others changed, taken into the mirror. Our own writes are never among
 * it: a change to an object of ours is drift, and marked to be looked at.
 */
import type { Engine } from '../desired/engine.js';
import { type RouteTarget, targetKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import { type KernelNotice, type KernelRoute, OWN_PROTOCOL } from '../kernel/kernel.js';
import type { Rival } from './contests.js';
import type { KernelObject } from './kernel-object.js';
import { isLeftAlone } from './left-alone.js';
import type { Mirror, OwnRoute } from './mirror.js';
import { isOwnRule } from './rule-set.js';

/** What somebody else undid. `drift`: it was in the kernel; else it was to be kept out of it (`foreign: evict`). */
export interface Undone {
  readonly object: KernelObject;
  readonly rival: Rival;
  readonly drift: boolean;
}

export interface NoticeEffects {
  underlay: boolean;
  /** Interfaces that were, if only for a moment, in a state in which the kernel drops routes silently. */
  readonly disturbed: Set<number>;
  /** Interfaces whose state, addresses or connected prefixes changed: what was refused there may go now. */
  readonly moved: Set<number>;
  rules: boolean;
  /** The notices leave open what the kernel has now. */
  unclear: boolean;
  /** Nexthop objects of ours may be gone. */
  nexthops: boolean;
  /** Notices were lost. */
  overrun: boolean;
  readonly undone: Undone[];
  /** Routes of ours that went with a nexthop object which somebody removed. */
  takenAlong: number;
}

const TABLE_MAIN = 254;
const TABLE_LOCAL = 255;
/** What the kernel does by itself, as when a link goes, is nobody's doing. */
const KERNEL_PORT = 0;

export function takeNotices(
  notices: readonly KernelNotice[],
  mirror: Mirror,
  engine: Engine,
): NoticeEffects {
  const effects: NoticeEffects = {
    underlay: false,
    disturbed: new Set(),
    moved: new Set(),
    rules: false,
    unclear: false,
    nexthops: false,
    overrun: false,
    undone: [],
    takenAlong: 0,
  };
  for (const notice of notices) {
    switch (notice.type) {
      case 'link':
        effects.underlay = true;
        effects.moved.add(notice.index);
        if (!notice.usable) effects.disturbed.add(notice.index);
        break;
      case 'address':
        effects.underlay = true;
        effects.moved.add(notice.index);
        if (notice.event === 'gone') effects.disturbed.add(notice.index);
        break;
      case 'route':
        takeRoute(notice, mirror, engine, effects);
        break;
      case 'rule':
        takeRule(notice, mirror, effects);
        break;
      case 'nexthop':
        takeNexthop(notice, mirror, engine, effects);
        break;
      case 'overrun':
        effects.overrun = true;
        break;
    }
  }
  return effects;
}

type RouteNotice = Extract<KernelNotice, { type: 'route' }>;

/** A notice of a route, and what the mirror has in its place: of the same table, prefix and metric. */
interface Place {
  readonly notice: RouteNotice;
  readonly mirror: Mirror;
  readonly effects: NoticeEffects;
  /** `undefined`: the configuration does not name it. */
  readonly table: Table | undefined;
  readonly own: OwnRoute | undefined;
  readonly others: readonly KernelRoute[];
  /** The one that a new route certainly took the place of. */
  readonly ousted: KernelRoute | undefined;
}

function takeRoute(
  notice: RouteNotice,
  mirror: Mirror,
  engine: Engine,
  effects: NoticeEffects,
): void {
  const { table: id, prefix, metric, protocol, target } = notice.route;
  if (id === TABLE_MAIN || id === TABLE_LOCAL) effects.underlay = true;
  if (id === TABLE_MAIN && target.type === 'legs') {
    for (const { oif, gateway } of target.legs) if (gateway === undefined) effects.moved.add(oif);
  }
  const table = engine.tables.get(id);
  const alone = table !== undefined && isLeftAlone(table, mirror);
  const own = mirror.own(id, prefix).find((one) => one.metric === metric);
  const others = mirror.foreign(id, prefix).filter((one) => one.metric === metric);
  // In the place of the one that stood there; not beside it, nor in that of one of several.
  const certain = notice.replaces && own === undefined && others.length === 1;
  const ousted = certain ? others[0] : undefined;
  const place: Place = { notice, mirror, effects, table, own, others, ousted };
  const taken = protocol === OWN_PROTOCOL ? takeOwn(place) : takeForeign(place);
  if (!taken) return;
  if (alone && !isLeftAlone(table, mirror)) table.touch();
  table?.mark(prefix);
}

/** False where it changes nothing that is known. */
function takeOwn(place: Place): boolean {
  const { notice, mirror, effects, table, own, others, ousted } = place;
  const { event, route, port } = notice;
  if (event === 'gone') {
    if (own === undefined) return false;
    if (port === KERNEL_PORT && isTakenAlong(route.target, effects)) return false;
  } else if (own !== undefined && mirror.intern(route.target) === own.target) return false;
  // Of an IPv6 route of several legs the notice may mean the legs it names only.
  if (table === undefined || isIpv6Multipath(own)) effects.unclear = true;
  if (event === 'gone') mirror.remove(route.table, route.prefix, route.metric);
  else {
    if (ousted !== undefined) mirror.removeForeign(ousted);
    else if (others.length > 0) effects.unclear = true;
    mirror.set(route.table, route);
  }
  undo(place, { protocol: event === 'gone' ? undefined : route.protocol, drift: true });
  return true;
}

/** False where the table is not ours. */
function takeForeign(place: Place): boolean {
  const { notice, mirror, effects, table, own, others, ousted } = place;
  const { event, route, replaces } = notice;
  const { prefix, metric, protocol } = route;
  if (table === undefined) return false;
  if (event === 'gone') {
    // Of an IPv6 route of several legs that may be one of them.
    const standing = others.find((other) => other.protocol === protocol);
    if (standing === undefined || isWhole(route, standing)) mirror.removeForeign(route);
    else effects.unclear = true;
    return true;
  }
  if (ousted !== undefined) mirror.removeForeign(ousted);
  else if (own !== undefined || others.length > 0) effects.unclear = true;
  mirror.setForeign(route);
  if (own !== undefined && replaces) mirror.remove(route.table, prefix, metric);
  // An IPv6 route that is appended becomes one with ours.
  const drift = own !== undefined && (replaces || prefix.family === 'ipv6');
  if (drift || (table.config.foreign === 'evict' && others.length === 0))
    undo(place, { protocol, drift });
  return true;
}

function undo(
  { notice: { route, port }, effects }: Place,
  { protocol, drift }: { readonly protocol: number | undefined; readonly drift: boolean },
): void {
  const { table, prefix, metric } = route;
  const object = { kind: 'route', table, prefix, metric } as const;
  if (port !== KERNEL_PORT) effects.undone.push({ object, rival: { protocol, port }, drift });
}

/**
 * What goes with an interface, an address or a nexthop object is told of before
 * these are, and one by one: it is looked up once for all, after the underlay.
 */
function isTakenAlong(target: RouteTarget, effects: NoticeEffects): boolean {
  if (target.type === 'legs') for (const { oif } of target.legs) effects.disturbed.add(oif);
  if (target.type === 'nexthop') effects.nexthops = true;
  return target.type === 'legs' || target.type === 'nexthop';
}

function isWhole(gone: KernelRoute, standing: KernelRoute): boolean {
  return gone.prefix.family === 'ipv4' || targetKey(gone.target) === targetKey(standing.target);
}

function isIpv6Multipath(own: OwnRoute | undefined): boolean {
  if (own?.target.type !== 'legs') return false;
  return own.prefix.family === 'ipv6' && own.target.legs.length > 1;
}

function takeRule(
  { event, rule, port }: Extract<KernelNotice, { type: 'rule' }>,
  mirror: Mirror,
  effects: NoticeEffects,
): void {
  if (event === 'new') mirror.setRule(rule);
  else mirror.removeRule(rule);
  effects.rules = true;
  if (!isOwnRule(rule) || port === KERNEL_PORT) return;
  const protocol = event === 'new' ? rule.protocol : undefined;
  effects.undone.push({ object: { kind: 'rule', rule }, rival: { protocol, port }, drift: true });
}

function takeNexthop(
  { event, nexthop, port }: Extract<KernelNotice, { type: 'nexthop' }>,
  mirror: Mirror,
  engine: Engine,
  effects: NoticeEffects,
): void {
  const ours = nexthop.protocol === OWN_PROTOCOL;
  const { id } = nexthop;
  const known = mirror.groups().has(id) || mirror.singleObjects().has(id);
  // What is left of a group that lost a leg is told as well.
  if (event === 'new' && ours && nexthop.type === 'group' && mirror.hasGroup(nexthop)) return;
  const withLastLeg = event === 'gone' && mirror.groups().get(id)?.members.length === 0;
  if (event === 'new') mirror.setNexthop(nexthop);
  else {
    mirror.removeNexthop(id);
    const dropped = mirror.dropRoutesOn(new Set([id]));
    for (const { table, prefix } of dropped) engine.tables.get(table)?.mark(prefix);
    if (port !== KERNEL_PORT) effects.takenAlong += dropped.length;
  }
  if (!ours) effects.underlay = true;
  if (!ours && event === 'gone') dropForeignOn(id, mirror, engine);
  // A foreign program that took an id of ours over is drift as well.
  if (!ours && !known) return;
  if (event === 'gone' && !known) return;
  const protocol = event === 'new' ? nexthop.protocol : undefined;
  const rival = { protocol, port };
  if (port !== KERNEL_PORT && !withLastLeg)
    effects.undone.push({ object: { kind: 'nexthop', id }, rival, drift: true });
  for (const table of engine.tables.values()) if (table.useObjects) table.touch();
}

/** The kernel takes the routes on a nexthop object along, those of IPv4 without a word. */
function dropForeignOn(id: number, mirror: Mirror, engine: Engine): void {
  for (const table of engine.tables.values()) {
    const alone = isLeftAlone(table, mirror);
    for (const route of [...mirror.foreignRoutes(table.config.id)]) {
      if (route.target.type !== 'nexthop' || route.target.id !== id) continue;
      mirror.removeForeign(route);
      table.mark(route.prefix);
    }
    if (alone && !isLeftAlone(table, mirror)) table.touch();
  }
}
