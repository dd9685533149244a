/**
 * What we offer in our OPEN, and what two OPENs agree on (RFC 4271 4.2 and 6.2,
 * RFC 5492). Pure.
 */
import type { BgpPeerConfig, BgpRole } from '../../../config/config.js';
import type { Family } from '../../../net/family.js';
import { routerIdText } from '../../../net/router-id.js';
import type { PathSession } from '../../../rib/path.js';
import { ERROR_CODE, OPEN_ERROR, sessionError } from '../message/error-code.js';
import type { AfiSafi, Capability, DecodeContext, OpenMessage } from '../message/message.js';

/** RFC 4760: SAFI 1. */
const UNICAST = 1;
const AFI: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 };
/** RFC 6793 4.1. */
const AS_TRANS = 23456;

export function afiSafi(family: Family): AfiSafi {
  return { afi: AFI[family], safi: UNICAST };
}

/** `undefined` of a family that is none of ours. */
export function familyOf({ afi, safi }: AfiSafi): Family | undefined {
  if (safi !== UNICAST) return undefined;
  if (afi === AFI.ipv4) return 'ipv4';
  return afi === AFI.ipv6 ? 'ipv6' : undefined;
}

/** Our side of every session. */
export interface OwnSide {
  readonly as: number;
  /** Unsigned 32 bits. */
  readonly routerId: number;
}

type PeerTerms = Pick<
  BgpPeerConfig,
  | 'as'
  | 'routerId'
  | 'confederation'
  | 'holdTime'
  | 'families'
  | 'addPath'
  | 'bgpRole'
  | 'gracefulRestart'
>;

/** The peer's promise of graceful restart. */
export interface RestartPromise {
  /** Milliseconds. */
  readonly time: number;
  /** RFC 8538: a NOTIFICATION, too, is a restart. */
  readonly notification: boolean;
  /** Those it restarts gracefully in, and whether it says that it has kept its forwarding state. */
  readonly families: ReadonlyMap<Family, boolean>;
}

/** What both sides have agreed on. */
export interface Agreement {
  readonly routerId: number;
  readonly as: number;
  readonly sessionType: PathSession['type'];
  /** Milliseconds; 0: none. */
  readonly holdTime: number;
  readonly families: ReadonlySet<Family>;
  readonly context: Omit<DecodeContext, 'interface'>;
  readonly enhancedRefresh: boolean;
  /** `undefined`: the peer does not speak of it, and sends End-of-RIB or does not. */
  readonly restart: RestartPromise | undefined;
  /** RFC 9494: milliseconds it may be away for, and whether it has kept its forwarding state. */
  readonly longLived: ReadonlyMap<Family, { readonly time: number; readonly forwarding: boolean }>;
}

/** RFC 9234 4.1: code, and the role the other side must have. */
const ROLES: Readonly<Record<BgpRole, { readonly code: number; readonly other: BgpRole }>> = {
  provider: { code: 0, other: 'customer' },
  rs: { code: 1, other: 'rs-client' },
  'rs-client': { code: 2, other: 'rs' },
  customer: { code: 3, other: 'provider' },
  peer: { code: 4, other: 'peer' },
};

/** Our OPEN to a peer. */
export function offerTo(own: OwnSide, terms: PeerTerms): OpenMessage {
  const families = terms.families.map(afiSafi);
  const capabilities: Capability[] = [
    ...families.map((family) => ({ type: 'multiprotocol', ...family }) as const),
    { type: 'route-refresh' },
  ];
  if (terms.families.includes('ipv4')) {
    const entries = [{ ...afiSafi('ipv4'), nextHopAfi: AFI.ipv6 }];
    capabilities.push({ type: 'extended-next-hop', entries });
  }
  capabilities.push({ type: 'extended-message' });
  if (terms.bgpRole !== undefined) {
    capabilities.push({ type: 'role', role: ROLES[terms.bgpRole].code });
  }
  // A helper: nothing of ours is to be kept, so no families and no time (RFC 4724 3).
  capabilities.push({
    ...{ type: 'graceful-restart', restarting: false, notification: true, time: 0 },
    families: [],
  });
  capabilities.push({ type: 'four-octet-as', as: own.as });
  if (terms.addPath) {
    const entries = families.map((family) => ({ ...family, mode: 1 }) as const);
    capabilities.push({ type: 'add-path', entries });
  }
  capabilities.push({ type: 'enhanced-route-refresh' });
  if (terms.gracefulRestart.longLivedTime > 0) {
    const nothing = families.map((family) => ({ ...family, forwarding: false, time: 0 }));
    capabilities.push({ type: 'long-lived-graceful-restart', families: nothing });
  }
  return {
    ...{ type: 'open', version: 4, as: own.as > 0xffff ? AS_TRANS : own.as },
    ...{ holdTime: terms.holdTime / 1000, routerId: own.routerId, capabilities },
  };
}

