/** A reload is one change, all of it or nothing, however the file came to change. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { KernelMonitor, kernelRules, ownRoutes } from '../support/kernel-view.js';
import { Lab, NODE_ADDRESS, NODE_AS, router } from '../support/lab.js';
import { until } from '../support/wait.js';

const NET_1 = '10.1.0.0/24';
const NET_2 = '10.2.0.0/24';
const NET_3 = '10.3.0.0/24';

/** A table that permits these prefixes. */
function table(permitted: readonly string[], rest: Readonly<Record<string, unknown>> = {}) {
  return {
    id: 100,
    name: 'fabric',
    filters: permitted.map((prefix) => ({ permit: { prefix } })),
    rules: { priority: 10_000, from: ['203.0.113.0/24'] },
    ...rest,
  };
}

describe('reload', { concurrency: GOBGPD_VERSIONS.length }, () => {
  for (const version of GOBGPD_VERSIONS) {
    describe(`over gobgpd ${version}`, { concurrency: 1 }, () => {
      let lab: Lab;
      let daemon: Daemon;

      const write = (...tables: unknown[]) => daemon.configure(lab.config({ tables }));
      const holds = (prefixes: readonly string[], id = 100) =>
        until(
          async () => {
            assert.deepEqual([...(await ownRoutes(lab.node, id)).keys()].sort(), prefixes);
            return true;
          },
          { what: `table ${id} holds ${prefixes.join(', ')}` },
        );
      const isStale = (stale: boolean) =>
        until(
          async () => {
            const { body } = await daemon.http('/metrics');
            return new RegExp(`^rib2fib_config_stale ${stale ? 1 : 0}$`, 'm').test(body);
          },
          { what: `rib2fib_config_stale is ${stale ? 1 : 0}` },
        );

      before(async () => {
        lab = await Lab.start({ version });
        await lab
          .router(0)
          .announce([{ attributes: { nextHop: router(0) }, prefixes: [NET_1, NET_2, NET_3] }]);
        await lab.hasRoutes(3);
        daemon = await lab.daemon({ tables: [table([NET_1])] });
        await holds([NET_1]);
      });
      after(() => lab[Symbol.asyncDispose]());

      it('the file changes: what changed follows, the rest is not touched', async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        await write(table([NET_1, NET_2]));
        await holds([NET_1, NET_2]);
        const lines = await monitor.settled();
        assert.equal(lines.length, 1, lines.join('\n'));
        const line = await daemon.logged(
          ({ msg }) => msg === 'configuration reloaded',
          'the reload',
        );
        assert.match(JSON.stringify(line), /tables\[fabric\]\.filters: \+1/);
      });

      it('SIGHUP: read again though no file changed, and nothing is written', async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        const { loadedAt } = (await daemon.status()).config;
        process.kill(daemon.pid, 'SIGHUP');
        await until(async () => (await daemon.status()).config.loadedAt > loadedAt, {
          what: 'it was read again',
        });
        await until(async () => (await daemon.status()).ready, { what: 'rib2fib is ready' });
        assert.deepEqual(await monitor.settled(), []);
      });

      it('SIGHUP and the command: a changed file is taken', async () => {
        await write(table([NET_1]));
        process.kill(daemon.pid, 'SIGHUP');
        await holds([NET_1]);
        await write(table([NET_3]));
        assert.equal((await daemon.cli('reload')).code, 0);
        await holds([NET_3]);
        const { code, stdout } = await daemon.cli('reload', '--json');
        assert.equal(code, 0);
        assert.deepEqual(JSON.parse(stdout), { applied: true, changes: [] });
      });

      it('a refused file leaves the last good one in force, and says so', async () => {
        const bad = {
          'an unknown key': JSON.stringify({ ...lab.config({ tables: [table([])] }), tabels: [] }),
          'a table of the system': JSON.stringify(lab.config({ tables: [table([], { id: 254 })] })),
          'rules at a priority of the system': JSON.stringify(
            lab.config({
              tables: [table([]), table([], { id: 101, name: 'b', rules: { priority: 0 } })],
            }),
          ),
          'no YAML': 'tables: [',
          nothing: '',
        };
        for (const [what, text] of Object.entries(bad)) {
          await daemon.configure(text);
          await until(async () => (await daemon.status()).config.stale, {
            what: `refused: ${what}`,
          });
          await isStale(true);
          const { config, alerts } = await daemon.status();
          assert.match(config.faults[0] ?? '', /rib2fib\.yaml:\d+:\d+: /);
          assert.deepEqual(
            alerts.map(({ name }) => name),
            ['Rib2fibConfigRefused'],
          );
          const { code, stdout } = await daemon.cli('reload', '--socket', daemon.adminSocket);
          assert.equal(code, 78);
          assert.match(stdout, /rib2fib\.yaml:\d+:\d+: /);
          await holds([NET_3]);
          await write(table([NET_3]));
          await isStale(false);
        }
      });

      it('with the refused file there, routes still follow the feed', async () => {
        await daemon.configure('tables: [');
        await isStale(true);
        await lab.router(0).withdraw([NET_3]);
        await holds([]);
        await lab.router(0).announce([{ attributes: { nextHop: router(0) }, prefixes: [NET_3] }]);
        await holds([NET_3]);
        await write(table([NET_3]));
        await isStale(false);
        assert.deepEqual((await daemon.status()).alerts, []);
      });

      it('a file that it names and that comes later is waited for', async () => {
        const lists = join(dirname(daemon.configFile), 'lists.conf');
        const prefixLists = { late: { file: lists } };
        const filters = [{ permit: { prefixList: 'late' } }];
        await daemon.configure(lab.config({ prefixLists, tables: [table([], { filters })] }));
        await isStale(true);
        await holds([NET_3]);
        await writeFile(lists, `ip prefix-list late permit ${NET_1}\n`);
        await holds([NET_1]);
        await isStale(false);
        await writeFile(lists, `ip prefix-list late permit ${NET_1} le\n`);
        await isStale(true);
        const [fault] = (await daemon.status()).config.faults;
        assert.match(fault ?? '', /lists\.conf:1:\d+: /);
        await holds([NET_1]);
        await writeFile(lists, `ip prefix-list late permit ${NET_3}\n`);
        await holds([NET_3]);
        await isStale(false);
        await write(table([NET_3]));
        await until(
          async () => (await daemon.status()).tables[0]?.filters[0]?.text.includes(NET_3),
          {
            what: 'the filters are inline again',
          },
        );
      });

      it('a new metric, a new table, new rules: made before the old ones go', async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        const changed = async () =>
          (await monitor.own()).flatMap((line) => {
            const [, kind, gone] = /^\[(\w+)\](Deleted)?/.exec(line) ?? [];
            const ofInterest = kind === 'RULE' || line.includes(NET_3);
            return ofInterest ? [`${kind}${gone === undefined ? '' : ' gone'}`] : [];
          });
        await write(table([NET_3], { metric: 30 }));
        await until(async () => (await changed()).length === 2, { what: 'the metric changed' });
        await write(table([NET_3], { id: 200 }));
        await holds([NET_3], 200);
        await until(async () => (await changed()).length === 6, { what: 'the table changed' });
        await holds([]);
        assert.deepEqual(await kernelRules(lab.node), ['10000: from 203.0.113.0/24 lookup 200 -4']);
        assert.deepEqual(await changed(), [
          ...['ROUTE', 'ROUTE gone'],
          ...['ROUTE', 'RULE', 'RULE gone', 'ROUTE gone'],
        ]);
        await write(table([NET_3]));
        await holds([NET_3]);
      });

      it('another gobgpd as the source: what both have is not touched', async () => {
        await using other = await lab.startGobgpd({ port: 1790 });
        await using feeder = await startFeeder({
          netns: lab.fabric,
          localAddress: router(0),
          peerAddress: NODE_ADDRESS,
          peerPort: 1790,
          localAs: 65001,
          peerAs: NODE_AS,
        });
        const attributes = { nextHop: router(0) };
        await feeder.announce([{ attributes, prefixes: [NET_2, NET_3] }]);
        await write(table([NET_1, NET_3]));
        await holds([NET_1, NET_3]);
        await using monitor = await KernelMonitor.start(lab.node);
        const tables = [table([NET_1, NET_2, NET_3])];
        await daemon.configure(
          lab.config({ source: { gobgp: { address: other.address } }, tables }),
        );
        await until(
          async () => {
            const { source } = await daemon.status();
            return source.address === other.address && source.feed.state === 'synced';
          },
          { what: 'the other is synced' },
        );
        await holds([NET_2, NET_3]);
        const touched = (await monitor.own()).filter((line) => line.includes(NET_3));
        assert.deepEqual(touched, []);
        await write(table([NET_3]));
        await holds([NET_3]);
      });

      it('the swap of a ConfigMap’s symbolic link', async () => {
        const directory = dirname(daemon.configFile);
        const text = async (...permitted: string[]) => {
          await write(table(permitted));
          return await readFile(daemon.configFile, 'utf8');
        };
        const first = await text(NET_3);
        const second = await text(NET_1, NET_3);
        await holds([NET_1, NET_3]);
        // As the kubelet lays it out: rib2fib.yaml -> ..data/rib2fib.yaml, ..data -> ..N.
        const publish = async (revision: string, content: string) => {
          await mkdir(join(directory, revision));
          await writeFile(join(directory, revision, 'rib2fib.yaml'), content);
          await symlink(revision, join(directory, '..data_tmp'));
          await rename(join(directory, '..data_tmp'), join(directory, '..data'));
        };
        await publish('..1', first);
        await symlink('..data/rib2fib.yaml', join(directory, 'link'));
        await rename(join(directory, 'link'), daemon.configFile);
        await holds([NET_3]);
        await publish('..2', second);
        await rm(join(directory, '..1'), { recursive: true });
        await holds([NET_1, NET_3]);
        await publish('..3', first);
        await rm(join(directory, '..2'), { recursive: true });
        await holds([NET_3]);
        await isStale(false);
      });
    });
  }
});
