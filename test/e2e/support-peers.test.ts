/** FRR and BIRD as the tests run them: fed by our own router, each in every version, side by side and restarted. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bird, startBird } from '../support/bird.js';
import { type Feeder, startFeeder } from '../support/feeder.js';
import { FRR_VERSIONS, startFrr } from '../support/frr.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { until } from '../support/wait.js';

const ROUTER = '10.9.0.2';
const NODE = '10.9.0.1';
const PREFIX = '198.51.100.0/24';

async function pair(): Promise<{ fabric: Netns; node: Netns }> {
  const fabric = await createNetns('fabric');
  const node = await createNetns('node');
  await connect(fabric, { name: 'f0', addresses: [`${ROUTER}/24`] }, node, {
    name: 'eth1',
    addresses: [`${NODE}/24`],
  });
  return { fabric, node };
}

function router(fabric: Netns): Promise<Feeder> {
  return startFeeder({
    ...{ netns: fabric, localAddress: ROUTER, peerAddress: NODE, localAs: 65001, peerAs: 65000 },
    families: ['ipv4'],
    detached: true,
  });
}

const FRR_CONF = `
router bgp 65000
 bgp router-id ${NODE}
 no bgp ebgp-requires-policy
 neighbor ${ROUTER} remote-as 65001
 neighbor ${ROUTER} passive
`;

const BIRD_CONF = `
router id ${NODE};
protocol device {}
protocol kernel { ipv4 { export all; }; }
protocol bgp upstream {
  local ${NODE} as 65000;
  neighbor ${ROUTER} as 65001;
  passive;
  ipv4 { import all; export none; };
}
`;

for (const version of FRR_VERSIONS) {
  describe(`FRR ${version}`, () => {
    it('takes a configuration, learns, installs, and its daemons restart one by one', async () => {
      const nets = await pair();
      await using node = nets.node;
      await using fabric = nets.fabric;
      await using frr = await startFrr({ version, netns: node, config: FRR_CONF });
      await using feeder = await router(fabric);
      assert.match(await frr.vtysh('show version'), new RegExp(`FRRouting ${version}`));
      assert.equal(await frr.dryRun(), '');
      await feeder.announce([{ attributes: { nextHop: ROUTER }, prefixes: [PREFIX] }]);
      await frr.established([ROUTER]);
      const installed = () => node.ip('route', 'show', PREFIX, 'proto', 'bgp');
      await until(async () => (await installed()).includes(ROUTER), { what: 'zebra installs it' });

      await frr.stop('bgpd');
      assert.equal(frr.running('bgpd'), false);
      await until(async () => (await installed()) === '', { what: 'zebra drops it with bgpd' });
      await frr.launch('bgpd');
      await frr.established([ROUTER]);
      await until(async () => (await installed()).includes(ROUTER), { what: 'installed again' });
    });

    it('refuses a configuration with the line at fault', async () => {
      await using node = await createNetns('node');
      const config = `${FRR_CONF} neighbor ${ROUTER} remoteas 65001\n`;
      await assert.rejects(startFrr({ version, netns: node, config }), /remoteas/);
    });
  });
}

describe('FRR of two versions at once', () => {
  it('do not share a socket', async () => {
    await using one = await createNetns('one');
    await using other = await createNetns('other');
    await using old = await startFrr({ version: '8.4', netns: one, config: '' });
    await using next = await startFrr({ version: '10.3', netns: other, config: '' });
    await old.stop('zebra');
    assert.match(await next.vtysh('show version'), /FRRouting 10\.3/);
    assert.ok(next.running('zebra'));
  });
});

describe('BIRD 2', () => {
  it('learns, installs, and restarts', async () => {
    const nets = await pair();
    await using node = nets.node;
    await using fabric = nets.fabric;
    await using bird: Bird = await startBird({ netns: node, config: BIRD_CONF });
    await using feeder = await router(fabric);
    await feeder.announce([{ attributes: { nextHop: ROUTER }, prefixes: [PREFIX] }]);
    await bird.established(['upstream']);
    const installed = () => node.ip('route', 'show', PREFIX, 'proto', 'bird');
    await until(async () => (await installed()).includes(ROUTER), { what: 'BIRD installs it' });
    await bird.stop();
    assert.equal(await installed(), '');
    await bird.launch();
    await bird.established(['upstream']);
    await until(async () => (await installed()).includes(ROUTER), { what: 'installed again' });
  });

  it('refuses a configuration with the line at fault', async () => {
    await using node = await createNetns('node');
    await assert.rejects(startBird({ netns: node, config: 'router id 1' }), /bird\.conf:1/);
  });
});
