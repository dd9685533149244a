/**
 * What others changed, taken into the mirror. Our own writes are never among
 * it: a change to an object of ours is drift, and marked to be looked at.
 */
import type { Engine } from '../desired/engine.js';
import type { RouteTarget } from '../desired/route.js';
import { type KernelNotice, OWN_PROTOCOL } from '../kernel/kernel.js';
import { isLeftAlone } from './diff.js';
import { isOwnRule, type Mirror, type OwnRoute } from './mirror.js';

/** `drift`: somebody changed or removed an object of ours. */
export interface NoticeEffects {
  underlay: boolean;
  /** Interfaces that were, if only for a moment, in a state in which the kernel drops routes silently. */
  readonly disturbed: Set<number>;
  rules: boolean;
  /** The notices leave open what the kernel has now. */
  audit: boolean;
  /** Notices were lost. */
  overrun: boolean;
  readonly drift: Record<'route' | 'rule' | 'nexthop', number>;
}

const TABLE_MAIN = 254;
const TABLE_LOCAL = 255;

export function takeNotices(
  notices: readonly KernelNotice[],
  mirror: Mirror,
  engine: Engine,
): NoticeEffects {
  const effects: NoticeEffects = {
    underlay: false,
    disturbed: new Set(),
    rules: false,
    audit: false,
    overrun: false,
    drift: { route: 0, rule: 0, nexthop: 0 },
  };
  for (const notice of notices) {
    switch (notice.type) {
      case 'link':
        effects.underlay = true;
        if (!notice.usable) effects.disturbed.add(notice.index);
        break;
      case 'address':
        effects.underlay = true;
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

function takeRoute(
  { event, route, byKernel }: Extract<KernelNotice, { type: 'route' }>,
  mirror: Mirror,
  engine: Engine,
  effects: NoticeEffects,
): void {
  const { table, prefix, metric } = route;
  if (table === TABLE_MAIN || table === TABLE_LOCAL) effects.underlay = true;
  const configured = engine.tables.get(table);
  const own = mirror.own(table, prefix.key).find((one) => one.metric === metric);
  if (route.protocol === OWN_PROTOCOL) {
    if (configured === undefined) effects.audit = true;
    if (event === 'gone') {
      if (own === undefined) return;
      if (byKernel && isTakenAlong(route.target, effects)) return;
      // Of an IPv6 route of several legs the notice may mean the legs it names only.
      if (isIpv6Multipath(own)) effects.audit = true;
      mirror.remove(table, prefix.key, metric);
    } else if (own !== undefined && mirror.intern(route.target) === own.target) return;
    else {
      // Beside the legs of an IPv6 route, or in their place? The notice does not say.
      if (isIpv6Multipath(own)) effects.audit = true;
      mirror.set(table, route);
    }
    if (!byKernel) effects.drift.route++;
  } else if (configured === undefined) return;
  else if (event === 'gone') {
    const alone = isLeftAlone(configured, mirror);
    mirror.removeForeign(route);
    if (alone && !isLeftAlone(configured, mirror)) configured.touch();
  } else {
    const stands = mirror.foreign(table, prefix.key).some((one) => one.metric === metric);
    mirror.setForeign(route);
    // Beside what stood there, or in its place? The notice does not say.
    if (own !== undefined || stands) effects.audit = true;
  }
  configured?.mark(prefix.key);
}

/**
 * What goes with an interface, an address or a nexthop object is told of before
 * these are, and one by one: it is looked up once for all, after the underlay.
 */
function isTakenAlong(target: RouteTarget, { disturbed }: NoticeEffects): boolean {
  if (target.type === 'legs') for (const { oif } of target.legs) disturbed.add(oif);
  return target.type === 'legs' || target.type === 'nexthop';
}

function isIpv6Multipath(own: OwnRoute | undefined): boolean {
  if (own?.target.type !== 'legs') return false;
  return own.prefix.family === 'ipv6' && own.target.legs.length > 1;
}

function takeRule(
  { event, rule }: Extract<KernelNotice, { type: 'rule' }>,
  mirror: Mirror,
  effects: NoticeEffects,
): void {
  if (event === 'new') mirror.setRule(rule);
  else mirror.removeRule(rule);
  if (isOwnRule(rule)) effects.drift.rule++;
  effects.rules = true;
}

function takeNexthop(
  { event, nexthop }: Extract<KernelNotice, { type: 'nexthop' }>,
  mirror: Mirror,
  engine: Engine,
  effects: NoticeEffects,
): void {
  const ours = nexthop.protocol === OWN_PROTOCOL;
  const known = mirror.groups().has(nexthop.id) || mirror.singleObjects().has(nexthop.id);
  if (event === 'new') mirror.setNexthop(nexthop);
  else {
    mirror.removeNexthop(nexthop.id);
    for (const { table, key } of mirror.dropRoutesOn(new Set([nexthop.id])))
      engine.tables.get(table)?.mark(key);
  }
  // A foreign program that took an id of ours over is drift as well.
  if (!ours && !known) return;
  if (event === 'gone' && !known) return;
  effects.drift.nexthop++;
  for (const table of engine.tables.values()) if (table.useObjects) table.touch();
}
