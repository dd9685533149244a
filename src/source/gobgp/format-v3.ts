/** GoBGP 2.x and 3.x: every part is a google.protobuf.Any, `{type_url 1, value 2}`. */
import type { AttributeKind, MessageFormat } from './message-format.js';
import { LENGTH, tagOf, type WireReader } from './wire.js';

const TYPE_URL = tagOf(1, LENGTH);
const VALUE = tagOf(2, LENGTH);
/** Every type_url starts so. */
const URL_PREFIX = 'type.googleapis.com/apipb.';
/** MpReachNLRIAttribute is the one attribute whose name starts so (there is MpUnreach…). */
const MP_REACH = Buffer.from('MpR');

const ATTRIBUTES = new Map<string, AttributeKind>([
  ['OriginAttribute', 'origin'],
  ['AsPathAttribute', 'as-path'],
  ['NextHopAttribute', 'next-hop'],
  ['MultiExitDiscAttribute', 'med'],
  ['LocalPrefAttribute', 'local-pref'],
  ['CommunitiesAttribute', 'communities'],
  ['LargeCommunitiesAttribute', 'large-communities'],
  ['OriginatorIdAttribute', 'originator-id'],
  ['ClusterListAttribute', 'cluster-list'],
  ['ExtendedCommunitiesAttribute', 'extended-communities'],
  ['MpReachNLRIAttribute', 'mp-reach'],
]);

export const formatV3: MessageFormat = {
  enterPrefix: (wire) => enterAny(wire) === 'IPAddressPrefix',

  enterAttribute: (wire) => ATTRIBUTES.get(enterAny(wire)) ?? 'other',

  isMpReach({ bytes, pos, end }) {
    // One byte of tag and one of length, as no name is longer than 127.
    const name = pos + 2 + URL_PREFIX.length;
    return (
      name + MP_REACH.length <= end &&
      bytes[name] === MP_REACH[0] &&
      bytes[name + 1] === MP_REACH[1] &&
      bytes[name + 2] === MP_REACH[2]
    );
  },

  enterLinkBandwidth: (wire) => enterAny(wire) === 'LinkBandwidthExtended',
};

/** Narrows the reader to the value and returns the message's name without package. */
export function enterAny(wire: WireReader): string {
  let name = '';
  while (wire.more) {
    const tag = wire.tag();
    if (tag === TYPE_URL) {
      name = wire.text().slice(URL_PREFIX.length);
    } else if (tag === VALUE) {
      wire.end = wire.contentEnd();
      return name;
    } else {
      wire.skip(tag);
    }
  }
  return name;
}
