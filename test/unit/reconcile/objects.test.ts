/** Stories of nexthop groups: every learned route stands on one, and a moved next hop is one message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Underlay } from '../../../src/desired/underlay.js';
import { parseNexthop } from '../../support/ip-text.js';
import { config, nextHop, table, updates } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { bareKernel, FakeNode, runningNode } from './node.js';

const ON_OBJECTS = table({ nextHop: nextHop({ objects: 'always' }) });
const AUTO = table();

/** `count` routes `20.x.y.0/24` over one next hop. */
function many(count: number, via: string): string[] {
  return Array.from({ length: count }, (_, i) => `20.${i >> 8}.${i & 255}.0/24 via ${via}`);
}

test('a next-hop set is a group, its legs are singles, shared by the sets', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  await node.hears('10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2');
  node.did(
    'nexthop add id #1 via 10.9.0.2 dev eth1',
    'nexthop add id #0 group #1',
    'nexthop add id #3 via 10.9.1.2 dev eth2',
    'nexthop add id #2 group #1/#3',
    'route add throw 10.9.0.0/24 table 100 metric 20',
    'route add throw 10.9.1.0/24 table 100 metric 20',
    'route add 10.0.0.0/8 nhid #0 table 100 metric 20',
    'route add 10.1.0.0/16 nhid #2 table 100 metric 20',
  );
  await node.hears('10.2.0.0/16 via 10.9.0.2');
  node.did('route add 10.2.0.0/16 nhid #0 table 100 metric 20');
  await node.hears('10.0.0.0/8 via 10.9.0.2 + 10.9.1.2');
  node.did('route replace 10.0.0.0/8 nhid #2 table 100 metric 20');
  await node.stop();
});

test('no group for a route that a foreign one keeps out: nothing would stand on it', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2');
  await node.outside('route add 10.1.0.0/16 via 10.9.1.9 dev eth2 table 100 proto 4 metric 20');
  node.kernel.takeLog();
  await node.hears('10.1.0.0/16 via 10.9.1.2');
  node.did('route add throw 10.9.1.0/24 table 100 metric 20');
  const { operations } = node.reconciler.difference();
  assert.deepEqual(operations, []);
  await node.stop();
});

test('the last route leaves a group: the group and its singles go behind it', async () => {
  const node = await runningNode(
    config(ON_OBJECTS),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.1.2',
  );
  await node.hears('10.0.0.0/8');
  node.did(
    'route del 10.0.0.0/8 nhid #0 table 100 metric 20',
    'route del throw 10.9.0.0/24 table 100 metric 20',
    'nexthop del id #0',
    'nexthop del id #1',
  );
  await node.stop();
});

test('a next hop reached another way: two messages, whatever number of routes', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  await node.hears(...many(500, '172.16.0.9'));
  node.kernel.takeLog();
  await node.main('add', '172.16.0.8/29 via 10.9.0.3 dev eth1');
  node.did(
    'nexthop add id #2 via 10.9.0.3 dev eth1',
    'nexthop replace id #0 group #2',
    'nexthop del id #1',
  );
  await node.stop();
});

test('a leg of ECMP that dies drops out alone, and comes back', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  await node.main('add', '172.16.1.0/24 via 10.9.0.2 dev eth1');
  await node.main('add', '172.16.2.0/24 via 10.9.1.2 dev eth2');
  await node.hears(...many(100, '172.16.1.1 + 172.16.2.1'));
  node.kernel.takeLog();
  await node.main('del', '172.16.2.0/24 via 10.9.1.2 dev eth2');
  node.did(
    'nexthop replace id #0 group #1',
    'route del throw 10.9.1.0/24 table 100 metric 20',
    'nexthop del id #2',
  );
  await node.main('add', '172.16.2.0/24 via 10.9.1.2 dev eth2');
  node.did(
    'nexthop add id #3 via 10.9.1.2 dev eth2',
    'nexthop replace id #0 group #1/#3',
    'route add throw 10.9.1.0/24 table 100 metric 20',
  );
  await node.stop();
});

test('a group that loses its last leg takes its routes along in one message; they come back', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  await node.hears('10.0.0.0/8 via 172.16.0.9', '10.1.0.0/16 via 172.16.0.9');
  node.kernel.takeLog();
  await node.main('del', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  node.did(
    'nexthop del id #0',
    'route del throw 10.9.0.0/24 table 100 metric 20',
    'nexthop del id #1',
  );
  assert.deepEqual(node.kernel.table(100), []);
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  assert.deepEqual(node.routes(), [
    '10.0.0.0/8 nhid #0 table 100 metric 20',
    '10.1.0.0/16 nhid #0 table 100 metric 20',
  ]);
  await node.stop();
});

