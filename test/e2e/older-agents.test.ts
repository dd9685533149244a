/**
 * docs/older-agents.md: each of its examples, the old agent's commands beside rib2fib with the
 * configuration shown, in two nodes that are alike. What decides where packets go is the same.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseYaml } from '../../src/config/document.js';
import { type CommandResult, type Daemon, rib2fib, startDaemon } from '../support/daemon.js';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { kernelDump, ownLines } from '../support/kernel-dump.js';
import { kernelRoutes, kernelRules, OWN } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import {
  type Environment,
  type MetallbObjects,
  routeAgentCommands,
  routeManagerCommands,
} from '../support/older-agents.js';
import { until } from '../support/wait.js';

const PAGE = readFileSync(new URL('../../docs/older-agents.md', import.meta.url), 'utf8');
/** Where the page has its files. */
const PLACE = '/etc/rib2fib';

interface Example {
  readonly agent: 'mnra' | 'manager';
  readonly environment: Environment;
  readonly metallb: MetallbObjects;
  /** As the page has them. */
  readonly commands: readonly string[];
  /** rib2fib's, as the page has it. */
  readonly config: string;
}

/** A section of the page, which must have each kind of block once. */
function example(title: string): Example {
  const [, section] = PAGE.split(`\n### Example: ${title}\n`);
  assert.ok(section !== undefined, `no example ${title}`);
  const [body = ''] = section.split(/\n##+ /);
  const block = (info: string): string | undefined => {
    const found = [...body.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)].filter(
      ([, has]) => has === info,
    );
    assert.ok(found.length <= 1, `${title}: ${found.length} blocks of ${info}`);
    return found[0]?.[2];
  };
  const [mnra, manager] = [block('ini mnra'), block('ini manager')];
  const settings = mnra ?? manager ?? assert.fail(`${title}: no settings`);
  const lines = settings.split('\n').filter((line) => line.includes('='));
  return {
    agent: mnra === undefined ? 'manager' : 'mnra',
    environment: Object.fromEntries(lines.map((line) => line.split('=', 2))) as Environment,
    metallb: yamlOf(block('yaml metallb') ?? '{}') as MetallbObjects,
    commands: (block('sh') ?? '').trim().split('\n'),
    config: block('yaml rib2fib') ?? assert.fail(`${title}: no configuration`),
  };
}

