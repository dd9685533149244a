import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const SYMBOLS = new Map<number, string>();
for (const [symbol, errno] of Object.entries(constants.errno)) {
  if (!SYMBOLS.has(errno)) SYMBOLS.set(errno, symbol);
}
// Two names, one number: the kernel's own word.
SYMBOLS.set(constants.errno.EAGAIN, 'EAGAIN').set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');

const TEXTS = getSystemErrorMap();

/** `EEXIST` for 17; `E524` for a number that libc has no name for. */
export function errnoSymbol(errno: number): string {
  return SYMBOLS.get(errno) ?? `E${errno}`;
}

/** For people: `file already exists`. EPERM says what is missing. */
export function errnoText(errno: number): string {
  if (errno === constants.errno.EPERM) return 'not permitted: CAP_NET_ADMIN is missing';
  return TEXTS.get(-errno)?.[1] ?? `kernel error ${errno}`;
}
