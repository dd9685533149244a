/** Stories of limits, from what is offered to what the kernel has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from '../../../src/source/event-queue.js';
import { config, limit, prefix, table } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { path as from } from '../source/build.js';
import { FakeNode, runningNode } from './node.js';

const A = '10.1.0.0/16 via 10.9.0.2';
const B = '10.2.0.0/16 via 10.9.0.2';
const C = '10.3.0.0/16 via 10.9.0.2';
const D = '10.4.0.0/16 via 10.9.0.2';

/** The second octets of what is installed. */
function installed(node: FakeNode): string {
  return node
    .routes()
    .map((line) => line.split('.')[1])
    .join(' ');
}

test('block: what is installed stays, new prefixes wait for a place in order of arrival', async () => {
  const node = await runningNode(config(table({ limits: [limit('block', 2)] })), A, B, C, D);
  assert.equal(installed(node), '1 2');
  await node.hears('10.1.0.0/16 via 10.9.0.9');
  node.did('route replace 10.1.0.0/16 via 10.9.0.9 dev eth1 table 100 metric 20');
  await node.hears('10.2.0.0/16');
  node.did(
    'route add 10.3.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 10.2.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await node.hears('10.3.0.0/16', '10.1.0.0/16', B);
  assert.equal(installed(node), '2 4');
  assert.equal(node.engine.tables.get(100)?.rejected().get('limit-blocked') ?? 0, 0);
  await node.stop();
});

test('freeze: nothing new after the excess until it is cleared', async () => {
  const node = await runningNode(config(table({ limits: [limit('freeze', 2)] })), A, B, C);
  await node.hears('10.1.0.0/16', '10.3.0.0/16');
  await node.hears(D);
  assert.equal(installed(node), '2');
  node.engine.clearLimits(new Set(['fabric/all/ipv4']));
  node.reconciler.wake();
  await node.rest();
  assert.equal(installed(node), '2 4');
  await node.stop();
});

test('flush: the table is emptied, stays empty, and fills when it is cleared', async () => {
  const node = await runningNode(config(table({ limits: [limit('flush', 2)] })), A, B);
  await node.hears(C);
  assert.equal(installed(node), '');
  await node.hears('10.3.0.0/16', '10.2.0.0/16');
  assert.equal(installed(node), '');
  node.engine.clearLimits(new Set(['fabric/all/ipv4']));
  node.reconciler.wake();
  await node.rest();
  assert.equal(installed(node), '1');
  await node.stop();
});

for (const action of ['flush', 'freeze', 'teardown'] as const) {
  test(`${action}: a backlog that comes in lots counts once it is there as a whole`, async () => {
    const limits = [limit(action, 1_600)];
    const old = Array.from({ length: 1_500 }, (_, i) => `20.${i >> 8}.${i & 255}.0/24`);
    const node = await runningNode(
      config(table({ limits })),
      ...old.map((one) => `${one} via 10.9.0.2`),
    );
    const queue = new EventQueue();
    for (const one of old) queue.update(prefix(one.replace('20.', '21.')), [from('10.9.0.2')]);
    for (const one of old) queue.update(prefix(one), []);
    queue.synced('ipv4');
    const signal = new AbortController().signal;
    for (let synced = false; !synced; ) {
      const events = await queue.take(signal);
      synced = events.some(({ type }) => type === 'synced');
      await node.apply(...events);
    }
    assert.equal(node.engine.tables.get(100)?.limits[0]?.state, 'warning');
    assert.equal(node.routes().length, 1_500);
    assert.ok(node.routes().every((line) => line.startsWith('21.')));
    await node.stop();
  });
}

test('teardown: what is installed stays until its session has ended', async () => {
  const limits = [limit('teardown', 2, { peer: '10.9.0.2' })];
  const node = await runningNode(config(table({ limits })), A, B, C, '10.9.9.0/24 via 10.9.1.2');
  assert.equal(node.engine.tables.get(100)?.limits[0]?.takeTeardown(), true);
  assert.equal(installed(node), '1 2 9');
  await node.hears('10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16');
  assert.equal(installed(node), '9');
  await node.stop();
});

test('a limit of one peer refuses its paths only: another peer’s are used', async () => {
  const limits = [limit('block', 1, { peer: '10.9.0.2' })];
  const node = await runningNode(
    config(table({ limits })),
    A,
    '10.2.0.0/16 via 10.9.0.2 + 10.9.1.2',
    C,
  );
  assert.deepEqual(node.routes(), [
    '10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
    '10.2.0.0/16 via 10.9.1.2 dev eth2 table 100 metric 20',
  ]);
  await node.hears('10.1.0.0/16');
  assert.deepEqual(node.routes(), [
    '10.2.0.0/16 table 100 metric 20 nexthop via 10.9.0.2 dev eth1 weight 1 nexthop via 10.9.1.2 dev eth2 weight 1',
  ]);
  await node.stop();
});

test('reload: a larger max lets the waiting in, a smaller one takes nothing out', async () => {
  const of = (max: number) => config(table({ limits: [limit('block', max)] }));
  const node = await runningNode(of(2), A, B, C);
  await node.reload(of(3));
  assert.equal(installed(node), '1 2 3');
  await node.reload(of(1));
  assert.equal(installed(node), '1 2 3');
  await node.hears('10.1.0.0/16', '10.2.0.0/16', D);
  assert.equal(installed(node), '3');
  await node.reload(config(table()));
  assert.equal(installed(node), '3 4');
  await node.stop();
});

test('what is kept in main, denied or unreachable in another way gives its place up', async () => {
  const limits = [limit('block', 1)];
  const node = await runningNode(config(table({ limits })), A, B);
  await node.reload(config(table({ limits, keepInMain: [prefix('10.1.0.0/16')] })));
  assert.equal(installed(node), '2');
  await node.reload(
    config(
      table({
        limits,
        filters: [rule('deny', 'd', { prefix: '10.2.0.0/16' }), rule('permit', 'p')],
      }),
    ),
  );
  assert.equal(installed(node), '1');
  await node.stop();
});

test('received: counted before the filters, by the source or by what was heard', async () => {
  const limits = [limit('block', 2, { count: 'received' })];
  const filters = [rule('permit', 'p', { prefix: '10.0.0.0/8 le 16' })];
  const of = () => config(table({ limits, filters }));
  const node = await runningNode(of(), A, '20.1.0.0/16 via 10.9.0.2', '20.2.0.0/16 via 10.9.0.2');
  assert.equal(installed(node), '1');
  await node.hears(B);
  assert.equal(installed(node), '1 2', 'no more than max, though more are received');
  await node.hears(C);
  assert.equal(installed(node), '1 2');
  await node.hears('20.1.0.0/16', '20.2.0.0/16');
  assert.equal(installed(node), '1 2');
  await node.hears('10.2.0.0/16');
  assert.equal(installed(node), '1 3');
  const told = (ipv4: number) => [{ peer: '10.9.0.2', received: { ipv4, ipv6: 0 } }];
  node.engine.setReceived(told(50));
  await node.hears(D);
  assert.equal(installed(node), '1 3');
  await node.reload(of());
  assert.equal(installed(node), '1 3');
  node.engine.setReceived(told(2));
  await node.rest();
  assert.equal(node.engine.tables.get(100)?.limits[0]?.snapshot().count, 3);
  await node.stop();
});

test('latched before a restart: latched after it, and what the kernel has is not widened', async () => {
  const limits = [limit('freeze', 2)];
  const node = await runningNode(config(table({ limits })), A, B, C);
  await node.stop();
  const next = new FakeNode(config(table({ limits })), node.kernel, node.clock, [
    'fabric/all/ipv4',
  ]);
  await next.start();
  node.kernel.takeLog();
  await next.feed(C, B, A);
  next.did();
  await next.hears('10.1.0.0/16', '10.2.0.0/16');
  assert.equal(installed(next), '');
  await next.stop();
});

test('places reserved for a life before are given away when the feed is complete', async () => {
  const of = () => config(table({ limits: [limit('block', 2)] }));
  const node = await runningNode(of(), A, B);
  await node.stop();
  const next = await new FakeNode(of(), node.kernel, node.clock).start();
  await next.hears(C, D);
  assert.equal(installed(next), '1 2');
  await next.synced();
  assert.equal(installed(next), '3 4');
  await next.stop();
});

test('a limit that a reload adds keeps what is installed, and refuses what is new', async () => {
  const node = await runningNode(
    config(table({})),
    '10.1.0.0/16 via 10.9.0.2',
    '10.2.0.0/16 via 10.9.0.2',
    '10.3.0.0/16 via 10.9.0.2',
  );
  await node.reload(config(table({ limits: [limit('block', 2)] })));
  node.did();
  await node.hears('10.4.0.0/16 via 10.9.0.2');
  node.did();
  await node.stop();
});

test('a reload that swaps one filter for another latches nothing: no more than three were permitted at once', async () => {
  for (const action of ['freeze', 'flush'] as const) {
    const limits = [limit(action, 3)];
    const permit = (prefix: string) =>
      config(table({ limits, filters: [rule('permit', 'p', { prefix })] }));
    const old = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'].map((one) => `${one} via 10.9.0.2`);
    const next = ['20.1.0.0/16', '20.2.0.0/16', '20.3.0.0/16'].map((one) => `${one} via 10.9.0.2`);
    const node = await runningNode(permit('10.0.0.0/8 le 16'), ...old, ...next);
    assert.equal(installed(node), '1 2 3');
    await node.reload(permit('20.0.0.0/8 le 16'));
    assert.equal(installed(node), '1 2 3');
    assert.equal(node.engine.tables.get(100)?.limits[0]?.state, 'warning');
    await node.lost();
    await node.apply({ type: 'reset' });
    await node.hears(...['4', '5', '6'].map((octet) => `20.${octet}.0.0/16 via 10.9.0.2`));
    await node.synced();
    assert.equal(installed(node), '4 5 6', 'nor does a feed that brings others');
    await node.stop();
  }
});
