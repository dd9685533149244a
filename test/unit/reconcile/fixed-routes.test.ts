/** Stories of what a table holds besides learned routes: throw, static, onMiss. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, limit, prefix, rulesFrom, staticRoute, table } from '../desired/build.js';
import { FakeNode, runningNode } from './node.js';

test('everything fixed is there before the rules send traffic to it', async () => {
  const node = await new FakeNode(
    config(
      table({
        keepInMain: [prefix('10.42.0.0/16')],
        static: [staticRoute('0.0.0.0/0', '10.9.0.2', '10.9.1.2*3')],
        onMiss: 'unreachable',
        rules: { ...rulesFrom('203.0.113.0/24'), match: [] },
      }),
    ),
  ).start();
  node.did(
    'route add throw 10.42.0.0/16 table 100 metric 20',
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add throw 10.9.1.0/24 table 100 metric 20',
    'route add default table 100 metric 1020 nexthop via 10.9.0.2 dev eth1 weight 1 nexthop via 10.9.1.2 dev eth2 weight 3',
    'rule add from 203.0.113.0/24 lookup 100 pref 10000',
  );
  // What is not there may only not have been heard yet.
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  node.did('route add 10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.synced();
  node.did('route add unreachable default table 100 metric 4294967294');
  await node.stop();
});

test('a learned route stands ahead of the static one of the same prefix, which stays', async () => {
  const node = await runningNode(
    config(table({ static: [staticRoute('10.0.0.0/8', '10.9.0.254%eth1')] })),
    '10.1.0.0/16 via 10.9.0.2',
  );
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  node.did('route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.hears('10.0.0.0/8');
  node.did('route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 via 10.9.0.254 dev eth1 table 100 metric 1020',
    '10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
  ]);
  await node.stop();
});

test('what lies inside keepInMain, or is on-link at an interface of the table, is not learned', async () => {
  const node = await runningNode(
    config(table({ keepInMain: [prefix('10.42.0.0/16')] })),
    '10.42.1.0/24 via 10.9.0.2',
    '10.42.0.0/16 via 10.9.0.2',
    '10.9.0.0/25 via 10.9.0.2',
    '10.9.1.0/24 via 10.9.0.2',
    '10.0.0.0/8 via 10.9.0.2',
  );
  assert.deepEqual(node.kernel.table(100), [
    '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    '10.9.1.0/24 via 10.9.0.2 dev eth1 table 100 metric 20',
    'throw 10.42.0.0/16 table 100 metric 20',
    'throw 10.9.0.0/24 table 100 metric 20',
  ]);
  await node.hears('10.11.0.0/16 via 10.9.1.2');
  node.did(
    'route replace throw 10.9.1.0/24 table 100 metric 20',
    'route add 10.11.0.0/16 via 10.9.1.2 dev eth2 table 100 metric 20',
  );
  await node.hears('10.11.0.0/16');
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    '10.9.1.0/24 via 10.9.0.2 dev eth1 table 100 metric 20',
  ]);
  await node.stop();
});

test('a learned route equal to the connected prefix that only it leads to: no oscillation', async () => {
  const node = await runningNode(config(table()), '10.9.1.0/24 via 10.9.1.2');
  assert.deepEqual(node.kernel.table(100), ['throw 10.9.1.0/24 table 100 metric 20']);
  node.did();
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  await node.hears('10.1.0.0/16');
  assert.deepEqual(node.kernel.table(100), ['throw 10.9.1.0/24 table 100 metric 20']);
  await node.hears('10.9.1.0/24');
  assert.deepEqual(node.kernel.table(100), []);
  await node.stop();
});

test('two that lead to one another’s connected prefix rest as well, under a limit too', async () => {
  for (const limits of [[], [limit('block', 1)]]) {
    const node = await runningNode(
      config(table({ limits })),
      '10.9.1.0/25 via 10.9.0.2',
      '10.9.0.0/25 via 10.9.1.2',
      '10.1.0.0/16 via 10.9.1.2',
    );
    const before = node.kernel.table(100);
    assert.ok(before.length > 0);
    await node.hears('10.1.0.0/16');
    await node.hears('10.1.0.0/16 via 10.9.1.2');
    node.kernel.takeLog();
    node.reconciler.audit();
    await node.rest();
    node.did();
    await node.stop();
  }
});

test('a static route whose interface is down goes, and comes back with it', async () => {
  const node = await runningNode(
    config(table({ static: [staticRoute('0.0.0.0/0', '10.9.0.2%eth1', '%eth2*2')] })),
  );
  const before = node.kernel.table(100);
  await node.link('eth1', { up: false, carrier: false });
  assert.deepEqual(node.routes(), ['default dev eth2 table 100 metric 1020']);
  await node.link('eth2', { up: true, carrier: false });
  assert.deepEqual(node.routes(), []);
  await node.link('eth2', { up: true, carrier: true });
  await node.link('eth1', { up: true, carrier: true });
  assert.deepEqual(node.kernel.table(100), before);
  await node.stop();
});

test('what only learned routes led to is kept in main no longer once hold has ended', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  await node.lost();
  await node.pass(120_000);
  assert.deepEqual(node.kernel.table(100), []);
  await node.stop();
});
