/** Routes: every form, written by us and read by `ip`; what a write may not touch. Needs root. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatRoute } from '../../src/desired/format.js';
import type { Route } from '../../src/desired/route.js';
import type { Kernel, KernelRoute } from '../../src/kernel/kernel.js';
import { until } from '../support/wait.js';
import { ip, leg, openNode, route, routesSeen } from './rtnetlink-node.js';

const linkName = (index: number) => (index === 0 ? '?' : 'va');

test('every form of route, as ip sees it, and as we read it back', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const forms: readonly (readonly [Route, string])[] = [
    [
      route('10.1.0.0/16', [leg('10.9.0.2', oif)]),
      '10.1.0.0/16 via 10.9.0.2 dev va proto 178 metric 20',
    ],
    [
      route('10.2.0.0/16', [leg('10.77.0.2', oif, { onlink: true })]),
      '10.2.0.0/16 via 10.77.0.2 dev va proto 178 metric 20 onlink',
    ],
    [
      route('10.3.0.0/16', [leg(undefined, oif)]),
      '10.3.0.0/16 dev va proto 178 scope link metric 20',
    ],
    [
      route('10.4.0.0/16', [leg('2001:db8:9::2', oif)]),
      '10.4.0.0/16 via inet6 2001:db8:9::2 dev va proto 178 metric 20',
    ],
    [
      route('10.5.0.0/16', [
        leg('10.9.0.2', oif),
        leg('2001:db8:9::2', oif, { weight: 256 }),
        leg('10.77.0.3', oif, { weight: 3, onlink: true }),
      ]),
      '10.5.0.0/16 proto 178 metric 20 nexthop via 10.9.0.2 dev va weight 1 ' +
        'nexthop via inet6 2001:db8:9::2 dev va weight 256 ' +
        'nexthop via 10.77.0.3 dev va weight 3 onlink',
    ],
    [route('10.6.0.0/16', { type: 'throw' }), 'throw 10.6.0.0/16 proto 178 metric 20'],
    [route('10.7.0.0/16', { type: 'unreachable' }), 'unreachable 10.7.0.0/16 proto 178 metric 20'],
    [
      route('10.8.0.0/16', { type: 'nexthop', id: 0x40000000 }),
      '10.8.0.0/16 nhid 1073741824 via 10.9.0.2 dev va proto 178 metric 20',
    ],
    [route('0.0.0.0/0', [leg('10.9.0.2', oif)]), 'default via 10.9.0.2 dev va proto 178 metric 20'],
    [
      route('10.9.8.7/32', [leg('10.9.0.2', oif)]),
      '10.9.8.7 via 10.9.0.2 dev va proto 178 metric 20',
    ],
    [
      route('2001:db8:8::8/128', [leg('2001:db8:9::2', oif)]),
      '2001:db8:8::8 via 2001:db8:9::2 dev va proto 178 metric 20',
    ],
    [
      route('2001:db8:1::/48', [leg('2001:db8:9::2', oif)]),
      '2001:db8:1::/48 via 2001:db8:9::2 dev va proto 178 metric 20',
    ],
    [
      route('2001:db8:2::/48', [leg('fe80::2', oif)]),
      '2001:db8:2::/48 via fe80::2 dev va proto 178 metric 20',
    ],
    [route('2001:db8:3::/48', [leg(undefined, oif)]), '2001:db8:3::/48 dev va proto 178 metric 20'],
    [
      route('2001:db8:4::/48', [leg('2001:db8:9::2', oif), leg('fe80::2', oif, { weight: 4 })]),
      '2001:db8:4::/48 proto 178 metric 20 nexthop via 2001:db8:9::2 dev va weight 1 ' +
        'nexthop via fe80::2 dev va weight 4',
    ],
    [
      route('2001:db8:5::/48', [leg('2001:db8:77::2', oif, { onlink: true })]),
      '2001:db8:5::/48 via 2001:db8:77::2 dev va proto 178 metric 20 onlink',
    ],
    [
      route('2001:db8:6::/48', { type: 'throw' }),
      'throw 2001:db8:6::/48 dev lo proto 178 metric 20',
    ],
    [
      route('2001:db8:7::/48', { type: 'unreachable' }),
      'unreachable 2001:db8:7::/48 dev lo proto 178 metric 20',
    ],
    [
      route('::/0', [leg('2001:db8:9::2', oif)]),
      'default via 2001:db8:9::2 dev va proto 178 metric 20',
    ],
  ];
  for (const [one, seen] of forms) {
    const text = formatRoute({ ...one, table: 100 }, linkName).replace(' table 100', '');
    // All but what the kernel adds by itself.
    assert.equal(
      text,
      seen.replace(' scope link', '').replace(/( nhid \d+) via \S+ dev \S+/, '$1'),
    );
  }
  const inTable = (table: number) => forms.map(([one]) => ({ ...one, table }));
  await kernel.execute([
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id: 0x40000001, family: 'ipv4', leg: leg('10.9.0.2', oif) },
    },
    {
      op: 'nexthop-add',
      nexthop: { type: 'group', id: 0x40000000, members: [{ id: 0x40000001, weight: 1 }] },
    },
  ]);
  for (const table of [100, 1000]) {
    const added = await kernel.execute(
      inTable(table).map((one) => ({ op: 'route-add', route: one })),
    );
    assert.deepEqual(added, { failures: [], unknownFrom: forms.length });
    assert.deepEqual(
      [...routesSeen(4, table), ...routesSeen(6, table)].sort(),
      forms.map(([, text]) => text).sort(),
    );
    const text = (one: Route) => formatRoute(one, linkName);
    assert.deepEqual(
      (await kernel.routes(table)).map(text).sort(),
      inTable(table).map(text).sort(),
    );
  }

  const gone = await kernel.execute(
    inTable(100).map((one) => ({ op: 'route-delete', route: one })),
  );
  assert.deepEqual(gone, { failures: [], unknownFrom: forms.length });
  assert.deepEqual([...routesSeen(4, 100), ...routesSeen(6, 100)], []);
  assert.equal((await kernel.routes(1000)).length, forms.length);
});

test('our words are the words of ip route', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const originals = [
    route('10.1.0.0/16', [leg('10.9.0.2', oif)]),
    route('10.4.0.0/16', [leg('2001:db8:9::2', oif)]),
    route('10.5.0.0/16', [
      leg('10.9.0.2', oif),
      leg('10.77.0.3', oif, { weight: 3, onlink: true }),
    ]),
    route('10.6.0.0/16', { type: 'throw' }),
    route('2001:db8:4::/48', [leg('2001:db8:9::2', oif), leg('fe80::2', oif, { weight: 4 })]),
    route('2001:db8:6::/48', { type: 'throw' }),
    route('10.9.8.7/32', [leg('10.77.0.2', oif, { onlink: true })]),
    route('0.0.0.0/0', [leg('10.9.0.2', oif)]),
    route('::/0', [leg('2001:db8:9::2', oif)]),
  ];
  const texts = originals.map((one) => formatRoute(one, linkName));
  ip('-batch -', texts.map((text) => `route add ${text}\n`).join(''));
  const read = (await kernel.routes(100)).map((one) => formatRoute(one, linkName));
  assert.deepEqual(read.sort(), texts.sort());
});

for (const [family, destination, ours, theirs] of [
  [4, '10.0.0.0/8', '10.9.0.2', '10.9.0.9'],
  [6, '2001:db8:1::/48', '2001:db8:9::2', '2001:db8:9::9'],
] as const) {
  test(`IPv${family}: add is refused over a foreign route, and delete spares it`, async () => {
    await using node = await openNode();
    const { kernel, oif } = node;
    ip(`-${family} route add ${destination} via ${theirs} table 100 metric 20 proto static`);
    const before = routesSeen(family, 100);

    for (const legs of [[leg(ours, oif)], [leg(ours, oif), leg(theirs, oif, { weight: 2 })]]) {
      const added = await kernel.execute([{ op: 'route-add', route: route(destination, legs) }]);
      assert.deepEqual(
        added.failures.map(({ index, errno }) => [index, errno]),
        [[0, 'EEXIST']],
      );
    }
    const deleted = await kernel.execute([
      { op: 'route-delete', route: route(destination, [leg(theirs, oif)]) },
    ]);
    assert.deepEqual(
      deleted.failures.map(({ errno }) => errno),
      ['ESRCH'],
    );
    assert.deepEqual(routesSeen(family, 100), before);
  });

  test(`IPv${family}: delete spares our route of another metric or table`, async () => {
    await using node = await openNode();
    const { kernel, oif } = node;
    const one = route(destination, [leg(ours, oif)]);
    const others = [
      { ...one, metric: 21 },
      { ...one, table: 1000 },
    ];
    await kernel.execute([one, ...others].map((each) => ({ op: 'route-add', route: each })));
    await kernel.execute([{ op: 'route-delete', route: one }]);
    const kept = (await readAll(kernel)).map(({ table, metric }) => [table, metric]);
    assert.deepEqual(kept, [
      [100, 21],
      [1000, 20],
    ]);
  });

  test(`IPv${family}: replace turns any form into any other, whole`, async () => {
    await using node = await openNode();
    const { kernel, oif } = node;
    await kernel.execute([
      {
        op: 'nexthop-add',
        nexthop: { type: 'single', id: 0x40000001, family: 'ipv4', leg: leg(ours, oif) },
      },
      {
        op: 'nexthop-add',
        nexthop: { type: 'group', id: 0x40000000, members: [{ id: 0x40000001, weight: 1 }] },
      },
    ]);
    const forms = [
      route(destination, [leg(ours, oif)]),
      route(destination, [leg(ours, oif), leg(theirs, oif, { weight: 2 })]),
      route(destination, [leg(undefined, oif)]),
      route(destination, { type: 'nexthop', id: 0x40000000 }),
      route(destination, { type: 'throw' }),
      route(destination, [leg(theirs, oif, { weight: 5 }), leg(ours, oif)]),
      route(destination, { type: 'unreachable' }),
    ];
    for (const from of forms) {
      for (const to of forms) {
        const result = await kernel.execute([
          { op: 'route-add', route: from },
          { op: 'route-replace', route: to },
        ]);
        assert.deepEqual(result.failures, []);
        const [found, ...rest] = await kernel.routes(100);
        assert.ok(found !== undefined && rest.length === 0);
        assert.equal(formatRoute(found, linkName), formatRoute(to, linkName));
        assert.deepEqual((await kernel.execute([{ op: 'route-delete', route: to }])).failures, []);
        assert.deepEqual(routesSeen(family, 100), []);
      }
    }
  });

  test(`IPv${family}: replace of a route the kernel has lost makes none`, async () => {
    await using node = await openNode();
    const { kernel, oif } = node;
    const one = route(destination, [leg(ours, oif), leg(theirs, oif)]);
    await kernel.execute([{ op: 'route-add', route: { ...one, metric: 21 } }]);
    const { failures } = await kernel.execute([{ op: 'route-replace', route: one }]);
    assert.deepEqual(
      failures.map(({ errno }) => errno),
      ['ENOENT'],
    );
    assert.equal((await kernel.routes(100)).length, 1);
  });
}

test('dumps hold what was asked for: the table, every protocol; or ours, every table', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  ip('route add 10.1.0.0/16 via 10.9.0.2 table 100 proto static');
  ip('route add 10.2.0.0/16 via 10.9.0.2 table 1000 proto static');
  ip('route add 10.3.0.0/16 via 10.9.0.2 table 100 tos 0x10');
  ip('route add multicast 239.0.0.0/8 dev va table 100');
  await kernel.execute([
    { op: 'route-add', route: route('10.4.0.0/16', [leg('10.9.0.2', oif)]) },
    { op: 'route-add', route: route('10.5.0.0/16', [leg('10.9.0.2', oif)], 1000) },
    { op: 'route-add', route: route('2001:db8:5::/48', { type: 'throw' }, 1000) },
  ]);
  const texts = (routes: readonly Route[]) => routes.map(({ prefix }) => prefix.text).sort();
  assert.deepEqual(texts(await kernel.routes(100)), ['10.1.0.0/16', '10.4.0.0/16']);
  assert.deepEqual(texts(await kernel.routes(1000)), [
    '10.2.0.0/16',
    '10.5.0.0/16',
    '2001:db8:5::/48',
  ]);
  assert.deepEqual(texts(await kernel.routes(4711)), []);
  assert.deepEqual(texts(await kernel.foreignRoutes(1000)), ['10.2.0.0/16']);
  const own = ['10.4.0.0/16', '10.5.0.0/16', '2001:db8:5::/48'];
  assert.deepEqual(texts(await readAll(kernel)), own);
  assert.deepEqual(texts(await readAll(kernel, 100)), ['10.1.0.0/16', ...own]);
  assert.deepEqual(texts(await readAll(kernel, 1000)), ['10.2.0.0/16', ...own]);
  assert.deepEqual(texts(await readAll(kernel, 100, 1000)), ['10.1.0.0/16', '10.2.0.0/16', ...own]);
});

test('the routes of a table that lead out of an interface, alone or among others', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  ip('link add vc type veth peer name vd');
  try {
    for (const name of ['vc', 'vd']) ip(`link set ${name} up`);
    ip('addr add 10.9.1.1/24 dev vc');
    ip('-6 addr add 2001:db8:a::1/64 dev vc nodad');
    const other = (await kernel.links()).find(({ name }) => name === 'vc')?.index ?? 0;
    const written = [
      route('10.1.0.0/16', [leg('10.9.0.2', oif)]),
      route('10.2.0.0/16', [leg('10.9.1.2', other)]),
      route('10.3.0.0/16', [leg('10.9.0.2', oif), leg('10.9.1.2', other)]),
      route('10.4.0.0/16', [leg('10.9.0.2', oif)], 1000),
      route('2001:db8:1::/48', [leg('2001:db8:9::2', oif)]),
      route('2001:db8:2222::/48', [leg('2001:db8:9::2', oif), leg('2001:db8:a::2', other)]),
    ];
    const { failures } = await kernel.execute(
      written.map((one) => ({ op: 'route-add', route: one }) as const),
    );
    assert.deepEqual(failures, []);
    const out = async (of: number) =>
      (await kernel.routes(100, of)).map(({ prefix }) => prefix.text).sort();
    assert.deepEqual(await out(oif), [
      ...['10.1.0.0/16', '10.3.0.0/16', '2001:db8:1::/48', '2001:db8:2222::/48'],
    ]);
    assert.deepEqual(await out(other), ['10.2.0.0/16', '10.3.0.0/16', '2001:db8:2222::/48']);
    assert.deepEqual(await out(4_711), []);
  } finally {
    ip('link del vc');
  }
});

test('a route whose link has lost its carrier is dead', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  await kernel.execute([{ op: 'route-add', route: route('10.1.0.0/16', [leg('10.9.0.2', oif)]) }]);
  assert.deepEqual(
    (await kernel.routes(100)).map(({ dead }) => dead),
    [false],
  );
  ip('link set vb down');
  // The kernel looks at carriers in its own time, up to a second later.
  await until(async () => (await kernel.routes(100)).every(({ dead }) => dead), {
    what: 'the route is dead',
  });
  assert.deepEqual(
    (await kernel.links())
      .filter(({ name }) => name === 'va')
      .map(({ up, carrier }) => [up, carrier]),
    [[true, false]],
  );
});

test('unicast routes of one table and protocol, nexthop objects as their legs', async () => {
  await using node = await openNode();
  const { kernel } = node;
  ip('nexthop add id 5 via 10.9.0.2 dev va');
  ip('nexthop add id 6 via 10.9.0.3 dev va');
  ip('nexthop add id 7 group 5,2/6');
  ip('route add 10.1.0.0/16 nhid 7 table 50 proto 186');
  ip('route add 10.2.0.0/16 via 10.9.0.2 table 50 proto 186');
  ip('route add 2001:db8:1::/48 via 2001:db8:9::2 table 50 proto 186');
  ip('route add blackhole 10.3.0.0/16 table 50 proto 186');
  ip('route add 10.4.0.0/16 via 10.9.0.2 table 50 proto static');
  ip('route add 10.5.0.0/16 via 10.9.0.2 table 51 proto 186');
  const routes = await kernel.unicastRoutes(50, 186);
  const shown = routes.map(({ prefix, legs }) => [
    prefix.text,
    legs.map(({ gateway, weight }) => `${gateway}*${weight}`).join(),
  ]);
  assert.deepEqual(Object.fromEntries(shown), {
    '10.1.0.0/16': '10.9.0.2*2,10.9.0.3*1',
    '10.2.0.0/16': '10.9.0.2*1',
    '2001:db8:1::/48': '2001:db8:9::2*1',
  });
  assert.deepEqual(await kernel.unicastRoutes(4_711, 186), []);
});

test('the underlay: main and local, without multicast, nexthop objects as their legs', async () => {
  await using node = await openNode();
  const { kernel } = node;
  ip('nexthop add id 5 via 10.9.0.2 dev va');
  ip('nexthop add id 6 via 10.9.0.3 dev va');
  ip('nexthop add id 7 group 5,2/6');
  ip('route add 10.1.0.0/16 nhid 7');
  ip('route add blackhole 10.2.0.0/16');
  for (const compatibility of ['1', '0']) {
    writeFileSync('/proc/sys/net/ipv4/nexthop_compat_mode', compatibility);
    const underlay = await kernel.underlay();
    const found = (text: string) => underlay.find(({ prefix }) => prefix.text === text);
    assert.deepEqual(
      found('10.1.0.0/16')?.legs.map(({ gateway, weight }) => [gateway?.text, weight]),
      [
        ['10.9.0.2', 2],
        ['10.9.0.3', 1],
      ],
    );
    assert.equal(found('10.2.0.0/16')?.type, 'other');
    assert.deepEqual([found('10.9.0.1/32')?.type, found('10.9.0.1/32')?.table], ['local', 255]);
    assert.deepEqual([found('10.9.0.0/24')?.type, found('10.9.0.0/24')?.table], ['unicast', 254]);
    assert.equal(found('10.9.0.255/32'), undefined);
    assert.equal(found('ff00::/8'), undefined);
    assert.equal(found('2001:db8:9::1/128')?.type, 'local');
  }
});

/** Ours, and those of others in the tables named. */
async function readAll(kernel: Kernel, ...tables: number[]): Promise<readonly KernelRoute[]> {
  const read = { ipv4: [] as KernelRoute[], ipv6: [] as KernelRoute[] };
  await kernel.readRoutes(new Set(tables), (family) => {
    read[family] = [];
    return (route) => read[family].push(route);
  });
  return [...read.ipv4, ...read.ipv6];
}
