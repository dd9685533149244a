/** More notices than the monitor's socket holds, while nobody reads them; and a great many of its own, which it never hears. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { kernelNexthops, kernelRules, OWN, ownRoutesBecome } from '../support/kernel-view.js';
import { droppedMessages } from '../support/netlink-sockets.js';
import { type FileRoute, POOL, ROUTER1, ROUTER2, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const TABLES = { never: 100, always: 200 } as const;
const FOREIGN_TABLE = 4_000;
/** Each adds a route and removes it again. */
const FOREIGN_PAIRS = 250_000;
/** Two seconds are promised from when the daemon runs again; a busy machine's ip(8) takes longer than that to tell. */
const MENDED_MS = 10_000;

const PREFIXES = Array.from({ length: 2_000 }, (_, i) => `10.${128 + (i >> 8)}.${i & 255}.0/24`);
const ROUTES: readonly FileRoute[] = PREFIXES.map((prefix, i) => ({
  prefix,
  nextHop: i % 2 === 0 ? ROUTER1 : [ROUTER1, ROUTER2],
}));
const LEGS = [`via ${ROUTER1} dev eth1`, `via ${ROUTER2} dev eth2`];
const WANTED = Object.fromEntries(
  PREFIXES.map((prefix, i) => [prefix, i % 2 === 0 ? LEGS.slice(0, 1) : LEGS]),
);

const tables = Object.entries(TABLES).map(([objects, id]) => ({
  ...{ id, name: objects, filters: [{ permit: {} }], nextHop: { objects } },
  rules: { priority: 10_000 + id, from: [POOL] },
}));

/** Pairs `from` to `to`, as lines of `ip -batch`. */
function foreignChanges(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => {
    const at = from + i;
    const prefix = `172.${16 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}/32`;
    const route = `${prefix} via ${ROUTER2} table ${FOREIGN_TABLE}`;
    return [`route add ${route}`, `route del ${route}`];
  }).flat();
}

/** A route gone, one pointed elsewhere under our mark, one in whose place a foreign one stood for a moment, and a rule gone. */
function ownChanges(table: number, at: number): string[] {
  const [gone, altered, stolen] = PREFIXES.slice(at);
  const place = `table ${table} metric 20`;
  const theft = `${stolen} via 10.9.1.78 ${place} proto static`;
  return [
    `route del ${gone} ${place}`,
    `route replace ${altered} via 10.9.1.77 ${place} proto ${OWN}`,
    `route replace ${theft}`,
    `route del ${theft}`,
    `rule del from ${POOL} lookup ${table} pref ${10_000 + table} proto ${OWN}`,
  ];
}

function peakMb(daemon: Daemon): number {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6;
}

async function complete(lab: TwoFabrics, deadlineMs: number): Promise<void> {
  for (const id of Object.values(TABLES)) {
    await ownRoutesBecome(lab.node, id, WANTED, { what: `table ${id} is complete`, deadlineMs });
  }
  await until(async () => (await kernelRules(lab.node)).length === tables.length, {
    ...{ what: 'all rules stand', deadlineMs },
  });
}

describe('the monitor', () => {
  it('loses notices while it is stopped: says so, audits, mends, and goes on', async () => {
    await using lab = await TwoFabrics.create();
    await lab.feed(ROUTES);
    const daemon = await lab.daemon({ tables });
    await complete(lab, 5_000);
    const peakBefore = peakMb(daemon);
    const { pid } = daemon;
    const lostBefore = droppedMessages(pid);

    process.kill(pid, 'SIGSTOP');
    try {
      const both = (at: number) => Object.values(TABLES).flatMap((id) => ownChanges(id, at));
      const half = FOREIGN_PAIRS / 2;
      // The first are in the socket when it overflows, the others are lost.
      await lab.node.ipBatch([...both(700), ...foreignChanges(0, half)]);
      await lab.node.ipBatch([
        ...Object.values(TABLES).flatMap((id) => ownChanges(id, 900).slice(0, -1)),
        ...foreignChanges(half, FOREIGN_PAIRS),
      ]);
      const [group] = (await kernelNexthops(lab.node)).filter((one) => one.group !== undefined);
      assert.ok(group !== undefined);
      await lab.node.ip('nexthop', 'del', 'id', String(group.id));
      assert.ok(droppedMessages(pid) > lostBefore, 'the socket overflowed');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await complete(lab, MENDED_MS);
    assert.equal(daemon.pid, pid);
    assert.ok((await daemon.status()).ready);
    await daemon.logged(({ msg }) => msg?.includes('were lost') === true, 'the loss');
    assert.equal(await daemon.metric('kernel_overruns_total'), 1);
    assert.ok((await daemon.metric('drift_repaired_total')) > 0);
    // What it reads after the loss is not contradicted by what it had been told before.
    assert.equal(await daemon.metric('kernel_errors_total'), 0);
    assert.ok(peakMb(daemon) < peakBefore + 50, `${peakBefore} MB before, ${peakMb(daemon)} after`);
    // It hears again.
    await lab.node.ipBatch(ownChanges(TABLES.never, 1_100));
    await complete(lab, MENDED_MS);
    assert.equal(await daemon.metric('kernel_overruns_total'), 1);
  });

  it('never hears what rib2fib itself writes', async () => {
    await using lab = await TwoFabrics.create();
    // Also where the kernel tells of every route on an object that changes.
    await lab.node.sysctl('net/ipv4/nexthop_compat_mode', 1);
    const daemon = await lab.daemon({ tables });
    const moved = ROUTES.map((route) => ({ ...route, nextHop: ROUTER2 }));
    for (const routes of [ROUTES, moved, [], ROUTES]) {
      await lab.feed(routes);
      const legs = routes === moved ? LEGS.slice(1) : undefined;
      const wanted = Object.fromEntries(
        routes.map(({ prefix }) => [prefix, legs ?? WANTED[prefix] ?? []]),
      );
      for (const id of Object.values(TABLES)) {
        await ownRoutesBecome(lab.node, id, wanted, { what: `${routes.length} routes` });
      }
    }
    // A group that is replaced: the kernel tells of its routes one by one.
    const behind = ROUTES.map((route) => ({ ...route, nextHop: '10.77.0.1' }));
    await lab.node.ip('route', 'add', '10.77.0.0/24', 'via', ROUTER1);
    await lab.feed(behind);
    for (const [i, router] of [ROUTER1, ROUTER2].entries()) {
      await lab.node.ip('route', 'replace', '10.77.0.0/24', 'via', router);
      const wanted = Object.fromEntries(PREFIXES.map((prefix) => [prefix, LEGS.slice(i, i + 1)]));
      for (const id of Object.values(TABLES)) {
        await ownRoutesBecome(lab.node, id, wanted, { what: `routes follow to ${router}` });
      }
    }
    await lab.feed(ROUTES);
    await complete(lab, 5_000);
    assert.ok((await daemon.metric('kernel_operations_total')) > 4 * 2 * PREFIXES.length);
    // What it does hear comes behind all of that.
    await lab.node.ipBatch(ownChanges(TABLES.never, 700).slice(0, 1));
    await complete(lab, MENDED_MS);
    assert.equal(await daemon.metric('drift_repaired_total'), 1);
    assert.equal(await daemon.metric('kernel_errors_total'), 0);
    assert.equal(await daemon.metric('kernel_overruns_total'), 0);
  });
});
