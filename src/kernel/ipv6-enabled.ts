import { existsSync, readFileSync } from 'node:fs';

const DISABLED = '/proc/sys/net/ipv6/conf/all/disable_ipv6';
const ADDRESSES = '/proc/net/if_inet6';

/**
 * Whether this network namespace can route IPv6: the kernel has it, and it is
 * not switched off everywhere (one interface may have it switched on again).
 */
export function ipv6Enabled(): boolean {
  if (!existsSync(DISABLED)) return false;
  return readFileSync(DISABLED, 'latin1').trim() === '0' || readFileSync(ADDRESSES).length > 0;
}
