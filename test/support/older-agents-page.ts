/**
 * docs/older-agents.md as tests read it: its examples, a site as each agent has it, and what of a
 * site's table and rules decides where packets go.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseYaml } from '../../src/config/document.js';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.js';
import { kernelRoutes, kernelRules } from './kernel-view.js';
import { connect, createNetns, type Netns } from './netns.js';
import type { Environment, MetallbObjects } from './older-agents.js';
import { until } from './wait.js';

/** Its text. */
export const PAGE = readFileSync(new URL('../../docs/older-agents.md', import.meta.url), 'utf8');
/** Where the page has its files. */
const PLACE = '/etc/rib2fib';

export interface Example {
  readonly agent: 'mnra' | 'manager';
  readonly environment: Environment;
  readonly metallb: MetallbObjects;
  /** As the page has them. */
  readonly commands: readonly string[];
  /** rib2fib's, as the page has it. */
  readonly config: string;
  /** The same in a cluster, where the page has that. */
  readonly discovery: string | undefined;
}

/** A section of the page, which must have each kind of block once. */
export function example(title: string): Example {
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
    discovery: block('yaml discovery'),
  };
}

function yamlOf(text: string): unknown {
  const parsed = parseYaml('older-agents.md', text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.document.value;
}

/** eth1 of the node of each agent's examples, and who is at the other end. */
export const LINKS = {
  mnra: {
    node: '10.9.0.1/24',
    connected: '10.9.0.0/24',
    others: ['10.9.0.2/24', '10.9.0.3/24', '10.9.0.254/24'],
  },
  manager: { node: '192.168.5.98/28', connected: '192.168.5.96/28', others: ['192.168.5.107/28'] },
} as const;

/** A configuration of the page, with its files in `place`, and the daemon's socket. */
export function placed(config: string, place: string, socket: string): string {
  return `${config.replaceAll(PLACE, place)}\nadmin: { socket: "${socket}" }\n`;
}

/** A node and what its eth1 leads to; eth0 has the default route. */
export class Site implements AsyncDisposable {
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

  /** With that configuration of the page, whose files are in `place`. */
  async daemon(
    config: string,
    place: string,
    options: Partial<DaemonOptions> = {},
  ): Promise<Daemon> {
    const text = placed(config, place, join(place, `${this.node.name}.sock`));
    return this.keep(await startDaemon({ netns: this.node, config: text, ...options }));
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
export async function tableOf(
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
export async function rulesTo(node: Netns, table: number) {
  const rules = (await kernelRules(node, 'all')).flatMap((line) => {
    const [, priority, selector, to] = /^(\d+): (.*) lookup (\S+) -4$/.exec(line) ?? [];
    return to === String(table) && selector !== undefined ? [{ priority, selector }] : [];
  });
  return {
    selectors: rules.map(({ selector }) => selector).sort(),
    priorities: [...new Set(rules.map(({ priority }) => Number(priority)))],
  };
}

export function tableNumber({ agent, environment }: Example): number {
  return Number(agent === 'mnra' ? (environment['TABLE_WEIGHT'] ?? 20) : environment['RT_NUMBER']);
}

/** The old agent's site, with what it makes in it. */
export async function withOldAgent(of: Example): Promise<Site> {
  const site = await Site.create(of.agent);
  await site.run(of.commands);
  return site;
}

/** Waits until the table of the example is in both sites the same. */
export async function sameTable(old: Site, mine: Site, of: Example): Promise<void> {
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
}

/** The table, and then the rules to it. */
export async function same(old: Site, mine: Site, of: Example): Promise<void> {
  await sameTable(old, mine, of);
  const table = tableNumber(of);
  const rules = await rulesTo(old.node, table);
  assert.ok(rules.selectors.length > 0);
  assert.deepEqual((await rulesTo(mine.node, table)).selectors, rules.selectors);
}
