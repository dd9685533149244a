/**
 * `plan` says what `apply`, or a reload of the daemon, then does. Its lines are carried out with
 * iproute2 on a twin of the node: afterwards both kernels must hold the same.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApplyReport, PlanReport } from '../../src/admin/command-report.js';
import { type CommandResult, type ConfigValue, rib2fib } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { kernelDump, ownLines } from '../support/kernel-dump.js';
import { KernelMonitor } from '../support/kernel-view.js';
import { Lab, router } from '../support/lab.js';
import { scratchDirectory } from '../support/leftovers.js';
import type { Netns } from '../support/netns.js';
import { routes } from '../support/routes.js';
import {
  type FileRoute,
  POOL,
  POOL_V6,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  ROUTER2_V6,
  TwoFabrics,
} from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('plans');
after(() => scratch.remove());

const ROUTES: readonly FileRoute[] = [
  { prefix: '10.1.0.0/16', nextHop: ROUTER1 },
  { prefix: '10.2.0.0/16', nextHop: [ROUTER1, ROUTER2] },
  { prefix: '10.3.0.0/16', nextHop: ROUTER2 },
  { prefix: '10.4.0.0/16', nextHop: ROUTER1_V6 },
  { prefix: '10.42.7.0/24', nextHop: ROUTER1 },
  { prefix: '10.5.0.0/16', nextHop: '10.77.0.1' },
  { prefix: '2001:db8:1::/48', nextHop: ROUTER1_V6 },
  { prefix: '2001:db8:2222::/48', nextHop: [ROUTER1_V6, ROUTER2_V6] },
];

/** What stood in the table before: of others, and of a rib2fib of another time. */
const MESS = [
  'route add 10.9.9.0/24 via 10.9.0.9 table 100 proto static metric 5',
  'route add 10.3.0.0/16 via 10.9.0.9 table 100 proto static metric 20',
  'route add 10.1.0.0/16 via 10.9.0.9 table 200 proto static metric 20',
  'route add 10.8.0.0/16 via 10.9.0.9 table 200 proto static metric 7',
  'route add 10.1.0.0/16 via 10.9.1.2 table 100 proto 178 metric 20',
  'route add 10.2.0.0/16 via 10.9.0.2 table 100 proto 178 metric 1020',
  'route add 10.66.0.0/16 via 10.9.0.2 table 100 proto 178 metric 20',
  'route add 10.67.0.0/16 via 10.9.0.2 table 333 proto 178 metric 20',
  'route add 2001:db8:1::/48 via 2001:db8:9::9 table 100 proto 178 metric 20',
  'route add 2001:db8:66::/48 via 2001:db8:9::2 table 100 proto 178 metric 20',
  'rule add from 198.51.100.0/24 lookup 100 pref 10000 protocol 178',
  'rule add from 203.0.113.0/24 lookup 100 pref 12000 protocol 4',
];

const first = {
  id: 100,
  name: 'fabric',
  metric: 20,
  filters: [{ permit: {} }],
  keepInMain: ['10.42.0.0/16'],
  rules: {
    priority: 10_000,
    from: [POOL, POOL_V6, { interface: 'eth1' }],
    match: [{ fwmark: '0x14/0xff', iif: 'eth1' }],
  },
};

const second = {
  id: 200,
  filters: [{ permit: { prefix: '10.1.0.0/16' } }],
  foreign: 'evict',
  onMiss: 'unreachable',
};

/** One state of configuration and feed after the other, each a change of other things. */
const STEPS: readonly { name: string; tables: ConfigValue[]; feed: readonly FileRoute[] }[] = [
  {
    name: 'over what stood there before',
    tables: [first, second],
    feed: ROUTES,
  },
  {
    name: 'onto nexthop objects, with other rules and statics',
    tables: [
      {
        ...first,
        nextHop: { objects: 'always' },
        static: [
          {
            prefix: '0.0.0.0/0',
            via: [{ gateway: ROUTER1, weight: 3 }, { gateway: ROUTER2 }],
          },
          { prefix: '::/0', via: [{ gateway: ROUTER1_V6, interface: 'eth1' }] },
        ],
        rules: { priority: 10_001, from: [POOL, { interface: 'eth2' }] },
      },
      { id: 200 },
    ],
    feed: ROUTES.slice(1),
  },
  {
    name: 'with another metric, next hops moved, some routes gone and some new',
    tables: [{ ...first, nextHop: { objects: 'always' }, metric: 30 }],
    feed: [
      ...ROUTES.slice(2, 4),
      { prefix: '10.2.0.0/16', nextHop: ROUTER2 },
      { prefix: '10.7.0.0/16', nextHop: [ROUTER1, ROUTER2] },
    ],
  },
  {
    name: 'back to inline next hops',
    tables: [{ ...first, nextHop: { objects: 'never' }, metric: 30, keepInMain: [] }],
    feed: ROUTES,
  },
  { name: 'to another table', tables: [{ ...first, id: 300 }], feed: ROUTES },
  { name: 'to nothing', tables: [{ id: 300 }], feed: [] },
];

