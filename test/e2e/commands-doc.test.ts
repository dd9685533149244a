/**
 * docs/commands.md shows what the commands print, to the letter. `RIB2FIB_WRITE_DOCS=1` writes
 * what they print now into the page, where it only compares otherwise.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AdminClient } from '../../src/admin/client.js';
import type { StatusReport } from '../../src/admin/report.js';
import { statusText } from '../../src/cli/status-text.js';
import { PLAIN } from '../../src/cli/style.js';
import { type ConfigValue, type Daemon, rib2fib } from '../support/daemon.js';
import { type Feeder, startFeeder } from '../support/feeder.js';
import { type Gobgpd, startGobgpd } from '../support/gobgpd.js';
import { Lab, router } from '../support/lab.js';
import { scratchDirectory } from '../support/leftovers.js';
import { POOL, POOL_V6, ROUTER1, ROUTER2, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const PAGE = new URL('../../docs/commands.md', import.meta.url);
const FENCE = /^```(?:console|json)\n[\s\S]*?^```$/gm;
const CONFIG = '/etc/rib2fib/rib2fib.yaml';
/** The page's own time, and what happened how long before it. */
const NOW = 1_772_366_400_000;
const AGO = new Map([
  ['now', 0],
  ['lastEventAt', 5_000],
  ['lastChangeAt', 5_000],
  ['lastAuditAt', 60_000],
]);
const HOURS = 3 * 3_600_000;

const scratch = scratchDirectory('commands-doc');
after(() => scratch.remove());

const fabric = {
  ...{ id: 100, name: 'fabric', metric: 20 },
  filters: [
    { deny: { prefix: '10.42.0.0/16', ge: 16, le: 32 } },
    { permit: { prefix: '10.0.0.0/8', ge: 16, le: 24 } },
    { permit: { prefix: '2001:db8::/32', le: 48 } },
  ],
  limits: [
    { family: 'ipv4', max: 5 },
    { peer: ROUTER2, family: 'ipv4', max: 1, action: 'freeze' },
  ],
  static: [{ prefix: '0.0.0.0/0', via: [{ gateway: ROUTER1, interface: 'eth1' }] }],
  rules: { priority: 10_000, from: [POOL, POOL_V6] },
};

/** What `new.yaml` has instead: a prefix more, the static route moved, one pool less. */
const changed = {
  ...fabric,
  filters: [...fabric.filters, { permit: { prefix: '192.168.0.0/16', le: 24 } }],
  static: [{ prefix: '0.0.0.0/0', via: [{ gateway: ROUTER2, interface: 'eth2' }] }],
  rules: { priority: 10_000, from: [POOL_V6] },
};

/** The order in which they are heard, and so in which `routes` lists them. */
const ANNOUNCED = [
  ['10.1.0.0/16', ROUTER1, [65010]],
  ['10.2.0.0/16', ROUTER1, [65010, 65020]],
  ['10.42.3.0/24', ROUTER1, []],
  ['192.168.7.0/24', ROUTER1, []],
  ['10.3.0.0/16', ROUTER2, [65030]],
  ['10.4.0.0/16', ROUTER2, [65030]],
  ['10.7.0.0/16', '172.31.9.9', []],
] as const;

function withTimes(value: unknown, key = ''): unknown {
  if (typeof value === 'number' && value > 1e12) return NOW - (AGO.get(key) ?? HOURS);
  if (Array.isArray(value)) return value.map((one) => withTimes(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, withTimes(one, name)]),
  );
}

function asJson(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;
}

function asConsole(command: string, output: string): string {
  return `\`\`\`console\n$ rib2fib ${command}\n${output.trimEnd()}\n\`\`\``;
}

