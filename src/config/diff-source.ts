/** What a reload changed in the source, one short line a change: each begins with `source`. */
import { routerIdText } from '../net/router-id.js';
import type { BgpConfig, BgpPeerConfig, Config, GracefulRestartConfig } from './config.js';
import { formatDuration } from './duration.js';
import { bgpText, listenText, neighbourText } from './source-text.js';

/** Empty when nothing changed. A password is said to have changed, and never shown. */
export function diffSources(before: Config, after: Config): readonly string[] {
  if (before.source.kind === 'bgp' && after.source.kind === 'bgp') {
    return diffBgp(before.source.bgp, after.source.bgp);
  }
  const [from, to] = [sourceText(before), sourceText(after)];
  return from === to ? [] : [`source: ${from} -> ${to}`];
}

function sourceText({ source }: Config): string {
  switch (source.kind) {
    case 'file':
      return `file ${source.file.path}`;
    case 'bgp':
      return `bgp ${bgpText(source.bgp)}`;
    case 'fpm': {
      const { listen, tables } = source.fpm;
      return `fpm ${listenText([listen])} tables ${tables.join(' ')}`;
    }
    case 'gobgp': {
      const { address, tls, paths } = source.gobgp;
      const all = paths === 'all' ? ' paths all' : '';
      if (tls === undefined) return `gobgp ${address}${all}`;
      const files = [tls.ca, tls.cert, tls.key].map((file) => file ?? '-');
      return `gobgp ${address} tls ${files.join(' ')}${all}`;
    }
  }
}

function diffBgp(before: BgpConfig, after: BgpConfig): readonly string[] {
  const lines: string[] = [];
  compare(lines, 'source.listen', listenText(before.listen), listenText(after.listen));
  compare(lines, 'source.as', before.as, after.as);
  compare(lines, 'source.routerId', routerIdText(before.routerId), routerIdText(after.routerId));
  const [old, current] = [byName(before), byName(after)];
  for (const name of new Set([...old.keys(), ...current.keys()])) {
    const [from, to] = [old.get(name), current.get(name)];
    const path = `source.peers[${name}]`;
    if (from === undefined) lines.push(`${path}: added`);
    else if (to === undefined) lines.push(`${path}: removed`);
    else diffPeer(lines, path, from, to);
  }
  return lines;
}

function diffPeer(lines: string[], path: string, from: BgpPeerConfig, to: BgpPeerConfig): void {
  const [a, b] = [peerTexts(from), peerTexts(to)];
  for (const key of Object.keys(a) as (keyof typeof a)[]) {
    compare(lines, `${path}.${key}`, a[key], b[key]);
  }
  if (from.password !== to.password) lines.push(`${path}.password: changed`);
}

function peerTexts(peer: BgpPeerConfig) {
  const { as, connect, port, role, ttlSecurity, addPath, bgpRole, confederation } = peer;
  return {
    ...{ as, connect, port, localAddress: peer.localAddress?.text, role, ttlSecurity },
    holdTime: formatDuration(peer.holdTime),
    ...{ families: peer.families.join(' '), addPath, bgpRole, confederation },
    allowOwnAs: Number.isFinite(peer.allowOwnAs) ? peer.allowOwnAs : 'any',
    gracefulRestart: restartText(peer.gracefulRestart),
  };
}

function restartText({ restartTime, staleTime, longLivedTime }: GracefulRestartConfig): string {
  return [restartTime, staleTime, longLivedTime].map(formatDuration).join(' ');
}

/** Those of one address are told apart by their router ids. */
function byName({ peers }: BgpConfig): ReadonlyMap<string, BgpPeerConfig> {
  return new Map(
    peers.map((peer) => {
      const id = peer.routerId === undefined ? '' : ` ${routerIdText(peer.routerId)}`;
      return [`${neighbourText(peer)}${id}`, peer];
    }),
  );
}

function compare(lines: string[], path: string, before: unknown, after: unknown): void {
  if (before !== after) lines.push(`${path}: ${before ?? 'none'} -> ${after ?? 'none'}`);
}
