/**
 * Holds our verdict on every faulty UPDATE of the unit tests' tables against FRR, BIRD and GoBGP:
 * `node --import tsx test/capture/faults.ts` (root; after `scripts/setup`; some minutes). Prints
 * what each does, and fails where we end a session that the newest of each three keep, but for unknown well-known
 * attributes.
 */
import { fileURLToPath } from 'node:url';
import { startBird } from '../support/bird.js';
import { type FrrVersion, startFrr } from '../support/frr.js';
import { startGobgpd } from '../support/gobgpd.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { ATTRIBUTE_FAULTS } from '../unit/source/bgp/message/attribute-faults.js';
import { EXTERNAL } from '../unit/source/bgp/message/build.js';
import { MESSAGE_FAULTS } from '../unit/source/bgp/message/message-faults.js';
import { FAULT_PEER_AS, NODE, NODE_AS } from './sessions.js';

const PROBE = fileURLToPath(new URL('./faults-probe.ts', import.meta.url));
/** Each takes a share of the messages: daemons hold back a peer after its session has ended. */
const PEERS = Array.from({ length: 8 }, (_, i) => `10.9.0.${11 + i}`);
/** The rows of sessions as the probes have them. */
const ROWS = [...ATTRIBUTE_FAULTS, ...MESSAGE_FAULTS].filter(
  ({ context }) => context === undefined || context === EXTERNAL,
);

interface Subject {
  readonly name: string;
  /** One of those whose common opinion counts. */
  readonly counts: boolean;
  start(netns: Netns): Promise<AsyncDisposable>;
}

function frr(version: FrrVersion, counts: boolean): Subject {
  const peers = PEERS.flatMap((peer) => [
    ` neighbor ${peer} remote-as ${FAULT_PEER_AS}`,
    ` neighbor ${peer} passive`,
    ` neighbor ${peer} timers connect 1`,
  ]);
  const config = [
    `router bgp ${NODE_AS}`,
    ` bgp router-id ${NODE}`,
    ' no bgp ebgp-requires-policy',
    ...peers,
    ' address-family ipv6 unicast',
    ...PEERS.map((peer) => `  neighbor ${peer} activate`),
  ].join('\n');
  return {
    name: `frr-${version}`,
    counts,
    start: (netns) => startFrr({ version, netns, config: `${config}\n` }),
  };
}

const bird: Subject = {
  name: 'bird-2.0',
  counts: true,
  start: (netns) => {
    const peers = PEERS.map(
      (peer, i) => `protocol bgp p${i} {
  local ${NODE} as ${NODE_AS}; neighbor ${peer} as ${FAULT_PEER_AS}; passive;
  error wait time 1, 1; error forget time 1; connect delay time 1;
  ipv4 { import all; export none; }; ipv6 { import all; export none; };
}`,
    );
    const config = `router id ${NODE};\nprotocol device {}\n${peers.join('\n')}\n`;
    return startBird({ netns, config });
  },
};

const gobgp: Subject = {
  name: 'gobgp-4.8',
  counts: true,
  start: (netns) =>
    startGobgpd({
      ...{ version: '4.8', netns, as: NODE_AS, routerId: NODE },
      neighbors: PEERS.map((address) => ({ address, as: FAULT_PEER_AS })),
    }),
};

const SUBJECTS = [frr('8.4', false), frr('10.3', true), bird, gobgp];

const columns = await Promise.all(SUBJECTS.map(ask));
let lonely = 0;
for (const [row, { says, gives }] of ROWS.entries()) {
  const ours = typeof gives === 'string' ? (gives.split(' ')[0] ?? '') : 'kept';
  const theirs = columns.map((verdicts) => verdicts[row] ?? '?');
  // RFC 4271 6.3 has it so, and RFC 7606 has left it.
  const unknown = ours === '3/2';
  const keep = SUBJECTS.every(({ counts }, i) => !counts || theirs[i] === 'kept');
  if (ours !== 'kept' && keep && !unknown) lonely++;
  say([says.padEnd(64), ours, ...theirs].map((cell) => cell.padEnd(11)).join(' '));
}
say(`${['', 'rib2fib', ...SUBJECTS.map(({ name }) => name)].join(' ')}: ${ROWS.length} rows`);
say(`sessions that only we end: ${lonely}`);
process.exitCode = lonely === 0 ? 0 : 1;

/** What the daemon made of each row, in their order. */
async function ask(subject: Subject): Promise<readonly string[]> {
  await using fabric = await createNetns('fabric');
  await using node = await createNetns('node');
  await connect(fabric, { name: 'f0', addresses: PEERS.map((peer) => `${peer}/24`) }, node, {
    name: 'eth1',
    addresses: [`${NODE}/24`, '2001:db8:9::1/64'],
  });
  await using _daemon = await subject.start(node);
  const shares = await Promise.all(
    PEERS.map(async (peer, i) => {
      const share = ROWS.filter((_, row) => row % PEERS.length === i);
      const messages = share.map(({ bytes }) => bytes.toString('hex'));
      const node = [process.execPath, '--import', 'tsx', PROBE, peer, ...messages];
      return JSON.parse(await fabric.exec(...node)) as string[];
    }),
  );
  return ROWS.map((_, row) => {
    const share = shares[row % PEERS.length] ?? [];
    return share[Math.floor(row / PEERS.length)] ?? '?';
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
