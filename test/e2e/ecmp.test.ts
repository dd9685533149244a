/** ECMP: gobgpd with use-multiple-paths, and routers that announce the same prefixes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { KernelMonitor, ownRoutes } from '../support/kernel-view.js';
import { Lab, legs, legs6, router, router6 } from '../support/lab.js';
import { until } from '../support/wait.js';

const NET = '10.1.0.0/24';
const NET6 = '2001:db8:a::/48';
/** Tables with inline next hops, with nexthop groups, and with at most two legs. */
const INLINE = 100;
const GROUPS = 101;
const TWO = 102;

const CONFIG = {
  tables: [
    { id: INLINE, filters: [{ permit: {} }], nextHop: { objects: 'never' } },
    { id: GROUPS, filters: [{ permit: {} }], nextHop: { objects: 'always' } },
    { id: TWO, filters: [{ permit: {} }], multipath: 2 },
  ],
};

describe('ECMP', { concurrency: GOBGPD_VERSIONS.length }, () => {
  for (const version of GOBGPD_VERSIONS) {
    describe(`from gobgpd ${version}`, { concurrency: 1 }, () => {
      let lab: Lab;
      let daemon: Daemon;

      const announce = async (i: number, bytesPerSecond?: number) => {
        const more =
          bytesPerSecond === undefined ? {} : { linkBandwidth: { as: 65001 + i, bytesPerSecond } };
        await lab.router(i).announce([
          { attributes: { nextHop: router(i), ...more }, prefixes: [NET] },
          { attributes: { nextHop: router6(i), ...more }, prefixes: [NET6] },
        ]);
      };
      const has = (table: number, v4: readonly string[], v6: readonly string[]) => {
        const expected = new Map([
          [NET, v4],
          [NET6, v6],
        ]);
        return until(
          async () => {
            assert.deepEqual(await ownRoutes(lab.node, table), expected);
            return true;
          },
          { what: `table ${table}: ${v4.join(', ')}` },
        );
      };
      const goOver = async (...routers: number[]) => {
        for (const table of [INLINE, GROUPS]) {
          await has(table, legs(...routers), legs6(...routers));
        }
      };

      before(async () => {
        lab = await Lab.start({ version, routers: 3, gobgpd: { multipath: true } });
        await Promise.all([announce(0), announce(1)]);
        await lab.hasRoutes(1, 1);
        daemon = await lab.daemon(CONFIG);
      });
      after(() => lab[Symbol.asyncDispose]());

      it('two next hops, learned from the dump', async () => {
        await goOver(0, 1);
        assert.equal((await daemon.status()).tables[0]?.routes.ipv4.accepted, 1);
      });

      it('a third joins, and `multipath` bounds them', async () => {
        await announce(2);
        await goOver(0, 1, 2);
        assert.equal((await ownRoutes(lab.node, TWO)).get(NET)?.length, 2);
        assert.equal((await ownRoutes(lab.node, TWO)).get(NET6)?.length, 2);
      });

      it('a leg is withdrawn and returns, and the route is never gone', async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        await lab.router(1).withdraw('all');
        await goOver(0, 2);
        await announce(1);
        await goOver(0, 1, 2);
        const lines = await monitor.settled();
        const gone = lines.filter((line) => /\[ROUTE\]Deleted (10\.1\.|2001:db8:a:)/.test(line));
        assert.deepEqual(gone, []);
      });

      it('a router that goes takes its leg along, and brings it back', async () => {
        await lab.router(2).close();
        await goOver(0, 1);
        await lab.router(2).connect();
        await goOver(0, 1, 2);
      });

      it('a longer AS path is no equal, and leaves the set', async () => {
        const attributes = { asPath: [65099] };
        await lab.router(2).announce([
          { attributes: { nextHop: router(2), ...attributes }, prefixes: [NET] },
          { attributes: { nextHop: router6(2), ...attributes }, prefixes: [NET6] },
        ]);
        await goOver(0, 1);
        await announce(2);
        await goOver(0, 1, 2);
      });

      it('weights follow the link-bandwidth community, where every path bears one', async () => {
        await announce(0, 1_250_000_000);
        await announce(1, 625_000_000);
        await announce(2, 312_500_000);
        const weigh = (texts: string[], weights: readonly number[]) =>
          texts.map((text, i) => `${text} weight ${weights[i]}`).sort();
        for (const table of [INLINE, GROUPS]) {
          await has(
            table,
            weigh(legs(0, 1, 2), [100, 50, 25]),
            weigh(legs6(0, 1, 2), [100, 50, 25]),
          );
        }
        await announce(2);
        await goOver(0, 1, 2);
      });

      it('down to a single one', async () => {
        await lab.router(0).withdraw('all');
        await lab.router(1).withdraw('all');
        await goOver(2);
        await lab.router(2).withdraw('all');
        await until(async () => (await ownRoutes(lab.node, GROUPS)).size === 0, {
          what: 'the last one goes',
        });
      });
    });
  }
});
