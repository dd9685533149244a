/** Stories of a restart: what the kernel has is taken over, and nothing that is right is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import type { KernelRoute } from '../../../src/kernel/kernel.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { config, limit, nextHop, prefix, rulesFrom, staticRoute, table } from '../desired/build.js';
import { FakeNode, runningNode } from './node.js';

const RULES = rulesFrom('203.0.113.0/24', '198.51.100.0/24');
const ON_OBJECTS = nextHop({ objects: 'always' });
const FEED = [
  '10.0.0.0/8 via 10.9.0.2',
  '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2',
  '10.2.0.0/16 via 10.9.0.2 bw 30 + 10.9.1.2 bw 10',
  '10.3.0.0/16 via 10.9.1.2',
  '0.0.0.0/0 via 10.9.0.2',
];

/** The next life of the daemon over the same kernel; what the first did is taken. */
async function reborn(node: FakeNode, next: Config): Promise<FakeNode> {
  await node.stop();
  node.kernel.takeLog();
  return await new FakeNode(next, node.kernel, node.clock).start();
}

/** Both modes, with every kind of route. */
function full(objects: 'always' | 'never' | 'auto'): Config {
  return config(
    table({
      nextHop: nextHop({ objects }),
      rules: RULES,
      static: [staticRoute('0.0.0.0/0', '10.9.0.254*2', '%eth2')],
      onMiss: 'unreachable',
    }),
  );
}

for (const objects of ['never', 'always', 'auto'] as const) {
  test(`nothing changed meanwhile: no operation, objects ${objects}`, async () => {
    const node = await runningNode(full(objects), ...FEED);
    const next = await reborn(node, full(objects));
    await next.hears(FEED[4] ?? '');
    await next.hears(FEED[1] ?? '', FEED[3] ?? '');
    await next.hears(FEED[2] ?? '', FEED[0] ?? '');
    next.did();
    await next.synced();
    next.did();
    next.reconciler.audit();
    await next.rest();
    next.did();
    await next.stop();
  });
}

test('groups of equal content: each set keeps its own, whatever is heard first', async () => {
  const tables = () =>
    config(table({ nextHop: ON_OBJECTS }), table({ id: 200, name: 'b', nextHop: ON_OBJECTS }));
  const node = await runningNode(tables());
  await node.main('add', '172.16.0.0/16 via 10.9.0.2 dev eth1');
  const feed = [
    '10.0.0.0/8 via 172.16.0.1',
    '10.1.0.0/16 via 172.16.0.2',
    '10.2.0.0/16 via 10.9.0.2',
    '10.3.0.0/16 via 172.16.0.2',
  ];
  await node.hears(...feed);
  for (const order of [feed, feed.toReversed()]) {
    const next = await reborn(node, tables());
    for (const text of order) await next.hears(text);
    await next.synced();
    next.did();
    await next.stop();
  }
});

