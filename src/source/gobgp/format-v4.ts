/** GoBGP 4.x: every part is a oneof, so its kind is its field number. */
import type { AttributeKind, MessageFormat } from './message-format.js';
import { LENGTH, tagOf, type WireReader } from './wire.js';

const NLRI_PREFIX = tagOf(1, LENGTH);
const MP_REACH = tagOf(12, LENGTH);
const LINK_BANDWIDTH = tagOf(5, LENGTH);

const ATTRIBUTES = new Map<number, AttributeKind>([
  [tagOf(2, LENGTH), 'origin'],
  [tagOf(3, LENGTH), 'as-path'],
  [tagOf(4, LENGTH), 'next-hop'],
  [tagOf(5, LENGTH), 'med'],
  [tagOf(6, LENGTH), 'local-pref'],
  [tagOf(9, LENGTH), 'communities'],
  [tagOf(10, LENGTH), 'originator-id'],
  [tagOf(11, LENGTH), 'cluster-list'],
  [MP_REACH, 'mp-reach'],
  [tagOf(14, LENGTH), 'extended-communities'],
  [tagOf(21, LENGTH), 'large-communities'],
]);

export const formatV4: MessageFormat = {
  enterPrefix: (wire) => enterOneof(wire) === NLRI_PREFIX,
  enterAttribute: (wire) => ATTRIBUTES.get(enterOneof(wire)) ?? 'other',
  isMpReach: ({ bytes, pos, end }) => pos < end && bytes[pos] === MP_REACH,
  enterLinkBandwidth: (wire) => enterOneof(wire) === LINK_BANDWIDTH,
};

/** Narrows the reader to the one message set and returns its tag; 0 where none is. */
function enterOneof(wire: WireReader): number {
  while (wire.more) {
    const tag = wire.tag();
    if ((tag & 7) === LENGTH) {
      wire.end = wire.contentEnd();
      return tag;
    }
    wire.skip(tag);
  }
  return 0;
}
