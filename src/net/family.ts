/** The two address families rib2fib works with: AFI 1 and 2, SAFI unicast. */
export type Family = 'ipv4' | 'ipv6';

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** Address width in bits. */
export function familyBits(family: Family): 32 | 128 {
  return family === 'ipv4' ? 32 : 128;
}

/** A record of both families. */
export function forFamilies<T>(value: (family: Family) => T): Record<Family, T> {
  return { ipv4: value('ipv4'), ipv6: value('ipv6') };
}
