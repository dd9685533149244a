/**
 * Which rights the daemon needs, given the way a pod gives them.
 *
 * A container that runs as an ordinary user and adds NET_ADMIN has that right in its bounding and
 * permitted sets and nowhere else: not effective, not inheritable, not ambient; and the runtime sets
 * no_new_privs before it executes the entrypoint. What a file capability is worth then was measured
 * here (Linux 6.18, `setpriv` in the runtime's place) with `cap_net_admin+ep` on a copy of node:
 *
 * | entrypoint             | NET_ADMIN in the bounding set | effective                |
 * |------------------------|-------------------------------|--------------------------|
 * | node with the file cap | yes                           | NET_ADMIN                |
 * | a shell, then that     | yes                           | nothing                  |
 * | node without           | yes                           | nothing                  |
 * | node with the file cap | no                            | execve fails with EPERM  |
 *
 * Under no_new_privs execve grants no more than what is permitted already: the runtime has it
 * permitted, its exec of the entrypoint keeps it, and that of a shell loses it for good.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ConfigValue, Daemon, PROGRAM } from '../support/daemon.js';
import { type Feeder, startFeeder } from '../support/feeder.js';
import { type Gobgpd, startGobgpd } from '../support/gobgpd.js';
import { kernelNexthops, kernelRules, ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { droppedMessages } from '../support/netlink-sockets.js';
import type { Netns } from '../support/netns.js';
import { routes } from '../support/routes.js';
import { POOL, POOL_V6, ROUTER1, ROUTER1_V6, ROUTER2, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const NOBODY = 65534;
const NET_ADMIN = '0000000000001000';

/**
 * A mount namespace in which all but `$STATE` is read-only, with a node of its own and no
 * environment; then the runtime's part. The repository is seen at `$BOX/app`, so that the
 * directories above it need not be open to the user.
 */
const POD = `
mount -t tmpfs -o mode=755 tmpfs "$BOX"
mkdir "$BOX/app"
mount --bind "$ROOT" "$BOX/app"
cp "$NODE" "$BOX/node"
if [ -n "$CAPABILITY" ]; then setcap "$CAPABILITY" "$BOX/node"; fi
if [ -n "$NFT_CAPABILITY" ]; then
  nft=$(command -v nft)
  cp "$nft" "$BOX/nft"
  setcap "$NFT_CAPABILITY" "$BOX/nft"
  mount --bind "$BOX/nft" "$nft"
fi
mount --bind "$STATE" "$STATE"
for point in $(awk '{ print $5 }' /proc/self/mountinfo); do
  case $point in
    "$STATE" | /proc*) ;;
    # What goes meanwhile is the namespace of another test: unlinked, it is unmounted everywhere.
    *) mount -o remount,bind,ro "$point" || ! grep -qF " $point " /proc/self/mountinfo ;;
  esac
done
set -- "$BOX/node" "$BOX/app/$PROGRAM" "$@"
if [ -n "$BEHIND_SHELL" ]; then set -- sh -c 'exec "$@"' sh "$@"; fi
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups \\
  --bounding-set=-all,+net_admin --inh-caps=-all --ambient-caps=-all --no-new-privs "$@"
`;

interface Pod {
  readonly netns: Netns;
  readonly config: ConfigValue;
  /** Set on the copy of node. */
  readonly capability?: string;
  /** Set on a copy of nft, in its place. */
  readonly nftCapability?: string;
  readonly behindShell?: boolean;
}

/** Turns `node PROGRAM …` into what a pod runs; `state` is the only directory it can write to. */
function podCommand(pod: Omit<Pod, 'netns' | 'config'>, state: string) {
  const box = scratchDirectory('box');
  chmodSync(box.path, 0o755);
  const environment = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    NODE: process.execPath,
    PROGRAM: PROGRAM.slice(ROOT.length + 1),
    CAPABILITY: pod.capability ?? '',
    NFT_CAPABILITY: pod.nftCapability ?? '',
    BEHIND_SHELL: pod.behindShell === true ? 'yes' : '',
    ...{ ROOT, BOX: box.path, STATE: state },
  };
  return ([, , ...args]: readonly string[]) => [
    ...['env', '-i', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)],
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', POD, 'pod', ...args],
  ];
}

