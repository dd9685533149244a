/** What the daemon that is captured hears, from a router (AS 65001) and from an internal peer. */
import type { RouteSet } from '../support/routes.js';

export const ROUTER = '10.9.0.2';
export const ROUTER_AS = 65001;
export const INTERNAL_PEER = '10.9.0.6';

const BY_ROUTER = { nextHop: ROUTER };
const BY_ROUTER6 = { nextHop: '2001:db8:9::2', linkLocal: 'fe80::2' };

export const OF_ROUTER: readonly RouteSet[] = [
  {
    prefixes: ['10.1.0.0/16'],
    attributes: {
      ...BY_ROUTER,
      asPath: [65010, [65011, 65012]],
      communities: ['65000:100', '65000:200'],
      largeCommunities: ['65000:1:2', '4200000000:3:4'],
      med: 50,
      linkBandwidth: { as: 65001, bytesPerSecond: 1.25e6 },
    },
  },
  {
    prefixes: ['10.2.0.0/16', '10.3.0.0/24', '10.3.1.128/25', '192.0.2.1/32', '0.0.0.0/0'],
    attributes: { ...BY_ROUTER, origin: 'incomplete' },
  },
  { prefixes: ['10.5.0.0/16'], attributes: { ...BY_ROUTER, asPath: [4200000001, 200000, 65002] } },
  {
    prefixes: ['10.6.0.0/16'],
    attributes: {
      ...BY_ROUTER,
      origin: 'egp',
      asPath: Array.from({ length: 120 }, (_, i) => 64600 + i),
      communities: Array.from({ length: 90 }, (_, i) => `65001:${i}`),
    },
  },
  { prefixes: ['10.64.1.0/24'], attributes: { ...BY_ROUTER, asPath: [65021] } },
  { prefixes: ['10.64.2.0/24'], attributes: { ...BY_ROUTER, asPath: [4200000022] } },
  {
    prefixes: ['2001:db8:1::/48', '2001:db8:2::/64', '2001:db8:3::1/128'],
    attributes: { ...BY_ROUTER6, communities: ['65000:6'], med: 7 },
  },
  { prefixes: ['10.77.0.0/16'], attributes: BY_ROUTER6 },
];

export const OF_INTERNAL_PEER: readonly RouteSet[] = [
  { prefixes: ['10.4.0.0/16'], attributes: { nextHop: INTERNAL_PEER, localPref: 200, med: 9 } },
  { prefixes: ['10.1.0.0/16'], attributes: { nextHop: INTERNAL_PEER, asPath: [65040] } },
  {
    prefixes: ['2001:db8:4::/48'],
    attributes: { nextHop: '2001:db8:9::6', asPath: [[65050, 65051]], localPref: 50 },
  },
];

export const CHANGED: readonly RouteSet[] = [
  { prefixes: ['10.3.0.0/24'], attributes: { ...BY_ROUTER, med: 1000 } },
];
export const WITHDRAWN: readonly string[] = ['10.2.0.0/16', '2001:db8:2::/64'];
