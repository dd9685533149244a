/** What belongs to somebody else, in rib2fib's tables and beside them: none of it may ever change. */
import type { Netns } from '../support/netns.js';
import { GATEWAY, POOL, TAKEN, TAKEN_METRIC } from './network.js';

const via4 = `via ${GATEWAY.ipv4} dev eth0`;
const via6 = `via ${GATEWAY.ipv6} dev eth0`;

const STRANGERS = [
  // Where rib2fib wants to be.
  `route add ${TAKEN.ipv4} ${via4} table 100 metric ${TAKEN_METRIC} proto static`,
  // In its tables, at its prefixes or beside them.
  `route add 10.1.0.0/24 ${via4} table 101 metric 900 proto bgp`,
  `route add blackhole 10.99.0.0/16 table 100 metric 20 proto 177`,
  'nexthop add id 7 via 192.0.2.7 dev eth0 proto zebra',
  'nexthop add id 8 group 7 proto zebra',
  'nexthop add id 1073741824 via 192.0.2.8 dev eth0 proto static',
  'route add 10.98.0.0/16 nhid 8 table 101 metric 21 proto bgp',
  // Elsewhere.
  `route add 10.1.0.0/24 ${via4} table 200 metric 20 proto bgp`,
  `route add 10.97.0.0/16 ${via4} proto boot`,
  `rule add from ${POOL[100].ipv4} lookup 200 priority 10005 protocol static`,
  `rule add from 198.18.0.0/15 lookup 200 priority 10000 protocol kernel`,
  'rule add to 10.6.0.0/16 lookup main priority 50',
];

const STRANGERS_V6 = [
  `route add ${TAKEN.ipv6} ${via6} table 100 metric ${TAKEN_METRIC} proto static`,
  `route add 2001:db8:1000::/64 ${via6} table 101 metric 900 proto bgp`,
  `route add 2001:db8:97::/48 ${via6} proto boot`,
  `rule add from ${POOL[101].ipv6} lookup 200 priority 10005 protocol static`,
];

export async function settleStrangers(node: Netns): Promise<void> {
  await node.ipBatch(STRANGERS);
  await node.ipBatch(STRANGERS_V6, '-6');
}
