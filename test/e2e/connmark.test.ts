/** The nftables table that marks connections, as rib2fib keeps it: made, followed, put right, removed, and nothing of others touched. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnmarkReport } from '../../src/admin/report.js';
import { allAnswerIn, becomes, CONNMARK, FULL, standing, table } from '../support/connmark.js';
import {
  type ConfigValue,
  type Daemon,
  type DaemonOptions,
  PROGRAM,
  rib2fib,
} from '../support/daemon.js';
import { kernelRules } from '../support/kernel-view.js';
import { type Fabric, ReturnLab, ROUTES } from '../support/return-lab.js';
import { POOL, POOL_V6, ROUTER1, ROUTER2 } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

async function kept(daemon: Daemon): Promise<Extract<ConnmarkReport, { state: 'kept' }>> {
  return await until(
    async () => {
      const { connmark } = await daemon.status();
      return connmark.state === 'kept' && connmark;
    },
    { what: 'status says that connections are marked' },
  );
}

async function ruleset(lab: ReturnLab): Promise<string> {
  const text = await lab.node.exec('nft', '-s', 'list', 'ruleset');
  return text.replaceAll(/^\s*elements = \{[^}]*\}\n/gm, ''); // What the lab counts.
}

describe('the nftables table rib2fib', () => {
  let lab: ReturnLab;
  let daemon: Daemon;
  let others: string;

  const start = (tables: readonly object[], options: Partial<DaemonOptions> = {}) =>
    lab.fabrics.daemon({ tables } as ConfigValue, options);
  const config = (...tables: readonly object[]): ConfigValue => ({
    source: lab.fabrics.source,
    tables,
  });
  const allAnswer = (fabric: Fabric) => allAnswerIn(lab, fabric);

  before(async () => {
    lab = await ReturnLab.create();
    others = await ruleset(lab);
  });
  after(() => lab[Symbol.asyncDispose]());

  it('is made with the interfaces that routes lead out of, and the rules that go with it', async () => {
    assert.equal(await lab.roam('router1'), 'silence');
    const routes = { prefix: '198.51.102.0/24', nextHop: ROUTER1 };
    await lab.fabrics.feed([...ROUTES, routes]);
    daemon = await start([table()]);
    await becomes(lab, FULL, 'the table has its sets');
    assert.equal(await lab.roam('router1'), 'echo', 'a connection that was there before');
    await lab.fabrics.feed(ROUTES);
    assert.deepEqual(await kernelRules(lab.node), [
      '10000: from all fwmark 0x1000/0x1000 lookup 100 -4',
      '10000: from all fwmark 0x1000/0x1000 lookup 100 -6',
    ]);
    assert.ok((await daemon.status()).ready);
  });

  it('is told of in status, explain and metrics, with the connections it marked', async () => {
    await allAnswer('router1');
    // What is counted is what the last look saw.
    const report = await kept(daemon);
    const [first, ...more] = report.tables;
    assert.deepEqual(
      [first?.table, first?.mark, first?.interfaces, first?.pools.toSorted(), more],
      ['fabric', '0x1000/0x1000', ['eth1', 'eth2'], [POOL_V6, POOL].sort(), []],
    );
    const { stdout } = await daemon.cli('status');
    assert.match(stdout, /MARKED\b[\s\S]*fabric +0x1000\/0x1000 +eth1, eth2 /);
    assert.equal(await daemon.metric('connmark_up'), 1);
    const { tables } = await daemon.explain('198.51.100.0/24');
    assert.ok(tables[0]?.steps.some(({ text }) => text.includes('fwmark 0x1000/0x1000')));
    await lab.node.exec('nft', 'add', 'set', 'inet', 'rib2fib', 'stranger', '{ type mark; }');
    await until(async () => (await daemon.metric('drift_repaired_total')) === 1, {
      what: 'a change of others is counted',
    });
  });

  it('follows the interfaces as routes come and go', async () => {
    await becomes(lab, FULL, 'in step');
    await lab.fabrics.feed(ROUTES.filter(({ nextHop }) => nextHop === ROUTER1));
    await becomes(
      lab,
      { ...FULL, interfaces_100: ['eth1'], pools_ipv6_100: [POOL_V6] },
      'only eth1 is left',
    );
    await lab.fabrics.feed(ROUTES);
    await becomes(lab, FULL, 'eth2 is back');
  });

  it('is put right within seconds when others change or flush it', async () => {
    const repairs = await daemon.metric('drift_repaired_total');
    await pause(2_500); // A repair shortly before would make this one wait.
    await lab.node.exec(
      'nft',
      'delete',
      'element',
      'inet',
      'rib2fib',
      'interfaces_100',
      '{ eth2 }',
    );
    await becomes(lab, FULL, 'the element is back', 5_000);
    await pause(5_000);
    await lab.node.exec('nft', 'delete', 'table', 'inet', 'rib2fib');
    await becomes(lab, FULL, 'the table is back', 9_000);
    await allAnswer('router2');
    assert.equal(await daemon.metric('drift_repaired_total'), repairs + 2);
  });

  it('outlives the daemon, and a restart loses no connection', async () => {
    assert.equal(await daemon.stop(), 0);
    assert.deepEqual(await standing(lab), FULL);
    await allAnswer('router2');
    await daemon.launch();
    await becomes(lab, FULL, 'still in step');
    await allAnswer('router1');
  });

  it('keeps what it has while the source has not fed yet', async () => {
    assert.equal(await daemon.stop(), 0);
    await lab.fabrics.feed([]);
    const bad = lab.fabrics.routesFile;
    await lab.node.exec('sh', '-c', `echo '- { prefix: nonsense }' > ${bad}`);
    await daemon.launch({ until: 'admin' });
    await kept(daemon);
    assert.deepEqual(await standing(lab), FULL);
    await lab.fabrics.feed(ROUTES.filter(({ nextHop }) => nextHop === ROUTER2));
    await becomes(lab, { ...FULL, interfaces_100: ['eth2'] }, 'fed, and only eth2 is left');
    await lab.fabrics.feed(ROUTES);
    await becomes(lab, FULL, 'in step');
  });

  it('goes with a reload that goes by something else, and comes with one that goes by marks', async () => {
    await daemon.configure(config(table({ from: [POOL] })));
    await becomes(lab, undefined, 'the table is gone');
    assert.equal((await daemon.status()).connmark.state, 'off');
    assert.deepEqual(await kernelRules(lab.node), ['10000: from 203.0.113.0/24 lookup 100 -4']);
    const marked = {
      ...CONNMARK,
      connmark: { mark: '0x30000000/0xf0000000', interfaces: ['pod0'] },
    };
    await daemon.configure(config(table(marked)));
    await becomes(
      lab,
      { ...FULL, interfaces_100: ['eth1', 'eth2', 'pod0'] },
      'the table is back, with a configured interface',
    );
    await until(async () => (await kernelRules(lab.node)).some((rule) => /0x30000000/.test(rule)), {
      what: 'the rule of the new mark',
    });
    await allAnswer('router1');
  });

  it('cleanup and --flush remove it, and nothing of others', async () => {
    assert.equal(await daemon.stop(), 0);
    const { code, stdout } = await rib2fib(lab.node, ['cleanup', '--json']);
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as { connmark: boolean }).connmark, true);
    assert.equal(await ruleset(lab), others);
    daemon = await start([table()], { args: ['--flush'] });
    await becomes(lab, FULL, 'made again');
    assert.equal(await daemon.stop(), 0);
    assert.equal(await ruleset(lab), others);
    const again = await rib2fib(lab.node, ['cleanup']);
    assert.match(again.stdout, /nothing of rib2fib was in the kernel/);
  });

  it('another program’s table of its name is refused at the start, and stays', async () => {
    await lab.node.exec('nft', 'add', 'table', 'inet', 'rib2fib');
    await lab.node.exec('nft', 'add', 'chain', 'inet', 'rib2fib', 'theirs');
    await daemon.launch({ until: 'nothing' });
    await until(() => !daemon.running, { what: 'the daemon ends' });
    assert.equal(daemon.exitCode, 1);
    assert.match(
      daemon.output,
      /returnPath: the nftables table inet rib2fib holds nothing of rib2fib’s, and is left alone/,
    );
    assert.equal((await rib2fib(lab.node, ['cleanup'])).code, 0);
    assert.match(await lab.node.exec('nft', 'list', 'table', 'inet', 'rib2fib'), /chain theirs/);
    await lab.node.exec('nft', 'delete', 'table', 'inet', 'rib2fib');
  });

  it('plan tells of it, and apply makes it', async () => {
    const { configFile } = daemon;
    const command = (...args: string[]) => rib2fib(lab.node, [...args, '--config', configFile]);
    const plan = await command('plan');
    assert.match(plan.stdout, /^\+ connmark nftables table rib2fib$/m, plan.stderr);
    assert.equal(await standing(lab), undefined);
    assert.equal((await command('apply')).code, 0);
    assert.deepEqual(await standing(lab), FULL);
    const done = await command('plan');
    assert.match(done.stdout, /^No changes/m);
    await daemon.configure(config(table({ ...CONNMARK, connmark: { mark: '0x2000/0x2000' } })));
    assert.match((await command('plan')).stdout, /^~ connmark nftables table rib2fib$/m);
    assert.equal((await command('cleanup')).code, 0);
  });

  it('a node without nft is refused it, by check and at the start, in one clear line', async () => {
    const wrap = (argv: readonly string[]): readonly string[] => [
      ...['unshare', '--mount', 'sh', '-c'],
      'set -e; empty=$(mktemp -d); for at in /usr/local/sbin /usr/sbin; do mount --bind "$empty" $at; done; rmdir "$empty" || true; exec "$@"',
      ...['sh', ...argv],
    ];
    const { configFile } = daemon;
    await daemon.configure(config(table()));
    const at = `${configFile}:`;
    const why =
      'tables\\[0\\]\\.rules\\.returnPath: connmark needs nft \\(Debian package nftables\\): nft is not installed';
    await daemon.launch({ until: 'nothing', wrap });
    await until(() => !daemon.running, { what: 'the daemon ends' });
    assert.equal(daemon.exitCode, 1);
    assert.match(daemon.output, new RegExp(`${at}\\d+:\\d+: ${why}`));
    for (const command of ['check', 'apply']) {
      const argv = [process.execPath, PROGRAM, command, '--config', configFile];
      await assert.rejects(
        lab.node.exec('sh', '-c', '"$@" >&2', 'sh', ...wrap(argv)),
        new RegExp(why),
      );
    }
    assert.deepEqual(await kernelRules(lab.node), [], 'apply has written nothing');
    // Without a table that goes by marks nobody asks for nft.
    await daemon.configure(config(table({ from: [POOL] })));
    await daemon.launch({ wrap });
    assert.equal((await daemon.status()).connmark.state, 'off');
    await daemon.configure(config(table()));
    await until(
      async () => (await daemon.status()).config.faults.some((f) => /needs nft/.test(f)),
      {
        what: 'a reload is refused it too',
      },
    );
    assert.ok((await daemon.status()).config.stale);
    await daemon.stop();
  });
});
