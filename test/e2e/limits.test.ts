/** A limit of each action: what it does to the table, what it keeps over a restart, what it tells. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Alertmanager } from '../support/alertmanager.js';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { KernelMonitor, ownRoutes } from '../support/kernel-view.js';
import { Lab, router } from '../support/lab.js';
import { until } from '../support/wait.js';

const MAX = 10;
const ACTIONS = ['warn', 'block', 'freeze', 'flush'] as const;
type Action = (typeof ACTIONS)[number];
const TABLE: Readonly<Record<Action, number>> = { warn: 100, block: 101, freeze: 102, flush: 103 };

/** `nets(1, 3)`: 10.1.1.0/24, 10.1.2.0/24, 10.1.3.0/24. */
function nets(first: number, last: number, second = 1): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `10.${second}.${first + i}.0/24`);
}

describe('limits', { concurrency: GOBGPD_VERSIONS.length }, () => {
  for (const version of GOBGPD_VERSIONS) {
    describe(`over gobgpd ${version}`, { concurrency: 1 }, () => {
      let lab: Lab;
      let alertmanager: Alertmanager;

      const announce = (prefixes: readonly string[], i = 0, nextHop = router(i)) =>
        lab.router(i).announce([{ attributes: { nextHop }, prefixes }]);
      const holds = (table: number, prefixes: readonly string[], deadlineMs = 10_000) =>
        until(
          async () => {
            const found = await ownRoutes(lab.node, table);
            assert.deepEqual([...found.keys()].sort(), [...prefixes].sort());
            return true;
          },
          { what: `table ${table} holds ${prefixes.length} routes`, deadlineMs },
        );
      const hold = async (wanted: Readonly<Record<Action, readonly string[]>>) => {
        for (const action of ACTIONS) await holds(TABLE[action], wanted[action]);
      };
      const fires = (alerts: readonly string[]) =>
        until(() => alertmanager.firing().join('\n') === [...alerts].sort().join('\n'), {
          what: `firing: ${alerts.join(', ')}`,
        }).catch((error: Error) => {
          throw new Error(`${error.message}; firing: ${alertmanager.firing().join(', ')}`);
        });
      const exceeded = (scope: string) => `Rib2fibPrefixLimitExceeded critical ${scope}`;
      const warning = (scope: string) => `Rib2fibPrefixLimitWarning warning ${scope}`;

      before(async () => {
        lab = await Lab.start({ version, routers: 2 });
        alertmanager = await Alertmanager.start(lab.node);
      });
      after(async () => {
        await alertmanager[Symbol.asyncDispose]();
        await lab[Symbol.asyncDispose]();
      });

      describe('warn, block, freeze and flush, of all peers together', () => {
        let daemon: Daemon;
        const scopes = (...actions: Action[]) => actions.map((action) => `${action}/all/ipv4`);

        before(async () => {
          await announce(nets(0, 9));
          await lab.hasRoutes(10);
          daemon = await lab.daemon({
            alerts: { alertmanager: alertmanager.url },
            tables: ACTIONS.map((action) => ({
              id: TABLE[action],
              name: action,
              filters: [{ permit: {} }],
              limits: [{ family: 'ipv4', max: MAX, action }],
            })),
          });
        });
        after(() => daemon[Symbol.asyncDispose]());

        it('at the limit: all are there, and each warns', async () => {
          const all = nets(0, 9);
          await hold({ warn: all, block: all, freeze: all, flush: all });
          await fires(scopes(...ACTIONS).map(warning));
        });

        it('above it: each does what it is named for', async () => {
          for (const net of nets(10, 14)) {
            await announce([net]);
            await holds(TABLE.warn, nets(0, Number(net.split('.')[2])));
          }
          await hold({ warn: nets(0, 14), block: nets(0, 9), freeze: nets(0, 9), flush: [] });
          await fires(scopes(...ACTIONS).map(exceeded));
          const { tables } = await daemon.status();
          assert.deepEqual(
            tables.map(({ limits: [limit], rejected }) => [
              ...[limit?.used, limit?.state, limit?.latched],
              rejected,
            ]),
            [
              [15, 'exceeded', false, {}],
              [15, 'exceeded', false, { 'limit-blocked': 5 }],
              [15, 'exceeded', true, { 'limit-frozen': 5 }],
              [15, 'exceeded', true, { 'limit-flushed': 15 }],
            ],
          );
          const { body } = await daemon.http('/metrics');
          for (const action of ACTIONS) {
            const labels = `table="${action}",peer="all",family="ipv4",action="${action}"`;
            assert.match(body, new RegExp(`prefix_limit_exceeded\\{${labels}\\} 1`));
            assert.match(body, new RegExp(`prefix_limit_usage_ratio\\{${labels}\\} 1\\.5`));
          }
        });

        it('changes and withdrawals still apply; where there is room, those that wait come in order', async () => {
          await announce(['10.1.5.0/24'], 0, router(1));
          for (const action of ['warn', 'block', 'freeze'] as const) {
            await until(
              async () =>
                (await ownRoutes(lab.node, TABLE[action])).get('10.1.5.0/24')?.[0] ===
                `via ${router(1)} dev eth1`,
              { what: `the change is in table ${action}` },
            );
          }
          await lab.router(0).withdraw(nets(0, 2));
          await hold({ warn: nets(3, 14), block: nets(3, 12), freeze: nets(3, 9), flush: [] });
        });

        for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
          it(`a restart after ${signal} keeps the same routes, and what is latched`, async () => {
            await using monitor = await KernelMonitor.start(lab.node);
            await daemon.stop(signal);
            await daemon.launch();
            await hold({ warn: nets(3, 14), block: nets(3, 12), freeze: nets(3, 9), flush: [] });
            assert.deepEqual(await monitor.settled(), []);
            const { tables } = await daemon.status();
            const latched = tables.map(({ limits }) => limits[0]?.latched);
            assert.deepEqual(latched, [false, false, true, true]);
          });
        }

        it('back below: only what is latched still holds', async () => {
          await lab.router(0).withdraw(nets(11, 14));
          await hold({ warn: nets(3, 10), block: nets(3, 10), freeze: nets(3, 9), flush: [] });
          await fires([
            ...scopes('warn', 'block').map(warning),
            ...scopes('freeze', 'flush').map(exceeded),
          ]);
        });

        it('limit clear releases it', async () => {
          assert.deepEqual(await daemon.cliJson('limit', 'clear', 'freeze'), {
            cleared: ['freeze/all/ipv4'],
          });
          assert.deepEqual(await daemon.cliJson('limit', 'clear', 'flush/all/ipv4'), {
            cleared: ['flush/all/ipv4'],
          });
          const all = nets(3, 10);
          await hold({ warn: all, block: all, freeze: all, flush: all });
          await fires(scopes(...ACTIONS).map(warning));
        });

        it('what is still too much latches again', async () => {
          await announce(nets(20, 24));
          await holds(TABLE.flush, []);
          await daemon.cliJson('limit', 'clear', 'all');
          await until(
            async () => (await daemon.status()).tables.at(-1)?.limits[0]?.latched === true,
            { what: 'latched again' },
          );
          await holds(TABLE.flush, []);
          await lab.router(0).withdraw(nets(20, 24));
          await holds(TABLE.warn, nets(3, 10));
          await daemon.cliJson('limit', 'clear', 'all');
          const all = nets(3, 10);
          await hold({ warn: all, block: all, freeze: all, flush: all });
        });

        it('well below, every alert is resolved', async () => {
          await lab.router(0).withdraw(nets(8, 10));
          await fires([]);
          assert.equal(alertmanager.resolved().length, 2 * ACTIONS.length);
          assert.deepEqual((await daemon.status()).alerts, []);
        });
      });

      describe('of one peer, and counted before the filters', () => {
        let daemon: Daemon;
        const PEER = 110;
        const RECEIVED = 111;

        before(async () => {
          await lab.router(0).withdraw('all');
          await announce([...nets(0, 2), ...nets(0, 2, 2)]);
          await announce(nets(0, 5, 3), 1);
          await lab.hasRoutes(12);
          daemon = await lab.daemon({
            tables: [
              {
                id: PEER,
                name: 'peer',
                filters: [{ permit: {} }],
                limits: [{ family: 'ipv4', peer: router(0), max: 6, action: 'block' }],
              },
              {
                id: RECEIVED,
                name: 'received',
                filters: [{ permit: { prefix: '10.1.0.0/16', le: 24 } }],
                limits: [
                  { family: 'ipv4', peer: router(0), max: 6, count: 'received', action: 'block' },
                ],
              },
            ],
          });
        });
        after(() => daemon[Symbol.asyncDispose]());

        it('another peer is not counted', async () => {
          await announce(nets(6, 9, 3), 1);
          await holds(PEER, [...nets(0, 2), ...nets(0, 2, 2), ...nets(0, 9, 3)]);
          const { tables } = await daemon.status();
          assert.equal(tables[0]?.limits[0]?.used, 6);
        });

        it('above the limit no more than max are let in where all are counted, filtered or not', async () => {
          await announce(nets(3, 3, 2));
          await until(
            async () => {
              const { tables } = await daemon.status();
              return tables.every(({ limits: [limit] }) => limit?.used === 7);
            },
            { what: 'both count 7' },
          );
          await announce(nets(3, 9));
          await announce(nets(10, 10, 3), 1);
          await holds(PEER, [...nets(0, 2), ...nets(0, 2, 2), ...nets(0, 10, 3)]);
          await holds(RECEIVED, nets(0, 5));
        });

        it('and comes when there is room', async () => {
          await lab.router(0).withdraw([...nets(2, 3, 2), ...nets(4, 9)]);
          await holds(RECEIVED, nets(0, 3));
          await holds(PEER, [...nets(0, 3), ...nets(0, 1, 2), ...nets(0, 10, 3)]);
        });
      });

      describe('teardown', () => {
        let daemon: Daemon;
        const TORN = 120;
        const config = (restartAfter: string) => ({
          alerts: { alertmanager: alertmanager.url },
          tables: [
            {
              id: TORN,
              name: 'torn',
              filters: [{ permit: {} }],
              limits: [
                { family: 'ipv4', peer: router(0), max: 5, action: 'teardown', restartAfter },
              ],
            },
          ],
        });
        const isDown = (down: boolean, deadlineMs?: number) =>
          until(
            async () => {
              const peers = await lab.gobgpd.neighbors();
              return peers.find(({ address }) => address === router(0))?.established === !down;
            },
            {
              what: `the session of router 0 is ${down ? 'down' : 'up'}`,
              ...(deadlineMs === undefined ? {} : { deadlineMs }),
            },
          );

        before(async () => {
          await lab.router(0).withdraw('all');
          await lab.router(1).withdraw('all');
          await announce(nets(0, 4));
          await announce(nets(0, 2, 3), 1);
          await lab.hasRoutes(8);
          daemon = await lab.daemon(config('3s'));
          await holds(TORN, [...nets(0, 4), ...nets(0, 2, 3)]);
        });
        after(() => daemon[Symbol.asyncDispose]());

        it('ends the session of the peer that exceeds, and no other', async () => {
          await announce(nets(5, 9));
          await isDown(true);
          assert.deepEqual((await lab.router(0).state()).lastNotification, [6, 2]);
          await holds(TORN, nets(0, 2, 3));
          assert.ok((await lab.gobgpd.neighbors()).some(({ established }) => established));
          const { tables, source } = await daemon.status();
          const [limit] = tables[0]?.limits ?? [];
          assert.ok(limit?.latched && typeof limit.restoreAt === 'number');
          assert.equal(source.state.state, 'synced');
          await fires([exceeded(`torn/${router(0)}/ipv4`)]);
        });

        it('a daemon killed meanwhile leaves no peer disabled for ever', async () => {
          await lab.router(0).withdraw(nets(5, 9));
          await daemon.stop('SIGKILL');
          await daemon.launch({ until: 'admin' });
          await isDown(false, 20_000);
          await holds(TORN, [...nets(0, 4), ...nets(0, 2, 3)]);
          await until(async () => (await daemon.status()).ready, { what: 'rib2fib is ready' });
          assert.equal((await daemon.status()).tables[0]?.limits[0]?.latched, false);
          await fires([warning(`torn/${router(0)}/ipv4`)]);
        });

        it('limit clear brings the session back, where nothing else does', async () => {
          await daemon.configure(lab.config(config('never')));
          await daemon.cliJson('reload');
          await announce(nets(5, 9));
          await isDown(true);
          await until(
            async () => (await daemon.status()).tables[0]?.limits[0]?.restoreAt === null,
            {
              what: 'the session does not come back by itself',
            },
          );
          await lab.router(0).withdraw(nets(5, 9));
          await daemon.cliJson('limit', 'clear', 'torn');
          await isDown(false, 20_000);
          await holds(TORN, [...nets(0, 4), ...nets(0, 2, 3)]);
        });

        it('so does taking the limit out of the configuration', async () => {
          await announce(nets(5, 9));
          await isDown(true);
          const [table] = config('never').tables;
          await daemon.configure(lab.config({ tables: [{ ...table, limits: [] }] }));
          await isDown(false, 20_000);
          await holds(TORN, [...nets(0, 9), ...nets(0, 2, 3)]);
        });
      });
    });
  }
});
