/** The bench's own instruments, held to what ip(8) says and does, and every contestant at a small table. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bird } from '../../bench/contestants/bird.js';
import { frr } from '../../bench/contestants/frr.js';
import { rib2fib } from '../../bench/contestants/rib2fib.js';
import { BenchLab, MARK, nextHopOf, OTHER_NEXT_HOP, ROUTER } from '../../bench/lab.js';
import { latenciesOf } from '../../bench/latencies.js';
import { RouteStamps } from '../../bench/route-stamps.js';
import { TableWatch } from '../../bench/table-watch.js';
import { withTable } from '../../bench/trial.js';
import { usageOf } from '../../bench/usage.js';
import type { Family } from '../../src/net/family.js';
import { FAMILIES } from '../../src/net/family.js';

const TABLE = 100;
const ROUTES = 300;

before(() => {
  execFileSync(fileURLToPath(new URL('../../scripts/bench-programs', import.meta.url)));
});

function lab(family: Family = 'ipv4'): Promise<BenchLab> {
  return BenchLab.create({ family, count: ROUTES, nextHop: nextHopOf(family) });
}

/** `ip route` commands over all of the lab's prefixes. */
function commands(prefixes: readonly string[], verb: string, way: string): string[] {
  return prefixes.map((prefix) => `route ${verb} ${prefix} ${way} table ${TABLE}`);
}

describe('the watch on a table', { concurrency: 1 }, () => {
  it('is content with every route there, with none there, and not before', async () => {
    await using bench = await lab();
    await using node = await bench.node(TABLE);
    const options = { netns: node, family: 'ipv4', table: TABLE, mark: MARK } as const;
    await using watch = await TableWatch.start(options);
    const [last = '', ...rest] = [...bench.prefixes].reverse();
    await node.ipBatch(commands(rest, 'add', `via ${ROUTER}`));
    assert.equal(await watch.count(), ROUTES - 1);
    let done = false;
    const full = watch.present(bench.samples, ROUTES).then((seen) => {
      done = true;
      return seen;
    });
    await node.ipBatch(commands([last], 'add', `via ${ROUTER} metric 5`));
    const added = process.hrtime.bigint();
    const seen = await full;
    assert.ok(done);
    assert.equal(seen.count, ROUTES);
    assert.ok(seen.at - added < 5_000_000_000n);
    // Routes that forward nothing are none.
    await node.ipBatch(
      commands(bench.prefixes, 'replace', 'metric 5').map((line) =>
        line.replace('replace ', 'replace unreachable '),
      ),
    );
    await node.ipBatch(commands(rest, 'del', `via ${ROUTER}`));
    await node.ipBatch(commands([last], 'del', 'metric 5'));
    assert.equal((await watch.absent(bench.samples, ROUTES)).count, ROUTES - 1);
  });

  it('tells of the interface that packets leave by', async () => {
    await using bench = await lab();
    await using node = await bench.node(TABLE);
    const options = { netns: node, family: 'ipv4', table: TABLE, mark: MARK } as const;
    await using watch = await TableWatch.start({ ...options, deadlineMs: 200 });
    await node.ipBatch(commands(bench.prefixes, 'add', `via ${ROUTER}`));
    const index = async (name: string) =>
      Number(await node.exec('cat', `/sys/class/net/${name}/ifindex`));
    await watch.via(bench.samples, await index('eth1'));
    await assert.rejects(watch.via(bench.samples, await index('eth2')), /not within 200 ms: 0 of/);
  });

  for (const family of FAMILIES) {
    it(`gives up on ${family} routes that do not come, and says how far it is`, async () => {
      await using bench = await lab(family);
      await using node = await bench.node(TABLE);
      const options = { netns: node, family, table: TABLE, mark: MARK, deadlineMs: 200 };
      await using watch = await TableWatch.start(options);
      const way = `via ${nextHopOf(family)}`;
      await node.ipBatch(commands(bench.prefixes.slice(0, 10), 'add', way));
      const late = family === 'ipv4' ? /not within 200 ms: \d+ of/ : /then 10 routes for 300/;
      await assert.rejects(watch.present(bench.samples, ROUTES), late);
    });
  }
});

describe('the count of what the kernel tells', () => {
  it('knows new, replaced and deleted routes of one table, with their times', async () => {
    await using bench = await lab();
    await using node = await bench.node(TABLE);
    await using stamps = await RouteStamps.start(node, TABLE, 'stamps');
    const begin = process.hrtime.bigint();
    const some = bench.prefixes.slice(0, 20);
    await node.ipBatch([
      ...commands(some, 'add', `via ${ROUTER}`),
      ...commands(some.slice(0, 5), 'replace', `via ${OTHER_NEXT_HOP}`),
      ...commands(some.slice(0, 3), 'del', ''),
      `nexthop add id 7 via ${ROUTER} dev eth1`,
      `route add 192.0.2.0/24 via ${ROUTER} table 101`,
    ]);
    const counts = { added: 20, replaced: 5, deleted: 3, nexthops: 1, messages: 29 };
    assert.deepEqual(await stamps.counts(), counts);
    const all = await stamps.stamps();
    assert.deepEqual(
      all.map(({ event, prefix }) => `${event} ${prefix}`),
      [
        ...some.map((prefix) => `new ${prefix}`),
        ...some.slice(0, 5).map((prefix) => `new ${prefix}`),
        ...some.slice(0, 3).map((prefix) => `gone ${prefix}`),
      ],
    );
    const end = process.hrtime.bigint();
    assert.ok(all.every(({ at }) => at >= begin && at <= end));
    assert.deepEqual(await stamps.stamps(), []);
  });
});

for (const contestant of [rib2fib, bird, frr]) {
  describe(contestant.name, { concurrency: 1 }, () => {
    for (const family of FAMILIES) {
      it(`has ${family} routes of the feeder in the kernel, and loses them with the session`, async () => {
        await using bench = await lab(family);
        await withTable(
          bench,
          contestant,
          { family },
          async ({ watch, seconds, running, idle }) => {
            assert.ok(seconds > 0 && seconds < 60, `${seconds} s`);
            const { cpuSeconds, peakMb } = usageOf(running.pids);
            assert.ok(cpuSeconds >= idle.cpuSeconds && peakMb >= idle.peakMb && idle.peakMb > 1);
            await bench.feeder.drop();
            await watch.absent(bench.samples, contestant.extras[family]);
          },
        );
      });
    }

    it('has changed routes in the kernel, each soon after its change', async () => {
      await using bench = await lab();
      await withTable(bench, contestant, { family: 'ipv4' }, async ({ node, watch }) => {
        await using stamps = await RouteStamps.start(node, contestant.table, 'stamps');
        const changes = await bench.feeder.churn({
          ...{ changes: 50, changesASecond: 500, nextHop: OTHER_NEXT_HOP },
        });
        const changed = changes.flatMap(({ prefixes }) => prefixes);
        assert.ok(changed.length >= 50 && changed.length < 70);
        assert.equal(await watch.count(), ROUTES + contestant.extras.ipv4);
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        const { p50, max } = latenciesOf(changes, await stamps.stamps());
        assert.ok(p50 > 0 && p50 <= max && max < 3_000);
      });
    });
  });
}
