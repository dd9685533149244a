/** A mark of a packet or a connection and the bits of it that count, unsigned 32 bits each. Pure. */
export interface MaskedMark {
  /** Within `mask`. */
  readonly value: number;
  readonly mask: number;
}

/** `0x1000/0x3000`, as `ip rule` prints it. */
export function hexMark({ value, mask }: MaskedMark): string {
  return `${hex(value)}/${hex(mask)}`;
}

/** `0x4000`. */
export function hex(bits: number): string {
  return `0x${(bits >>> 0).toString(16)}`;
}
