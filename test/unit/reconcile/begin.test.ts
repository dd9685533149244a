/** Stories of a start whose source is heard while the kernel is read for the first time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { KernelError } from '../../../src/kernel/kernel.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { config, limit, nextHop, prefix, RESET, SYNCED, table, updates } from '../desired/build.js';
import { FakeNode, runningNode } from './node.js';

const FEED = [
  '10.0.0.0/8 via 10.9.0.2',
  '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2',
  '10.2.0.0/16 via 10.9.1.2',
  '10.3.0.0/16 via 10.9.1.2',
];

/** The next life of the daemon over the same kernel, which hears `texts` in the middle of its first reading. */
async function reborn(
  node: FakeNode,
  next: Config,
  hear: (node: FakeNode) => void,
): Promise<FakeNode> {
  await node.stop();
  node.kernel.takeLog();
  const other = new FakeNode(next, node.kernel, node.clock);
  return await other.begin(() => hear(other));
}

function tell(node: FakeNode, ...events: readonly SourceEvent[]): void {
  node.engine.apply(events, node.clock.monotonic());
  node.reconciler.wake();
}

for (const objects of ['always', 'never', 'auto'] as const) {
  const one = () => config(table({ nextHop: nextHop({ objects }) }));

  test(`a whole feed before the kernel is read: nothing is written, objects ${objects}`, async () => {
    const next = await reborn(await runningNode(one(), ...FEED), one(), (node) => {
      tell(node, RESET, updates(...FEED), ...SYNCED);
      assert.equal(node.reconciler.settled, false);
    });
    next.did();
    assert.equal(next.reconciler.settled, true);
    await next.stop();
  });

  test(`what came, moved and went meanwhile, and no more, is written, objects ${objects}`, async () => {
    const before = [...FEED, '10.4.0.0/16 via 10.9.0.2'];
    const after = [...FEED.slice(1), '10.4.0.0/16 via 10.9.1.2', '10.5.0.0/16 via 10.9.0.2'];
    const next = await reborn(await runningNode(one(), ...before), one(), (node) => {
      tell(node, RESET, updates(...after), ...SYNCED);
    });
    const touched = next.kernel.takeLog().map((line) => line.split(' ').slice(0, 3).join(' '));
    const routes = touched.filter((line) => line.startsWith('route'));
    assert.deepEqual(routes.toSorted(), [
      'route add 10.5.0.0/16',
      'route del 10.0.0.0/8',
      'route replace 10.4.0.0/16',
    ]);
    const fresh = await runningNode(one(), ...after);
    const withoutIds = (lines: string[]) => lines.map((line) => line.replace(/ nhid #\d+/, ''));
    assert.deepEqual(withoutIds(next.routes()), withoutIds(fresh.routes()));
    await next.stop();
    await fresh.stop();
  });

  test(`half a feed before the kernel is read, its end behind, objects ${objects}`, async () => {
    const next = await reborn(await runningNode(one(), ...FEED), one(), (node) => {
      tell(node, RESET, updates(...FEED.slice(2)));
    });
    next.did();
    await next.hears(FEED[1] ?? '');
    next.did();
    await next.synced();
    const deleted = next.kernel.takeLog().filter((line) => line.startsWith('route'));
    assert.deepEqual(
      deleted.map((line) => line.split(' ').slice(0, 3).join(' ')),
      ['route del 10.0.0.0/8'],
    );
    await next.stop();
  });
}

test('the end of a feed removes what nobody spoke of, and looks at nothing else', async () => {
  const node = await runningNode(config(table()), ...FEED);
  const next = await reborn(node, config(table()), (other) => {
    tell(other, RESET, updates(...FEED.slice(1)));
  });
  next.did();
  // Behind the daemon's back, and unnoticed: a look at all of the table would add it again.
  next.reconciler.mirror.remove(100, prefix('10.1.0.0/16'), 20);
  await next.synced();
  next.did('route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  await next.stop();
});

test('the first reading fails: nothing is written before one succeeds, and what was heard is not lost', async () => {
  const node = await runningNode(config(table()), ...FEED);
  const next = await reborn(node, config(table()), (other) => {
    tell(other, RESET, updates(...FEED, '10.9.0.0/16 via 10.9.0.2'), ...SYNCED);
    throw new KernelError('routes', 'EAGAIN', 'changed all the time');
  });
  next.did();
  assert.equal(next.reconciler.settled, false);
  await next.pass(1_000);
  next.did('route add 10.9.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20');
  assert.equal(next.reconciler.settled, true);
  await next.stop();
});

test('what next hops are resolved over is read once, and again after a reading that failed', async () => {
  const first = new FakeNode(config(table()));
  await first.begin(() => undefined);
  assert.equal(first.kernel.underlayReads, 1);
  await first.stop();
  const next = new FakeNode(config(table()));
  await next.begin(() => {
    // And nobody tells it.
    next.kernel.mainRoute('172.16.0.0/16 via 10.9.0.2 dev eth1');
    next.kernel.tell({ type: 'overrun' });
    throw new KernelError('routes', 'EAGAIN', 'changed all the time');
  });
  await next.pass(1_000);
  await next.feed('10.0.0.0/8 via 172.16.0.1');
  assert.equal(next.routes().length, 1);
  await next.stop();
});

test('the daemon is told to end in the middle of the first reading: nothing is written', async () => {
  const node = await runningNode(config(table()), ...FEED);
  await node.stop();
  node.kernel.takeLog();
  const next = new FakeNode(config(table()), node.kernel, node.clock);
  let ended: Promise<void> = Promise.resolve();
  await next.begin(() => {
    tell(next, RESET, updates('10.9.0.0/16 via 10.9.0.2'), ...SYNCED);
    ended = next.stop();
  });
  await ended;
  next.did();
});

test('a small table that stands on groups goes back to inline next hops, be its feed complete before that is read', async () => {
  const before = config(table({ nextHop: nextHop({ objects: 'always' }) }));
  const next = await reborn(await runningNode(before, ...FEED), config(table()), (node) => {
    tell(node, RESET, updates(...FEED), ...SYNCED);
  });
  assert.deepEqual(
    next.routes().filter((line) => line.includes('nhid')),
    [],
  );
  await next.stop();
});

test('a limit that comes by a reload while the kernel is read is not held by claims for ever', async () => {
  const node = await runningNode(config(table()), ...FEED);
  const limited = config(table({ limits: [limit('block', 5)] }));
  const next = await reborn(node, config(table()), (other) => {
    tell(other, RESET, updates(FEED[0] ?? ''), ...SYNCED);
    other.engine.reconfigure(limited);
    other.reconciler.audit();
  });
  await next.hears(...['1', '2', '3', '4'].map((n) => `20.${n}.0.0/16 via 10.9.0.2`));
  assert.equal(next.routes().length, 5);
  await next.stop();
});