test('carrier lost: the kernel drops objects and routes silently, all of it comes back', async () => {
  const node = await runningNode(
    config(ON_OBJECTS),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2',
    '10.2.0.0/16 via 10.9.1.2',
  );
  const before = node.kernel.table(100);
  await node.link('eth1', { up: true, carrier: false });
  assert.equal(node.routes().length, 2);
  await node.link('eth1', { up: true, carrier: true });
  assert.deepEqual(
    node.kernel.table(100).map((line) => line.replace(/#\d+/, '#')),
    before.map((line) => line.replace(/#\d+/, '#')),
  );
  await node.stop();
});

test('carrier lost and back before anybody looked', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.setLink('eth1', { up: true, carrier: false });
  node.kernel.setLink('eth1', { up: true, carrier: true });
  await node.rest();
  assert.equal(node.routes().length, 1);
  await node.stop();
});

test('weights of a group follow; a group of one has weight 1', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2 bw 10');
  await node.hears('10.1.0.0/16 via 10.9.0.2 bw 10 + 10.9.1.2 bw 5');
  assert.deepEqual(node.kernel.nexthopTexts(), [
    'id #0 group #1',
    'id #1 via 10.9.0.2 dev eth1',
    'id #2 group #1,100/#3,50',
    'id #3 via 10.9.1.2 dev eth2',
  ]);
  await node.stop();
});

test('auto: objects above 10,000 routes, inline again below 5,000', async () => {
  const node = await runningNode(config(AUTO), ...many(10_000, '10.9.0.2'));
  assert.deepEqual(node.kernel.nexthopTexts(), []);
  await node.hears('30.0.0.0/8 via 10.9.0.2');
  assert.equal(node.routes().filter((line) => line.includes('nhid #0 ')).length, 10_001);
  const gone = many(5_002, '').map((text) => text.split(' ')[0] ?? '');
  await node.hears(...gone.slice(0, 5_001));
  assert.equal(node.routes().filter((line) => line.includes('nhid #0 ')).length, 5_000);
  await node.hears(...gone.slice(5_001));
  assert.equal(node.routes().filter((line) => line.includes('via 10.9.0.2 ')).length, 4_999);
  assert.deepEqual(node.kernel.nexthopTexts(), []);
  await node.stop();
});

test('auto counts the routes, not what the filters refuse', async () => {
  const filters = [rule('deny', 'd', { prefix: '20.0.0.0/8 le 32' }), rule('permit', 'p')];
  const node = await runningNode(
    config(table({ filters })),
    ...many(10_001, '10.9.0.2'),
    '10.0.0.0/8 via 10.9.0.2',
  );
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  await node.stop();
});

test('auto, grown while the first feed is read: a next hop that moves then moves every route', async () => {
  const node = await new FakeNode(config(AUTO)).start();
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  await node.hears(...many(9_000, '172.16.0.9'));
  await node.hears(...many(12_000, '172.16.0.9').slice(9_000));
  await node.main('add', '172.16.0.8/29 via 10.9.0.3 dev eth1');
  const stale = node.routes().filter((line) => line.includes('via 10.9.0.2 '));
  assert.deepEqual(stale.slice(0, 3), []);
  await node.synced();
  assert.equal(node.routes().filter((line) => line.includes('nhid #0 ')).length, 12_000);
  await node.stop();
});

test('a foreign object on our next id is passed over; a foreign change of an object of ours is mended', async () => {
  const kernel = bareKernel();
  kernel.outside('nexthop add id #0 via 10.9.0.77 dev eth1 proto 4', { silent: true });
  const node = await new FakeNode(config(ON_OBJECTS), kernel).start();
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(node.routes(), ['10.0.0.0/8 nhid #1 table 100 metric 20']);
  node.kernel.takeLog();
  await node.outside('nexthop replace id #1 group #2,7 proto 178');
  node.did('nexthop replace id #1 group #2');
  await node.outside('nexthop replace id #2 via 10.9.0.66 dev eth1 proto 178');
  assert.equal(node.drift.nexthop, 2);
  assert.ok(node.kernel.nexthopTexts().some((line) => line.endsWith('via 10.9.0.2 dev eth1')));
  assert.ok(!node.kernel.nexthopTexts().some((line) => line.includes('10.9.0.66')));
  await node.stop();
});

test('an object of ours that somebody deletes is back, with its routes', async () => {
  const node = await runningNode(
    config(ON_OBJECTS),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2',
  );
  const before = node.kernel.table(100).length;
  for (const id of ['#1', '#0', '#2']) {
    const known = node.kernel.nexthopTexts().some((line) => line.startsWith(`id ${id} `));
    if (known) await node.outside(`nexthop del id ${id}`);
    assert.equal(node.kernel.table(100).length, before, id);
  }
  await node.stop();
});

test('somebody deletes a group that no route stands on any more: its single goes too', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  // Kept in main as soon as a route leads out of eth1: its next hop stays referred to, without a route.
  await node.hears('10.9.0.0/25 via 10.9.0.2', '10.0.0.0/8 via 10.9.0.2');
  await node.hears('10.0.0.0/8 via 10.9.0.3');
  await node.outside('nexthop del id #0');
  assert.deepEqual(node.kernel.nexthopTexts().length, 2);
  await node.stop();
});

test('somebody takes the id of a group of ours that is gone: another id, and the routes move', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.outside('nexthop del id #0', { silent: true });
  node.kernel.outside('nexthop add id #0 via 10.9.0.77 dev eth1 proto 4', { silent: true });
  node.kernel.tell({ type: 'overrun' });
  await node.rest();
  assert.equal(node.routes().length, 1);
  assert.ok(!node.routes()[0]?.includes('#0 '));
  await node.stop();
});

