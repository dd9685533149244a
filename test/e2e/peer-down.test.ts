/** A router that goes takes all its routes along: one message of IPv4's, and no others than its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Family } from '../../src/net/family.js';
import { announcement, endOfRib } from '../support/bgp-wire.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { KernelMonitor, kernelNexthops, kernelRoutes, OWN } from '../support/kernel-view.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { RawBgp, type RawConnection } from '../support/raw-bgp.js';
import { until } from '../support/wait.js';

const NODE = '10.9.0.1';
const NEAR = '10.9.0.2';
const FAR = '10.9.0.3';
const FAR_V6 = '2001:db8:9::3';

const prefixes = (net: number, count: number) =>
  Array.from({ length: count }, (_, i) => `${net}.${i >> 8}.${i & 255}.0/24`);
const ONLY_NEAR = prefixes(40, 11_000);
/** The near router's while it is there, by its shorter path. */
const SHARED = prefixes(50, 300);
/** So many that the table stays on groups. */
const ONLY_FAR = prefixes(60, 6_000);
const SIX = Array.from({ length: 400 }, (_, i) => `2001:db8:${(0x1000 + i).toString(16)}::/48`);

describe('a router that goes', { concurrency: 1 }, () => {
  let fabric: Netns;
  let node: Netns;
  let daemon: Daemon;
  let raw: RawBgp;
  let near: RawConnection;
  let far: RawConnection;

  const session = async (peer: string, localAs: number, families: readonly Family[]) => {
    const connection = await raw.connect(peer, NODE);
    await connection.establish({ as: localAs, routerId: peer, families });
    return connection;
  };
  const send = (connection: RawConnection, peer: string, family: Family, routes: string[]) => {
    const asPath = peer === FAR ? [65010] : [];
    const nextHop = family === 'ipv4' ? peer : FAR_V6;
    const speaker = { localAs: peer === FAR ? 65002 : 65001, internal: false };
    connection.send(...announcement(family, routes, { nextHop, asPath }, speaker));
  };
  const announceNear = async () => {
    near = await session(NEAR, 65001, ['ipv4']);
    send(near, NEAR, 'ipv4', [...ONLY_NEAR, ...SHARED]);
    near.send(endOfRib('ipv4'));
  };
  /** rib2fib's routes by the group they stand on. */
  const standing = async (family: Family) => {
    const groups = new Map<number, Set<string>>();
    for (const { protocol, nhid, dst } of await kernelRoutes(node, 100, [family])) {
      if (protocol !== OWN || nhid === undefined) continue;
      groups.set(nhid, (groups.get(nhid) ?? new Set()).add(dst));
    }
    return [...groups.values()].toSorted((a, b) => b.size - a.size);
  };
  const become = async (expected: readonly (readonly string[])[]) => {
    await until(
      async () => {
        const sizes = (await standing('ipv4')).map(({ size }) => size);
        return sizes.join() === expected.map(({ length }) => length).join();
      },
      { what: `groups of ${expected.map(({ length }) => length)}`, deadlineMs: 40_000 },
    );
    assert.deepEqual(
      await standing('ipv4'),
      expected.map((one) => new Set(one)),
    );
  };

  before(async () => {
    fabric = await createNetns('fabric');
    node = await createNetns('node');
    const addresses = [`${NEAR}/24`, `${FAR}/24`, `${FAR_V6}/64`];
    const port = { name: 'eth1', addresses: [`${NODE}/24`, '2001:db8:9::1/64'] };
    await connect(fabric, { name: 'f0', addresses }, node, port);
    const peers = [
      { address: NEAR, as: 65001 },
      { address: FAR, as: 65002 },
    ];
    daemon = await startDaemon({
      ...{ netns: node, until: 'admin' },
      config: {
        source: { bgp: { listen: `${NODE}:179`, as: 65000, routerId: '10.255.0.1', peers } },
        tables: [{ id: 100, filters: [{ permit: {} }] }],
      },
    });
    raw = RawBgp.start(fabric);
    far = await session(FAR, 65002, ['ipv4', 'ipv6']);
    send(far, FAR, 'ipv4', [...SHARED, ...ONLY_FAR]);
    send(far, FAR, 'ipv6', SIX);
    far.send(endOfRib('ipv4'), endOfRib('ipv6'));
    await announceNear();
    await become([[...ONLY_NEAR, ...SHARED], ONLY_FAR]);
    await until(async () => (await daemon.status()).ready, { what: 'ready' });
  });
  after(async () => {
    await raw?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
    await fabric?.[Symbol.asyncDispose]();
  });

  it('takes 11,000 routes along in one message, once the others have a new way; nothing is drift', async () => {
    await using monitor = await KernelMonitor.start(node);
    const done = () => daemon.metric('kernel_operations_total');
    const [before, drift] = [await done(), await daemon.metric('drift_repaired_total')];
    near.reset();
    await become([[...SHARED, ...ONLY_FAR]]);
    const groups = async () => (await kernelNexthops(node)).filter(({ group }) => group);
    await until(async () => (await groups()).length === 2, { what: 'a group for each family' });
    const lines = await monitor.own();
    const gone = lines.findIndex((line) => /^\[NEXTHOP\]Deleted id \d+ group/.test(line));
    assert.ok(gone >= 0, lines.slice(-10).join('\n'));
    const moved = lines.flatMap((line, i) => (/^\[ROUTE\]unicast 50\./.test(line) ? [i] : []));
    assert.equal(moved.length, SHARED.length);
    assert.ok((moved.at(-1) ?? gone) < gone);
    assert.equal(lines.filter((line) => /^\[ROUTE\]Deleted unicast 40\./.test(line)).length, 0);
    // Those that moved, the group and its single.
    assert.equal((await done()) - before, SHARED.length + 2);
    assert.equal(await daemon.metric('drift_repaired_total'), drift);
    assert.equal(await daemon.metric('kernel_overruns_total'), 0);
  });

  it('and is back: the same routes on a group of their own', async () => {
    await announceNear();
    await become([[...ONLY_NEAR, ...SHARED], ONLY_FAR]);
  });

  it('what another router announces as it goes is there in the end, and all else is gone', async () => {
    const [taken, ...rest] = [ONLY_NEAR.slice(0, 700), ONLY_NEAR.slice(700, 1_400)];
    // Some before the daemon knows, some as it is at it.
    near.reset();
    send(far, FAR, 'ipv4', taken ?? []);
    for (const one of rest) send(far, FAR, 'ipv4', one);
    await become([[...SHARED, ...ONLY_FAR, ...ONLY_NEAR.slice(0, 1_400)]]);
  });

  it('IPv6 routes go one by one: the kernel tells of each that goes with its group', async () => {
    await using monitor = await KernelMonitor.start(node);
    const done = await daemon.metric('kernel_operations_total');
    far.reset();
    await until(async () => (await standing('ipv6')).length === 0, { what: 'no IPv6 routes' });
    await become([]);
    const lines = await monitor.own();
    const deleted = lines.filter((line) => /^\[ROUTE\]Deleted unicast 2001:db8:1/.test(line));
    assert.equal(deleted.length, SIX.length);
    const group = lines.findIndex((line) => /^\[NEXTHOP\]Deleted id \d+ group/.test(line));
    assert.ok(group >= 0);
    assert.ok((await daemon.metric('kernel_operations_total')) - done >= SIX.length);
    assert.equal(await daemon.metric('kernel_overruns_total'), 0);
    assert.equal(await daemon.metric('drift_repaired_total'), 0);
  });
});
