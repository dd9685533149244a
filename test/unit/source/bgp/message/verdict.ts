/** What becomes of a message: its lines, or the NOTIFICATION that ends the session for it. */
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { type DecodeContext, SessionError } from '../../../../../src/source/bgp/message/message.js';
import { EXTERNAL, lines } from './build.js';

/** `['+ 10.1.0.0/16 via 10.9.0.2']`, or `3/9 UPDATE: MP_REACH_NLRI: …`. */
export function verdict(bytes: Buffer, context: DecodeContext = EXTERNAL): string[] | string {
  try {
    const decoded = new Decoder(context).message(bytes);
    if (decoded.type !== 'update') throw new Error(`a message of type ${decoded.type}`);
    return lines(decoded);
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    const { code, subcode } = error.notification;
    return `${code}/${subcode} ${error.message}`;
  }
}

/** The data of that NOTIFICATION. */
export function dataOf(bytes: Buffer): Buffer {
  try {
    new Decoder(EXTERNAL).message(bytes);
  } catch (error) {
    if (error instanceof SessionError) return error.notification.data;
    throw error;
  }
  throw new Error('nothing was thrown');
}
