import type { Family } from '../../../net/family.js';
import { HEADER_LENGTH } from './frame-splitter.js';
import { MESSAGE_TYPE } from './message.js';

/** Withdrawn routes and path attributes, both of no length. */
const EMPTY_UPDATE = [0, 0, 0, 0];
/** No withdrawn routes; one attribute: optional, MP_UNREACH_NLRI of IPv6 unicast, without a prefix. */
const NOTHING_UNREACHABLE = [0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1];

/** The one UPDATE that we send: that there are none (RFC 4724 2). */
export function encodeEndOfRib(family: Family): Buffer {
  const body = family === 'ipv4' ? EMPTY_UPDATE : NOTHING_UNREACHABLE;
  const bytes = Buffer.alloc(HEADER_LENGTH + body.length, 0xff);
  bytes.writeUInt16BE(bytes.length, HEADER_LENGTH - 3);
  bytes.writeUInt8(MESSAGE_TYPE.update, HEADER_LENGTH - 1);
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}