test('a kernel without nexthop objects: routes are inline, and a moved next hop moves them', async () => {
  const kernel = bareKernel();
  kernel.refuse('nexthop', 'EOPNOTSUPP');
  const node = await new FakeNode(config(ON_OBJECTS), kernel).start();
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  await node.feed('10.0.0.0/8 via 172.16.0.9');
  await node.pass(2_000);
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20']);
  await node.main('add', '172.16.0.8/29 via 10.9.0.3 dev eth1');
  assert.deepEqual(node.routes(), ['10.0.0.0/8 via 10.9.0.3 dev eth1 table 100 metric 20']);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a single that the kernel refuses is tried less and less often, and then all comes', async () => {
  const node = await new FakeNode(config(ON_OBJECTS)).start();
  node.kernel.refuse('nexthop add id #1 via', 'ENOMEM');
  node.kernel.refuse('nexthop add id #2 via', 'ENOMEM');
  node.kernel.refuse('nexthop add id #3 via', 'ENOMEM');
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  for (let seconds = 0; seconds < 200; seconds += 10) await node.pass(10_000);
  const tries = node.kernel.takeLog().filter((line) => line.includes('via 10.9.0.2')).length;
  assert.ok(tries > 4 && tries < 12, `${tries} tries in 200 s`);
  node.kernel.refuseNothing();
  await node.pass(70_000);
  assert.equal(node.routes().length, 1);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a set that goes and comes again between two looks, over another underlay each time', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  await node.hears('10.0.0.0/8 via 172.16.0.9');
  const { engine, clock, kernel } = node;
  const reroute = async (text: string) => {
    kernel.mainRoute(text);
    const [links, addresses] = [await kernel.links(), await kernel.addresses()];
    const routes = await kernel.underlay();
    engine.setUnderlay(new Underlay({ links, addresses, routes }), engine.families);
  };
  await reroute('172.16.0.8/29 via 10.9.0.3 dev eth1');
  engine.apply([updates('10.0.0.0/8')], clock.monotonic());
  await reroute('172.16.0.8/30 via 10.9.1.4 dev eth2');
  engine.apply([updates('10.0.0.0/8 via 172.16.0.9')], clock.monotonic());
  node.reconciler.wake();
  await node.rest();
  assert.ok(
    node.kernel.resolvedTable(100).includes('10.0.0.0/8 via 10.9.1.4 dev eth2 table 100 metric 20'),
  );
  await node.stop();
});

test('groups and claims of next-hop sets that are gone leave nothing behind', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  for (let i = 2; i < 200; i++) {
    await node.hears(`10.0.0.0/8 via 10.9.0.${i} + 10.9.1.${i}`);
  }
  assert.equal(node.kernel.nexthopTexts().length, 3);
  await node.hears('10.0.0.0/8');
  assert.deepEqual(node.kernel.nexthopTexts(), []);

  // One that died before it went.
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  await node.hears('10.0.0.0/8 via 172.16.0.9');
  await node.main('del', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  const [dead] = node.engine.tables.get(100)?.nextHops.values() ?? [];
  assert.ok(dead !== undefined && dead.legs.length === 0);
  assert.ok(node.reconciler.groups.claimOf(100, dead) !== undefined);
  await node.hears('10.0.0.0/8');
  await node.hears('10.1.0.0/16 via 10.9.0.2');
  assert.equal(node.reconciler.groups.claimOf(100, dead), undefined);
  await node.stop();
});

