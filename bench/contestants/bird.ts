/** BIRD 2, with its own defaults: what is imported over BGP is exported to a kernel table. */
import { type Bird, startBird } from '../../test/support/bird.js';
import type { Contestant, ContestantSetting, Refilterable } from '../contestant.js';
import { NODE, NODE_AS, ROUTER, ROUTER_AS } from '../lab.js';

const TABLE = 100;

/** BIRD 2 of the Debian that `scripts/setup` takes it from. */
export const bird: Contestant & { start(setting: ContestantSetting): Promise<Refilterable> } = {
  name: 'BIRD 2',
  table: TABLE,
  extras: { ipv4: 0, ipv6: 0 },
  async start(setting) {
    const daemon = await startBird({ netns: setting.netns, config: birdConfig(setting) });
    return running(daemon, setting);
  },
};

function running(daemon: Bird, setting: ContestantSetting): Refilterable {
  return {
    get pids() {
      return [daemon.pid];
    },
    async permit(permitted) {
      await daemon.configure(birdConfig({ ...setting, permitted }));
      await daemon.birdc('configure');
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function birdConfig({ permitted, recursive = false }: ContestantSetting): string {
  const [list, filter] =
    permitted === undefined
      ? ['', 'export all']
      : [`define permitted = [ ${permitted.map(pattern).join(', ')} ];`, PERMITTED_ONLY];
  return `
router id 10.255.0.1;
${list}
ipv4 table learned4;
ipv6 table learned6;
protocol device {}
protocol kernel {
  kernel table ${TABLE};
  ipv4 { table learned4; import none; ${filter}; };
}
protocol kernel {
  kernel table ${TABLE};
  ipv6 { table learned6; import none; export all; };
}
${recursive ? MAIN : ''}
protocol bgp feed {
  local ${NODE} as ${NODE_AS};
  neighbor ${ROUTER} as ${ROUTER_AS};
  passive;
  ipv4 { table learned4; import all; export none; ${recursive ? 'gateway recursive; igp table master4;' : ''} };
  ipv6 { table learned6; import all; export none; };
}
`;
}

const PERMITTED_ONLY = 'export filter { if net ~ permitted then accept; reject; }';

/** The routes that next hops are reached by, connected ones and those of others. */
const MAIN = `
protocol direct { ipv4; }
protocol kernel {
  learn;
  ipv4 { import all; export none; };
}
`;

function pattern(prefix: string): string {
  const length = prefix.slice(prefix.indexOf('/') + 1);
  return `${prefix}{${length},24}`;
}
