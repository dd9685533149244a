/** Parsed `source.bgp` -> {@link BgpConfig}, with what one key means for another checked. */
import { Address } from '../net/address.js';
import { FAMILIES } from '../net/family.js';
import type { BgpConfig, BgpPeerConfig, ListenAddress } from './config.js';
import type { FaultPath, Tell } from './fault.js';
import type { ParsedBgp } from './schema-bgp.js';
import { neighbourText } from './source-text.js';

type ParsedPeer = ParsedBgp['peers'][number];

/** RFC 6793: stands for what has no two-octet form, and is nobody's own. */
const AS_TRANS = 23456;

/**
 * `passwordOf` reads a `passwordFile`, and tells what is wrong with it. The
 * result is of use only if nothing was told.
 */
export async function buildBgp(
  parsed: ParsedBgp,
  path: FaultPath,
  passwordOf: (file: string, at: FaultPath) => Promise<string | undefined>,
  tell: Tell,
): Promise<BgpConfig> {
  const given = Array.isArray(parsed.listen) ? parsed.listen : [parsed.listen];
  const listen = given.flatMap((one) => one.listen ?? []);
  if (parsed.as === AS_TRANS) tell([...path, 'as'], `${AS_TRANS} is AS_TRANS, and nobody's own`);
  const peers: BgpPeerConfig[] = [];
  for (const [index, peer] of parsed.peers.entries()) {
    const at = [...path, 'peers', index];
    const neighbour = neighbourOf(peer, at, tell);
    const { password, passwordFile } = peer;
    if (password !== undefined && passwordFile !== undefined) {
      tell([...at, 'passwordFile'], 'only goes without password');
    }
    const secret =
      passwordFile === undefined
        ? password
        : await passwordOf(passwordFile, [...at, 'passwordFile']);
    const built: BgpPeerConfig = {
      ...{ neighbour, interface: peer.interface, as: peer.as, routerId: peer.routerId },
      ...{ connect: peer.connect, port: peer.port, localAddress: peer.localAddress },
      ...{ role: peer.role, password: secret, ttlSecurity: peer.ttlSecurity },
      ...{ holdTime: peer.holdTime, addPath: peer.addPath, bgpRole: peer.bgpRole },
      confederation: peer.confederation,
      allowOwnAs: peer.allowOwnAs ?? (peer.role === 'feed' ? Number.POSITIVE_INFINITY : 0),
      families: FAMILIES.filter((family) => peer.families.includes(family)),
      gracefulRestart: peer.gracefulRestart,
    };
    checkPeer(built, parsed, listen, at, tell);
    checkBesides(built, peers, at, tell);
    peers.push(built);
  }
  return { listen, as: parsed.as, routerId: parsed.routerId, peers };
}

function neighbourOf(
  { address: text, prefix }: ParsedPeer,
  at: FaultPath,
  tell: Tell,
): BgpPeerConfig['neighbour'] {
  const address = text === undefined ? undefined : Address.parse(text);
  if ((address === undefined) === (prefix === undefined)) {
    tell(at, 'must have exactly one of address and prefix');
  }
  if (prefix !== undefined) return { kind: 'prefix', prefix };
  return { kind: 'address', address: address ?? new Address('ipv4', 0) };
}

/** What a peer's keys mean for one another, and for ours. */
function checkPeer(
  peer: BgpPeerConfig,
  { as, routerId }: ParsedBgp,
  listen: readonly ListenAddress[],
  at: FaultPath,
  tell: Tell,
): void {
  const { neighbour, localAddress, connect } = peer;
  const address = neighbour.kind === 'address' ? neighbour.address : neighbour.prefix.address;
  if (neighbour.kind === 'prefix' && connect) {
    tell([...at, 'connect'], 'needs address: a prefix cannot be called');
  }
  if (neighbour.kind === 'address' && address.isLinkLocal !== (peer.interface !== undefined)) {
    if (address.isLinkLocal) tell([...at, 'address'], `${address} is link-local: needs interface`);
    else tell([...at, 'interface'], 'only goes with a link-local address');
  }
  if (localAddress !== undefined) {
    if (!connect) tell([...at, 'localAddress'], 'only goes with connect: true');
    if (localAddress.family !== address.family) {
      tell([...at, 'localAddress'], `is not an ${address.family} address, as the peer's is`);
    }
  }
  if (!connect && !listen.some(({ host }) => canHear(host, address))) {
    tell(at, 'can never be up: nothing listens for its call, and connect is false');
  }
  if (peer.bgpRole !== undefined && peer.as === as) {
    tell([...at, 'bgpRole'], 'only goes with an external peer: this one has our own AS number');
  }
  if (peer.confederation && peer.as === as) {
    tell([...at, 'confederation'], 'only goes with another AS: this one has our own AS number');
  }
  if (peer.confederation && peer.bgpRole !== undefined) {
    tell([...at, 'bgpRole'], 'only goes with an external peer: this one is of our confederation');
  }
  if (peer.routerId === routerId && peer.as === as) {
    tell([...at, 'routerId'], 'is our own: an internal peer must have another');
  }
  if (peer.as === AS_TRANS) tell([...at, 'as'], `${AS_TRANS} is AS_TRANS, and nobody's own`);
}

/** `::` hears IPv4 too, as Linux does unless told otherwise. */
function canHear(host: string, { family }: Address): boolean {
  const own = Address.parse(host);
  if (own === undefined) return true; // localhost
  return own.family === family || (own.isUnspecified && own.family === 'ipv6');
}

/**
 * What sets it apart from those above. What its TCP connection is asked for is
 * decided before its OPEN tells which peer it is, and by its address alone: the
 * kernel knows one password of that, whatever the interface (TCP_MD5SIG takes
 * none but that of a VRF).
 */
function checkBesides(
  peer: BgpPeerConfig,
  above: readonly BgpPeerConfig[],
  at: FaultPath,
  tell: Tell,
): void {
  for (const other of above) {
    const same = neighbourText(other) === neighbourText(peer);
    if (same && (peer.routerId === undefined || other.routerId === undefined)) {
      tell(at, 'has the address of a peer above: both need routerId');
    } else if (same && peer.routerId === other.routerId) {
      tell([...at, 'routerId'], 'a peer above has it too, at the same address');
    }
    const told = same || openTells(other, peer);
    const has = told && !same ? 'overlaps a peer above' : 'has the address of a peer above';
    if ((told || sameAddress(other, peer)) && peer.password !== other.password) {
      tell(at, `${has}, and must have its password`);
    }
    if (told && peer.ttlSecurity !== other.ttlSecurity) {
      tell(at, `${has}, and must have its ttlSecurity`);
    }
  }
}

/** On one interface or on two. */
function sameAddress({ neighbour: a }: BgpPeerConfig, { neighbour: b }: BgpPeerConfig): boolean {
  const textOf = (neighbour: BgpPeerConfig['neighbour']) =>
    neighbourText({ neighbour, interface: undefined });
  return textOf(a) === textOf(b);
}

/** Somebody may call who is taken for the one until his OPEN has another router id, and is the other then. */
function openTells(a: BgpPeerConfig, b: BgpPeerConfig): boolean {
  if (a.neighbour.kind !== 'prefix' || b.neighbour.kind !== 'prefix') return false;
  if (a.interface !== undefined && b.interface !== undefined && a.interface !== b.interface) {
    return false;
  }
  const [one, other] = [a.neighbour.prefix, b.neighbour.prefix];
  // The longer one is tried first: only a router id leaves something to the other.
  return (
    (one.contains(other) && b.routerId !== undefined) ||
    (other.contains(one) && a.routerId !== undefined)
  );
}
