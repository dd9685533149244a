/** What FRR, BIRD and GoBGP really send: the routes of test/capture/feed.ts, in three sessions of each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Attributes, asPathText } from '../../../../../src/rib/path.js';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { encodeOpen } from '../../../../../src/source/bgp/message/encode.js';
import type { BgpMessage, Nlri } from '../../../../../src/source/bgp/message/message.js';
import { notificationText } from '../../../../../src/source/bgp/message/notification-text.js';
import { CHANGED, OF_INTERNAL_PEER, OF_ROUTER, WITHDRAWN } from '../../../../capture/feed.js';
import type { FeedAttributes } from '../../../../support/bgp-wire.js';
import type { RouteSet } from '../../../../support/routes.js';
import { type CapturedSession, CORPUS } from './corpus.js';

/** The RFC 8950 route of the feed. GoBGP sends it as it is to a peer that cannot read it, too. */
const BY_IPV6 = '10.77.0.0/16';

function decode({ context, messages }: CapturedSession): BgpMessage[] {
  const decoder = new Decoder(context);
  return messages.map((bytes) => decoder.message(bytes));
}

/** The table at the end: by prefix and path identifier, what is said of it. */
function table(session: CapturedSession): string[] {
  const routes = new Map<string, string>();
  const key = ({ prefix, pathId }: Nlri) => `${prefix.text}#${pathId}`;
  for (const decoded of decode(session)) {
    if (decoded.type !== 'update') continue;
    for (const one of decoded.withdrawn) routes.delete(key(one));
    for (const { nlri, attributes } of decoded.announced) {
      for (const one of nlri) routes.set(key(one), `${one.prefix.text} ${textOf(attributes)}`);
    }
  }
  return [...routes.values()].toSorted();
}

function textOf(says: Attributes): string {
  const { origin, communities, largeCommunities, localPref, originatorId, clusterLength } = says;
  return [
    `[${asPathText(says)}]`,
    origin,
    communities.map((one) => `${one >>> 16}:${one & 0xffff}`).join(','),
    largeCommunities.join(','),
    localPref,
    originatorId === undefined ? '' : 'reflected',
    clusterLength,
  ].join(' ');
}

/** The same of what was fed, as a daemon of AS 65000 passes it on. */
function wanted(session: CapturedSession): string[] {
  const internal = session.context.internal;
  // GoBGP names itself as reflector of what it has from external peers too.
  const reflected = (ofRouter: boolean) =>
    internal && (!ofRouter || session.daemon.startsWith('gobgp'));
  const text = (prefix: string, says: FeedAttributes, ofRouter: boolean) => {
    const hops = [
      ...(internal ? [] : [65000]),
      ...(ofRouter ? [65001] : []),
      ...(says.asPath ?? []),
    ];
    const path = hops.map((hop) => (typeof hop === 'number' ? `${hop}` : `{${hop.join(',')}}`));
    return [
      `${prefix} [${path.join(' ')}]`,
      says.origin ?? 'igp',
      says.communities?.join(',') ?? '',
      says.largeCommunities?.join(',') ?? '',
      internal ? (says.localPref ?? 100) : undefined,
      reflected(ofRouter) ? 'reflected' : '',
      reflected(ofRouter) ? 1 : 0,
    ].join(' ');
  };
  const all = session.context.addPath.size > 0;
  const changed = new Set(CHANGED.flatMap(({ prefixes }) => prefixes));
  const better = new Set(OF_INTERNAL_PEER.flatMap(({ prefixes }) => prefixes));
  const of = (sets: readonly RouteSet[], ofRouter: boolean, has: (prefix: string) => boolean) =>
    sets.flatMap(({ prefixes, attributes }) =>
      prefixes.filter(has).map((prefix) => text(prefix, attributes, ofRouter)),
    );
  return [
    ...of(OF_ROUTER, true, (prefix) => {
      if (changed.has(prefix) || WITHDRAWN.includes(prefix)) return false;
      if (prefix === BY_IPV6 && lacksIpv6NextHop(session)) return false;
      return all || !better.has(prefix);
    }),
    ...of(CHANGED, true, () => true),
    ...of(OF_INTERNAL_PEER, false, () => true),
  ].toSorted();
}

function lacksIpv6NextHop({ daemon, context }: CapturedSession): boolean {
  return daemon.startsWith('gobgp') && context.internal && !context.extendedNextHop;
}

for (const session of CORPUS) {
  const { daemon, name, open, context } = session;
  describe(`${daemon}, ${name} session`, () => {
    it('is read to the end without a fault', () => {
      const faults = decode(session).flatMap((one) =>
        one.type === 'update' ? one.faults.map(({ reason }) => reason) : [],
      );
      const reason = 'MP_REACH_NLRI: IPv6 next hop was not agreed on';
      assert.deepEqual([...new Set(faults)], lacksIpv6NextHop(session) ? [reason] : []);
    });

    it('has the routes that the daemon was fed', () => {
      // FRR makes an aggregate of its own.
      const found = table(session).filter((line) => !line.startsWith('10.64.0.0/10'));
      assert.deepEqual(found, wanted(session));
    });

    it('begins with an OPEN that we would write the same', () => {
      assert.deepEqual(new Decoder(context).message(encodeOpen(open)), open);
      const codes = open.capabilities.map(({ type }) => type);
      for (const type of ['multiprotocol', 'route-refresh', 'four-octet-as', 'graceful-restart']) {
        assert.ok(codes.includes(type as (typeof codes)[number]), type);
      }
      assert.deepEqual([open.version, open.as, open.holdTime >= 3], [4, 65000, true]);
    });

    it('ends with the words of a shutdown', () => {
      const last = decode(session).at(-1);
      assert.equal(last?.type, 'notification');
      const text = last?.type === 'notification' ? notificationText(last) : '';
      const hard = daemon.startsWith('frr') && name === 'external';
      const words = daemon.startsWith('gobgp') ? '' : ': "captured, thank you – until tonight"';
      assert.equal(
        text,
        `${hard ? 'Cease/Hard Reset (6/9), ' : ''}Cease/Administrative Shutdown (6/2)${words}`,
      );
    });

    if (name !== 'external') return;

    it('marks the end of both families, once before any change', () => {
      const ends = decode(session).flatMap((one) =>
        one.type === 'update' && one.endOfRib !== undefined ? [one.endOfRib] : [],
      );
      assert.deepEqual([...new Set(ends)].toSorted(), ['ipv4', 'ipv6']);
    });

    it('marks a refresh where it is an enhanced one', () => {
      const marks = decode(session).flatMap((one) =>
        one.type === 'route-refresh' ? [`${one.kind} ${one.afi}/${one.safi}`] : [],
      );
      const all = ['begin 1/1', 'begin 2/1', 'end 1/1', 'end 2/1'];
      const enhanced = open.capabilities.some(({ type }) => type === 'enhanced-route-refresh');
      assert.deepEqual(marks.toSorted(), enhanced ? all : []);
    });
  });
}

describe('the aggregate that FRR makes', () => {
  const aggregates = CORPUS.filter(({ daemon }) => daemon.startsWith('frr')).map((session) =>
    table(session).find((line) => line.startsWith('10.64.0.0/10 ')),
  );
  it('has its set of AS numbers, four octets long in the old session too', () => {
    const path = '65001 {65021,4200000022}';
    for (const line of aggregates) assert.ok(line?.includes(`${path}] igp`), line);
    assert.equal(aggregates.length, 6);
  });
});
