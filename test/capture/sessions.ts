/** The sessions that every daemon is captured in: who asks, and what it can do. */
import type { AfiSafi, Capability } from '../../src/source/bgp/message/message.js';
import type { RecorderSession } from '../support/recorder.js';

export const NODE = '10.9.0.1';
export const NODE_AS = 65000;
/** Of the peers that send what is wrong. */
export const FAULT_PEER_AS = 65001;

const FAMILIES: readonly AfiSafi[] = [
  { afi: 1, safi: 1 },
  { afi: 2, safi: 1 },
];
const BOTH: readonly Capability[] = FAMILIES.map((one) => ({ type: 'multiprotocol', ...one }));

/** An external peer with everything that can be offered; an internal one, a route reflector's client; an external one of before RFC 6793. */
export const SESSIONS: readonly RecorderSession[] = [
  {
    name: 'external',
    localAddress: '10.9.0.3',
    peerAddress: NODE,
    as: 4200000003,
    capabilities: [
      ...BOTH,
      { type: 'route-refresh' },
      { type: 'extended-next-hop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      { type: 'extended-message' },
      {
        type: 'graceful-restart',
        ...{ restarting: false, notification: true, time: 120 },
        families: FAMILIES.map((one) => ({ ...one, forwarding: true })),
      },
      { type: 'four-octet-as', as: 4200000003 },
      { type: 'add-path', entries: FAMILIES.map((one) => ({ ...one, mode: 1 })) },
      { type: 'enhanced-route-refresh' },
      {
        type: 'long-lived-graceful-restart',
        families: FAMILIES.map((one) => ({ ...one, forwarding: false, time: 600 })),
      },
    ],
  },
  {
    name: 'internal',
    localAddress: '10.9.0.4',
    peerAddress: NODE,
    as: NODE_AS,
    capabilities: [...BOTH, { type: 'route-refresh' }, { type: 'four-octet-as', as: NODE_AS }],
  },
  {
    name: 'old',
    localAddress: '10.9.0.5',
    peerAddress: NODE,
    as: 64999,
    capabilities: BOTH,
  },
];