/** Not launched yet. Its configuration is root's, as a ConfigMap; its admin socket's directory the user's, as an emptyDir. */
async function daemonInPod(pod: Pod): Promise<Daemon> {
  const [scratch, state] = ['pod', 'state'].map(scratchDirectory);
  assert.ok(scratch !== undefined && state !== undefined);
  chmodSync(scratch.path, 0o755);
  chownSync(state.path, NOBODY, NOBODY);
  const config = { ...pod.config, admin: { socket: `${state.path}/admin.sock` } };
  const wrap = podCommand(pod, state.path);
  const daemon = new Daemon({ netns: pod.netns, config, wrap }, scratch);
  await daemon.configure(config);
  return daemon;
}

/** Fields of /proc/PID/status. */
function processStatus(pid: number): (field: string) => string | undefined {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (field) => new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(text)?.[1];
}

describe('an ordinary user with CAP_NET_ADMIN as a pod gives it', () => {
  let lab: TwoFabrics;
  let gobgpd: Gobgpd;
  let feeder: Feeder;
  let daemon: Daemon;
  const ipv4 = routes(2_000, { family: 'ipv4', nextHops: [ROUTER1, ROUTER2] });
  const ipv6 = routes(500, { family: 'ipv6', nextHops: [ROUTER1_V6] });

  before(async () => {
    lab = await TwoFabrics.create();
    const { node } = lab;
    gobgpd = await startGobgpd({
      ...{ version: '4.8', netns: node, as: 65000, api: { host: '127.0.0.1', port: 50051 } },
      neighbors: [{ address: ROUTER1, as: 65001 }],
    });
    feeder = await startFeeder({
      ...{ netns: lab.router1, localAddress: ROUTER1, peerAddress: '10.9.0.1' },
      ...{ localAs: 65001, peerAs: 65000 },
    });
    await feeder.announce([...ipv4, ...ipv6]);
    daemon = await daemonInPod({
      netns: node,
      capability: 'cap_net_admin+ep',
      config: {
        source: { gobgp: { address: gobgpd.address } },
        hooks: { after: { run: ['/bin/sh', '-c', 'grep ^Cap /proc/self/status > "$STATE/hook"'] } },
        tables: [
          {
            ...{ id: 100, metric: 20, filters: [{ permit: {} }], nextHop: { objects: 'always' } },
            limits: [{ family: 'ipv4', max: 5_000 }],
            rules: { priority: 10_000, from: [POOL, POOL_V6, { interface: 'eth1' }] },
          },
        ],
      },
    });
    await daemon.launch();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await feeder[Symbol.asyncDispose]();
    await gobgpd[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  it('has that right and no other, and cannot write a file but beside its socket', async () => {
    const status = processStatus(daemon.pid);
    assert.equal(status('Uid'), String(NOBODY));
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) assert.equal(status(set), NET_ADMIN, set);
    for (const set of ['CapInh', 'CapAmb']) assert.match(status(set) ?? '', /^0+$/, set);
    assert.equal(status('NoNewPrivs'), '1');
    const touch = `for at in / /tmp /run /etc /var ${ROOT}; do ! touch $at/rib2fib-test 2>&1 || exit 1; done`;
    const refused = await lab.node.exec(
      ...['nsenter', `--mount=/proc/${daemon.pid}/ns/mnt`, 'sh', '-c', touch],
    );
    assert.equal(refused.match(/Read-only file system/g)?.length, 6);
  });

  it('hands no right on to a hook', async () => {
    const file = join(dirname(daemon.adminSocket), 'hook');
    const sets = await until(
      () => readFileSync(file, 'utf8').match(/^Cap(Inh|Prm|Eff|Amb):\t0+$/gm),
      { what: 'the hook has looked' },
    );
    assert.equal(sets.length, 4);
  });

  it('does the main job', async () => {
    const wanted = new Map(
      [...ipv4, ...ipv6].flatMap(({ prefixes, attributes: { nextHop } }) =>
        prefixes.map((prefix) => {
          const dev = nextHop === ROUTER2 ? 'eth2' : 'eth1';
          return [prefix, [`via ${nextHop} dev ${dev}`]] as const;
        }),
      ),
    );
    await until(async () => (await ownRoutes(lab.node, 100)).size === wanted.size, {
      what: 'all routes are in the kernel',
    });
    assert.deepEqual(await ownRoutes(lab.node, 100), wanted);
    assert.ok((await kernelNexthops(lab.node)).length >= 5);
    assert.deepEqual(await kernelRules(lab.node), [
      '10000: from 10.9.0.1/32 lookup 100 -4',
      '10000: from 2001:db8:100::/56 lookup 100 -6',
      '10000: from 2001:db8:9::1/128 lookup 100 -6',
      `10000: from ${POOL} lookup 100 -4`,
    ]);
    // With the `throw` routes of both fabrics' connected prefixes.
    const { body } = await daemon.http('/metrics');
    assert.match(body, /^rib2fib_routes_installed\{table="table100",family="ipv4"\} 2002$/m);
    assert.equal((await daemon.http('/readyz')).status, 200);
    const [gone] = ipv4;
    assert.ok(gone !== undefined);
    await feeder.withdraw(gone.prefixes);
    const left = wanted.size - gone.prefixes.length;
    await until(async () => (await ownRoutes(lab.node, 100)).size === left, {
      what: 'a withdrawal is followed',
    });
  });

  it('survives an overrun of what the kernel tells, and repairs what it missed', async () => {
    const sockets = await lab.node.exec('ss', '--family=netlink', '--memory', '--all');
    const buffers = [...sockets.matchAll(/^UNCONN.* rtnl:.*,rb(\d+),/gm)].map(([, size]) =>
      Number(size),
    );
    assert.ok(Math.max(...buffers) >= 32 << 20, 'SO_RCVBUFFORCE was granted');
    const [lost] = [...(await ownRoutes(lab.node, 100, ['ipv4'])).keys()];
    assert.ok(lost !== undefined);

    process.kill(daemon.pid, 'SIGSTOP');
    const noise = Array.from(
      { length: 60_000 },
      (_, i) => `route add blackhole 11.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 table 999`,
    );
    await lab.node.ipBatch([...noise, `route del ${lost} table 100 metric 20 proto 178`]);
    assert.ok(droppedMessages(daemon.pid) > 0, 'messages were dropped');
    process.kill(daemon.pid, 'SIGCONT');

    await until(async () => (await ownRoutes(lab.node, 100, ['ipv4'])).has(lost), {
      what: 'the route deleted meanwhile is back',
    });
    assert.ok(daemon.running);
  });

  it('stops in order, and starts again beside what it left', async () => {
    const before = await ownRoutes(lab.node, 100);
    assert.equal(await daemon.stop(), 0);
    assert.deepEqual(await ownRoutes(lab.node, 100), before);
    await daemon.launch();
    assert.deepEqual(await ownRoutes(lab.node, 100), before);
  });
});

describe('without CAP_NET_ADMIN', () => {
  let lab: TwoFabrics;
  before(async () => {
    lab = await TwoFabrics.create();
  });
  after(() => lab[Symbol.asyncDispose]());

  const config = {
    source: { gobgp: { address: '127.0.0.1:50051' } },
    tables: [{ id: 100 }],
  };
  for (const [how, pod] of [
    ['node without a file capability', {}],
    ['a shell before it', { capability: 'cap_net_admin+ep', behindShell: true }],
  ] as const) {
    it(`says so in one line and exits 1: ${how}`, async () => {
      await using daemon = await daemonInPod({ netns: lab.node, config, ...pod });
      await daemon.launch({ until: 'nothing' });
      await until(() => !daemon.running, { what: 'it has ended' });
      assert.equal(daemon.exitCode, 1);
      assert.equal(
        daemon.output,
        'rib2fib: CAP_NET_ADMIN is missing: run as root, or give node the file capability cap_net_admin+ep\n',
      );
      assert.deepEqual(daemon.log, []);
    });
  }

  it('plan reads the kernel all the same, and prints what root would see', async () => {
    const scratch = scratchDirectory('plan');
    for (const path of [scratch.path, dirname(lab.routesFile)]) chmodSync(path, 0o755);
    await lab.feed([{ prefix: '10.1.0.0/16', nextHop: [ROUTER1, ROUTER2] }]);
    await lab.node.ipBatch(['route add 10.9.9.0/24 via 10.9.0.9 table 100 proto 178 metric 20']);
    const config = join(scratch.path, 'rib2fib.yaml');
    const socket = join(scratch.path, 'admin.sock');
    const table = { id: 100, filters: [{ permit: {} }], nextHop: { objects: 'always' } };
    const tables = [{ ...table, rules: { priority: 10_000, from: [POOL, { interface: 'eth1' }] } }];
    await writeFile(config, JSON.stringify({ source: lab.source, admin: { socket }, tables }));

    const command = [process.execPath, PROGRAM, 'plan', '--config', config];
    const asRoot = await lab.node.exec(...command);
    assert.match(
      asRoot,
      /^- 10\.9\.9\.0\/24 via 10\.9\.0\.9 dev eth1 table 100 proto 178 metric 20$/m,
    );
    assert.equal(await lab.node.exec(...podCommand({}, scratch.path)(command)), asRoot);
    scratch.remove();
  });
});

describe('nft as a pod has it', () => {
  let lab: TwoFabrics;
  const table = {
    ...{ id: 100, filters: [{ permit: {} }] },
    rules: { priority: 10_000, from: [POOL, POOL_V6], returnPath: 'connmark' },
  };
  const pod = (nftCapability: string) =>
    daemonInPod({
      ...{ netns: lab.node, capability: 'cap_net_admin+ep', nftCapability },
      config: { source: lab.source, tables: [table] },
    });

  before(async () => {
    lab = await TwoFabrics.create();
    chmodSync(dirname(lab.routesFile), 0o755);
    await lab.feed([{ prefix: '10.1.0.0/16', nextHop: ROUTER1 }]);
  });
  after(() => lab[Symbol.asyncDispose]());

  it('marks connections with a file capability of its own', async () => {
    await using daemon = await pod('cap_net_admin+ep');
    await daemon.launch();
    await until(
      async () => {
        const { ready, connmark } = await daemon.status();
        // Its interfaces are those of the routes, which come first.
        return ready && connmark.state === 'kept' && connmark.tables[0]?.interfaces[0] === 'eth1';
      },
      { what: 'connections are marked that arrive at eth1' },
    );
    const listed = await lab.node.exec('nft', 'list', 'table', 'inet', 'rib2fib');
    assert.match(listed, /iifname @interfaces_100/);
    await lab.node.exec('nft', 'delete', 'table', 'inet', 'rib2fib');
    await until(() => lab.node.exec('nft', 'list', 'table', 'inet', 'rib2fib'), {
      what: 'a change is heard and put right',
    });
    assert.equal(await daemon.stop(), 0);
  });

  it('is refused in one line without: it inherits nothing', async () => {
    await using daemon = await pod('');
    await daemon.launch({ until: 'nothing' });
    await until(() => !daemon.running, { what: 'it has ended' });
    assert.equal(daemon.exitCode, 1);
    assert.match(
      daemon.output,
      /tables\[0\]\.rules\.returnPath: .*give nft the file capability cap_net_admin\+ep$/m,
    );
  });
});
