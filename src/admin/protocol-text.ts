/** RTPROT_* of linux/rtnetlink.h, as iproute2 names them. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  17: 'mrouted',
  18: 'keepalived',
  42: 'babel',
  84: 'ovn',
  99: 'openr',
  178: 'ours',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

/** `protocol 4 (static)`; the bare number where it has no name. */
export function protocolText(protocol: number): string {
  const name = NAMES[protocol];
  return `protocol ${protocol}${name === undefined ? '' : ` (${name})`}`;
}