test('an adopted group whose next hop moved meanwhile: one message moves its routes', async () => {
  const node = await runningNode(config(table({ nextHop: ON_OBJECTS })));
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  const feed = Array.from({ length: 50 }, (_, i) => `10.${i}.0.0/16 via 172.16.0.9`);
  await node.hears(...feed);
  await node.stop();
  node.kernel.changeMain('del', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  node.kernel.changeMain('add', '172.16.0.0/24 via 10.9.0.3 dev eth1');
  const next = await reborn(node, config(table({ nextHop: ON_OBJECTS })));
  await next.feed(...feed);
  next.did(
    'nexthop add id #2 via 10.9.0.3 dev eth1',
    'nexthop replace id #0 group #2',
    'nexthop del id #1',
  );
  await next.stop();
});

test('weights that changed meanwhile: one message', async () => {
  const node = await runningNode(
    config(table({ nextHop: ON_OBJECTS })),
    '10.0.0.0/8 via 10.9.0.2 bw 30 + 10.9.1.2 bw 10',
    '10.1.0.0/16 via 10.9.0.2 bw 30 + 10.9.1.2 bw 10',
  );
  const next = await reborn(node, config(table({ nextHop: ON_OBJECTS })));
  await next.feed(
    '10.0.0.0/8 via 10.9.0.2 bw 20 + 10.9.1.2 bw 10',
    '10.1.0.0/16 via 10.9.0.2 bw 20 + 10.9.1.2 bw 10',
  );
  next.did('nexthop replace id #0 group #1,100/#2,50');
  await next.stop();
});

test('a prefix that changed its next hop meanwhile does not take its old group along', async () => {
  const node = await runningNode(
    config(table({ nextHop: ON_OBJECTS })),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  const next = await reborn(node, config(table({ nextHop: ON_OBJECTS })));
  await next.hears('10.0.0.0/8 via 10.9.0.3', '10.1.0.0/16 via 10.9.0.2');
  next.did(
    'nexthop add id #3 via 10.9.0.3 dev eth1',
    'nexthop add id #2 group #3',
    'route replace 10.0.0.0/8 nhid #2 table 100 metric 20',
  );
  await next.stop();
});

test('one that is heard first does not move the routes that nobody has spoken of yet', async () => {
  const node = await runningNode(
    config(table({ nextHop: ON_OBJECTS })),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
    '10.2.0.0/16 via 10.9.0.2',
  );
  const next = await reborn(node, config(table({ nextHop: ON_OBJECTS })));
  await next.hears('10.0.0.0/8 via 10.9.0.3');
  next.did(
    'nexthop add id #3 via 10.9.0.3 dev eth1',
    'nexthop add id #2 group #3',
    'route replace 10.0.0.0/8 nhid #2 table 100 metric 20',
  );
  await next.hears('10.1.0.0/16 via 10.9.0.2', '10.2.0.0/16 via 10.9.0.2');
  await next.synced();
  next.did();
  await next.stop();
});

test('objects or not, as the new configuration says: replaced in place, nothing left behind', async () => {
  const inline = () => config(table({ nextHop: nextHop({ objects: 'never' }) }));
  const node = await runningNode(config(table({ nextHop: ON_OBJECTS })), ...FEED);
  const next = await reborn(node, inline());
  await next.feed(...FEED);
  const log = next.kernel.takeLog();
  assert.ok(
    log.every((line) => line.startsWith('route replace') || line.startsWith('nexthop del')),
  );
  assert.deepEqual(next.kernel.nexthopTexts(), []);
  const last = await reborn(next, config(table({ nextHop: ON_OBJECTS })));
  await last.feed(...FEED);
  assert.ok(last.kernel.takeLog().every((line) => !line.includes('route del')));
  assert.equal(last.routes().filter((line) => line.includes('nhid')).length, 5);
  await last.stop();
});

test('routes of before stay as stale until the feed is complete, then they go', async () => {
  const node = await runningNode(
    config(table()),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  const next = await reborn(node, config(table()));
  await next.hears('10.0.0.0/8 via 10.9.0.2');
  await next.apply({ type: 'synced', family: 'ipv4' });
  next.did();
  await next.apply({ type: 'synced', family: 'ipv6' });
  next.did('route del 10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20');
  await next.stop();
});

test('what is heard and withdrawn before the feed is complete goes at once', async () => {
  const node = await runningNode(
    config(table()),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  const next = await reborn(node, config(table()));
  await next.hears('10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.0.2');
  await next.hears('10.1.0.0/16');
  next.did('route del 10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20');
  await next.stop();
});

test('another metric, table and protocol of rules: taken over, nothing orphaned', async () => {
  const node = await runningNode(
    config(
      table({ rules: RULES }),
      table({ id: 300, name: 'old', rules: { ...RULES, priority: 7 } }),
    ),
    '10.0.0.0/8 via 10.9.0.2',
  );
  const next = await reborn(
    node,
    config(table({ id: 200, metric: 5, rules: rulesFrom('203.0.113.0/24') })),
  );
  await next.feed('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(next.kernel.table(100), []);
  assert.deepEqual(next.kernel.table(300), []);
  assert.deepEqual(next.routes(200), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 5']);
  assert.deepEqual(next.kernel.ruleTexts(), ['from 203.0.113.0/24 lookup 200 pref 10000']);
  await next.stop();
});

test('objects of ours that nothing stands on, from a life before, go', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.outside('nexthop add id #7 via 10.9.0.9 dev eth1 proto 178', { silent: true });
  node.kernel.outside('nexthop add id #8 group #7 proto 178', { silent: true });
  node.kernel.outside('nexthop add id 5 via 10.9.0.9 dev eth1 proto 4', { silent: true });
  const next = await reborn(node, config(table()));
  await next.feed('10.0.0.0/8 via 10.9.0.2');
  next.did('nexthop del id #8', 'nexthop del id #7');
  assert.equal(next.kernel.nexthopTexts().length, 1);
  await next.stop();
});

test('under block the kernel’s routes have the first claim, whatever is heard first', async () => {
  const limited = () => config(table({ limits: [limit('block', 2)] }));
  const node = await runningNode(limited(), '10.1.0.0/16 via 10.9.0.2', '10.2.0.0/16 via 10.9.0.2');
  await node.hears('10.3.0.0/16 via 10.9.0.2');
  const next = await reborn(node, limited());
  await next.hears('10.3.0.0/16 via 10.9.0.2');
  await next.hears('10.2.0.0/16 via 10.9.0.2', '10.1.0.0/16 via 10.9.0.2');
  await next.synced();
  next.did();
  await next.hears('10.1.0.0/16');
  next.did(
    'route add 10.3.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await next.stop();
});

test('more than one family: what IPv4 has ended does not sweep IPv6', async () => {
  const kernel = new FakeKernel();
  kernel.link('eth1', 3);
  kernel.address('10.9.0.1/24 dev eth1');
  kernel.address('2001:db8:9::1/64 dev eth1');
  const node = await new FakeNode(config(table()), kernel).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2', '2001:db8:1::/48 via 2001:db8:9::2');
  const next = await reborn(node, config(table()));
  await next.hears('10.0.0.0/8 via 10.9.0.2');
  await next.apply({ type: 'synced', family: 'ipv4' });
  next.did();
  await next.hears('2001:db8:1::/48 via 2001:db8:9::2');
  await next.apply({ type: 'synced', family: 'ipv6' });
  next.did();
  await next.stop();
});

test('a reading that begins anew: what it told before is void, and counts for nothing', async () => {
  const before = await runningNode(
    config(table({ nextHop: nextHop({ objects: 'always' }) })),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  await before.stop();
  const { kernel } = before;
  const told = (text: string, given: Partial<KernelRoute> = {}): KernelRoute => ({
    table: 100,
    prefix: prefix(text),
    metric: 20,
    protocol: 178,
    dead: false,
    target: { type: 'unreachable' },
    ...given,
  });
  // Gone before the reading ended: one alone, one beside a route that stays, one of a table of its own.
  kernel.abandonReading(
    told('10.7.0.0/16'),
    told('10.0.0.0/8', { metric: 30 }),
    told('10.0.0.0/8'),
    told('10.8.0.0/16', { table: 300 }),
  );
  const { config: same } = before.engine;
  const node = await new FakeNode(same, kernel, before.clock).start();
  const { mirror } = node.reconciler;
  assert.equal(mirror.count(100, 'ipv4'), node.kernel.table(100).length);
  assert.deepEqual(mirror.own(100, prefix('10.7.0.0/16')), []);
  assert.deepEqual(
    mirror.own(100, prefix('10.0.0.0/8')).map(({ metric, target }) => [metric, target.type]),
    [[20, 'nexthop']],
  );
  assert.equal(mirror.count(300, 'ipv4'), 0);
  kernel.takeLog();
  await node.feed('10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.0.2');
  node.did();
  await node.stop();
});
