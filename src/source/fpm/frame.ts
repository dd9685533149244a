/**
 * zebra's FPM frames (FRR fpm/fpm.h): u8 version, u8 type, u16 big-endian
 * length of the frame with this header, then its payload.
 */

const HEADER = 4;
const VERSION = 1;
const TYPE_NETLINK = 1;
const TYPE_PROTOBUF = 2;

/** The stream is no FPM of ours, or lost its step: nothing behind it can be read. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Cuts a byte stream into frames; holds at most one unfinished frame (64 KiB). */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * Calls `frame` with each payload that `chunk` completes, in order; the
   * payload is a view, valid for that call.
   * @throws FrameError
   */
  push(chunk: Buffer, frame: (payload: Buffer) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const length = lengthOf(bytes, at);
      if (bytes.length - at < length) break;
      frame(bytes.subarray(at + HEADER, at + length));
      at += length;
    }
    // A copy: a view would keep all of the chunk.
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}

function lengthOf(bytes: Buffer, at: number): number {
  checkHeader(bytes, at);
  const length = bytes.readUInt16BE(at + 2);
  if (length < HEADER) throw new FrameError(`not FPM: a frame of ${length} bytes`);
  return length;
}

/**
 * That version and type at `at` are those of a frame, as far as there are bytes.
 * @throws FrameError
 */
export function checkHeader(bytes: Buffer, at = 0): void {
  const version = bytes[at] ?? VERSION;
  const type = bytes[at + 1] ?? TYPE_NETLINK;
  if (version !== VERSION) throw new FrameError(`not FPM: version ${version}, must be ${VERSION}`);
  if (type === TYPE_PROTOBUF) {
    throw new FrameError(
      'FPM in protobuf, which is not read: start zebra with `-M dplane_fpm_nl`, not `-M fpm:protobuf`',
    );
  }
  if (type !== TYPE_NETLINK) throw new FrameError(`not FPM: type ${type}, must be ${TYPE_NETLINK}`);
}
