/**
 * A TCP stream cut into whole BGP messages (RFC 4271 4.1, 6.1). A message that
 * lies whole in a chunk is a view of it; one in several chunks is put together
 * in a buffer of the splitter's own, so a peer costs the room of one message
 * however it cuts its stream.
 */
import { ERROR_CODE, HEADER_ERROR, sessionError } from './error-code.js';
import { MESSAGE_TYPE } from './message.js';

/** Marker, length, type. */
export const HEADER_LENGTH = 19;
/** The longest message without RFC 8654, and the longest OPEN and KEEPALIVE with it. */
export const MAX_LENGTH = 4096;

const MARKER_LENGTH = 16;
const NOTHING = Buffer.alloc(0);

export class FrameSplitter {
  /** May change between messages: 65535 once both sides have offered RFC 8654. */
  maxLength: 4096 | 65535 = MAX_LENGTH;
  #chunk: Buffer = NOTHING;
  #at = 0;
  /** The message that has begun in an earlier chunk: its first `#held` octets. */
  #partial = Buffer.allocUnsafeSlow(MAX_LENGTH);
  #held = 0;

  /** Hands over what came; {@link next} then gives its messages. */
  push(chunk: Buffer): void {
    const rest = this.#chunk.length - this.#at;
    this.#chunk = rest === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /**
   * The next whole message with its header, or `undefined` until more has come.
   * Its octets are good until the next call. Throws {@link SessionError} as soon
   * as a header is wrong; nothing can be read of the stream after that.
   */
  next(): Buffer | undefined {
    if (this.#held > 0) return this.#continue();
    const chunk = this.#chunk;
    const start = this.#at;
    const available = chunk.length - start;
    const length =
      available < HEADER_LENGTH ? Number.POSITIVE_INFINITY : this.#lengthOf(chunk, start);
    if (length > available) {
      this.#hold(available, length);
      return undefined;
    }
    this.#at = start + length;
    return chunk.subarray(start, this.#at);
  }

  /** Goes on with a message that has begun in an earlier chunk. */
  #continue(): Buffer | undefined {
    if (this.#held < HEADER_LENGTH) {
      this.#hold(HEADER_LENGTH - this.#held, HEADER_LENGTH);
      if (this.#held < HEADER_LENGTH) return undefined;
    }
    const length = this.#lengthOf(this.#partial, 0);
    this.#hold(length - this.#held, length);
    if (this.#held < length) return undefined;
    this.#held = 0;
    return this.#partial.subarray(0, length);
  }

  /** Keeps up to `count` octets of the chunk, of a message as long as that. */
  #hold(count: number, messageLength: number): void {
    if (messageLength > this.#partial.length && Number.isFinite(messageLength)) {
      const larger = Buffer.allocUnsafeSlow(this.maxLength);
      this.#partial.copy(larger, 0, 0, this.#held);
      this.#partial = larger;
    }
    const taken = Math.min(count, this.#chunk.length - this.#at);
    this.#chunk.copy(this.#partial, this.#held, this.#at, this.#at + taken);
    this.#held += taken;
    this.#at += taken;
    if (this.#at === this.#chunk.length) {
      // Not a byte of the chunk is needed any more: let go of it.
      this.#chunk = NOTHING;
      this.#at = 0;
    }
  }

  #lengthOf(bytes: Buffer, start: number): number {
    for (let at = start; at < start + MARKER_LENGTH; at++) {
      if (bytes[at] !== 0xff) {
        throw sessionError(
          ERROR_CODE.header,
          HEADER_ERROR.notSynchronized,
          'the marker is not all ones',
        );
      }
    }
    const lengthAt = start + MARKER_LENGTH;
    const length = ((bytes[lengthAt] as number) << 8) | (bytes[lengthAt + 1] as number);
    const type = bytes[lengthAt + 2] as number;
    const most =
      type === MESSAGE_TYPE.open || type === MESSAGE_TYPE.keepalive ? MAX_LENGTH : this.maxLength;
    if (length < HEADER_LENGTH || length > most) {
      throw sessionError(
        ERROR_CODE.header,
        HEADER_ERROR.badLength,
        `length ${length}, must be ${HEADER_LENGTH} to ${most}`,
        bytes.subarray(lengthAt, lengthAt + 2),
      );
    }
    return length;
  }
}
