/** Error codes and subcodes of NOTIFICATION, as IANA has them. */
import { SessionError } from './message.js';

/** RFC 4271 4.5, RFC 7313 5, RFC 9687 3. */
export const ERROR_CODE = {
  header: 1,
  open: 2,
  update: 3,
  holdTimerExpired: 4,
  finiteStateMachine: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimerExpired: 8,
} as const;

/** RFC 4271 6.1. */
export const HEADER_ERROR = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

/** RFC 4271 6.2, RFC 5492 5, RFC 9234 4.2. */
export const OPEN_ERROR = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  roleMismatch: 11,
} as const;

/** RFC 4271 6.3. */
export const UPDATE_ERROR = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const;

/** RFC 6608: a message that the state does not expect. */
export const STATE_ERROR = { openSent: 1, openConfirm: 2, established: 3 } as const;

/** RFC 4486, RFC 8538 3.1. */
export const CEASE = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
} as const;

/** RFC 7313 5. */
export const ROUTE_REFRESH_ERROR = { invalidLength: 1 } as const;

const NO_DATA = Buffer.alloc(0);

/** Ends the session with this NOTIFICATION; `data` is copied. */
export function sessionError(
  code: number,
  subcode: number,
  reason: string,
  data: Buffer = NO_DATA,
): SessionError {
  return new SessionError(
    { type: 'notification', code, subcode, data: Buffer.from(data) },
    `${MESSAGE_NAME[code] ?? 'BGP'}: ${reason}`,
  );
}

const MESSAGE_NAME: Readonly<Record<number, string>> = {
  [ERROR_CODE.header]: 'message header',
  [ERROR_CODE.open]: 'OPEN',
  [ERROR_CODE.update]: 'UPDATE',
  [ERROR_CODE.routeRefresh]: 'ROUTE-REFRESH',
};
