/** Stories of a source that is lost: hold, resync, and what is never emptied by accident. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, RESET, rulesFrom, SYNCED, staticRoute, table, updates } from '../desired/build.js';
import { FakeNode, runningNode } from './node.js';

const FEED = ['10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.1.2'];

test('lost and back within hold with the same routes: nothing is written', async () => {
  const node = await runningNode(config(table()), ...FEED);
  await node.lost();
  await node.pass(119_000);
  await node.feed(...FEED);
  await node.pass(1_000_000);
  node.did();
  await node.stop();
});

test('lost and back with other routes: changes at once, what is gone goes at the end of the feed', async () => {
  const node = await runningNode(config(table()), ...FEED, '10.2.0.0/16 via 10.9.0.2');
  await node.lost();
  await node.apply(RESET, updates('10.0.0.0/8 via 10.9.0.3', '10.3.0.0/16 via 10.9.0.2'));
  node.did(
    'route replace 10.0.0.0/8 via 10.9.0.3 dev eth1 table 100 metric 20',
    'route add 10.3.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await node.hears('10.1.0.0/16 via 10.9.1.2');
  node.did();
  await node.synced();
  node.did('route del 10.2.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.stop();
});

test('hold ends: the learned routes go, the fixed ones and the rules stay', async () => {
  const node = await runningNode(
    config(
      table({
        rules: rulesFrom('203.0.113.0/24'),
        static: [staticRoute('0.0.0.0/0', '10.9.0.254%eth1')],
      }),
    ),
    ...FEED,
  );
  await node.lost();
  await node.pass(119_999);
  node.did();
  await node.pass(1);
  node.did(
    'route del 10.1.0.0/16 via 10.9.1.2 dev eth2 table 100 metric 20',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del throw 10.9.1.0/24 table 100 metric 20',
  );
  assert.equal(node.engine.feed.phase.phase, 'expired');
  await node.feed(...FEED);
  assert.equal(node.routes().length, 3);
  await node.stop();
});

test('a daemon that never meets its source: the kernel’s routes stay for hold, then go', async () => {
  const node = await runningNode(config(table()), ...FEED);
  await node.stop();
  const next = await new FakeNode(config(table()), node.kernel, node.clock).start();
  await next.pass(119_000);
  next.did();
  await next.pass(1_000);
  assert.deepEqual(next.kernel.table(100), []);
  await next.stop();
});

test('hold: forever never ends', async () => {
  const node = await runningNode({ ...config(table()), hold: Number.POSITIVE_INFINITY }, ...FEED);
  await node.lost();
  await node.pass(10_000_000);
  node.did();
  await node.stop();
});

test('lost again and again before a feed is complete: hold counts from the first loss', async () => {
  const node = await runningNode(config(table()), ...FEED);
  await node.lost();
  for (let i = 0; i < 3; i++) {
    await node.pass(30_000);
    await node.apply(RESET, updates(FEED[0] ?? ''));
    await node.lost();
  }
  node.did();
  await node.pass(29_999);
  node.did();
  await node.pass(1);
  assert.deepEqual(node.kernel.table(100), []);
  await node.stop();
});

test('hold changed by a reload counts from the loss', async () => {
  const node = await runningNode(config(table()), ...FEED);
  await node.lost();
  await node.pass(60_000);
  await node.reload({ ...config(table()), hold: 300_000 });
  await node.pass(239_000);
  node.did();
  await node.reload({ ...config(table()), hold: 10_000 });
  await node.pass(1);
  assert.deepEqual(node.kernel.table(100), []);
  await node.stop();
});

test('a reset without a loss, and the same feed again: nothing is written', async () => {
  const node = await runningNode(config(table()), ...FEED);
  await node.apply(RESET);
  await node.apply(updates(...FEED), ...SYNCED);
  node.did();
  await node.stop();
});

test('the loop sleeps through a synced feed, to its next audit', async () => {
  const node = await runningNode(config(table()), ...FEED);
  const { audits } = node.kernel;
  await node.pass(9 * 60_000);
  assert.equal(node.kernel.audits, audits);
  await node.pass(60_000);
  assert.equal(node.kernel.audits, audits + 1);
  node.did();
  await node.stop();
});