/** A line of `plan` as iproute2 takes it. */
function asCommand(line: string): string[] {
  const [, op, kind = 'route', text = ''] =
    /^([+~-]) (?:(rule|nexthop) )?(.*)$/.exec(line) ?? assert.fail(`no plan line: ${line}`);
  const verb = { '+': 'add', '~': 'replace', '-': 'del' }[op ?? ''] ?? assert.fail(line);
  const words = text.replace(' proto ', ' protocol ').split(' ');
  // Where the words do not tell: a rule of an interface's addresses, a default that is unreachable.
  const family = (kind === 'rule' ? /::/ : / dev lo /).test(text) ? ['-6'] : [];
  return [...family, kind, verb, ...words];
}

/** Lines of changes, without the sum that ends them. */
function changesOf({ stdout }: CommandResult): string[] {
  const lines = stdout.trimEnd().split('\n');
  const sum = lines.pop() ?? '';
  const count = (op: string) => lines.filter((line) => line.startsWith(`${op} `)).length;
  const expected =
    lines.length === 0
      ? /^No changes, by /
      : new RegExp(`^${count('+')} to add, ${count('~')} to replace, ${count('-')} to remove, by `);
  assert.match(sum, expected);
  return lines;
}

/** What may differ between twins: link-local and multicast routes, whose order hangs on MAC addresses. */
async function comparable(netns: Netns): Promise<readonly string[]> {
  return (await kernelDump(netns)).filter((line) => !/ table (main|local) /.test(line));
}

async function carryOut(netns: Netns, lines: readonly string[]): Promise<void> {
  for (const line of lines) await netns.ip(...asCommand(line));
}

describe('plan and apply without a daemon', () => {
  let node: TwoFabrics;
  let twin: TwoFabrics;
  const configFile = join(scratch.path, 'rib2fib.yaml');
  const command = (...args: string[]) => rib2fib(node.node, [...args, '--config', configFile]);

  before(async () => {
    [node, twin] = await Promise.all([TwoFabrics.create(), TwoFabrics.create()]);
    await Promise.all([node.node.ipBatch(MESS), twin.node.ipBatch(MESS)]);
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
  });

  for (const { name, tables, feed } of STEPS) {
    it(`plan prints exactly what apply then changes: ${name}`, async () => {
      await node.feed(feed);
      const admin = { socket: join(scratch.path, 'admin.sock') };
      await writeFile(configFile, JSON.stringify({ source: node.source, admin, tables }));
      const before = await kernelDump(node.node);
      await using monitor = await KernelMonitor.start(node.node);

      const plan = await command('plan', '--exit-code');
      assert.equal(plan.code, 2, plan.stderr);
      assert.match(plan.stdout, /, by a feed read for this plan\.\n$/);
      const lines = changesOf(plan);
      assert.deepEqual(await kernelDump(node.node), before);
      assert.deepEqual(await monitor.settled(), [], 'a plan changes nothing');
      await carryOut(twin.node, lines);

      const applied = await command('apply', '--json');
      assert.equal(applied.code, 0, applied.stderr + applied.stdout);
      assert.deepEqual(await comparable(node.node), await comparable(twin.node));
      const { added, replaced, removed, failed } = JSON.parse(applied.stdout) as ApplyReport;
      const counted = ['+', '~', '-'].map((op) => lines.filter((line) => line[0] === op).length);
      assert.deepEqual([added, replaced, removed], counted);
      assert.deepEqual(failed, []);

      const again = await command('plan', '--exit-code');
      assert.equal(again.stdout, 'No changes, by a feed read for this plan.\n');
      assert.equal(again.code, 0);
    });
  }

  it('a plan in JSON says the same; differences alone are no failure', async () => {
    await node.feed(ROUTES);
    const tables = [{ ...first, nextHop: { objects: 'always' } }];
    await writeFile(configFile, JSON.stringify({ source: node.source, tables }));
    const [plan, asJson] = await Promise.all([command('plan'), command('plan', '--json')]);
    assert.deepEqual([plan.code, asJson.code], [0, 0]);
    const { changes, evaluatedBy } = JSON.parse(asJson.stdout) as PlanReport;
    assert.equal(evaluatedBy, 'command');
    const inWords = changes.map(
      ({ op, kind, text }) => `${op} ${kind === 'route' ? '' : `${kind} `}${text}`,
    );
    assert.deepEqual(inWords, changesOf(plan));
  });

  it('a second apply writes nothing', async () => {
    assert.match(
      (await command('apply')).stdout,
      /^\d+ added, 0 replaced, 0 removed, 0 unchanged\n$/,
    );
    await using monitor = await KernelMonitor.start(node.node);
    const { stdout } = await command('apply');
    // What it shows as unchanged is what the kernel has, nexthop objects aside.
    const own = ownLines(await kernelDump(node.node)).filter(
      (line) => !/ nh_info|^nexthop/.test(line),
    );
    assert.equal(stdout, `0 added, 0 replaced, 0 removed, ${own.length} unchanged\n`);
    assert.deepEqual(await monitor.settled(), []);
  });
});

