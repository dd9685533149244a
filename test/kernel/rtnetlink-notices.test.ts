/** What the monitor hears, and what it must not. Needs root. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { formatNexthop, formatRoute, formatRule } from '../../src/desired/format.js';
import type { KernelNotice } from '../../src/kernel/kernel.js';
import { openRtnetlink } from '../../src/kernel/rtnetlink.js';
import { until } from '../support/wait.js';
import { ip, Listener, leg, openNode, route, rule } from './rtnetlink-node.js';

const linkName = () => 'va';

function text(notice: KernelNotice): string {
  switch (notice.type) {
    case 'route':
      return `${notice.event} ${formatRoute(notice.route, linkName)}`;
    case 'rule':
      return `${notice.event} rule ${formatRule(notice.rule)}`;
    case 'nexthop':
      return `${notice.event} nexthop ${formatNexthop(notice.nexthop, linkName)}`;
    default:
      return notice.type;
  }
}

test('the changes of others are heard, in order, our own are not', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  using listener = new Listener(kernel);
  const { heard } = listener;
  const id = 0x40000001;
  const own = await kernel.execute([
    { op: 'route-add', route: route('10.1.0.0/16', [leg('10.9.0.2', oif)]) },
    { op: 'route-add', route: route('2001:db8:1::/48', [leg('2001:db8:9::2', oif)]) },
    { op: 'route-replace', route: route('10.1.0.0/16', [leg('10.9.0.3', oif)]) },
    { op: 'rule-add', rule: rule('203.0.113.0/24') },
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id, family: 'ipv4', leg: leg('10.9.0.2', oif) },
    },
    { op: 'nexthop-delete', id },
    { op: 'rule-delete', rule: rule('203.0.113.0/24') },
  ]);
  assert.deepEqual(own.failures, []);

  ip('route replace 10.1.0.0/16 via 10.9.0.4 table 100 metric 20 proto static');
  ip('route del 10.1.0.0/16 table 100 metric 20');
  ip('-6 route add 2001:db8:2::/48 via 2001:db8:9::2 table 254');
  ip('rule add from 10.5.0.0/16 lookup 100 pref 10000');
  ip('rule del from 10.5.0.0/16 lookup 100 pref 10000');
  ip('nexthop add id 5 via 10.9.0.2 dev va');
  ip('nexthop del id 5');
  const replaced = () => heard.flatMap((one) => (one.type === 'route' ? [one.replaces] : []));
  const foreign = () => heard.map(text).filter((one) => one !== 'link' && one !== 'address');
  await until(() => foreign().length >= 7, { what: 'seven notices' });
  assert.deepEqual(foreign(), [
    'new 10.1.0.0/16 via 10.9.0.4 dev va table 100 proto 4 metric 20',
    'gone 10.1.0.0/16 via 10.9.0.4 dev va table 100 proto 4 metric 20',
    'new 2001:db8:2::/48 via 2001:db8:9::2 dev va table 254 proto 3 metric 1024',
    'new rule from 10.5.0.0/16 lookup 100 pref 10000 proto 0',
    'gone rule from 10.5.0.0/16 lookup 100 pref 10000 proto 0',
    'new nexthop id 5 via 10.9.0.2 dev va proto 0',
    'gone nexthop id 5 via 10.9.0.2 dev va proto 0',
  ]);
  assert.deepEqual(replaced(), [true, false, false]);
});

test('of a route it is told whether it takes the place of another, in both families', async () => {
  await using node = await openNode();
  using listener = new Listener(node.kernel);
  const told = () =>
    listener.heard.flatMap((one) =>
      one.type === 'route' && one.route.table === 100
        ? [`${one.route.prefix} ${one.event} ${one.replaces}`]
        : [],
    );
  for (const [destination, first, second] of [
    ['10.1.0.0/16', '10.9.0.2', '10.9.0.3'],
    ['2001:db8:1::/48', '2001:db8:9::2', '2001:db8:9::3'],
  ]) {
    const of = `${destination} dev va table 100 metric 20`;
    ip(`route replace ${of} via ${first} proto static`);
    ip(`route replace ${of} via ${second} proto bird`);
    ip(`route append ${of} via ${first} proto bird`);
    ip(`route change ${of} via ${second} proto static`);
    await until(() => told().filter((line) => line.startsWith(`${destination} `)).length >= 4, {
      what: 'four notices',
    });
  }
  const each = ['new false', 'new true', 'new false', 'new true'];
  const expected = (destination: string) => each.map((one) => `${destination} ${one}`);
  assert.deepEqual(told(), [...expected('10.1.0.0/16'), ...expected('2001:db8:1::/48')]);
});

test('the writes of another rib2fib are those of another', async () => {
  await using node = await openNode();
  const { oif } = node;
  const other = await openRtnetlink();
  using ours = new Listener(node.kernel);
  using theirs = new Listener(other);
  const one = route('10.1.0.0/16', [leg('10.9.0.2', oif)]);
  const two = route('10.2.0.0/16', [leg('10.9.0.2', oif)]);
  await node.kernel.execute([{ op: 'route-add', route: one }]);
  await other.execute([{ op: 'route-add', route: two }]);
  // IPv6 of the interface settles meanwhile, with routes of its own.
  const routes = ({ heard }: Listener) =>
    heard.filter((notice) => notice.type === 'route' && notice.route.table === 100).map(text);
  await until(() => routes(ours).length > 0 && routes(theirs).length > 0, { what: 'both' });
  assert.deepEqual(routes(ours), [`new ${formatRoute(two, linkName)}`]);
  assert.deepEqual(routes(theirs), [`new ${formatRoute(one, linkName)}`]);
  await other.close();
});

test('who did it: the port of a program is its process id, that of the kernel itself is 0', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const id = 0x40000001;
  await kernel.execute([
    { op: 'route-add', route: route('10.1.0.0/16', [leg('10.9.0.2', oif)]) },
    { op: 'route-add', route: route('2001:db8:1::/48', [leg('2001:db8:9::2', oif)]) },
    { op: 'rule-add', rule: rule('203.0.113.0/24') },
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id, family: 'ipv4', leg: leg('10.9.0.2', oif) },
    },
  ]);
  using listener = new Listener(kernel);
  const ports = (type: string) =>
    listener.heard.flatMap((one) => (one.type === type && 'port' in one ? [one.port] : []));
  for (const [type, command] of [
    ['route', 'route del 10.1.0.0/16 table 100'],
    ['rule', 'rule del from 203.0.113.0/24 pref 10000'],
    ['nexthop', `nexthop del id ${id}`],
  ] as const) {
    const { pid, status } = spawnSync('ip', command.split(' '));
    assert.equal(status, 0, command);
    await until(() => ports(type).length > 0, { what: `the notice of a ${type}` });
    assert.deepEqual(ports(type), [pid]);
  }
  ip('link set va down');
  const lost = (one: KernelNotice) =>
    one.type === 'route' && one.route.table === 100 && one.route.prefix.family === 'ipv6';
  await until(() => listener.has(lost), { what: 'the IPv6 route that went with its link' });
  assert.equal(ports('route').at(-1), 0);
});

test('links and addresses are told, once a batch, a lost carrier as the state it is', async () => {
  await using node = await openNode();
  using listener = new Listener(node.kernel);
  const { oif } = node;
  const hears = (expected: KernelNotice) =>
    until(() => listener.has((notice) => isDeepStrictEqual(notice, expected)), {
      what: JSON.stringify(expected),
    });
  ip('link set vb down');
  await hears({ type: 'link', index: oif, usable: false });
  ip('link set vb up');
  await hears({ type: 'link', index: oif, usable: true });
  ip('addr add 192.0.2.1/32 dev va');
  await hears({ type: 'address', event: 'new', index: oif });
  ip('addr del 192.0.2.1/32 dev va');
  await hears({ type: 'address', event: 'gone', index: oif });
});

test('what the kernel takes along is told apart from what somebody removes', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  using listener = new Listener(kernel);
  const [one, two] = ['2001:db8:1::/48', '2001:db8:2222::/48'].map((to) =>
    route(to, [leg('2001:db8:9::2', oif)]),
  );
  assert.ok(one !== undefined && two !== undefined);
  await kernel.execute([one, two].map((of) => ({ op: 'route-add', route: of }) as const));
  ip(`-6 route del ${one.prefix} table 100`);
  ip('link set va down');
  const gone = () =>
    listener.heard.flatMap((notice) =>
      notice.type === 'route' && notice.event === 'gone' && notice.route.table === 100
        ? [`${notice.route.prefix} ${notice.port === 0 ? 'kernel' : 'somebody'}`]
        : [],
    );
  await until(() => gone().length === 2, { what: 'both are gone' });
  assert.deepEqual(gone(), [`${one.prefix} somebody`, `${two.prefix} kernel`]);
});

test('abort ends the iteration', async () => {
  await using node = await openNode();
  const stop = new AbortController();
  const batches: unknown[] = [];
  const ended = (async () => {
    for await (const batch of node.kernel.notices(stop.signal)) batches.push(batch);
  })();
  stop.abort();
  await ended;
  for await (const batch of node.kernel.notices(stop.signal)) batches.push(batch);
  assert.deepEqual(batches, []);
});

test('more changes than the buffer holds while the reader is blocked: overrun, and it goes on', async () => {
  await using node = await openNode();
  using listener = new Listener(node.kernel);
  const { heard } = listener;
  const lines = Array.from(
    { length: 60_000 },
    (_, i) => `route add 11.${i >> 8}.${i & 255}.0/24 via 10.9.0.2 table 100\n`,
  );
  // Blocks the event loop, and so the reader, until all of it is done.
  ip('-batch -', lines.join(''));
  await until(() => listener.has(({ type }) => type === 'overrun'), { what: 'the overrun' });
  assert.equal((await node.kernel.routes(100)).length, lines.length);
  // What was queued before is not worked off: it would tell of a past that has been read since.
  assert.ok(heard.length < 1_000, `${heard.length} notices of the past`);

  heard.length = 0;
  ip('route add 10.6.0.0/16 via 10.9.0.2 table 100');
  await until(() => listener.has((notice) => notice.type === 'route' && notice.event === 'new'), {
    what: 'a notice after the overrun',
  });
  assert.equal(
    heard.some(({ type }) => type === 'overrun'),
    false,
  );
});

test('a reader that does not come back gets an overrun instead of a backlog', async () => {
  await using node = await openNode();
  const stop = new AbortController();
  const notices = node.kernel.notices(stop.signal)[Symbol.asyncIterator]();
  const lines = (verb: string) =>
    Array.from(
      { length: 10_000 },
      (_, i) => `route ${verb} 11.${i >> 8}.${i & 255}.0/24 via 10.9.0.2 table 100\n`,
    ).join('');
  for (let round = 0; round < 6; round++) {
    ip('-batch -', lines('add'));
    await node.kernel.routes(100);
    ip('-batch -', lines('del'));
    await node.kernel.routes(100);
  }
  const { value } = await notices.next();
  assert.ok(Array.isArray(value));
  assert.ok(value.length < 100_001);
  assert.ok(value.some(({ type }: KernelNotice) => type === 'overrun'));
  stop.abort();
});
