/** Source `fpm` with real FRR: what zebra tells ends in the kernel's table, and outlives what befalls either side. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FpmLab, fpmConfig, fpmRouter, fpmRouter6, over, over6 } from '../support/fpm-lab.js';
import { FRR_VERSIONS } from '../support/frr.js';
import { ownRoutes } from '../support/kernel-view.js';
import { prefixesOf, routes } from '../support/routes.js';
import { stays, until } from '../support/wait.js';

const NET = '198.51.100.0/24';
const NET6 = '2001:db8:77::/48';
const BOTH = '203.0.113.0/24';
const TABLE = 100;
const CONFIG = { tables: [{ id: TABLE, filters: [{ permit: {} }] }], sync: { timeout: '60s' } };

type Routes = Readonly<Record<string, readonly string[]>>;

async function own(lab: FpmLab): Promise<Routes> {
  return Object.fromEntries(await ownRoutes(lab.node, TABLE));
}

function becomes(lab: FpmLab, wanted: Routes, deadlineMs = 20_000): Promise<unknown> {
  return until(
    async () => {
      assert.deepEqual(await own(lab), wanted);
      return true;
    },
    { what: `table ${TABLE} is ${JSON.stringify(wanted)}`, deadlineMs },
  );
}

function remains(lab: FpmLab, wanted: Routes, forMs: number): Promise<void> {
  return stays(
    async () => {
      assert.deepEqual(await own(lab), wanted);
      return true;
    },
    { what: `table ${TABLE} is ${JSON.stringify(wanted)}`, forMs },
  );
}

describe('source fpm', { concurrency: FRR_VERSIONS.length }, () => {
  for (const version of FRR_VERSIONS)
    describe(`of FRR ${version}`, { concurrency: 2 }, () => {
      it('takes routes of both families, moves, ECMP with weights, withdrawals; a link that flaps', async () => {
        await using lab = await FpmLab.start(version);
        const one = await lab.router(0);
        const other = await lab.router(1);
        await one.announce([
          { attributes: { nextHop: fpmRouter(0) }, prefixes: [NET, BOTH] },
          { attributes: { nextHop: fpmRouter6(0) }, prefixes: [NET6] },
        ]);
        const daemon = await lab.daemon(CONFIG);
        const alone = { [NET]: [over(0)], [BOTH]: [over(0)], [NET6]: [over6(0)] };
        await becomes(lab, alone);

        await other.announce([
          { attributes: { nextHop: fpmRouter(1) }, prefixes: [BOTH] },
          { attributes: { nextHop: fpmRouter6(1) }, prefixes: [NET6] },
        ]);
        const wide = { ...alone, [BOTH]: [over(0), over(1)], [NET6]: [over6(0), over6(1)] };
        await becomes(lab, wide);

        // zebra's own shares, whatever its version makes of the bandwidths.
        const bandwidth = (i: number, bytesPerSecond: number) => ({
          attributes: { nextHop: fpmRouter(i), linkBandwidth: { as: 65001 + i, bytesPerSecond } },
          prefixes: [BOTH],
        });
        await one.announce([bandwidth(0, 1_250_000)]);
        await other.announce([bandwidth(1, 5_000_000)]);
        await until(
          async () => {
            const [route] = await lab.node.ipJson<{ nexthops?: { weight: number }[] }>(
              ...['route', 'show', BOTH, 'proto', 'bgp'],
            );
            const weights = route?.nexthops?.map(({ weight }) => weight) ?? [];
            assert.equal(weights.length, 2);
            const ours = (await own(lab))[BOTH]?.map((leg) =>
              Number(/weight (\d+)/.exec(leg)?.[1] ?? 1),
            );
            const [a = 0, b = 0] = weights;
            const [c = 0, d = 0] = ours ?? [];
            assert.ok(Math.abs(a / b - c / d) < 0.02, `${weights} and ${ours}`);
            return true;
          },
          { what: 'the weights of zebra in our table' },
        );
        await other.withdraw([BOTH, NET6]);
        await one.announce([{ attributes: { nextHop: fpmRouter(0) }, prefixes: [BOTH] }]);
        await becomes(lab, alone);

        await other.announce([{ attributes: { nextHop: fpmRouter(1) }, prefixes: [NET] }]);
        await one.withdraw([NET]);
        await becomes(lab, { ...alone, [NET]: [over(1)] });

        // A static route goes before BGP's: 8.4 takes that back, 10.3 replaces it without a word.
        await lab.frr.vtysh('configure terminal', `ip route ${NET} ${fpmRouter(0)}`);
        await becomes(lab, { [BOTH]: [over(0)], [NET6]: [over6(0)] });
        await lab.frr.vtysh('configure terminal', `no ip route ${NET} ${fpmRouter(0)}`);
        await becomes(lab, { ...alone, [NET]: [over(1)] });

        await lab.node.ip('link', 'set', 'eth1', 'down');
        await becomes(lab, { [NET]: [over(1)] });
        await lab.node.ip('link', 'set', 'eth1', 'up');
        await becomes(lab, { ...alone, [NET]: [over(1)] }, 40_000);

        await one.withdraw([NET6]);
        await becomes(lab, { [NET]: [over(1)], [BOTH]: [over(0)] });
        const status = await daemon.status();
        assert.equal(status.source.state.state, 'synced');
        assert.equal((await own(lab))['10.9.0.0/24'], undefined, 'connected routes are not BGP’s');
      });

      it('a restart of rib2fib leaves what is there, and sweeps what went meanwhile', async () => {
        await using lab = await FpmLab.start(version);
        const one = await lab.router(0);
        await one.announce([{ attributes: { nextHop: fpmRouter(0) }, prefixes: [NET, BOTH] }]);
        const daemon = await lab.daemon(CONFIG);
        await becomes(lab, { [NET]: [over(0)], [BOTH]: [over(0)] });
        await daemon.stop('SIGKILL');
        await one.withdraw([BOTH]);
        await until(async () => (await lab.node.ip('route', 'show', BOTH)) === '', {
          what: 'zebra drops it',
        });
        await daemon.launch({ until: 'admin' });
        assert.deepEqual(await own(lab), { [NET]: [over(0)], [BOTH]: [over(0)] });
        await becomes(lab, { [NET]: [over(0)] });
      });

      it('zebra restarted: nothing goes while BGP is not back', async () => {
        await using lab = await FpmLab.start(version);
        const one = await lab.router(0);
        await one.announce([{ attributes: { nextHop: fpmRouter(0) }, prefixes: [NET, BOTH] }]);
        const daemon = await lab.daemon(CONFIG);
        const all = { [NET]: [over(0)], [BOTH]: [over(0)] };
        await becomes(lab, all);
        for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
          await lab.frr.stop('zebra', signal);
          await until(async () => (await daemon.status()).source.state.state === 'lost', {
            what: 'the source is lost',
          });
          assert.deepEqual(await own(lab), all);
          await lab.frr.launch('zebra');
          await until(async () => (await daemon.status()).source.state.state === 'syncing', {
            what: 'zebra is connected again',
          });
          // zebra replays what it has: connected routes, and none of BGP.
          await remains(lab, all, 4000);
        }
      });

      it('FRR stopped as a whole withdraws everything first: that is not believed', async () => {
        await using lab = await FpmLab.start(version);
        const one = await lab.router(0);
        const made = routes(2000, { family: 'ipv4', nextHops: [fpmRouter(0)] });
        await one.announce(made);
        const daemon = await lab.daemon(CONFIG);
        const count = prefixesOf(made).length;
        const installed = async () => Object.keys(await own(lab)).length;
        await until(async () => (await installed()) === count, { what: 'all are installed' });
        await lab.frr.stop('bgpd');
        await lab.frr.stop('zebra');
        await until(async () => (await daemon.status()).source.state.state === 'lost', {
          what: 'the source is lost',
        });
        await stays(async () => (await installed()) === count, {
          what: 'all are still installed',
          forMs: 3000,
        });
      });

      it('nexthop groups are refused with the line to write, which mends it', async () => {
        await using lab = await FpmLab.start(
          version,
          fpmConfig({ fpm: 'fpm use-next-hop-groups' }),
        );
        const one = await lab.router(0);
        await one.announce([{ attributes: { nextHop: fpmRouter(0) }, prefixes: [NET] }]);
        const daemon = await lab.daemon(CONFIG, { until: 'admin' });
        const line = await daemon.logged(
          ({ msg }) => /no fpm use-next-hop-groups/.test(msg ?? ''),
          'the line to write',
        );
        assert.equal(line['state'], 'refused');
        assert.deepEqual(await own(lab), {});
        await lab.frr.vtysh('configure terminal', 'no fpm use-next-hop-groups');
        await becomes(lab, { [NET]: [over(0)] }, 20_000);
      });

      it('an IPv4 route with an IPv6 next hop is refused loudly, and costs itself only', async () => {
        const bgp = [0, 1]
          .map((i) => ` neighbor ${fpmRouter(i)} capability extended-nexthop`)
          .join('\n');
        await using lab = await FpmLab.start(version, fpmConfig({ bgp }));
        const one = await lab.router(0);
        await one.announce([
          { attributes: { nextHop: fpmRouter6(0) }, prefixes: [NET] },
          { attributes: { nextHop: fpmRouter(0) }, prefixes: [BOTH] },
        ]);
        const daemon = await lab.daemon(CONFIG);
        await becomes(lab, { [BOTH]: [over(0)] });
        const line = await daemon.logged(
          ({ msg }) => /capability extended-nexthop/.test(msg ?? ''),
          'the line to write',
        );
        assert.equal(line['prefix'], NET);
        // What had a good next hop and has none now goes.
        await one.announce([{ attributes: { nextHop: fpmRouter6(0) }, prefixes: [BOTH] }]);
        await becomes(lab, {});
      });

      it('`set table`: what zebra does not replay is read from the kernel', async () => {
        const more = `
route-map SETTABLE permit 10
 set table 50
exit
router bgp 65000
 address-family ipv4 unicast
  neighbor ${fpmRouter(0)} route-map SETTABLE in
 exit-address-family
 address-family ipv6 unicast
  neighbor ${fpmRouter(0)} route-map SETTABLE in
 exit-address-family
exit
`;
        await using lab = await FpmLab.start(version, fpmConfig({ more }));
        const one = await lab.router(0);
        await one.announce([
          { attributes: { nextHop: fpmRouter(0) }, prefixes: [NET, BOTH] },
          { attributes: { nextHop: fpmRouter6(0) }, prefixes: [NET6] },
        ]);
        await until(async () => (await lab.node.ip('route', 'show', 'table', '50')).includes(NET), {
          what: 'zebra installs into table 50',
        });
        const daemon = await lab.daemon({ ...CONFIG, source: { fpm: { tables: [50] } } });
        const all = { [NET]: [over(0)], [BOTH]: [over(0)], [NET6]: [over6(0)] };
        await becomes(lab, all);
        await one.withdraw([BOTH]);
        await becomes(lab, { [NET]: [over(0)], [NET6]: [over6(0)] });
        await daemon.stop();
        await one.announce([{ attributes: { nextHop: fpmRouter(0) }, prefixes: [BOTH] }]);
        await daemon.launch();
        await becomes(lab, all);
      });
    });
});