describe('plan, apply and cleanup while a daemon runs', () => {
  let lab: TwoFabrics;
  before(async () => {
    lab = await TwoFabrics.create();
  });
  after(() => lab[Symbol.asyncDispose]());

  it('plan asks it about another configuration, which it then takes; apply and cleanup refuse', async () => {
    await lab.feed(ROUTES);
    const config = { source: lab.source, tables: [first] };
    const file = join(scratch.path, 'other.yaml');
    await writeFile(file, JSON.stringify(config));
    const firstPlan = changesOf(await rib2fib(lab.node, ['plan', '--config', file]));
    const daemon = await lab.daemon(config);
    const idle = await daemon.cli('plan', '--exit-code');
    assert.deepEqual([idle.code, idle.stdout], [0, "No changes, by the running daemon's feed.\n"]);

    const other = { tables: STEPS[1]?.tables ?? [] };
    await writeFile(file, JSON.stringify({ source: lab.source, ...other }));
    const before = await kernelDump(lab.node);
    const asked = ['plan', '--config', file, '--socket', daemon.adminSocket];
    const plan = await rib2fib(lab.node, [...asked, '--exit-code']);
    assert.equal(plan.code, 2, plan.stderr);
    assert.match(plan.stdout, /, by the running daemon's feed\.\n$/);
    assert.equal((await rib2fib(lab.node, asked)).code, 0);
    assert.deepEqual(await kernelDump(lab.node), before);

    for (const command of ['apply', 'cleanup']) {
      const refused = await daemon.cli(command);
      assert.equal(refused.code, 1);
      assert.equal(refused.stdout, '');
      assert.match(
        refused.stderr,
        /^rib2fib: a rib2fib daemon runs in this network namespace: .+\n$/,
      );
    }
    assert.deepEqual(await kernelDump(lab.node), before);

    await using twin = await TwoFabrics.create();
    await carryOut(twin.node, firstPlan);
    await carryOut(twin.node, changesOf(plan));
    await daemon.configure({ source: lab.source, ...other });
    await until(async () => (await daemon.status()).tables.length === 2, { what: 'the reload' });
    await until(async () => (await daemon.cli('plan', '--exit-code')).code === 0, {
      what: 'nothing is left to plan',
    });
    assert.deepEqual(await comparable(lab.node), await comparable(twin.node));
  });

  it('a configuration with faults is refused with their places', async () => {
    const file = join(scratch.path, 'bad.yaml');
    await writeFile(file, 'source: { file: { path: routes.yaml } }\ntables: [ { id: 254 } ]\n');
    const plan = await rib2fib(lab.node, ['plan', '--config', file]);
    assert.equal(plan.code, 78);
    assert.match(plan.stderr, /bad\.yaml:2:17: tables\[0\]\.id: /);
  });
});

for (const version of GOBGPD_VERSIONS) {
  describe(`gobgpd ${version}`, () => {
    it('is read once for a plan, and once for apply', async () => {
      await using lab = await Lab.start({ version });
      const sets = routes(300, { family: 'ipv4', nextHops: [router(0)] });
      await lab.router(0).announce(sets);
      await lab.hasRoutes(300);
      const file = join(scratch.path, `gobgpd-${version}.yaml`);
      const tables = [
        { id: 100, filters: [{ permit: {} }], rules: { priority: 10_000, from: [POOL] } },
      ];
      await writeFile(file, JSON.stringify(lab.config({ tables })));
      const command = (...args: string[]) => rib2fib(lab.node, [...args, '--config', file]);
      const plan = await command('plan', '--exit-code');
      assert.equal(plan.code, 2, plan.stderr);
      assert.equal(changesOf(plan).filter((line) => / via /.test(line)).length, 300);
      const applied = await command('apply');
      assert.match(applied.stdout, /^30\d added, 0 replaced, 0 removed, 0 unchanged\n$/);
      assert.equal((await command('plan', '--exit-code')).code, 0);
    });
  });
}
