/** Stories of a kernel that refuses: one bad route blocks nothing, and nothing is tried all the time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelError } from '../../../src/kernel/kernel.js';
import { config, nextHop, rulesFrom, staticRoute, table } from '../desired/build.js';
import { FakeNode, runningNode } from './node.js';

test('a refused route is tried after 1, 2, 4 … seconds, at most a minute apart; the others are in', async () => {
  const node = await new FakeNode(config(table())).start();
  node.kernel.refuse('10.1.0.0/16', 'ENOMEM');
  await node.feed(
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
    '10.2.0.0/16 via 10.9.0.2',
  );
  assert.equal(node.routes().length, 2);
  node.kernel.takeLog();
  const tried: number[] = [];
  for (let second = 1; second <= 200; second++) {
    await node.pass(1_000);
    if (node.kernel.takeLog().length > 0) tried.push(second);
  }
  assert.deepEqual(tried, [1, 3, 7, 15, 31, 63, 123, 183]);
  node.kernel.refuseNothing();
  await node.pass(60_000);
  assert.equal(node.routes().length, 3);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a refused route that is withdrawn is forgotten; another target is tried at once', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('10.1.0.0/16 via 10.9.0.2', 'EINVAL');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  await node.hears('10.1.0.0/16 via 10.9.0.3');
  assert.equal(node.routes().length, 2);
  assert.equal(node.reconciler.retries.size, 0);
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  assert.equal(node.reconciler.retries.size, 1);
  await node.hears('10.1.0.0/16');
  await node.pass(2_000);
  assert.equal(node.reconciler.retries.size, 0);
  assert.equal(node.routes().length, 1);
  await node.stop();
});

test('an audit in between does not shorten the wait', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('10.1.0.0/16', 'EEXIST');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  node.kernel.takeLog();
  for (let i = 0; i < 5; i++) {
    node.reconciler.audit();
    await node.rest();
  }
  node.did();
  await node.stop();
});

test('1,000 refused at once: each has its reason, each comes', async () => {
  const node = await new FakeNode(config(table())).start();
  node.kernel.refuse('/24 via', 'ENETUNREACH', 1_000);
  const feed = Array.from({ length: 1_500 }, (_, i) => `20.${i >> 8}.${i & 255}.0/24 via 10.9.0.2`);
  await node.feed(...feed);
  assert.equal(node.routes().length, 500);
  assert.equal(node.reconciler.retries.size, 1_000);
  assert.ok([...node.reconciler.retries.values()].every(({ errno }) => errno === 'ENETUNREACH'));
  await node.pass(1_000);
  assert.equal(node.routes().length, 1_500);
  assert.equal(node.reconciler.retries.size, 0);
  assert.equal(node.lines.filter((line) => line.includes('refused')).length, 1);
  await node.stop();
});

test('lost answers: the kernel is read again, and what is missing is written', async () => {
  const node = await new FakeNode(config(table())).start();
  node.kernel.loseAnswersFrom(1);
  const { audits } = node.kernel;
  await node.feed('10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.0.2');
  assert.equal(node.kernel.audits, audits + 1);
  assert.equal(node.routes().length, 2);
  assert.equal(node.kernel.takeLog().length, 3);
  await node.stop();
});

test('the mirror was wrong: EEXIST, ENOENT and ESRCH are found out and mended', async () => {
  const node = await runningNode(
    config(table()),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  node.kernel.outside('route del 10.0.0.0/8 table 100 metric 20', { silent: true });
  await node.hears('10.0.0.0/8 via 10.9.0.3');
  assert.equal(node.routes().length, 2);
  node.kernel.outside('route del 10.1.0.0/16 table 100 metric 20', { silent: true });
  await node.hears('10.1.0.0/16');
  assert.equal(JSON.stringify(node.errors), '{"route-replace ENOENT":1}');
  node.kernel.outside('route add 10.2.0.0/16 via 10.9.0.9 dev eth1 table 100 proto 4 metric 20', {
    silent: true,
  });
  await node.hears('10.2.0.0/16 via 10.9.0.2');
  assert.equal(node.errors['route-add EEXIST'], 1);
  node.kernel.takeLog();
  await node.pass(120_000);
  node.did();
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a rule that is refused for ever is tried now and then, and does not hold routes up', async () => {
  const node = await new FakeNode(config(table({ rules: rulesFrom('203.0.113.0/24') }))).start();
  await node.stop();
  const next = new FakeNode(config(table({ rules: rulesFrom('203.0.113.0/24') })));
  next.kernel.refuse('rule add', 'EEXIST');
  await next.start();
  await next.feed('10.0.0.0/8 via 10.9.0.2');
  assert.equal(next.routes().length, 1);
  next.kernel.takeLog();
  await next.pass(100_000);
  assert.equal(next.kernel.takeLog().length, 6);
  await next.stop();
});

test('a refused deletion is tried again, a rule’s too', async () => {
  const node = await runningNode(
    config(table({ rules: rulesFrom('203.0.113.0/24') })),
    '10.0.0.0/8 via 10.9.0.2',
  );
  node.kernel.refuse('del', 'EBUSY', 2);
  await node.hears('10.0.0.0/8');
  await node.reload(config(table()));
  await node.pass(1_000);
  assert.deepEqual(node.kernel.table(100), []);
  assert.deepEqual(node.kernel.ruleTexts(), []);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a static route over a gateway that the kernel does not take: reported, retried, then in', async () => {
  const node = await new FakeNode(
    config(table({ static: [staticRoute('0.0.0.0/0', '172.16.9.9%eth1')] })),
  ).start();
  assert.deepEqual(
    [...node.reconciler.retries.values()].map(({ errno }) => errno),
    ['ENETUNREACH'],
  );
  await node.main('add', '172.16.9.0/24 dev eth1');
  await node.pass(60_000);
  assert.equal(node.routes().length, 1);
  await node.stop();
});

test('refused nexthop objects: no spin, whatever is refused', async () => {
  for (const pattern of ['nexthop add', 'nexthop replace', 'nexthop del', 'group', 'nhid']) {
    for (const errno of ['ENOMEM', 'EEXIST', 'ENOENT', 'EINVAL']) {
      const node = await runningNode(config(table({ nextHop: nextHop({ objects: 'always' }) })));
      await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
      node.kernel.refuse(pattern, errno, 6);
      await node.hears('10.0.0.0/8 via 172.16.0.9', '10.1.0.0/16 via 172.16.0.9 + 10.9.1.2');
      await node.main('add', '172.16.0.8/29 via 10.9.0.3 dev eth1');
      await node.hears('10.1.0.0/16 via 10.9.1.2');
      await node.pass(300_000);
      assert.equal(node.routes().length, 2, `${pattern} ${errno}`);
      assert.equal(node.reconciler.retries.size, 0, `${pattern} ${errno}`);
      await node.stop();
    }
  }
});

test('under a new metric: the old route stays for as long as the new one is refused', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 30', 'ENOMEM');
  await node.reload(config(table({ metric: 30 })));
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  node.kernel.refuseNothing();
  await node.pass(2_000);
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 30']);
  await node.stop();
});

test('under a new metric where a foreign route stands: the old route stays until that goes', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const theirs = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 30';
  node.kernel.outside(`route add ${theirs}`);
  await node.reload(config(table({ metric: 30 })));
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20', theirs]);
  node.kernel.outside(`route del ${theirs}`);
  await node.rest();
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 30']);
  await node.stop();
});

test('a route refused while its link flaps is tried again as the link comes, not after its wait', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('10.1.0.0/16', 'ENETDOWN', 1);
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  assert.equal(node.routes().length, 1);
  await node.link('eth2', { up: true, carrier: true });
  assert.equal(node.routes().length, 1, 'another link does not concern it');
  await node.link('eth1', { up: true, carrier: true });
  assert.equal(node.routes().length, 2);
  await node.stop();
});

test('a route refused for want of its nexthop object comes with the object', async () => {
  const onObjects = table({ nextHop: nextHop({ objects: 'always' }) });
  const node = await runningNode(config(onObjects), '10.0.0.0/8 via 10.9.0.2');
  const [group = ''] = node.kernel.nexthopTexts().filter((line) => line.includes('group'));
  const [, id] = group.split(' ');
  node.kernel.outside(`nexthop del id ${id}`, { silent: true });
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  assert.equal(node.errors['route-add EINVAL'], 1);
  node.kernel.tell({ type: 'overrun' });
  await node.rest();
  assert.equal(node.routes().length, 2);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a group refused for a leg that goes just then is written without it at once, and its routes', async () => {
  const onObjects = table({ nextHop: nextHop({ objects: 'always' }) });
  const node = await runningNode(config(onObjects), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.meanwhile(() => node.kernel.setLink('eth2', { up: false, carrier: false }));
  await node.hears('10.1.0.0/16 via 10.9.0.2 + 10.9.1.2');
  assert.equal(node.errors['nexthop-add EINVAL'], 1);
  assert.ok(node.routes().some((line) => line.startsWith('10.1.0.0/16 ')));
  await node.stop();
});

test('the kernel cannot be read: told once, nothing is written meanwhile, and it is tried again', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  const fail = () => {
    throw new KernelError('routes', 'EAGAIN', 'changed all the time');
  };
  node.kernel.whileRead(fail);
  node.kernel.outside('route del 10.0.0.0/8 table 100 metric 20 proto 178', { silent: true });
  node.kernel.tell({ type: 'overrun' });
  await node.rest();
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  assert.deepEqual(node.routes(), []);
  assert.equal(node.reconciler.settled, false);
  assert.equal(node.errors['routes EAGAIN'], 1);
  node.kernel.whileRead(fail);
  await node.pass(1_000);
  assert.deepEqual(node.routes(), []);
  assert.equal(node.errors['routes EAGAIN'], 2);
  await node.pass(1_999);
  assert.deepEqual(node.routes(), []);
  await node.pass(1);
  assert.equal(node.routes().length, 2);
  assert.equal(node.reconciler.settled, true);
  assert.equal(node.lines.filter((line) => line.includes('could not be read')).length, 1);
  await node.stop();
});
