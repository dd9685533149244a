/** Stories of inline next hops: what the source says, and what the kernel is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, config, nextHop, rulesFrom, table } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { bareKernel, FakeNode, runningNode } from './node.js';

test('the first feed: throw for the connected prefix, then the routes; the rules stand already', async () => {
  const node = await new FakeNode(config(table({ rules: rulesFrom('203.0.113.0/24') }))).start();
  node.did('rule add from 203.0.113.0/24 lookup 100 pref 10000');
  await node.feed('10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.0.3');
  node.did(
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route add 10.1.0.0/16 via 10.9.0.3 dev eth1 table 100 metric 20',
  );
  await node.stop();
});

test('a batch of a running feed too has the throw route ahead of what it protects from', async () => {
  const node = await new FakeNode(config(table())).start();
  await node.hears('0.0.0.0/0 via 10.9.0.2');
  node.did(
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add default via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await node.stop();
});

test('one changed prefix is one operation, and nothing changed is none', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  node.did('route add 10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.hears('10.1.0.0/16 via 10.9.0.2@192.0.2.7');
  node.did();
  await node.hears('10.1.0.0/16 via 10.9.0.3');
  node.did('route replace 10.1.0.0/16 via 10.9.0.3 dev eth1 table 100 metric 20');
  await node.hears('10.1.0.0/16');
  node.did('route del 10.1.0.0/16 via 10.9.0.3 dev eth1 table 100 metric 20');
  await node.hears('10.1.0.0/16');
  node.did();
  await node.stop();
});

test('ECMP, and a leg that comes and goes', async () => {
  const node = await runningNode(
    config(table({ multipath: 2 })),
    '10.1.0.0/16 via 10.9.0.2',
    '10.2.0.0/16 via 10.9.1.2',
  );
  await node.hears('10.0.0.0/8 via 10.9.1.2 + 10.9.0.2');
  const both = 'nexthop via 10.9.0.2 dev eth1 weight 1 nexthop via 10.9.1.2 dev eth2 weight 1';
  node.did(`route add 10.0.0.0/8 table 100 metric 20 ${both}`);
  await node.hears('10.0.0.0/8 via 10.9.0.2 + 10.9.1.2');
  node.did();
  await node.hears('10.0.0.0/8 via 10.9.1.2');
  node.did('route replace 10.0.0.0/8 via 10.9.1.2 dev eth2 table 100 metric 20');
  await node.hears('10.0.0.0/8 via 10.9.1.2 + 10.9.0.2 + 10.9.1.3');
  node.did(`route replace 10.0.0.0/8 table 100 metric 20 ${both}`);
  await node.stop();
});

test('weights follow the link-bandwidth community where every path has it', async () => {
  const node = await runningNode(
    config(table()),
    '10.1.0.0/16 via 10.9.0.2',
    '10.2.0.0/16 via 10.9.1.2',
  );
  await node.hears('10.0.0.0/8 via 10.9.0.2 bw 1000 + 10.9.1.2 bw 250');
  const [one, other] = ['nexthop via 10.9.0.2 dev eth1', 'nexthop via 10.9.1.2 dev eth2'];
  node.did(`route add 10.0.0.0/8 table 100 metric 20 ${one} weight 100 ${other} weight 25`);
  await node.hears('10.0.0.0/8 via 10.9.0.2 bw 1000 + 10.9.1.2');
  node.did(`route replace 10.0.0.0/8 table 100 metric 20 ${one} weight 1 ${other} weight 1`);
  await node.stop();
});

test('a next hop that is lost takes its routes along, and brings them back', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 172.16.0.9');
  node.did();
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  node.did(
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await node.main('add', '172.16.0.8/29 via 10.9.0.3 dev eth1');
  node.did('route replace 10.0.0.0/8 via 10.9.0.3 dev eth1 table 100 metric 20');
  await node.main('del', '172.16.0.8/29 via 10.9.0.3 dev eth1');
  await node.main('del', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  node.did(
    'route replace 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del throw 10.9.0.0/24 table 100 metric 20',
  );
  await node.stop();
});

test('a link that goes down and comes back: what the kernel dropped silently is put back', async () => {
  const node = await runningNode(
    config(table()),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.1.2',
    '10.2.0.0/16 via 10.9.0.2 + 10.9.1.2',
  );
  const before = node.kernel.table(100);
  await node.link('eth1', { up: false, carrier: false });
  assert.deepEqual(node.routes(), [
    '10.1.0.0/16 via 10.9.1.2 dev eth2 table 100 metric 20',
    '10.2.0.0/16 via 10.9.1.2 dev eth2 table 100 metric 20',
  ]);
  await node.link('eth1', { up: true, carrier: true });
  assert.deepEqual(node.kernel.table(100), before);
  await node.stop();
});

test('a link that flapped before anybody looked: the routes are back at once', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const before = node.kernel.table(100);
  node.kernel.setLink('eth1', { up: false, carrier: false });
  node.kernel.setLink('eth1', { up: true, carrier: true });
  await node.rest();
  assert.deepEqual(node.kernel.table(100), before);
  await node.stop();
});

test('the last address of an interface, taken and given back: the routes are back at once', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const before = node.kernel.table(100);
  node.kernel.removeAddress('10.9.0.1 dev eth1');
  node.kernel.address('10.9.0.1/24 dev eth1');
  node.kernel.tell({ type: 'address', event: 'new', index: 3 });
  await node.rest();
  assert.deepEqual(node.kernel.table(100), before);
  await node.stop();
});

test('an IPv4 route over an IPv6 next hop, and a link-local one', async () => {
  const kernel = bareKernel();
  kernel.address('2001:db8:9::1/64 dev eth1');
  kernel.address('fe80::1/64 dev eth2', 'link');
  const node = await new FakeNode(config(table()), kernel).start();
  await node.hears('10.0.0.0/8 via 2001:db8:9::2', '10.1.0.0/16 via fe80::2%eth2');
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 via inet6 2001:db8:9::2 dev eth1 table 100 metric 20',
    '10.1.0.0/16 via inet6 fe80::2 dev eth2 table 100 metric 20',
  ]);
  await node.stop();
});

test('override takes the place of every next hop of its own family', async () => {
  const override = [address('10.9.0.254')];
  const node = await new FakeNode(config(table({ nextHop: nextHop({ override }) }))).start();
  await node.feed('10.0.0.0/8 via 172.16.0.1', '10.1.0.0/16 via 172.16.0.2 + 172.16.0.3');
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 via 10.9.0.254 dev eth1 table 100 metric 20',
    '10.1.0.0/16 via 10.9.0.254 dev eth1 table 100 metric 20',
  ]);
  await node.stop();
});

test('two tables, each with its own filters and metric, from one feed', async () => {
  const node = await new FakeNode(
    config(
      table({ filters: [rule('permit', 'a', { peer: '10.9.0.2' })] }),
      table({
        id: 200,
        name: 'b',
        metric: 5,
        filters: [rule('permit', 'b', { peer: '10.9.1.2' })],
      }),
    ),
  ).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2 + 10.9.1.2', '10.1.0.0/16 via 10.9.1.2');
  assert.deepEqual(node.routes(100), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  assert.deepEqual(node.routes(200), [
    '10.0.0.0/8 via 10.9.1.2 dev eth2 table 200 metric 5',
    '10.1.0.0/16 via 10.9.1.2 dev eth2 table 200 metric 5',
  ]);
  await node.stop();
});
