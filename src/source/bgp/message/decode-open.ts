/** OPEN (RFC 4271 4.2, 6.2), its optional parameters in either form of RFC 9072. */
import { decodeCapability } from './capability.js';
import { ERROR_CODE, OPEN_ERROR, sessionError } from './error-code.js';
import { HEADER_LENGTH } from './frame-splitter.js';
import type { Capability, OpenMessage } from './message.js';

/** The only version there is. */
export const BGP_VERSION = 4;
/** RFC 5492 4. */
export const CAPABILITIES_PARAMETER = 2;
/** RFC 9072 2: what stands in the place of a first parameter of the short form. */
export const EXTENDED_PARAMETERS = 255;

/** `bytes` is a whole message of at least 29 octets. Throws {@link SessionError} as RFC 4271 6.2 says. */
export function decodeOpen(bytes: Buffer): OpenMessage {
  const at = HEADER_LENGTH;
  const version = bytes[at] as number;
  if (version !== BGP_VERSION) {
    throw openError(
      OPEN_ERROR.unsupportedVersion,
      `version ${version}`,
      Buffer.from([0, BGP_VERSION]),
    );
  }
  const as = bytes.readUInt16BE(at + 1);
  const holdTime = bytes.readUInt16BE(at + 3);
  const routerId = bytes.readUInt32BE(at + 5);
  const capabilities = readParameters(bytes, at + 9);
  if (as === 0 || capabilities.some((one) => one.type === 'four-octet-as' && one.as === 0)) {
    throw openError(OPEN_ERROR.badPeerAs, 'AS number 0'); // RFC 7607 2.
  }
  if (holdTime === 1 || holdTime === 2) {
    throw openError(OPEN_ERROR.unacceptableHoldTime, `hold time ${holdTime}`);
  }
  if (routerId === 0) throw openError(OPEN_ERROR.badIdentifier, 'BGP identifier 0'); // RFC 6286 2.1.
  return { type: 'open', version, as, holdTime, routerId, capabilities };
}

function readParameters(bytes: Buffer, lengthAt: number): Capability[] {
  let at = lengthAt + 1;
  let end = at + (bytes[lengthAt] as number);
  let extended = false;
  // RFC 9072 2: with that type in front, the short length is 255 or anything but 0, and is not looked at.
  if (end > at && bytes[at] === EXTENDED_PARAMETERS && at + 3 <= bytes.length) {
    extended = true;
    end = at + 3 + bytes.readUInt16BE(at + 1);
    at += 3;
  }
  if (end !== bytes.length) {
    throw openError(OPEN_ERROR.unspecific, 'the length of the optional parameters is not theirs');
  }
  const header = extended ? 3 : 2;
  const capabilities: Capability[] = [];
  while (at < end) {
    const start = at;
    at += header;
    if (at <= end) at += extended ? bytes.readUInt16BE(start + 1) : (bytes[start + 1] as number);
    if (at > end) throw openError(OPEN_ERROR.unspecific, 'an optional parameter is cut short');
    const type = bytes[start] as number;
    if (type !== CAPABILITIES_PARAMETER) {
      throw openError(OPEN_ERROR.unsupportedParameter, `optional parameter of type ${type}`);
    }
    readCapabilities(bytes, start + header, at, capabilities);
  }
  return capabilities;
}

/** RFC 5492 4: a list of code, length and value. */
function readCapabilities(bytes: Buffer, from: number, end: number, into: Capability[]): void {
  for (let at = from; at < end; ) {
    const value = at + 2;
    const next = value <= end ? value + (bytes[at + 1] as number) : Number.POSITIVE_INFINITY;
    if (next > end) throw openError(OPEN_ERROR.unspecific, 'a capability is cut short');
    into.push(decodeCapability(bytes[at] as number, bytes.subarray(value, next)));
    at = next;
  }
}

function openError(subcode: number, reason: string, data?: Buffer) {
  return sessionError(ERROR_CODE.open, subcode, reason, data);
}