/** Throws {@link SessionError} where the peer is not who it should be, or nothing can be agreed on. */
export function agree(own: OwnSide, terms: PeerTerms, open: OpenMessage): Agreement {
  const as = asOf(open);
  if (as === 0 || as !== terms.as) {
    throw openError(OPEN_ERROR.badPeerAs, `AS number ${as}, must be ${terms.as}`);
  }
  const internal = as === own.as;
  const { routerId } = open;
  if (terms.routerId !== undefined && routerId !== terms.routerId) {
    const [is, must] = [routerIdText(routerId), routerIdText(terms.routerId)];
    throw openError(OPEN_ERROR.badIdentifier, `router id ${is}, must be ${must}`);
  }
  // RFC 6286 2.1: unique within an AS.
  if (internal && routerId === own.routerId) {
    throw openError(OPEN_ERROR.badIdentifier, `router id ${routerIdText(routerId)} is our own`);
  }
  checkRole(terms.bgpRole, open);
  const families = agreedFamilies(terms, open);
  const holdTimes = [terms.holdTime, open.holdTime * 1000];
  const sessionType = internal ? 'internal' : terms.confederation ? 'confederation' : 'external';
  return {
    ...{ routerId, as, sessionType, families, holdTime: Math.min(...holdTimes) },
    context: {
      ...{ families, internal: sessionType !== 'external' },
      fourOctetAs: find(open, 'four-octet-as') !== undefined,
      addPath: agreedAddPath(terms, families, open),
      extendedNextHop: families.has('ipv4') && offersExtendedNextHop(open),
      maxLength: find(open, 'extended-message') === undefined ? 4096 : 65535,
    },
    enhancedRefresh:
      find(open, 'enhanced-route-refresh') !== undefined &&
      find(open, 'route-refresh') !== undefined,
    restart: restartPromise(families, open),
    longLived: longLivedPromise(terms, families, open),
  };
}

/** RFC 6793 4.1: the capability's, where there is one. */
function asOf(open: OpenMessage): number {
  return find(open, 'four-octet-as')?.as ?? open.as;
}

/** RFC 9234 4.2; a peer that says nothing is taken, and so is every one where we say nothing. */
function checkRole(ours: BgpRole | undefined, open: OpenMessage): void {
  if (ours === undefined) return;
  const wanted = ROLES[ours].other;
  for (const { role } of all(open, 'role')) {
    if (role === ROLES[wanted].code) continue;
    const name = Object.entries(ROLES).find(([, { code }]) => code === role)?.[0] ?? role;
    throw openError(OPEN_ERROR.roleMismatch, `role ${name}, must be ${wanted} as we are ${ours}`);
  }
}

/** RFC 4760 8: without the capability a peer speaks IPv4 unicast. */
function agreedFamilies(terms: PeerTerms, open: OpenMessage): ReadonlySet<Family> {
  const offered = all(open, 'multiprotocol');
  const theirs = offered.length === 0 ? ['ipv4'] : offered.map(familyOf);
  const both = terms.families.filter((family) => theirs.includes(family));
  if (both.length === 0) {
    const wanted = terms.families.map((family) => [1, 4, 0, AFI[family], 0, UNICAST]);
    const data = Buffer.from(wanted.flat());
    const reason = `no ${terms.families.join(' and no ')} unicast among its address families`;
    throw openError(OPEN_ERROR.unsupportedCapability, reason, data);
  }
  return new Set(both);
}

function agreedAddPath(
  { addPath }: PeerTerms,
  families: ReadonlySet<Family>,
  open: OpenMessage,
): ReadonlySet<Family> {
  const sent = all(open, 'add-path')
    .flatMap(({ entries }) => entries)
    .filter(({ mode }) => mode !== 1)
    .map(familyOf);
  return new Set(addPath ? [...families].filter((family) => sent.includes(family)) : []);
}

function offersExtendedNextHop(open: OpenMessage): boolean {
  return all(open, 'extended-next-hop')
    .flatMap(({ entries }) => entries)
    .some((entry) => familyOf(entry) === 'ipv4' && entry.nextHopAfi === AFI.ipv6);
}

function restartPromise(
  agreed: ReadonlySet<Family>,
  open: OpenMessage,
): RestartPromise | undefined {
  const promise = find(open, 'graceful-restart');
  if (promise === undefined) return undefined;
  const families = new Map<Family, boolean>();
  for (const entry of promise.families) {
    const family = familyOf(entry);
    if (family !== undefined && agreed.has(family)) families.set(family, entry.forwarding);
  }
  return { time: promise.time * 1000, notification: promise.notification, families };
}

/** RFC 9494 4.1: of no meaning without that of RFC 4724. */
function longLivedPromise(
  { gracefulRestart }: PeerTerms,
  agreed: ReadonlySet<Family>,
  open: OpenMessage,
): Agreement['longLived'] {
  const promise = find(open, 'long-lived-graceful-restart');
  const families = new Map<Family, { time: number; forwarding: boolean }>();
  if (find(open, 'graceful-restart') === undefined || gracefulRestart.longLivedTime === 0) {
    return families;
  }
  for (const { forwarding, time, ...entry } of promise?.families ?? []) {
    const family = familyOf(entry);
    if (family !== undefined && agreed.has(family) && time > 0) {
      families.set(family, { time: time * 1000, forwarding });
    }
  }
  return families;
}

type Of<T extends Capability['type']> = Extract<Capability, { readonly type: T }>;

function all<T extends Capability['type']>(open: OpenMessage, type: T): readonly Of<T>[] {
  return open.capabilities.filter((one): one is Of<T> => one.type === type);
}

/** The last of several, as RFC 4724 3 has it. */
function find<T extends Capability['type']>(open: OpenMessage, type: T): Of<T> | undefined {
  return all(open, type).at(-1);
}

function openError(subcode: number, reason: string, data?: Buffer) {
  return sessionError(ERROR_CODE.open, subcode, reason, data);
}
