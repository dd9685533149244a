/**
 * What others changed, taken into the mirror. Our own writes are never among
 * it: a change to an object of ours is drift, and marked to be looked at.
 */
import type { Engine } from '../desired/engine.js';
import { type KernelNotice, OWN_PROTOCOL } from '../kernel/kernel.js';
import { isLeftAlone } from './diff.js';
import { isOwnRule, type Mirror, type OwnRoute } from './mirror.js';

/** `drift`: an object of ours was changed or removed. */
export interface NoticeEffects {
  underlay: boolean;
  /** Interfaces that were, if only for a moment, in a state in which the kernel drops routes silently. */
  readonly disturbed: Set<number>;
  /** Interfaces whose state, addresses or connected prefixes changed: what was refused there may go now. */
  readonly moved: Set<number>;
  rules: boolean;
  audit: boolean;
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
    moved: new Set(),
    rules: false,
    audit: false,
    drift: { route: 0, rule: 0, nexthop: 0 },
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
        effects.audit = true;
        break;
    }
  }
  return effects;
}

function takeRoute(
  { event, route }: Extract<KernelNotice, { type: 'route' }>,
  mirror: Mirror,
  engine: Engine,
  effects: NoticeEffects,
): void {
  const { table, prefix, metric } = route;
  if (table === TABLE_MAIN || table === TABLE_LOCAL) effects.underlay = true;
  if (table === TABLE_MAIN && route.target.type === 'legs') {
    for (const { oif, gateway } of route.target.legs)
      if (gateway === undefined) effects.moved.add(oif);
  }
  const configured = engine.tables.get(table);
  const own = mirror.own(table, prefix.key).find((one) => one.metric === metric);
  if (route.protocol === OWN_PROTOCOL) {
    if (configured === undefined) effects.audit = true;
    if (event === 'gone' && own === undefined) return;
    // Of an IPv6 route of several legs the notice may mean the legs it names only.
    if (isIpv6Multipath(own)) effects.audit = true;
    if (event === 'gone') mirror.remove(table, prefix.key, metric);
    else if (own !== undefined && mirror.intern(route.target) === own.target) return;
    else mirror.set(table, route);
    effects.drift.route++;
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
    for (const { table, key } of mirror.dropRoutesOn(nexthop.id))
      engine.tables.get(table)?.mark(key);
  }
  // A foreign program that took an id of ours over is drift as well.
  if (!ours && !known) return;
  if (event === 'gone' && !known) return;
  effects.drift.nexthop++;
  for (const table of engine.tables.values()) if (table.useObjects) table.touch();
}
