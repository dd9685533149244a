/** Every command as people and scripts see it, against a running daemon. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type {
  ExplainReport,
  LimitClearReport,
  ReloadReport,
  RouteReport,
} from '../../src/admin/command-report.js';
import type { StatusReport } from '../../src/admin/report.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { type Feeder, startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { Lab, router, router6 } from '../support/lab.js';
import { POOL } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const VERSION = /^\d+\.\d+\.\d+$/;
const ESCAPE = '\x1b[';

/** One line of a table printed for people, by its first words, its columns told apart by two spaces. */
function row(text: string, ...start: readonly string[]): string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s{2,}/));
  const found = lines.find((columns) => start.every((word, i) => columns[i] === word));
  return found ?? assert.fail(`no line ${start.join(' ')} in:\n${text}`);
}

describe('commands', { concurrency: 2 }, () => {
  for (const version of GOBGPD_VERSIONS) {
    describe(`asked of a daemon beside gobgpd ${version}`, () => {
      const [installed, second, limited] = [
        '198.51.100.0/24',
        '198.51.101.0/24',
        '198.51.102.0/24',
      ];
      const filtered = '10.42.3.0/24';
      let lab: Lab;
      let feeder: Feeder;
      let daemon: Daemon;

      before(async () => {
        lab = await Lab.start({ version });
        feeder = lab.router(0);
        const attributes = { nextHop: router(0), asPath: [64999], communities: ['65001:7'] };
        await feeder.announce([
          { attributes, prefixes: [installed, second, filtered] },
          { attributes: { nextHop: router6(0) }, prefixes: ['2001:db8:aaaa::/48'] },
        ]);
        await lab.hasRoutes(3, 1);
        daemon = await lab.daemon({
          tables: [
            {
              ...{ id: 100, name: 'fabric', metric: 20 },
              filters: [
                { deny: { prefix: '10.42.0.0/16', ge: 16, le: 32 } },
                { permit: { family: 'ipv4', community: '65001:7' } },
                { permit: { family: 'ipv6' } },
              ],
              limits: [{ family: 'ipv4', max: 2 }],
              rules: { priority: 10_000, from: [POOL] },
            },
            {
              ...{ id: 200, name: 'cold' },
              filters: [{ permit: { prefix: '198.51.0.0/16', le: 24 } }],
              limits: [{ family: 'ipv4', max: 2, action: 'freeze' }],
            },
          ],
        });
        await feeder.announce([{ attributes, prefixes: [limited] }]);
        await until(async () => (await daemon.routes({ reason: 'limit-frozen' })).length === 1, {
          what: 'both limits are met',
        });
      });
      after(() => lab[Symbol.asyncDispose]());

      it('status', async () => {
        const { code, stdout, stderr } = await daemon.cli('status');
        assert.deepEqual([code, stderr], [0, '']);
        assert.ok(!stdout.includes(ESCAPE));
        assert.match(stdout, /^rib2fib \S+ {2}ready\nprocess {2}up \d+ \w+, pid \d+\nconfig {3}\//);
        assert.match(stdout, /^source {3}gobgp unix:\/\/\S+: synced for \d+ \w+$/m);
        assert.match(stdout, /^kernel {3}in step, last change .+, last audit .+$/m);
        const [peer, as, session, , ipv4, ipv6] = row(stdout, router(0));
        assert.deepEqual([peer, as, session, ipv6], [router(0), '65001', 'established', '1']);
        assert.match(ipv4 ?? '', /^[34]$/); // gobgpd's own count, asked for from time to time.
        // Heard, accepted, desired and installed (with the `throw` of the fabric), stale, foreign, rules.
        const counts = row(stdout, 'fabric (100)', 'ipv4').slice(2);
        assert.deepEqual(counts, ['4', '2', '3', '3', '0', '0', '1 of 1']);
        assert.match(stdout, /^rejected in fabric \(100\): 1 denied, 1 limit-blocked$/m);
        assert.match(
          stdout,
          /^fabric\/all\/ipv4 +\[#{20}\] +150 % +3 +2 +accepted +block +exceeded/m,
        );
        assert.match(
          stdout,
          /^cold\/all\/ipv4 .* latched until: rib2fib limit clear cold\/all\/ipv4$/m,
        );
        assert.match(
          stdout,
          new RegExp(`^${router(0)} +fabric +2 +via ${router(0)} dev eth1$`, 'm'),
        );
        assert.match(stdout, /^Rib2fibPrefixLimitExceeded +/m);

        const report = await daemon.cliJson<StatusReport>('status');
        assert.match(report.version, VERSION);
        assert.equal(report.pid, daemon.pid);
        const asked = await daemon.status();
        assert.deepEqual(report.tables, asked.tables);
        assert.deepEqual(report.source.peers, asked.source.peers);
        assert.deepEqual(report.source.state, asked.source.state);
      });

      it('routes, and each of its conditions', async () => {
        const { code, stdout, stderr } = await daemon.cli('routes');
        assert.deepEqual([code, stderr], [0, '']);
        assert.deepEqual(stdout.split('\n')[0]?.split(/ {2,}/), [
          ...['STATE', 'TABLE', 'ROUTE', 'PEER', 'AS PATH', 'REASON'],
        ]);
        const words = `${installed} via ${router(0)} dev eth1 table 100 proto 178 metric 20`;
        assert.deepEqual(row(stdout, 'installed', 'fabric', words).slice(3), [
          router(0),
          '65001 64999',
        ]);
        const denied = row(stdout, 'rejected', 'fabric', filtered);
        assert.deepEqual(denied.slice(3), [router(0), '65001 64999', 'denied']);

        const prefixes = async (...conditions: string[]) =>
          (await daemon.cliJson<readonly RouteReport[]>('routes', ...conditions))
            .map(({ prefix }) => prefix)
            .sort();
        const own = (table: string) => ['--table', table, '--state', 'installed'];
        const found = await Promise.all([
          prefixes(...own('fabric'), '--family', 'ipv4'),
          prefixes(...own('100'), '--family', 'ipv6'),
          prefixes('--reason', 'limit-blocked'),
          prefixes('--reason', 'denied', '--peer', router(0)),
        ]);
        const ipv6 = '2001:db8:aaaa::/48';
        assert.deepEqual(found, [[installed, second], [ipv6], [limited], [filtered]]);
        assert.equal((await prefixes('--limit', '2')).length, 2);
        const none = await daemon.cli('routes', '--peer', '10.9.0.99');
        assert.deepEqual([none.code, none.stdout, none.stderr], [0, '', 'no such routes\n']);
        const unknown = await daemon.cli('routes', '--table', 'fabrik');
        assert.deepEqual(
          [unknown.code, unknown.stdout, unknown.stderr],
          [1, '', 'rib2fib: there is no table fabrik; there are: fabric, cold\n'],
        );
        assert.equal((await daemon.cli('routes', '--state', 'gone')).code, 64);
      });

      it('explain: installed, filtered, limited, unheard, by address', async () => {
        const words = async (query: string) => {
          const { code, stdout, stderr } = await daemon.cli('explain', query);
          assert.deepEqual([code, stderr], [0, '']);
          return stdout;
        };
        const whole = await words(installed);
        assert.match(whole, new RegExp(`^${installed}\n\ntable fabric \\(100\\)\n`));
        for (const line of [
          `  ✓ heard      from ${router(0)} AS 65001, next hop ${router(0)}, AS path 65001 64999, communities 65001:7`,
          '  ✓ filter     filters[1] permit: { family: ipv4, community: 65001:7 }',
          '  ✓ limit      fabric/all/ipv4: 3 of 2',
          `  ✓ next hop   ${router(0)} resolves`,
          `  ✓ rule       from ${POOL} lookup 100 pref 10000 proto 178`,
          '  => installed',
        ]) {
          assert.ok(whole.split('\n').includes(line), `${line}\n-- not in --\n${whole}`);
        }
        const told = await Promise.all(
          [filtered, limited, '192.0.2.0/24', '198.51.100.77'].map(words),
        );
        for (const [i, says] of [
          /✗ filter {5}filters\[0\] deny[\s\S]*=> not installed: /,
          /✗ limit {6}limit-blocked: fabric\/all\/ipv4: 3 of 2/,
          /✗ heard {6}gobgp offers no path to 192\.0\.2\.0\/24/,
          /^198\.51\.100\.77 is in 198\.51\.100\.0\/24\n/,
        ].entries()) {
          assert.match(told[i] ?? '', says);
        }
        const report = await daemon.cliJson<ExplainReport>('explain', '2001:db8:aaaa::1');
        assert.equal(report.prefix, '2001:db8:aaaa::/48');
        assert.equal(report.tables[0]?.conclusion, 'installed');
        const wrong = await daemon.cli('explain', '198.51.100.1/24');
        assert.equal(wrong.code, 1);
        assert.match(wrong.stderr, /host bits set; 198\.51\.100\.0\/24 was probably meant/);
      });

      it('reload and limit clear', async () => {
        assert.equal((await daemon.cli('reload')).stdout, 'reloaded, nothing changed\n');
        const reload = await daemon.cliJson<ReloadReport>('reload');
        assert.deepEqual(reload, { applied: true, changes: [] });

        const unknown = await daemon.cli('limit', 'clear', 'warm');
        assert.deepEqual(
          [unknown.code, unknown.stderr],
          [1, 'rib2fib: warm is no limit, and no table with limits\n'],
        );
        await feeder.withdraw([limited]);
        await until(async () => (await daemon.routes({ reason: 'limit-blocked' })).length === 0, {
          what: 'the withdrawal',
        });
        assert.equal(
          (await daemon.cli('limit', 'clear', 'cold')).stdout,
          'cleared cold/all/ipv4\n',
        );
        assert.equal((await daemon.cli('limit', 'clear', 'all')).stdout, 'nothing was latched\n');
        const nothing = await daemon.cliJson<LimitClearReport>('limit', 'clear', 'all');
        assert.deepEqual(nothing, { cleared: [] });
        // At its limit, and no longer beyond it.
        const names = async () => (await daemon.status()).alerts.map(({ name }) => name);
        await until(async () => !(await names()).includes('Rib2fibPrefixLimitExceeded'), {
          what: 'no limit is exceeded',
        });
      });

      it('metrics: every one of the documented, true to status', async () => {
        const lines = [
          'source_up{source="gobgp"} 1',
          'source_state{source="gobgp",state="synced"} 1',
          'feed_state{source="gobgp",state="synced"} 1',
          'routes_shadowed{table="fabric"} 0',
          'contested_objects 0',
          'kernel_overruns_total 0',
          'source_synced{source="gobgp"} 1',
          `bgp_session_up{peer="${router(0)}"} 1`,
          `received_prefixes{peer="${router(0)}",family="ipv4"} 3`,
          `accepted_prefixes{peer="${router(0)}",family="ipv4",table="fabric"} 2`,
          'routes_desired{table="fabric",family="ipv4"} 3',
          'routes_installed{table="fabric",family="ipv4"} 3',
          'routes_stale{table="fabric",family="ipv4"} 0',
          'routes_rejected{table="fabric",reason="denied"} 1',
          'foreign_routes{table="fabric"} 0',
          'rules_installed{table="fabric"} 1',
          'prefix_limit{table="fabric",peer="all",family="ipv4",action="block"} 2',
          'prefix_limit_usage_ratio{table="fabric",peer="all",family="ipv4",action="block"} 1',
          'config_loaded 1',
          'config_stale 0',
        ];
        const absent = (text: string) =>
          lines.filter((line) => !text.includes(`\nrib2fib_${line}\n`));
        const { status, body } = await until(
          async () => {
            const page = await daemon.http('/metrics');
            const [first] = absent(page.body);
            if (first !== undefined) throw new Error(`no ${first}`);
            return page;
          },
          // What a peer sends is counted by gobgpd, and asked for from time to time.
          { what: 'every metric', everyMs: 200, deadlineMs: 30_000 },
        );
        assert.equal(status, 200);
        for (const name of [
          'source_last_event_timestamp_seconds',
          'source_state_since_timestamp_seconds',
          'feed_state_since_timestamp_seconds',
          'hold_end_timestamp_seconds',
          'prefix_limit_exceeded',
          'kernel_operations_total',
          'kernel_errors_total',
          'drift_repaired_total',
          'reconcile_duration_seconds',
          'build_info',
        ]) {
          assert.match(body, new RegExp(`^# TYPE rib2fib_${name} (gauge|counter|histogram)$`, 'm'));
        }
        assert.ok(!/198\.51/.test(body), 'no label holds a prefix');
      });
    });

    it(`is ready only once gobgpd ${version} has its peers and the kernel its routes`, async () => {
      await using lab = await Lab.start({ version, routing: false });
      await using gobgpd = await lab.startGobgpd();
      const source = { gobgp: { address: gobgpd.address } };
      const tables = [{ id: 100, filters: [{ permit: {} }] }];
      const config = { source, tables };
      await using daemon = await startDaemon({ netns: lab.node, config, until: 'admin' });
      await until(async () => (await daemon.status()).source.state.state === 'syncing', {
        what: 'it is connected',
      });
      const ready = await daemon.http('/readyz');
      assert.equal(ready.status, 503);
      assert.match(ready.body, /^not ready: .*syncing/);
      assert.equal((await daemon.http('/healthz')).status, 200);
      await using feeder = await startFeeder({
        ...{ netns: lab.fabric, localAddress: router(0), peerAddress: '10.9.0.1' },
        ...{ localAs: 65001, peerAs: 65000 },
      });
      await feeder.announce([
        { attributes: { nextHop: router(0) }, prefixes: ['198.51.100.0/24'] },
      ]);
      await until(async () => (await daemon.http('/readyz')).status === 200, { what: 'ready' });
      assert.ok((await ownRoutes(lab.node, 100)).has('198.51.100.0/24'));
      assert.equal((await daemon.http('/nowhere')).status, 404);
    });
  }
});