/** What `explain` prints where the source offers every path, of four that are not alike. */
async function explainedAll(prefix: string): Promise<string> {
  await using lab = await Lab.start({ version: '4.8', routers: 4 });
  const announced = [{ med: 20 }, { asPath: [65099] }, { med: 20 }, {}];
  for (const [i, more] of announced.entries()) {
    const attributes = { nextHop: router(i), ...more };
    await lab.router(i).announce([{ prefixes: [prefix], attributes }]);
    // One after the other: gobgpd lists the older ones first.
    await until(async () => (await lab.gobgpd.cli('global', 'rib')).includes(router(i)), {
      what: `gobgpd has the path of ${router(i)}`,
    });
  }
  const daemon = await lab.daemon({
    source: { gobgp: { address: lab.gobgpd.address, paths: 'all' } },
    tables: [
      {
        id: 100,
        name: 'fabric',
        filters: [{ permit: {} }],
        bestPath: { multipathRelax: true },
        multipath: 2,
      },
    ],
  });
  const installed = async () =>
    (await daemon.explain(prefix)).tables[0]?.conclusion === 'installed';
  await until(installed, { what: `${prefix} is installed` });
  return (await daemon.cli('explain', prefix)).stdout;
}

/** Holds the blocks of one command's section against what was printed. */
function compare(command: string, blocks: readonly string[]): void {
  const page = readFileSync(PAGE, 'utf8');
  const sections = page.split(/^(?=## )/m);
  const at = sections.findIndex((section) => section.startsWith(`## ${command}\n`));
  const section = sections[at] ?? assert.fail(`no section ${command}`);
  if (process.env['RIB2FIB_WRITE_DOCS'] === '1') {
    const left = [...blocks];
    sections[at] = section.replaceAll(FENCE, (old) => left.shift() ?? old);
    writeFileSync(PAGE, sections.join(''));
    return;
  }
  assert.deepEqual(section.match(FENCE), blocks);
}

describe('docs/commands.md shows what is printed', { concurrency: 1 }, () => {
  let lab: TwoFabrics;
  let gobgpd: Gobgpd;
  const feeders: Feeder[] = [];
  let daemon: Daemon;
  const told = (text: string): string =>
    text
      .replaceAll(daemon.configFile, CONFIG)
      .replaceAll(gobgpd.address, 'unix:///run/gobgp/gobgp.sock');
  const printed = async (...args: string[]): Promise<string> =>
    told((await daemon.cli(...args)).stdout);
  const json = async (...args: string[]): Promise<unknown> =>
    JSON.parse(await printed(...args, '--json'));
  const config = (table: ConfigValue): ConfigValue => ({
    source: { gobgp: { address: gobgpd.address } },
    tables: [table],
  });

  before(async () => {
    lab = await TwoFabrics.create();
    const neighbors = [ROUTER1, ROUTER2].map((address, i) => ({ address, as: 65001 + i }));
    gobgpd = await startGobgpd({ version: '4.8', netns: lab.node, as: 65000, neighbors });
    for (const [i, [netns, near]] of (
      [
        [lab.router1, '10.9.0.1'],
        [lab.router2, '10.9.1.1'],
      ] as const
    ).entries()) {
      const localAddress = [ROUTER1, ROUTER2][i] ?? '';
      const session = { netns, localAddress, peerAddress: near, peerAs: 65000 };
      feeders.push(await startFeeder({ ...session, localAs: 65001 + i }));
    }
    await gobgpd.established();
    daemon = await lab.daemon(config(fabric));
    for (const [prefix, nextHop, asPath] of ANNOUNCED) {
      const feeder = feeders[nextHop === ROUTER2 ? 1 : 0];
      await feeder?.announce([
        { attributes: { nextHop, asPath: [...asPath] }, prefixes: [prefix] },
      ]);
      await until(async () => (await daemon.routes()).some((route) => route.prefix === prefix), {
        what: `${prefix} is heard`,
      });
    }
    const ipv6 = { attributes: { nextHop: '2001:db8:9::2' }, prefixes: ['2001:db8:aaaa::/48'] };
    await feeders[0]?.announce([ipv6]);
    await until(
      async () => {
        const { ready, source, kernel } = await daemon.status();
        const received = source.peers.map(({ received: { ipv4, ipv6 } }) => `${ipv4} ${ipv6}`);
        return ready && kernel.pending === 0 && received.toSorted().join() === '2 0,5 1';
      },
      { what: 'everything is heard, counted and in the kernel' },
    );
  });
  after(async () => {
    for (const feeder of feeders) await feeder[Symbol.asyncDispose]();
    await gobgpd[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  it('status', async () => {
    const report = withTimes({
      ...((await json('status')) as StatusReport),
      ...{ version: '0.1.0', pid: 4242 },
    }) as StatusReport;
    compare('status', [asConsole('status', statusText(report, PLAIN)), asJson(report)]);
  });

  it('routes', async () => {
    compare('routes', [
      asConsole('routes --family ipv4', await printed('routes', '--family', 'ipv4')),
      asJson(await json('routes', '--peer', ROUTER2)),
    ]);
  });

  it('explain', async () => {
    compare('explain', [
      asConsole('explain 10.1.2.3', await printed('explain', '10.1.2.3')),
      asConsole('explain 10.42.3.0/24', await printed('explain', '10.42.3.0/24')),
      asConsole('explain 10.1.0.0/16', await explainedAll('10.1.0.0/16')),
      asJson(await json('explain', '10.1.2.3')),
    ]);
  });

  it('plan', async () => {
    const file = join(scratch.path, 'new.yaml');
    await writeFile(file, JSON.stringify(config(changed)));
    const args = ['plan', '--config', file, '--socket', daemon.adminSocket];
    const [text, asked] = await Promise.all([
      rib2fib(lab.node, args),
      rib2fib(lab.node, [...args, '--json']),
    ]);
    compare('plan', [
      asConsole('plan --config new.yaml', text.stdout),
      asJson(JSON.parse(asked.stdout)),
    ]);
  });

  it('check', async () => {
    const file = join(scratch.path, 'new.yaml');
    await writeFile(
      file,
      'source: { gobgp: { address: 127.0.0.1:50051 } }\ntables:\n  - id: 254\n',
    );
    const faulty = await rib2fib(lab.node, ['check', '--json', '--config', file]);
    assert.equal(faulty.code, 78);
    compare('check', [
      asConsole('check', await printed('check')),
      asJson(JSON.parse(faulty.stdout.replaceAll(file, 'new.yaml'))),
    ]);
  });

  it('limit clear', async () => {
    compare('limit clear', [asJson(await json('limit', 'clear', `fabric/${ROUTER2}/ipv4`))]);
  });

  it('reload', async () => {
    const { admin, metrics } = JSON.parse(readFileSync(daemon.configFile, 'utf8')) as ConfigValue;
    const next = { ...config(fabric), ...{ admin, metrics, hold: '300s' } };
    // Asked for before the daemon, which watches the file, does it unasked.
    writeFileSync(daemon.configFile, JSON.stringify(next));
    const taken = await new AdminClient(daemon.adminSocket).reload();
    writeFileSync(
      daemon.configFile,
      `source: { gobgp: { address: 127.0.0.1:50051 } }\ntables:\n  - id: 254\n`,
    );
    const refused = await daemon.cli('reload', '--json', '--socket', daemon.adminSocket);
    assert.equal(refused.code, 78);
    compare('reload', [asJson(taken), asJson(JSON.parse(told(refused.stdout)))]);
  });

  it('apply, cleanup', async () => {
    await using other = await TwoFabrics.create();
    // The kernel looks a gateway up in the route's own table first, and there it is no host (fib_check_nh).
    await other.node.ipBatch([`route add broadcast ${ROUTER2} dev eth2 table 100 proto static`]);
    await other.feed(ANNOUNCED.map(([prefix, nextHop]) => ({ prefix, nextHop })));
    const file = join(scratch.path, 'apply.yaml');
    const admin = { socket: join(scratch.path, 'apply.sock') };
    await writeFile(file, JSON.stringify({ source: other.source, admin, tables: [fabric] }));
    const run = async (...args: string[]) => (await rib2fib(other.node, args)).stdout;
    const text = await run('apply', '--config', file);
    const removed: unknown = JSON.parse(await run('cleanup', '--json'));
    const report: unknown = JSON.parse(await run('apply', '--json', '--config', file));
    compare('apply', [asConsole('apply', text), asJson(report)]);
    compare('cleanup', [asJson(removed)]);
  });
});
