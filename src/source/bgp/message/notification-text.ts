/** NOTIFICATION in words, for logs and `status`. */
import { CEASE, ERROR_CODE } from './error-code.js';
import type { NotificationMessage } from './message.js';
import { shutdownCommunication } from './shutdown-communication.js';

/** IANA's names: `[error, its subcodes from 0 on]`. */
const NAMES: Readonly<Record<number, readonly [string, readonly string[]]>> = {
  [ERROR_CODE.header]: [
    'Message Header Error',
    ['', 'Connection Not Synchronized', 'Bad Message Length', 'Bad Message Type'],
  ],
  [ERROR_CODE.open]: [
    'OPEN Message Error',
    [
      '',
      'Unsupported Version Number',
      'Bad Peer AS',
      'Bad BGP Identifier',
      'Unsupported Optional Parameter',
      '',
      'Unacceptable Hold Time',
      'Unsupported Capability',
      '',
      '',
      '',
      'Role Mismatch',
    ],
  ],
  [ERROR_CODE.update]: [
    'UPDATE Message Error',
    [
      '',
      'Malformed Attribute List',
      'Unrecognized Well-known Attribute',
      'Missing Well-known Attribute',
      'Attribute Flags Error',
      'Attribute Length Error',
      'Invalid ORIGIN Attribute',
      '',
      'Invalid NEXT_HOP Attribute',
      'Optional Attribute Error',
      'Invalid Network Field',
      'Malformed AS_PATH',
    ],
  ],
  [ERROR_CODE.holdTimerExpired]: ['Hold Timer Expired', []],
  [ERROR_CODE.finiteStateMachine]: [
    'Finite State Machine Error',
    [
      '',
      'Unexpected Message in OpenSent',
      'Unexpected Message in OpenConfirm',
      'Unexpected Message in Established',
    ],
  ],
  [ERROR_CODE.cease]: [
    'Cease',
    [
      '',
      'Maximum Number of Prefixes Reached',
      'Administrative Shutdown',
      'Peer De-configured',
      'Administrative Reset',
      'Connection Rejected',
      'Other Configuration Change',
      'Connection Collision Resolution',
      'Out of Resources',
      'Hard Reset',
      'BFD Down',
    ],
  ],
  [ERROR_CODE.routeRefresh]: ['ROUTE-REFRESH Message Error', ['', 'Invalid Message Length']],
  [ERROR_CODE.sendHoldTimerExpired]: ['Send Hold Timer Expired', []],
};

/**
 * `Cease/Administrative Shutdown (6/2): "upgrade tonight"`; numbers alone where there is no
 * name. A hard reset (RFC 8538 3.1) is told with what it wraps.
 */
export function notificationText(message: NotificationMessage): string {
  const { code, subcode, data } = message;
  const [error, subcodes] = NAMES[code] ?? ['', []];
  const detail = subcodes[subcode] ?? '';
  const numbers = `${code}/${subcode}`;
  const names = detail === '' ? error : `${error}/${detail}`;
  const text = names === '' ? numbers : `${names} (${numbers})`;
  if (code === ERROR_CODE.cease && subcode === CEASE.hardReset && data.length >= 2) {
    const [innerCode = 0, innerSubcode = 0] = data;
    // What is wrapped is told one level deep, whatever a peer nests.
    if (innerCode === code && innerSubcode === subcode) return text;
    const inner = { ...message, code: innerCode, subcode: innerSubcode, data: data.subarray(2) };
    return `${text}, ${notificationText(inner)}`;
  }
  const words = shutdownCommunication(message);
  return words === undefined ? text : `${text}: "${words}"`;
}
