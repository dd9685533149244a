/**
 * BGP messages from their bytes (RFC 4271 4). What is wrong with one either has
 * a consequence for some routes, and is a fault in the value (RFC 7606), or
 * ends the session, and is thrown as a {@link SessionError}; nothing else is.
 */
import { AttributeCache } from './attribute-set.js';
import { decodeOpen } from './decode-open.js';
import { UpdateDecoder } from './decode-update.js';
import { ERROR_CODE, HEADER_ERROR, ROUTE_REFRESH_ERROR, sessionError } from './error-code.js';
import { HEADER_LENGTH, MAX_LENGTH } from './frame-splitter.js';
import {
  type BgpMessage,
  type DecodeContext,
  MESSAGE_TYPE,
  type NotificationMessage,
  type RouteRefreshMessage,
} from './message.js';

/** What holds until the OPENs have been exchanged: enough for OPEN, KEEPALIVE and NOTIFICATION. */
export const CONTEXT_BEFORE_OPEN: DecodeContext = {
  fourOctetAs: false,
  addPath: new Set(),
  families: new Set(),
  extendedNextHop: false,
  maxLength: MAX_LENGTH,
  internal: false,
  interface: undefined,
};

const KEEPALIVE = { type: 'keepalive' } as const;
const KIND: readonly (RouteRefreshMessage['kind'] | undefined)[] = ['request', 'begin', 'end'];

/** Decodes what one peer sends. Nothing it returns refers to the octets it read. */
export class Decoder {
  readonly #update: UpdateDecoder;

  /** `cache`: shared among decoders, whatever their contexts, so that equal attributes of all peers are one object. */
  constructor(context: DecodeContext, cache = new AttributeCache()) {
    this.#update = new UpdateDecoder(context, cache);
  }

  /** Decodes a whole message with its header, as {@link FrameSplitter} gives it. */
  message(bytes: Buffer): BgpMessage {
    const { length } = bytes;
    const type = bytes[HEADER_LENGTH - 1] as number;
    switch (type) {
      case MESSAGE_TYPE.update:
        requireLength(bytes, length >= HEADER_LENGTH + 4);
        return this.#update.decode(bytes);
      case MESSAGE_TYPE.keepalive:
        requireLength(bytes, length === HEADER_LENGTH);
        return KEEPALIVE;
      case MESSAGE_TYPE.open:
        requireLength(bytes, length >= HEADER_LENGTH + 10);
        return decodeOpen(bytes);
      case MESSAGE_TYPE.notification:
        requireLength(bytes, length >= HEADER_LENGTH + 2);
        return notification(bytes);
      case MESSAGE_TYPE.routeRefresh:
        requireLength(bytes, length >= HEADER_LENGTH + 4);
        return routeRefresh(bytes);
      default:
        throw sessionError(
          ERROR_CODE.header,
          HEADER_ERROR.badType,
          `unknown type ${type}`,
          bytes.subarray(HEADER_LENGTH - 1, HEADER_LENGTH),
        );
    }
  }
}

/** RFC 4271 6.1: the length that the type asks for. */
function requireLength(bytes: Buffer, right: boolean): void {
  if (right) return;
  throw sessionError(
    ERROR_CODE.header,
    HEADER_ERROR.badLength,
    `length ${bytes.length} of a message of type ${bytes[HEADER_LENGTH - 1]}`,
    bytes.subarray(HEADER_LENGTH - 3, HEADER_LENGTH - 1),
  );
}

function notification(bytes: Buffer): NotificationMessage {
  return {
    type: 'notification',
    code: bytes[HEADER_LENGTH] as number,
    subcode: bytes[HEADER_LENGTH + 1] as number,
    data: Buffer.from(bytes.subarray(HEADER_LENGTH + 2)),
  };
}

/** RFC 7313 5. A longer request carries a filter (RFC 5291), which nobody may send unasked. */
function routeRefresh(bytes: Buffer): RouteRefreshMessage {
  const kind = KIND[bytes[HEADER_LENGTH + 2] as number] ?? 'unknown';
  if (bytes.length !== HEADER_LENGTH + 4 && kind !== 'unknown') {
    if (kind === 'request') requireLength(bytes, false);
    throw sessionError(
      ERROR_CODE.routeRefresh,
      ROUTE_REFRESH_ERROR.invalidLength,
      `length ${bytes.length}, must be ${HEADER_LENGTH + 4}`,
      bytes,
    );
  }
  return {
    type: 'route-refresh',
    kind,
    afi: bytes.readUInt16BE(HEADER_LENGTH),
    safi: bytes[HEADER_LENGTH + 3] as number,
  };
}
