/** A fault in an UPDATE with what is needed where it ends the session after all (RFC 7606 5.2). */
import { ERROR_CODE, sessionError } from './error-code.js';
import type { SessionError, UpdateFault } from './message.js';

export interface RankedFault extends UpdateFault {
  /** What RFC 4271 6.3 has the session ended with for it. */
  readonly subcode: number;
  /** The octets that are to be the NOTIFICATION's data: from `offset` up to here. */
  readonly end: number;
}

/** The NOTIFICATION for a fault that cannot be dealt with otherwise. */
export function escalated(fault: RankedFault, message: Buffer): SessionError {
  const data = message.subarray(fault.offset, fault.end);
  return updateError(fault.subcode, fault.reason, data);
}

/** What the session has to be ended for. */
export function updateError(subcode: number, reason: string, data?: Buffer): SessionError {
  return sessionError(ERROR_CODE.update, subcode, reason, data);
}
