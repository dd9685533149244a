import type { Prefix } from '../net/prefix.js';

/** What to tell of a prefix with host bits set. */
export function hostBitsMessage(text: string, meant: Prefix): string {
  return `${text} has host bits set; ${meant} was probably meant`;
}
