/** The daemons that are captured, each configured for the same sessions. */
import { startBird } from '../support/bird.js';
import { FRR_VERSIONS, type FrrVersion, startFrr } from '../support/frr.js';
import { GOBGPD_VERSIONS, type GobgpdVersion, startGobgpd } from '../support/gobgpd.js';
import type { Netns } from '../support/netns.js';
import { INTERNAL_PEER, ROUTER, ROUTER_AS } from './feed.js';
import { NODE, NODE_AS, SESSIONS } from './sessions.js';

const WORDS = 'captured, thank you – until tonight';

/** A running daemon, as far as a capture needs it. */
export interface Captured extends AsyncDisposable {
  /** Ends the recorder's sessions, with a shutdown communication where it can. */
  shutDown(): Promise<void>;
}

export interface Subject {
  /** `frr-8.4`: the fixture's file name. */
  readonly name: string;
  start(netns: Netns): Promise<Captured>;
}

const PEERS = [
  { address: ROUTER, as: ROUTER_AS },
  { address: INTERNAL_PEER, as: NODE_AS },
  ...SESSIONS.map(({ localAddress, as }) => ({ address: localAddress, as })),
];
const LISTENERS = SESSIONS.map(({ localAddress }) => localAddress);

function frrConfig(version: FrrVersion): string {
  const each = (line: (peer: (typeof PEERS)[number]) => string) => PEERS.map(line).join('\n');
  const family = (name: string, more: string) => `
 address-family ${name} unicast
${each(({ address }) => `  neighbor ${address} activate`)}
${each(({ address }) => `  neighbor ${address} soft-reconfiguration inbound`)}
  neighbor 10.9.0.3 addpath-tx-all-paths
  neighbor 10.9.0.4 route-reflector-client
  neighbor ${INTERNAL_PEER} route-reflector-client
${more} exit-address-family`;
  return `
frr version ${version}
router bgp ${NODE_AS}
 bgp router-id ${NODE}
 bgp cluster-id 1.1.1.1
 bgp graceful-restart
 no bgp ebgp-requires-policy
 no bgp network import-check
${each(({ address, as }) => ` neighbor ${address} remote-as ${as}\n neighbor ${address} passive`)}
${each(({ address }) => ` neighbor ${address} capability extended-nexthop\n neighbor ${address} advertisement-interval 0`)}
${family('ipv4', '  aggregate-address 10.64.0.0/10 as-set\n')}
${family('ipv6', '')}
`;
}

function frr(version: FrrVersion): Subject {
  return {
    name: `frr-${version}`,
    async start(netns) {
      const daemon = await startFrr({ version, netns, config: frrConfig(version) });
      return {
        async shutDown() {
          const lines = LISTENERS.map((peer) => `neighbor ${peer} shutdown message ${WORDS}`);
          await daemon.vtysh('configure terminal', `router bgp ${NODE_AS}`, ...lines);
        },
        [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
      };
    },
  };
}

const BIRD_CONFIG = `
router id ${NODE};
protocol device {}
protocol kernel { ipv4 { export none; }; }
protocol static { ipv4; route 10.9.0.0/24 via "eth1"; }
${PEERS.map(({ address, as }, i) => {
  const feeds = address === ROUTER || address === INTERNAL_PEER;
  const channel = feeds
    ? 'import all; export none; extended next hop on;'
    : `import none; export where source = RTS_BGP; ${address === '10.9.0.3' ? 'add paths tx; extended next hop on;' : ''}`;
  return `
protocol bgp p${i} {
  local ${NODE} as ${NODE_AS};
  neighbor ${address} as ${as};
  passive;
  enable extended messages on;
  ${as === NODE_AS ? 'rr client; rr cluster id 1.1.1.1;' : ''}
  ipv4 { ${channel} };
  ipv6 { ${channel.replace('extended next hop on;', '')} };
}`;
}).join('\n')}
`;

const bird: Subject = {
  name: 'bird-2.0',
  async start(netns) {
    const daemon = await startBird({ netns, config: BIRD_CONFIG });
    return {
      async shutDown() {
        for (const i of [2, 3, 4]) await daemon.birdc('disable', `p${i}`, `"${WORDS}"`);
      },
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
};

function gobgp(version: GobgpdVersion): Subject {
  const client = {
    'route-reflector': {
      config: { 'route-reflector-client': true, 'route-reflector-cluster-id': '1.1.1.1' },
    },
  };
  const addPaths = { 'add-paths': { config: { 'send-max': 8 } } };
  return {
    name: `gobgp-${version}`,
    async start(netns) {
      const daemon = await startGobgpd({
        version,
        netns,
        as: NODE_AS,
        routerId: NODE,
        neighbors: PEERS.map(({ address, as }) => ({
          address,
          as,
          gracefulRestart: { restartTime: 120 },
          extra: {
            ...(as === NODE_AS ? client : {}),
            ...(address === '10.9.0.3' ? addPaths : {}),
          },
        })),
      });
      return {
        async shutDown() {
          for (const peer of LISTENERS) await daemon.cli('neighbor', peer, 'shutdown', WORDS);
        },
        [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
      };
    },
  };
}

export const SUBJECTS: readonly Subject[] = [
  ...FRR_VERSIONS.map(frr),
  bird,
  ...GOBGPD_VERSIONS.map(gobgp),
];