test('a group that goes while another link is read for: made again once, and nothing of it is lost', async () => {
  const node = await runningNode(
    config(ON_OBJECTS),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.1.2',
  );
  const [group = ''] = node.kernel.nexthopTexts().filter((line) => line.includes('group'));
  node.kernel.whileNexthopsRead(() => {
    node.kernel.late(true);
    node.kernel.outside(`nexthop del ${group.split(' ').slice(0, 2).join(' ')}`);
  });
  node.kernel.setLink('eth2', { up: false, carrier: false });
  node.kernel.setLink('eth2', { up: true, carrier: true });
  await node.rest();
  node.kernel.late(false);
  await node.rest();
  assert.equal(node.routes().length, 2);
  assert.deepEqual(node.errors, {});
  const written = node.kernel.takeLog();
  assert.equal(
    written.filter((line) => line.startsWith('nexthop del')).length,
    0,
    written.join('\n'),
  );
  await node.stop();
});

test('a leg that the kernel refuses keeps no other out, and comes in once it is taken', async () => {
  const node = await runningNode(config(ON_OBJECTS));
  node.kernel.refuse('via 10.9.1.2', 'EHOSTUNREACH');
  await node.hears('10.0.0.0/8 via 10.9.0.2 + 10.9.1.2');
  assert.deepEqual(
    node.kernel.resolvedTable(100).filter((line) => line.startsWith('10.0.')),
    ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20'],
  );
  await node.pass(20_000);
  assert.equal(node.routes().length, 1);
  node.kernel.takeLog();
  await node.hears('11.0.0.0/8 via 10.9.0.2 + 10.9.1.2');
  node.did('route add 11.0.0.0/8 nhid #0 table 100 metric 20');
  node.kernel.refuseNothing();
  await node.pass(60_000);
  assert.ok(
    node.kernel
      .resolvedTable(100)
      .every((line) => !line.startsWith('10.0.') || line.includes('eth2')),
  );
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a leg that is contested keeps no other out', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2 + 10.9.1.2');
  const single = () =>
    node.kernel.nexthopTexts().find((line) => line.includes('via 10.9.1.2')) ?? '';
  await node.link('eth1', { up: false, carrier: false });
  for (let i = 0; i < 9; i++) {
    if (single() !== '')
      await node.outside(`nexthop del ${single().split(' ').slice(0, 2).join(' ')}`);
    await node.pass(100);
  }
  await node.link('eth1', { up: true, carrier: true });
  assert.deepEqual(
    node.kernel.resolvedTable(100).filter((line) => line.startsWith('10.0.')),
    ['10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20'],
  );
  await node.pass(60_000);
  assert.ok(
    node.kernel.resolvedTable(100).some((line) => line.includes('eth2') && line.includes('eth1')),
  );
  await node.stop();
});

test('what is left of a group after each of its legs is one round of the group, not one a leg', async () => {
  const ways = ['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.1.2', '10.9.1.3'];
  const node = await runningNode(config(ON_OBJECTS), `10.0.0.0/8 via ${ways.join(' + ')}`);
  const lines = node.kernel.nexthopTexts();
  const group = parseNexthop(lines.find((line) => line.includes(' group ')) ?? '', () => 0);
  assert.ok(group.type === 'group');
  const members = [...group.members];
  while (members.length > 0) {
    const [gone] = members.splice(0, 1);
    node.kernel.outside(`nexthop del id ${gone?.id}`);
    if (members.length > 0)
      node.kernel.tell({
        type: 'nexthop',
        event: 'new',
        nexthop: { ...group, members: [...members], protocol: 178 },
        port: 4711,
      });
  }
  await node.rest();
  assert.equal(node.reconciler.contests.size, 0);
  assert.equal(node.routes().length, 1);
  assert.equal(node.drift.nexthop, ways.length);
  await node.stop();
});

test('a nexthop object that the kernel refused to delete goes when its retry is due', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('nexthop del', 'ENOMEM', 2);
  await node.hears('10.0.0.0/8');
  assert.equal(node.reconciler.retries.size, 2);
  await node.pass(2_000);
  assert.deepEqual(node.kernel.nexthopTexts(), []);
  assert.equal(node.reconciler.retries.size, 0);
  await node.stop();
});

test('a group that its only route left goes with its set, though the route is no longer wanted of it', async () => {
  const node = await runningNode(config(ON_OBJECTS), '10.0.0.0/8 via 10.9.0.2');
  // Its route is taken by somebody else: the group stays for the set.
  await node.outside('route replace blackhole 10.0.0.0/8 table 100 proto 4 metric 20');
  await node.hears('10.0.0.0/8');
  assert.deepEqual(node.kernel.nexthopTexts(), []);
  await node.stop();
});
