/** Stories of other programs: theirs is left alone, ours is put back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeKernel } from '../../support/fake-kernel.js';
import { parseRoute } from '../../support/ip-text.js';
import { config, nextHop, rulesFrom, staticRoute, table } from '../desired/build.js';
import { bareKernel, FakeNode, runningNode } from './node.js';

const PRESERVE = config(table());
const EVICT = config(table({ foreign: 'evict' }));
const THEIRS = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20';

test('preserve: a foreign route of the same prefix and metric stays, ours waits and comes in behind it', async () => {
  const kernel = bareKernel();
  kernel.outside(`route add ${THEIRS}`, { silent: true });
  const node = await new FakeNode(PRESERVE, kernel).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  node.did('route add throw 10.9.0.0/24 table 100 metric 20');
  await node.hears('10.0.0.0/8 via 10.9.0.3');
  node.did();
  await node.outside(
    `route replace ${THEIRS.replace('.77', '.78').replace('proto 4', 'proto 11')}`,
  );
  node.did();
  await node.outside(`route del ${THEIRS.replace('proto 4', 'proto 11')}`);
  node.did('route add 10.0.0.0/8 via 10.9.0.3 dev eth1 table 100 metric 20');
  await node.stop();
});

test('preserve: a foreign route of another metric is no hindrance', async () => {
  const node = await runningNode(PRESERVE, '10.0.0.0/8 via 10.9.0.2');
  await node.outside(`route add ${THEIRS.replace('metric 20', 'metric 5')}`);
  node.did();
  await node.hears('10.0.0.0/8');
  assert.deepEqual(node.routes(), [THEIRS.replace('metric 20', 'metric 5')]);
  await node.stop();
});

test('preserve: somebody replaces ours: it is theirs now, and ours waits', async () => {
  const node = await runningNode(PRESERVE, '10.0.0.0/8 via 10.9.0.2');
  await node.outside(`route replace ${THEIRS}`);
  node.did();
  assert.deepEqual(node.routes(), [THEIRS]);
  await node.hears('10.0.0.0/8');
  node.did('route del throw 10.9.0.0/24 table 100 metric 20');
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  await node.outside(`route del ${THEIRS}`);
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  await node.stop();
});

test('evict: what others put into the table goes, once, and ours comes in', async () => {
  const kernel = bareKernel();
  kernel.outside(`route add ${THEIRS}`, { silent: true });
  kernel.outside('route add blackhole 10.66.0.0/16 table 100 proto 4 metric 1', { silent: true });
  const node = await new FakeNode(EVICT, kernel).start();
  node.did(`route del ${THEIRS}`, 'route del blackhole 10.66.0.0/16 table 100 proto 4 metric 1');
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  node.kernel.takeLog();
  await node.outside('route add 10.67.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 1');
  node.did('route del 10.67.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 1');
  await node.outside(`route replace ${THEIRS}`);
  node.did(`route del ${THEIRS}`, 'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.stop();
});

test('evict: one that cannot be removed is tried again, not all the time', async () => {
  const node = await runningNode(EVICT, '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('proto 4', 'EPERM', 3);
  await node.outside('route add 10.67.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 1');
  await node.pass(30_000);
  assert.equal(node.kernel.takeLog().length, 4);
  assert.equal(node.routes().length, 1);
  await node.stop();
});

test('what is ours is back when somebody removes or changes it', async () => {
  const node = await runningNode(
    config(
      table({ rules: rulesFrom('203.0.113.0/24'), static: [staticRoute('0.0.0.0/0', '%eth1')] }),
    ),
    '10.0.0.0/8 via 10.9.0.2',
  );
  await node.outside('route del 10.0.0.0/8 table 100 metric 20');
  node.did('route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.outside(
    'route replace 10.0.0.0/8 via 10.9.0.9 dev eth1 table 100 proto 178 metric 20',
  );
  node.did('route replace 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.outside('route del default table 100 metric 1020');
  node.did('route add default dev eth1 table 100 metric 1020');
  await node.outside('route del throw 10.9.0.0/24 table 100 metric 20');
  node.did('route add throw 10.9.0.0/24 table 100 metric 20');
  await node.outside('rule del from 203.0.113.0/24 lookup 100 pref 10000 proto 178');
  node.did('rule add from 203.0.113.0/24 lookup 100 pref 10000');
  assert.deepEqual(node.drift, { route: 4, rule: 1 });
  await node.outside('route add 10.99.0.0/16 via 10.9.0.9 dev eth1 table 100 proto 178 metric 20');
  node.did('route del 10.99.0.0/16 via 10.9.0.9 dev eth1 table 100 metric 20');
  await node.outside('rule add from 192.0.2.0/24 lookup 100 pref 10000 proto 178');
  node.did('rule del from 192.0.2.0/24 lookup 100 pref 10000');
  await node.outside('route add 10.99.0.0/16 via 10.9.0.9 dev eth1 table 77 proto 178 metric 20');
  node.did('route del 10.99.0.0/16 via 10.9.0.9 dev eth1 table 77 metric 20');
  await node.stop();
});

test('what was lost without a word is found by the audit after an overrun', async () => {
  const node = await runningNode(PRESERVE, '10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 172.16.0.1');
  node.kernel.outside('route del 10.0.0.0/8 table 100 metric 20', { silent: true });
  node.kernel.mainRoute('172.16.0.0/24 via 10.9.0.5 dev eth1');
  node.kernel.tell({ type: 'overrun' });
  await node.rest();
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    '10.1.0.0/16 via 10.9.0.5 dev eth1 table 100 metric 20',
  ]);
  await node.stop();
});

test('what is told while the kernel is read for another reason is taken in before anything is written', async () => {
  const node = await runningNode(PRESERVE, '10.0.0.0/8 via 10.9.0.2');
  node.kernel.tell({ type: 'overrun' });
  node.kernel.whileRead(() => node.kernel.outside('route del 10.0.0.0/8 table 100 metric 20'));
  await node.rest();
  node.did('route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20');
  await node.stop();
});

test('foreign rules, routes of other tables and nexthop objects are nobody’s business', async () => {
  const node = await runningNode(
    config(table({ nextHop: nextHop({ objects: 'always' }) })),
    '10.0.0.0/8 via 10.9.0.2',
  );
  await node.outside(
    'rule add from 203.0.113.0/24 lookup 100 pref 10000 proto 4',
    'route add 10.0.0.0/8 via 10.9.0.9 dev eth1 table 200 proto 4 metric 20',
    'nexthop add id 7 via 10.9.0.9 dev eth1 proto 4',
    'nexthop add id 8 group 7 proto 4',
    'nexthop del id 7',
  );
  node.did();
  assert.deepEqual(node.drift, {});
  await node.stop();
});

test('fail: a table with routes of others is left alone as it is, and taken up when they have gone', async () => {
  const kernel = bareKernel();
  const others = 'blackhole 10.66.0.0/16 table 100 proto 4 metric 1';
  kernel.outside(`route add ${others}`, { silent: true });
  const node = await new FakeNode(config(table({ foreign: 'fail' })), kernel).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  node.did();
  await node.outside(`route del ${others}`);
  assert.deepEqual(node.kernel.takeLog(), [
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route add 10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
  ]);
  await node.outside(`route add ${others}`);
  await node.hears('10.1.0.0/16', '10.2.0.0/16 via 10.9.0.2');
  node.did();
  await node.outside(`route del ${others}`);
  assert.deepEqual(
    node.routes().map((line) => line.split(' ')[0]),
    ['10.0.0.0/8', '10.2.0.0/16'],
  );
  await node.stop();
});

test('a reload while the kernel is read: its tables are read as well before anything is written', async () => {
  for (const foreign of ['fail', 'preserve'] as const) {
    const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
    const theirs = THEIRS.replace('table 100', 'table 200');
    node.kernel.outside(`route add ${theirs}`, { silent: true });
    node.kernel.whileRead(() => {
      node.engine.reconfigure(config(table({ id: 200, foreign })));
      node.reconciler.audit();
    });
    node.reconciler.audit();
    await node.rest();
    assert.deepEqual(node.routes(200), [theirs]);
    assert.deepEqual(node.errors, {});
    await node.stop();
  }
});

test('fail: what was refused in a table that is left alone makes nobody spin', async () => {
  const node = await runningNode(config(table({ foreign: 'fail' })), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('10.1.0.0/16', 'ENOMEM', 1);
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  await node.outside('route add blackhole 10.66.0.0/16 table 100 proto 4 metric 1');
  await node.pass(120_000);
  await node.outside('route del blackhole 10.66.0.0/16 table 100 proto 4 metric 1');
  assert.equal(node.routes().length, 2);
  await node.stop();
});

test('drift that nobody told is found by the audit, and told', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.outside('route del 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20', {
    silent: true,
  });
  await node.pass(600_000);
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  assert.equal(node.drift.route, 1);
  await node.stop();
});

test('kept out by a foreign route, a learned one stays under its old metric and follows its next hops; a static one does not', async () => {
  const node = await runningNode(
    config(table({ static: [staticRoute('10.0.0.0/8', '10.9.0.254')] })),
    '10.0.0.0/8 via 10.9.0.2',
  );
  const theirs = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 30';
  node.kernel.outside(`route add ${theirs}`);
  await node.reload(config(table({ metric: 30 })));
  await node.hears('10.0.0.0/8 via 10.9.1.2');
  const kept = '10.0.0.0/8 via 10.9.1.2 dev eth2 table 100 metric 20';
  assert.deepEqual(node.routes().sort(), [kept, theirs].sort());
  await node.stop();
});

test('a foreign route that a route in our name replaced is forgotten: ours comes back once that is deleted', async () => {
  for (const foreign of ['preserve', 'fail'] as const) {
    const node = await runningNode(config(table({ foreign })), '10.0.0.0/8 via 10.9.0.2');
    const place = '10.0.0.0/8 table 100';
    await node.outside(`route replace unreachable ${place} proto 4 metric 20`);
    await node.outside(`route replace blackhole ${place} proto 178 metric 20`);
    await node.outside(`route del ${node.routes()[0]}`.replace(' metric', ' proto 178 metric'));
    assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
    await node.hears('11.0.0.0/8 via 10.9.0.2');
    assert.equal(node.routes().length, 2);
    await node.stop();
  }
});

test('a foreign nexthop object that goes takes foreign routes along without a word, and may be a way of main', async () => {
  for (const foreign of ['preserve', 'fail'] as const) {
    const node = await runningNode(config(table({ foreign })));
    await node.outside('nexthop add id 10 via 10.9.1.2 dev eth2 proto 4');
    await node.outside('route add 10.0.0.0/8 nhid 10 table 100 proto 4 metric 20');
    await node.hears('10.0.0.0/8 via 10.9.0.2');
    assert.ok(node.routes().every((line) => line.includes('nhid 10')));
    const { underlayReads } = node.kernel;
    await node.outside('nexthop del id 10');
    assert.ok(node.kernel.underlayReads > underlayReads);
    assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
    await node.stop();
  }
});

test('one leg of a foreign IPv6 route goes: what is left of it is still in the way', async () => {
  const kernel = new FakeKernel();
  for (const [i, name] of ['lo', 'eth0', 'eth1', 'eth2'].entries()) kernel.link(name, i + 1);
  kernel.address('2001:db8:9::1/64 dev eth1');
  kernel.address('2001:db8:a::1/64 dev eth2');
  const node = await new FakeNode(config(table()), kernel).start();
  await node.feed();
  const place = '2001:db8:1::/48';
  const rest = 'via 2001:db8:a::2 dev eth2';
  const gone = 'via 2001:db8:9::2 dev eth1';
  const options = 'table 100 proto 4 metric 20';
  const both = `${place} ${options} nexthop ${gone} nexthop ${rest}`;
  await node.outside(`route add ${both}`);
  await node.hears('2001:db8:1::/48 via 2001:db8:9::2');
  node.kernel.takeLog();
  node.kernel.outside(`route del ${both}`, { silent: true });
  node.kernel.outside(`route add ${place} ${rest} ${options}`, { silent: true });
  const route = parseRoute(`${place} ${gone} ${options}`, () => 3);
  node.kernel.tell({ type: 'route', event: 'gone', route, replaces: false, port: 4711 });
  await node.rest();
  node.did();
  assert.equal(node.errors['route-add EEXIST'], undefined);
  await node.stop();
});
