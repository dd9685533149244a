/** Interfaces that are disturbed, again and again: what is read then, and when everything is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, nextHop, table } from '../desired/build.js';
import { bareKernel, FakeNode, runningNode } from './node.js';

const DOWN = { up: false, carrier: false };
const UP = { up: true, carrier: true };

for (const objects of ['never', 'always'] as const) {
  const tables = table({ nextHop: nextHop({ objects }) });

  test(`objects ${objects}: a link that flaps again and again is no reason to read everything`, async () => {
    const node = await runningNode(
      config(tables),
      '10.0.0.0/8 via 10.9.0.2',
      '10.1.0.0/16 via 10.9.1.2',
      '10.2.0.0/16 via 10.9.0.2 + 10.9.1.2',
    );
    const before = node.kernel.resolvedTable(100);
    const { audits } = node.kernel;
    for (let flap = 0; flap < 20; flap++) {
      await node.link('eth1', DOWN);
      assert.ok(node.kernel.resolvedTable(100).every((line) => !line.includes('eth1')));
      await node.link('eth1', UP);
      assert.deepEqual(node.kernel.resolvedTable(100), before);
      // Faster than anybody looks.
      node.kernel.setLink('eth1', DOWN);
      node.kernel.setLink('eth1', UP);
      await node.rest();
      assert.deepEqual(node.kernel.resolvedTable(100), before);
      await node.pass(1_000);
    }
    assert.equal(node.kernel.audits, audits);
    assert.deepEqual(node.errors, {});
    assert.deepEqual(node.drift, {});
    // Once it is quiet all is read, once.
    await node.pass(60_000);
    assert.equal(node.kernel.audits, audits + 1);
    await node.stop();
  });

  test(`objects ${objects}: what a link took along beyond its own is found once it is quiet`, async () => {
    const node = await runningNode(
      config(tables),
      '10.0.0.0/8 via 10.9.0.2',
      '10.1.0.0/16 via 10.9.1.2',
    );
    const before = node.kernel.resolvedTable(100);
    const [other = ''] = node.routes().filter((line) => line.startsWith('10.1.'));
    node.kernel.outside(`route del ${other}`, { silent: true });
    await node.link('eth1', DOWN);
    await node.link('eth1', UP);
    await node.pass(11_000);
    assert.deepEqual(node.kernel.resolvedTable(100), before);
    await node.stop();
  });
}

test('a link that takes a foreign route along, without a word: ours has its place at once', async () => {
  const kernel = bareKernel();
  const foreign = '10.0.0.0/8 via 10.9.1.9 dev eth2 table 100 proto 4 metric 20';
  kernel.outside(`route add ${foreign}`, { silent: true });
  const node = await new FakeNode(config(table()), kernel).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(node.routes(), [foreign]);
  await node.link('eth2', DOWN);
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  await node.stop();
});

test('a foreign route that a link takes along ends foreign: fail', async () => {
  const kernel = bareKernel();
  kernel.outside('route add 30.0.0.0/8 via 10.9.1.9 dev eth2 table 100 proto 4 metric 1', {
    silent: true,
  });
  const node = await new FakeNode(config(table({ foreign: 'fail' })), kernel).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  assert.equal(node.routes().length, 1);
  await node.link('eth2', DOWN);
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  await node.stop();
});

test('what the kernel itself removes is put back, and is nobody’s drift', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const [line = ''] = node.routes();
  const [route] = (await node.kernel.routes(100)).filter(({ target }) => target.type === 'legs');
  assert.ok(route !== undefined);
  node.kernel.outside(`route del ${line}`, { silent: true });
  node.kernel.tell({ type: 'route', event: 'gone', route, replaces: false, port: 0 });
  await node.rest();
  assert.deepEqual(node.routes(), [line]);
  assert.deepEqual(node.drift, {});
  await node.outside(`route del ${line}`);
  assert.deepEqual(node.routes(), [line]);
  assert.deepEqual(node.drift, { route: 1 });
  await node.stop();
});

test('an IPv6 route goes leg by leg: looked up, and the rest is known to stand', async () => {
  const kernel = bareKernel();
  kernel.address('2001:db8:9::1/64 dev eth1');
  kernel.address('2001:db8:a::1/64 dev eth2');
  const node = await new FakeNode(config(table()), kernel).start();
  await node.feed('2001:db8:1::/48 via 2001:db8:9::2 + 2001:db8:a::2');
  kernel.takeLog();
  const [route] = (await kernel.routes(100)).filter(({ target }) => target.type === 'legs');
  assert.ok(route?.target.type === 'legs');
  const [leg] = route.target.legs;
  assert.ok(leg !== undefined);
  const { audits } = kernel;
  const gone = { ...route, target: { type: 'legs', legs: [leg] } } as const;
  const tell = async () => {
    kernel.tell({ type: 'route', event: 'gone', route: gone, replaces: false, port: 0 });
    await node.rest();
  };
  // Told late, and there again.
  await tell();
  node.did();
  const place = 'table 100 metric 20';
  kernel.outside(`route replace 2001:db8:1::/48 via 2001:db8:a::2 dev eth2 ${place} proto 178`, {
    silent: true,
  });
  await tell();
  const legs = ['2001:db8:9::2 dev eth1', '2001:db8:a::2 dev eth2'];
  const both = legs.map((one) => `nexthop via ${one} weight 1`).join(' ');
  node.did(`route replace 2001:db8:1::/48 ${place} ${both}`);
  assert.equal(kernel.audits, audits);
  assert.deepEqual(node.drift, {});
  await node.stop();
});

test('what was refused while an interface went does not wait once it is back', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('10.1.0.0/16', 'ENETDOWN', 1);
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  assert.equal(node.routes().length, 1);
  node.kernel.setLink('eth1', DOWN);
  node.kernel.setLink('eth1', UP);
  await node.rest();
  assert.equal(node.routes().length, 2);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('lost notices: said and counted, everything is read, and not again and again', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const [line = ''] = node.routes();
  const { audits } = node.kernel;
  node.kernel.outside(`route del ${line}`, { silent: true });
  node.kernel.tell({ type: 'overrun' });
  await node.rest();
  assert.deepEqual(node.routes(), [line]);
  assert.equal(node.kernel.audits, audits + 1);
  assert.equal(node.overruns, 1);
  assert.equal(node.lines.filter((one) => one.includes('were lost')).length, 1);
  assert.deepEqual(node.drift, { route: 1 });

  // A reading that takes a second is followed by four of rest.
  node.kernel.whileRead(() => void node.clock.advance(1_000));
  node.kernel.tell({ type: 'overrun' });
  await node.rest();
  node.kernel.outside(`route del ${line}`, { silent: true });
  for (let again = 0; again < 5; again++) {
    node.kernel.tell({ type: 'overrun' });
    await node.rest();
  }
  assert.equal(node.kernel.audits, audits + 2);
  assert.deepEqual(node.routes(), []);
  await node.pass(5_000);
  assert.equal(node.kernel.audits, audits + 3);
  assert.deepEqual(node.routes(), [line]);
  assert.equal(node.overruns, 7);
  await node.stop();
});
