/** RFC 9003: why a session is shut down or reset, in words, within the data of a Cease. */
import { CEASE, ERROR_CODE } from './error-code.js';
import type { NotificationMessage } from './message.js';

/** The length is one octet. */
const MOST_OCTETS = 255;

/**
 * The words in the peer's NOTIFICATION, fit for one line of a log; `undefined` where it has none.
 * Octets that are not UTF-8, or not as long as they say, come as `0x…` (RFC 9003 2).
 */
export function shutdownCommunication(message: NotificationMessage): string | undefined {
  const { code, subcode, data } = message;
  const carries = subcode === CEASE.administrativeShutdown || subcode === CEASE.administrativeReset;
  if (code !== ERROR_CODE.cease || !carries || data.length === 0 || data[0] === 0) return undefined;
  if (data[0] !== data.length - 1) return hex(data);
  try {
    return printable(new TextDecoder('utf-8', { fatal: true }).decode(data.subarray(1)));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return hex(data);
  }
}

/** The data of a Cease that says this; cut between characters where it is longer than 255 octets. */
export function shutdownData(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  let length = Math.min(bytes.length, MOST_OCTETS);
  while (length < bytes.length && ((bytes[length] as number) & 0xc0) === 0x80) length--;
  return Buffer.concat([Buffer.from([length]), bytes.subarray(0, length)]);
}

/** What would move a terminal's cursor, or turn its text around, as a space. */
function printable(text: string): string {
  let clean = '';
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    const control =
      point < 0x20 ||
      (point >= 0x7f && point < 0xa0) ||
      (point >= 0x2028 && point <= 0x202e) ||
      (point >= 0x2066 && point <= 0x2069);
    clean += control ? ' ' : character;
  }
  return clean;
}

function hex(data: Buffer): string {
  return `0x${data.toString('hex', 0, MOST_OCTETS + 1)}`;
}
