/**
 * What the kernel answers to a request: ACK, error, the end of a dump
 * (linux/netlink.h). Throws RangeError for what does not hold together.
 */
import { NLMSG_HEADER, readText, walkAttributes } from '../netlink/walk.js';
import { errnoSymbol, errnoText } from './errno.js';

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;
/** Of NEW requests. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** Of NLMSG_ERROR: the request is cut to its header; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;

/** What NLMSG_ERROR (an ACK has `errno` 0) or the end of a dump says. */
export interface Answer {
  /** 0, or the positive errno. */
  readonly errno: number;
  /** `EEXIST`; empty for 0. */
  readonly symbol: string;
  /** The kernel's extended ACK where it gave one, else the text of the errno. */
  readonly message: string;
}

/** nlmsgerr: the error, the request's header (all of the request unless NLM_F_CAPPED), attributes. */
export function decodeError(bytes: Buffer, flags: number, body: number, end: number): Answer {
  const request = body + 4;
  const requestLength = (flags & NLM_F_CAPPED) !== 0 ? NLMSG_HEADER : bytes.readUInt32LE(request);
  const attributes = (flags & NLM_F_ACK_TLVS) !== 0 ? request + ((requestLength + 3) & ~3) : end;
  return decodeAnswer(bytes, body, attributes, end);
}

/** NLMSG_DONE: the dump's result, attributes. Kernels before 3.x may leave the result out. */
export function decodeDone(bytes: Buffer, flags: number, body: number, end: number): Answer {
  if (end - body < 4) return { errno: 0, symbol: '', message: '' };
  return decodeAnswer(bytes, body, (flags & NLM_F_ACK_TLVS) !== 0 ? body + 4 : end, end);
}

function decodeAnswer(bytes: Buffer, body: number, attributes: number, end: number): Answer {
  const errno = 0 - bytes.readInt32LE(body);
  if (errno === 0) return { errno, symbol: '', message: '' };
  let message = '';
  walkAttributes(bytes, attributes, end, (type, offset, length) => {
    if (type === NLMSGERR_ATTR_MSG) message = readText(bytes, offset, length);
  });
  return { errno, symbol: errnoSymbol(errno), message: message || errnoText(errno) };
}
