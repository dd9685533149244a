/**
 * What the loss of gobgpd, or of its peers, does to the routes: nothing by
 * accident, and no more than was meant.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Alertmanager } from '../support/alertmanager.js';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { KernelMonitor, kernelRules, ownRoutes } from '../support/kernel-view.js';
import { Lab, NODE_AS, router, router6 } from '../support/lab.js';
import { prefixesOf, routes } from '../support/routes.js';
import { stays, until } from '../support/wait.js';

const STATIC = '198.51.100.0/24';

function configuration(hold: string, rest: Readonly<Record<string, unknown>> = {}) {
  return {
    hold,
    tables: [
      {
        id: 100,
        filters: [{ permit: {} }],
        static: [{ prefix: STATIC, via: [{ gateway: router(0) }] }],
        rules: { priority: 10_000, from: ['203.0.113.0/24'] },
      },
    ],
    ...rest,
  };
}

async function sourceState(daemon: Daemon): Promise<string> {
  const { source } = await daemon.status();
  return `${source.state.state}, feed ${source.feed.state}`;
}

describe('the loss of the source', { concurrency: GOBGPD_VERSIONS.length }, () => {
  for (const version of GOBGPD_VERSIONS) {
    describe(`gobgpd ${version} and its peers`, { concurrency: 1 }, () => {
      let lab: Lab;
      let daemon: Daemon;
      let alertmanager: Alertmanager;
      /** Router i announces `sets[i]`. */
      const sets = [0, 1].map((i) => [
        ...routes(50, {
          family: 'ipv4',
          nextHops: [router(i)],
          within: `10.${64 * (i + 1)}.0.0/10`,
        }),
        ...routes(20, { family: 'ipv6', nextHops: [router6(i)], within: `2a0${i}::/16` }),
      ]);

      /** The table holds what these routers announced, and the static route. */
      const holds = async (...routers: number[]) => {
        const expected = [STATIC, ...routers.flatMap((i) => prefixesOf(sets[i] ?? []))].sort();
        await until(
          async () => {
            assert.deepEqual([...(await ownRoutes(lab.node, 100)).keys()].sort(), expected);
            return true;
          },
          { what: `table 100 holds the routes of routers ${routers.join()}`, deadlineMs: 20_000 },
        );
      };
      const state = (wanted: string, deadlineMs = 20_000) =>
        until(
          async () => {
            assert.equal(await sourceState(daemon), wanted);
            return true;
          },
          { what: `source ${wanted}`, deadlineMs },
        );

      before(async () => {
        lab = await Lab.start({ version, routers: 2 });
        alertmanager = await Alertmanager.start(lab.node);
        for (const i of [0, 1]) await lab.router(i).announce(sets[i] ?? []);
        await lab.hasRoutes(100, 40);
        daemon = await lab.daemon(
          configuration('4s', { alerts: { alertmanager: alertmanager.url } }),
        );
        await holds(0, 1);
      });
      after(async () => {
        await alertmanager[Symbol.asyncDispose]();
        await lab[Symbol.asyncDispose]();
      });

      it('the loss of one of two peers withdraws its routes at once', async () => {
        const start = performance.now();
        await lab.router(1).close();
        await holds(0);
        const took = performance.now() - start;
        assert.ok(took < 1500, `took ${took} ms`);
        assert.equal(await sourceState(daemon), 'synced, feed synced');
      });

      it('the loss of the last peer, with gobgpd alive, within 3 s', async () => {
        const start = performance.now();
        await lab.router(0).drop();
        await holds();
        const took = performance.now() - start;
        assert.ok(took < 3000, `took ${took} ms`);
        assert.equal(await sourceState(daemon), 'synced, feed synced');
        await until(
          async () => (await daemon.status()).source.peers.every(({ established }) => !established),
          { what: 'both peers are told to be down' },
        );
      });

      it('and both bring them back', async () => {
        await Promise.all([lab.router(0).connect(), lab.router(1).connect()]);
        await holds(0, 1);
      });

      it('kill of gobgpd: all stay for `hold`, then go; rules and static routes do not', async () => {
        const { ready } = await daemon.status();
        assert.ok(ready);
        await using monitor = await KernelMonitor.start(lab.node);
        await lab.gobgpd.stop('SIGKILL');
        const start = performance.now();
        await state('lost, feed stale');
        // Nothing else is asked in this time: it is short.
        await stays(async () => (await ownRoutes(lab.node, 100)).size === 141, {
          what: 'every route is there',
          forMs: 3500 - (performance.now() - start),
        });
        assert.deepEqual(await monitor.settled(), []);
        await state('lost, feed expired');
        await holds();
        const took = performance.now() - start;
        assert.ok(took < 5500, `took ${took} ms`);
        const expired = (await daemon.http('/metrics')).body;
        assert.match(expired, /^rib2fib_feed_state\{source="gobgp",state="expired"\} 1$/m);
        assert.doesNotMatch(expired, /^rib2fib_hold_end/m);
        assert.deepEqual(await kernelRules(lab.node), ['10000: from 203.0.113.0/24 lookup 100 -4']);
        await until(() => alertmanager.firing().join() === 'Rib2fibSourceLost critical', {
          what: 'the end of hold is told',
        });
      });

      it('started again, it is synced, and the routes are back', async () => {
        await lab.gobgpd.launch();
        await holds(0, 1);
        await state('synced, feed synced');
        await until(() => alertmanager.firing().length === 0, { what: 'the alerts are resolved' });
        assert.equal((await daemon.status()).ready, true);
        assert.ok(alertmanager.resolved().length > 0);
      });

      /** With `hold` of 60 s running: what is said of it. */
      const toldOfLoss = async () => {
        const { feed } = (await daemon.status()).source;
        assert.ok(feed.state === 'stale' && feed.until !== null);
        assert.ok(Math.abs(feed.until - feed.since - 60_000) < 200);
        const { body } = await daemon.http('/metrics');
        assert.match(body, /^rib2fib_source_up\{source="gobgp"\} 0$/m);
        assert.match(body, /^rib2fib_source_state\{source="gobgp",state="lost"\} 1$/m);
        assert.match(body, /^rib2fib_feed_state\{source="gobgp",state="stale"\} 1$/m);
        const seconds = (name: string) =>
          Number(new RegExp(`^rib2fib_${name}\\{source="gobgp"\\} (\\S+)$`, 'm').exec(body)?.[1]);
        const since = seconds('feed_state_since_timestamp_seconds');
        assert.ok(Math.abs(since - feed.since / 1000) < 0.1);
        assert.ok(Math.abs(seconds('hold_end_timestamp_seconds') - since - 60) < 0.2);
        const [alert] = (await daemon.status()).alerts;
        assert.match(alert?.summary ?? '', /its routes stay until hold ends, at 2\d{3}-\S+Z$/);
        assert.match(body, /^rib2fib_routes_stale\{table="table100",family="ipv4"\} 100$/m);
        await until(() => alertmanager.firing().join() === 'Rib2fibSourceLost warning', {
          what: 'the loss is told',
        });
      };

      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        it(`${signal} and a start within hold: nothing is deleted, nothing written, and all is told`, async () => {
          await daemon.configure(
            lab.config(configuration('60s', { alerts: { alertmanager: alertmanager.url } })),
          );
          await daemon.cliJson('reload');
          await using monitor = await KernelMonitor.start(lab.node);
          await lab.gobgpd.stop(signal);
          await state('lost, feed stale');
          await toldOfLoss();
          await lab.gobgpd.launch();
          await state('synced, feed synced');
          await holds(0, 1);
          assert.deepEqual(await monitor.settled(), []);
        });
      }

      it('withdrawn while gobgpd was away: gone once the new feed is complete', async () => {
        const [gone = ''] = prefixesOf(sets[1] ?? []);
        await using monitor = await KernelMonitor.start(lab.node);
        await lab.gobgpd.stop('SIGKILL');
        await state('lost, feed stale');
        await lab.router(1).withdraw([gone]);
        await lab.gobgpd.launch();
        await until(async () => !(await ownRoutes(lab.node, 100)).has(gone), {
          what: 'it is gone',
          deadlineMs: 20_000,
        });
        await state('synced, feed synced');
        assert.equal((await monitor.settled()).length, 1);
        await lab.router(1).announce(sets[1] ?? []);
        await holds(0, 1);
      });

      it('a peer that is slow to come back to a new gobgpd loses nothing', async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        await lab.gobgpd.stop('SIGKILL');
        await lab.router(1).close();
        await lab.gobgpd.launch();
        await lab.gobgpd.established([router(0)]);
        await until(
          async () => {
            const { state } = (await daemon.status()).source;
            return (
              state.state === 'syncing' && state.waitingFor === `peer ${router(1)} to establish`
            );
          },
          { what: 'router 1 is waited for', deadlineMs: 20_000 },
        );
        assert.deepEqual(await monitor.settled(), []);
        await lab.router(1).connect();
        await state('synced, feed synced');
        await holds(0, 1);
        assert.deepEqual(await monitor.settled(), []);
      });

      it('a daemon that starts before gobgpd keeps what the kernel has, and says what it waits for', async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        await daemon.stop();
        await lab.gobgpd.stop('SIGKILL');
        await daemon.launch({ until: 'admin' });
        await state('connecting, feed stale');
        await until(
          async () => {
            const { state } = (await daemon.status()).source;
            return (
              state.state === 'connecting' &&
              /no such socket|nobody listens/.test(state.lastError ?? '')
            );
          },
          { what: 'it says why' },
        );
        assert.equal((await daemon.http('/readyz')).status, 503);
        // BGP has not been started in it yet: it has an API, and nothing else.
        await lab.gobgpd.launch({ as: 0 });
        await state('bgp-not-started, feed stale');
        await lab.gobgpd.cli('global', 'as', String(NODE_AS), 'router-id', '10.255.255.1');
        await lab.gobgpd.cli(
          'neighbor',
          'add',
          router(0),
          'as',
          '65001',
          'family',
          'ipv4-unicast,ipv6-unicast',
        );
        await lab.gobgpd.cli(
          'neighbor',
          'add',
          router(1),
          'as',
          '65002',
          'family',
          'ipv4-unicast,ipv6-unicast',
        );
        await state('synced, feed synced', 30_000);
        await holds(0, 1);
        assert.deepEqual(await monitor.settled(), []);
        assert.equal((await daemon.http('/readyz')).status, 200);
      });
    });
  }
});
