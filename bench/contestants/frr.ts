/** FRR: bgpd and zebra as Debian configures them, writing to the main table. */
import { startFrr } from '../../test/support/frr.js';
import type { Contestant } from '../contestant.js';
import { NODE_AS, ROUTER, ROUTER_AS } from '../lab.js';

const TABLE_MAIN = 254;

/** FRR 8.4, of the same Debian as BIRD; nothing but the two daemons that are needed. */
export const frr: Contestant = {
  name: 'FRR 8.4',
  table: TABLE_MAIN,
  extras: { ipv4: 0, ipv6: 0 },
  async start({ netns }) {
    const daemon = await startFrr({
      version: '8.4',
      netns,
      config: CONFIG,
      daemons: ['zebra', 'bgpd'],
    });
    return {
      pids: daemon.daemons.map((name) => daemon.pid(name)),
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
};

const CONFIG = `
router bgp ${NODE_AS}
 bgp router-id 10.255.0.1
 no bgp ebgp-requires-policy
 neighbor ${ROUTER} remote-as ${ROUTER_AS}
 neighbor ${ROUTER} passive
 address-family ipv4 unicast
  neighbor ${ROUTER} activate
  neighbor ${ROUTER} route-map nothing out
 exit-address-family
 address-family ipv6 unicast
  neighbor ${ROUTER} activate
  neighbor ${ROUTER} route-map nothing out
 exit-address-family
route-map nothing deny 10
`;
