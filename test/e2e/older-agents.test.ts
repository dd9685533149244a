/**
 * docs/older-agents.md: each of its examples, the old agent's commands beside rib2fib with the
 * configuration shown, in two nodes that are alike. What decides where packets go is the same.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type CommandResult, rib2fib } from '../support/daemon.js';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { kernelDump, ownLines } from '../support/kernel-dump.js';
import { kernelRoutes, OWN } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { routeAgentCommands, routeManagerCommands } from '../support/older-agents.js';
import {
  example,
  LINKS,
  PAGE,
  placed,
  rulesTo,
  Site,
  same,
  tableNumber,
  tableOf,
  withOldAgent,
} from '../support/older-agents-page.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('older-agents');
after(() => scratch.remove());

const SCRIPT = '#!/bin/sh\necho "$0" >> PLACE/runs\n'.replace('PLACE', scratch.path);
writeFileSync(join(scratch.path, 'routes.yaml'), '[]\n');
for (const name of ['pre.sh', 'post.sh']) {
  writeFileSync(join(scratch.path, name), SCRIPT);
  chmodSync(join(scratch.path, name), 0o755);
}

/** The titles of the page, so that none is forgotten here. */
const TITLES = [...PAGE.matchAll(/^### Example: (.+)$/gm)].map(([, title]) => title);
const PRIORITIES: Readonly<Record<string, readonly [old: number, mine: number]>> = {
  'the defaults': [20, 10_000],
  'every setting': [1000, 1000],
  'the gateways learned': [20, 10_000],
  'its own': [32_000, 32_000],
  'announced on layer 2': [32_000, 32_000],
};

/** What agent.js and lib/logger.js of metallb-node-route-agent 0.4.13, and manage-routes.py, read of their environment; and what the README names besides. */
const SETTINGS = {
  'metallb-node-route-agent': [
    ...['CLEANANDEXIT', 'DESTINATION', 'LOG_LEVEL', 'MAX_RECONCILE_WAIT'],
    ...['METALLB_CONFIGMAP_NAME', 'METALLB_NAMESPACE', 'METALLB_STATIC_FILE'],
    ...['METALLB_STATIC_FILE_WAIT', 'METALLB_USE_CRDS', 'NODE_NAME', 'ONESHOT', 'PEER_WEIGHT'],
    ...['POST_RECONCILE_SCRIPT_PATH', 'PRE_RECONCILE_SCRIPT_PATH', 'RULE_FWMARK'],
    ...['RULE_PRIORITY', 'TABLE_WEIGHT'],
  ],
  'The Cilium secondary interface route manager': [
    ...['BGP_SVC_SUBNETS', 'RT_NUMBER', 'SECONDARY_GW', 'SECONDARY_INTERFACE'],
  ],
};

for (const [agent, settings] of Object.entries(SETTINGS)) {
  it(`${agent}: each of its settings has a row, and no other`, () => {
    const [, section = ''] = PAGE.split(`\n## ${agent}\n`);
    const [body = ''] = section.split(/\n## /);
    const rows = [...body.matchAll(/^\| `(\w+)(?:=1)?` \|.*\| (.+) \|$/gm)];
    assert.deepEqual(rows.map(([, name]) => name).sort(), settings);
    assert.ok(rows.every(([, , here = '']) => here.length > 5));
  });
}

describe('the examples of docs/older-agents.md', () => {
  it('are all tested, and show every setting', () => {
    assert.deepEqual(TITLES, Object.keys(PRIORITIES));
    const shown = new Set(TITLES.flatMap((title) => Object.keys(example(title ?? '').environment)));
    const commands = ['CLEANANDEXIT', 'ONESHOT'];
    const settings = Object.values(SETTINGS).flat();
    assert.deepEqual([...shown, ...commands].sort(), settings.sort());
  });

  for (const title of Object.keys(PRIORITIES)) {
    it(`${title}: the commands are what the settings make the agent do`, () => {
      const { agent, environment, metallb, commands } = example(title);
      const address = LINKS.manager.node.replace(/\/.*/, '');
      const derived =
        agent === 'mnra'
          ? routeAgentCommands(environment, metallb)
          : routeManagerCommands(environment, address);
      assert.deepEqual(commands, derived);
    });
  }

  for (const [title, [before, now]] of Object.entries(PRIORITIES)) {
    if (title === 'the gateways learned') continue;
    it(`${title}: the same table and the same rules`, async () => {
      const of = example(title);
      await using old = await withOldAgent(of);
      await using mine = await Site.create(of.agent);
      const daemon = await mine.daemon(of.config, scratch.path);
      await same(old, mine, of);
      assert.deepEqual((await rulesTo(old.node, tableNumber(of))).priorities, [before]);
      assert.deepEqual((await rulesTo(mine.node, tableNumber(of))).priorities, [now]);
      const routes = await kernelRoutes(mine.node, tableNumber(of));
      const { connected } = LINKS[of.agent];
      assert.ok(
        routes.some(({ type, dst }) => type === 'throw' && dst === connected),
        'neighbours are reached on the wire',
      );
      const { code, stdout } = await daemon.cli('check');
      assert.deepEqual([code, /warning/.test(stdout)], [0, false], stdout);
    });
  }

  for (const version of GOBGPD_VERSIONS) {
    it(`the gateways learned, from gobgpd ${version}: the same table and the same rules`, async () => {
      const of = example('the gateways learned');
      await using old = await withOldAgent(of);
      await using mine = await Site.create(of.agent);
      const { node: netns, fabric } = mine;
      const routers = ['10.9.0.2', '10.9.0.3'];
      const neighbors = routers.map((address, i) => ({ address, as: 65001 + i }));
      const gobgpd = mine.keep(
        await startGobgpd({ version, netns, as: 65000, neighbors, multipath: true }),
      );
      const feeders = await Promise.all(
        routers.map(async (localAddress, i) => {
          const local = { netns: fabric, localAddress, localAs: 65001 + i };
          const feeder = await startFeeder({ ...local, peerAddress: '10.9.0.1', peerAs: 65000 });
          const more = { attributes: { nextHop: localAddress }, prefixes: ['10.77.0.0/16'] };
          await feeder.announce([{ ...more, prefixes: ['0.0.0.0/0'] }, more]);
          return mine.keep(feeder);
        }),
      );
      await gobgpd.established();
      const address = 'unix:///run/gobgp/gobgp.sock';
      assert.ok(of.config.includes(address));
      await mine.daemon(of.config.replace(address, gobgpd.address), scratch.path);
      await same(old, mine, of);
      await feeders[1]?.withdraw(['0.0.0.0/0']);
      await until(
        async () => {
          const legs = (await tableOf(mine.node, 20)).get('0.0.0.0/0');
          assert.deepEqual(legs, ['via 10.9.0.2 dev eth1 1']);
          return true;
        },
        { what: 'the router that goes takes its leg along' },
      );
    });
  }
});

describe('its settings that are commands here', () => {
  const of = example('the defaults');

  it('ONESHOT is apply, CLEANANDEXIT is cleanup', async () => {
    await using old = await withOldAgent(of);
    await using mine = await Site.create('mnra');
    await mine.node.ip('route', 'add', '10.99.0.0/16', 'via', '10.9.0.9', 'table', '20');
    const before = await mine.node.ip('rule', 'show');
    const file = join(scratch.path, 'once.yaml');
    writeFileSync(file, placed(of.config, scratch.path, join(scratch.path, 'once.sock')));
    const done = (result: CommandResult) => assert.equal(result.code, 0, result.stderr);
    done(await rib2fib(mine.node, ['apply', '--config', file]));
    const learned = await tableOf(mine.node, 20);
    assert.deepEqual(learned.get('0.0.0.0/0'), (await tableOf(old.node, 20)).get('0.0.0.0/0'));
    const { selectors } = await rulesTo(mine.node, 20);
    assert.deepEqual(selectors, (await rulesTo(old.node, 20)).selectors);
    done(await rib2fib(mine.node, ['cleanup']));
    assert.deepEqual(ownLines(await kernelDump(mine.node)), []);
    assert.equal(await mine.node.ip('rule', 'show'), before);
    assert.deepEqual([...(await tableOf(mine.node, 20)).keys()], ['10.99.0.0/16']);
  });

  it('the scripts run before and after the change', async () => {
    const runs = join(scratch.path, 'runs');
    const known = existsSync(runs) ? readFileSync(runs, 'utf8').length : 0;
    await using mine = await Site.create('mnra');
    const daemon = await mine.daemon(example('every setting').config, scratch.path);
    const told = () => readFileSync(runs, 'utf8').slice(known).trim().split('\n');
    await until(() => told().length >= 2, { what: 'both scripts have run' });
    assert.deepEqual(
      told().slice(0, 2),
      ['pre.sh', 'post.sh'].map((name) => join(scratch.path, name)),
    );
    await until(async () => (await daemon.metric('hook_runs_total')) >= 2, { what: 'counted' });
  });
});

describe('on a node with Cilium, where the look-up of table local stands at 100', () => {
  const of = example('the defaults');
  const SERVICE = '203.0.113.10';

  async function withCilium(): Promise<Site> {
    const site = await Site.create('mnra');
    await site.node.ipBatch([
      `address add ${SERVICE}/32 dev lo`,
      'rule add from all table local priority 100 protocol kernel',
      'rule del from all table local priority 0',
    ]);
    return site;
  }

  /** How the node reaches an address of its own. */
  const toItself = (site: Site) => site.node.ip('route', 'get', '10.9.0.1', 'from', SERVICE);

  it('the old rules at 20 send what is for the node itself to the router, those at 10000 do not', async () => {
    await using old = await withCilium();
    assert.match(await toItself(old), /^local 10\.9\.0\.1 /);
    await old.run(of.commands);
    assert.match(await toItself(old), /^10\.9\.0\.1 from 203\.0\.113\.10 via 10\.9\.0\.[23] /);
    await using mine = await withCilium();
    await mine.daemon(of.config, scratch.path);
    await same(old, mine, of);
    assert.match(await toItself(mine), /^local 10\.9\.0\.1 /);
    const out = await mine.node.ip('route', 'get', '198.18.0.1', 'from', SERVICE);
    assert.match(out, /via 10\.9\.0\.[23] dev eth1 table 20 /);
  });

  it('20 is refused, and the line says why', async () => {
    await using mine = await withCilium();
    const file = join(scratch.path, 'twenty.yaml');
    const config = of.config.replace('priority: 10000', 'priority: 20');
    writeFileSync(file, placed(config, scratch.path, join(scratch.path, 'twenty.sock')));
    const { code, stdout } = await rib2fib(mine.node, ['check', '--config', file]);
    assert.equal(code, 78);
    assert.match(stdout, /20 is not behind the ipv4 rule of table local, which stands at 100/);
  });
});

it('changing over: the traffic of the service address never goes by main', async () => {
  const of = example('the defaults');
  await using site = await withOldAgent(of);
  const way = async () => {
    const text = await site.node.ip('route', 'get', '198.18.0.1', 'from', '203.0.113.10');
    return /via (\S+) dev \S+ table (\d+)/.exec(text)?.slice(1) ?? [text];
  };
  await site.node.ip('address', 'add', '203.0.113.10/32', 'dev', 'lo');
  assert.equal((await way())[1], '20');
  await site.daemon(of.config.replace('id: 20', 'id: 100'), scratch.path);
  assert.equal((await way())[1], '20', 'the old rules decide');
  const [route, ...rules] = of.commands;
  assert.ok(route !== undefined && rules.length > 0);
  for (const rule of rules) {
    await site.run([rule.replace('add', 'del')]);
    assert.equal((await way())[1], '100', 'its pool is the first of them');
  }
  await site.run(['ip route flush table 20']);
  assert.equal((await way())[1], '100');
  const own = (await kernelRoutes(site.node, 100)).filter(({ protocol }) => protocol === OWN);
  assert.ok(own.length > 0);
});