function yamlOf(text: string): unknown {
  const parsed = parseYaml('older-agents.md', text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.document.value;
}

/** eth1 of the node of each agent's examples, and who is at the other end. */
const LINKS = {
  mnra: { node: '10.9.0.1/24', others: ['10.9.0.2/24', '10.9.0.3/24', '10.9.0.254/24'] },
  manager: { node: '192.168.5.98/28', others: ['192.168.5.107/28'] },
} as const;

const scratch = scratchDirectory('older-agents');
after(() => scratch.remove());

const SCRIPT = '#!/bin/sh\necho "$0" >> PLACE/runs\n'.replace('PLACE', scratch.path);
writeFileSync(join(scratch.path, 'routes.yaml'), '[]\n');
for (const name of ['pre.sh', 'post.sh']) {
  writeFileSync(join(scratch.path, name), SCRIPT);
  chmodSync(join(scratch.path, name), 0o755);
}

/** The text of the page, with its files where they are here. */
function placed(config: string, socket: string): string {
  return `${config.replaceAll(PLACE, scratch.path)}\nadmin: { socket: "${socket}" }\n`;
}

/** A node and what its eth1 leads to; eth0 has the default route. */
class Site implements AsyncDisposable {
  readonly #disposables: AsyncDisposable[] = [];

  private constructor(
    readonly node: Netns,
    readonly fabric: Netns,
    private readonly mgmt: Netns,
  ) {}

  static async create(agent: Example['agent']): Promise<Site> {
    const { node: address, others } = LINKS[agent];
    const site = new Site(
      await createNetns('node'),
      await createNetns('fabric'),
      await createNetns('mgmt'),
    );
    const far = { name: 'f0', addresses: others };
    await connect(site.node, { name: 'eth1', addresses: [address] }, site.fabric, far);
    const gateway = { name: 'm0', addresses: ['172.31.0.1/24'] };
    await connect(site.node, { name: 'eth0', addresses: ['172.31.0.10/24'] }, site.mgmt, gateway);
    await site.node.ip('route', 'add', 'default', 'via', '172.31.0.1');
    return site;
  }

  keep<T extends AsyncDisposable>(one: T): T {
    this.#disposables.push(one);
    return one;
  }

  async daemon(config: string): Promise<Daemon> {
    const socket = join(scratch.path, `${this.node.name}.sock`);
    return this.keep(await startDaemon({ netns: this.node, config: placed(config, socket) }));
  }

  async run(commands: readonly string[]): Promise<void> {
    await this.node.ipBatch(commands.map((command) => command.replace(/^ip /, '')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#disposables.reverse()) await one[Symbol.asyncDispose]();
    for (const one of [this.node, this.fabric, this.mgmt]) await one[Symbol.asyncDispose]();
  }
}

/** Prefix to legs, with weights as shares: all that a look-up in the table can find and use. */
async function tableOf(
  node: Netns,
  table: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const routes = (await kernelRoutes(node, table)).filter(({ type }) => type === 'unicast');
  return new Map(
    routes.map((route) => {
      const legs = (route.nexthops ?? [route]).map((leg) => ({
        way: `via ${leg.gateway} dev ${leg.dev}`,
        weight: 'weight' in leg ? (leg.weight ?? 1) : 1,
      }));
      const whole = legs.reduce((sum, { weight }) => sum + weight, 0);
      return [route.dst, legs.map(({ way, weight }) => `${way} ${weight / whole}`).sort()];
    }),
  );
}

/** Selectors of the rules that lead to a table, and where they stand. */
async function rulesTo(node: Netns, table: number) {
  const rules = (await kernelRules(node, 'all')).flatMap((line) => {
    const [, priority, selector, to] = /^(\d+): (.*) lookup (\S+) -4$/.exec(line) ?? [];
    return to === String(table) && selector !== undefined ? [{ priority, selector }] : [];
  });
  return {
    selectors: rules.map(({ selector }) => selector).sort(),
    priorities: [...new Set(rules.map(({ priority }) => Number(priority)))],
  };
}

function tableNumber({ agent, environment }: Example): number {
  return Number(agent === 'mnra' ? (environment['TABLE_WEIGHT'] ?? 20) : environment['RT_NUMBER']);
}

/** The old agent's site, with what it makes in it. */
async function withOldAgent(of: Example): Promise<Site> {
  const site = await Site.create(of.agent);
  await site.run(of.commands);
  return site;
}

async function same(old: Site, mine: Site, of: Example): Promise<void> {
  const table = tableNumber(of);
  const wanted = await tableOf(old.node, table);
  assert.ok(wanted.size > 0);
  await until(
    async () => {
      assert.deepEqual(await tableOf(mine.node, table), wanted);
      return true;
    },
    { what: `table ${table} is the old agent's` },
  );
  const rules = await rulesTo(old.node, table);
  assert.ok(rules.selectors.length > 0);
  assert.deepEqual((await rulesTo(mine.node, table)).selectors, rules.selectors);
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

describe('the examples of docs/older-agents.md', () => {
  it('are all tested', () => {
    assert.deepEqual(TITLES, Object.keys(PRIORITIES));
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
      const daemon = await mine.daemon(of.config);
      await same(old, mine, of);
      assert.deepEqual((await rulesTo(old.node, tableNumber(of))).priorities, [before]);
      assert.deepEqual((await rulesTo(mine.node, tableNumber(of))).priorities, [now]);
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
      await mine.daemon(of.config.replace(address, gobgpd.address));
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
    writeFileSync(file, placed(of.config, join(scratch.path, 'once.sock')));
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
    const daemon = await mine.daemon(example('every setting').config);
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
    await mine.daemon(of.config);
    await same(old, mine, of);
    assert.match(await toItself(mine), /^local 10\.9\.0\.1 /);
    const out = await mine.node.ip('route', 'get', '198.18.0.1', 'from', SERVICE);
    assert.match(out, /via 10\.9\.0\.[23] dev eth1 table 20 /);
  });

  it('20 is refused, and the line says why', async () => {
    await using mine = await withCilium();
    const file = join(scratch.path, 'twenty.yaml');
    const config = of.config.replace('priority: 10000', 'priority: 20');
    writeFileSync(file, placed(config, join(scratch.path, 'twenty.sock')));
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
  await site.daemon(of.config.replace('id: 20', 'id: 100'));
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
