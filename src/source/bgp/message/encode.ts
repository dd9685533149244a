/** The messages that a speaker sends which announces nothing (RFC 4271 4), as bytes ready for the socket. */
import { encodeCapability } from './capability.js';
import { CAPABILITIES_PARAMETER, EXTENDED_PARAMETERS } from './decode-open.js';
import { HEADER_LENGTH, MAX_LENGTH } from './frame-splitter.js';
import {
  MESSAGE_TYPE,
  type NotificationMessage,
  type OpenMessage,
  type RouteRefreshMessage,
} from './message.js';

/** RFC 6793 9: stands for an AS number that two octets do not hold. */
const AS_TRANS = 23456;
const REFRESH_KIND = { request: 0, begin: 1, end: 2 } as const;

/** My Autonomous System of OPEN, for this AS number: itself, or AS_TRANS. */
export function twoOctetAs(as: number): number {
  return as > 0xffff ? AS_TRANS : as;
}

/**
 * All capabilities in one optional parameter, in the order given; in the form of
 * RFC 9072 where they are longer than the short one holds. RangeError where a number
 * does not fit its field, or all of it no message.
 */
export function encodeOpen(open: Omit<OpenMessage, 'type'>): Buffer {
  const capabilities = Buffer.concat(open.capabilities.map(encodeCapability));
  const fixed = Buffer.alloc(9);
  fixed.writeUInt8(open.version, 0);
  fixed.writeUInt16BE(open.as, 1);
  fixed.writeUInt16BE(open.holdTime, 3);
  fixed.writeUInt32BE(open.routerId, 5);
  const bytes = frame(
    MESSAGE_TYPE.open,
    fixed,
    parametersHeader(capabilities.length),
    capabilities,
  );
  if (bytes.length > MAX_LENGTH) throw new RangeError(`an OPEN of ${bytes.length} octets`);
  return bytes;
}

function parametersHeader(capabilities: number): Buffer {
  if (capabilities === 0) return Buffer.from([0]);
  if (capabilities + 2 < EXTENDED_PARAMETERS) {
    return Buffer.from([capabilities + 2, CAPABILITIES_PARAMETER, capabilities]);
  }
  const header = Buffer.from([EXTENDED_PARAMETERS, EXTENDED_PARAMETERS, 0, 0, 0, 0, 0]);
  header.writeUInt16BE(capabilities + 3, 2);
  header.writeUInt8(CAPABILITIES_PARAMETER, 4);
  header.writeUInt16BE(capabilities, 5);
  return header;
}

export function encodeKeepalive(): Buffer {
  return frame(MESSAGE_TYPE.keepalive);
}

/** Data beyond what a message of 4096 octets holds is left out. */
export function encodeNotification(notification: Omit<NotificationMessage, 'type'>): Buffer {
  const { code, subcode, data } = notification;
  const room = MAX_LENGTH - HEADER_LENGTH - 2;
  return frame(MESSAGE_TYPE.notification, Buffer.from([code, subcode]), data.subarray(0, room));
}

/** RFC 2918 3, RFC 7313 3.2. */
export function encodeRouteRefresh({
  kind,
  afi,
  safi,
}: Omit<RouteRefreshMessage, 'type' | 'kind'> & {
  readonly kind: keyof typeof REFRESH_KIND;
}): Buffer {
  const body = Buffer.from([0, 0, REFRESH_KIND[kind], safi]);
  body.writeUInt16BE(afi, 0);
  return frame(MESSAGE_TYPE.routeRefresh, body);
}

function frame(type: number, ...body: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH, 0xff);
  const bytes = Buffer.concat([header, ...body]);
  bytes.writeUInt16BE(bytes.length, HEADER_LENGTH - 3);
  bytes.writeUInt8(type, HEADER_LENGTH - 1);
  return bytes;
}
