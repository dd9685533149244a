/** Stories of a reload: one atomic change, in an order that never leaves a window. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, limit, match, nextHop, rulesFrom, staticRoute, table } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { FakeNode, runningNode } from './node.js';

const RULES = rulesFrom('203.0.113.0/24');

test('a reload of what is in force changes nothing', async () => {
  const of = () =>
    config(
      table({
        rules: RULES,
        static: [staticRoute('0.0.0.0/0', '10.9.0.254')],
        limits: [limit('block', 2)],
        onMiss: 'unreachable',
      }),
    );
  const node = await runningNode(of(), '10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.1.2');
  await node.hears('10.2.0.0/16 via 10.9.0.2');
  await node.reload(of());
  node.did();
  await node.stop();
});

test('a new metric is added before the old goes', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  await node.reload(config(table({ metric: 30 })));
  node.did(
    'route add throw 10.9.0.0/24 table 100 metric 30',
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 30',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del throw 10.9.0.0/24 table 100 metric 20',
  );
  await node.stop();
});

test('another table: filled, then its rules, then the old rules go, then the old routes', async () => {
  const node = await runningNode(config(table({ rules: RULES })), '10.0.0.0/8 via 10.9.0.2');
  await node.reload(config(table({ id: 200, rules: RULES })));
  node.did(
    'route add throw 10.9.0.0/24 table 200 metric 20',
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 20',
    'rule add from 203.0.113.0/24 lookup 200 pref 10000',
    'rule del from 203.0.113.0/24 lookup 100 pref 10000',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del throw 10.9.0.0/24 table 100 metric 20',
  );
  await node.stop();
});

test('another table before the feed is complete: the old one and its rules stay until it is', async () => {
  const node = await runningNode(config(table({ rules: RULES })), '10.0.0.0/8 via 10.9.0.2');
  await node.stop();
  const next = await new FakeNode(
    config(table({ id: 200, rules: RULES })),
    node.kernel,
    node.clock,
  ).start();
  await next.hears('10.0.0.0/8 via 10.9.0.2');
  next.did(
    'rule add from 203.0.113.0/24 lookup 200 pref 10000',
    'route add throw 10.9.0.0/24 table 200 metric 20',
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 20',
  );
  await next.synced();
  next.did(
    'rule del from 203.0.113.0/24 lookup 100 pref 10000',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del throw 10.9.0.0/24 table 100 metric 20',
  );
  await next.stop();
});

test('a new rule priority is added before the old goes', async () => {
  const node = await runningNode(config(table({ rules: RULES })), '10.0.0.0/8 via 10.9.0.2');
  await node.reload(config(table({ rules: { ...RULES, priority: 9000 } })));
  node.did(
    'rule add from 203.0.113.0/24 lookup 100 pref 9000',
    'rule del from 203.0.113.0/24 lookup 100 pref 10000',
  );
  await node.stop();
});

test('filters: what is denied now goes, what is permitted comes', async () => {
  const permit = (text: string) => [rule('permit', 'f', { prefix: text })];
  const node = await runningNode(
    config(table({ filters: permit('10.0.0.0/8') })),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.0.2',
  );
  await node.reload(config(table({ filters: permit('11.0.0.0/8') })));
  node.did(
    'route add 11.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await node.stop();
});

test('a table that is gone from the configuration is emptied, from its end', async () => {
  const node = await runningNode(
    config(table(), table({ id: 200, name: 'b' })),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.0.2',
  );
  await node.reload(config(table()));
  node.did(
    'route del 11.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 20',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 20',
    'route del throw 10.9.0.0/24 table 200 metric 20',
  );
  await node.stop();
});

test('a refused removal from a table that is gone is tried again, and the loop rests meanwhile', async () => {
  const node = await runningNode(
    config(table(), table({ id: 200, name: 'b' })),
    '10.0.0.0/8 via 10.9.0.2',
  );
  node.kernel.refuse('route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 20', 'EBUSY', 2);
  await node.reload(config(table()));
  assert.equal(node.reconciler.retries.size, 1);
  await node.pass(10_000);
  assert.deepEqual(node.kernel.table(200), []);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('the metric of the static routes of before becomes that of the learned: replaced in place', async () => {
  const statics = [staticRoute('10.0.0.0/8', '10.9.0.254')];
  const node = await runningNode(config(table({ static: statics })), '10.0.0.0/8 via 10.9.0.2');
  await node.reload(config(table({ metric: 1020, static: statics })));
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 1020',
    '10.0.0.0/8 via 10.9.0.254 dev eth1 table 100 metric 2020',
  ]);
  await node.stop();
});

test('resolution rules change: each route follows in place', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 192.0.3.9');
  node.did();
  const viaDefault = nextHop({ viaDefault: true });
  await node.reload(config(table({ nextHop: viaDefault })));
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 192.0.2.1 dev eth0 table 100 metric 20']);
  const onlink = nextHop({ viaDefault: true, resolve: 'onlink' });
  await node.reload(config(table({ nextHop: onlink })));
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 192.0.3.9 dev eth0 table 100 metric 20 onlink']);
  await node.reload(
    config(table({ nextHop: nextHop({ resolve: 'connected', viaDefault: true }) })),
  );
  assert.deepEqual(node.routes(), []);
  await node.stop();
});

test('match entries: one rule in each family they may match', async () => {
  const node = await runningNode(config(table()));
  await node.reload(
    config(
      table({
        rules: {
          priority: 500,
          from: [{ kind: 'interface', interface: 'eth1' }],
          match: [match({ iif: 'eth2', fwmark: { value: 0x14, mask: 0xff } })],
          discover: [],
        },
      }),
    ),
  );
  node.did(
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add throw 10.9.1.0/24 table 100 metric 20',
    'rule add from 10.9.0.1/32 lookup 100 pref 500',
    'rule add from all fwmark 0x14/0xff iif eth2 lookup 100 pref 500',
  );
  await node.stop();
});

test('a reload that drops rules while the feed is being read does not wait for it', async () => {
  const node = await new FakeNode(config(table({ rules: RULES }))).start();
  node.kernel.takeLog();
  await node.reload(config(table()));
  node.did('rule del from 203.0.113.0/24 lookup 100 pref 10000');
  await node.stop();
});
