/** Rules and nexthop objects on the real kernel. Needs root. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRule } from '../../src/desired/format.js';
import { ip, leg, openNode, prefix, route, routesSeen, rule, rulesSeen } from './rtnetlink-node.js';

test('every form of rule, as ip sees it, and as we read it back', async () => {
  await using node = await openNode();
  const { kernel } = node;
  const rules = [
    rule('203.0.113.0/24'),
    rule(undefined, { to: prefix('10.0.0.0/8'), table: 1000 }),
    rule(undefined, { iif: 'va' }),
    rule('10.1.0.0/16', { fwmark: { value: 0x14, mask: 0xff } }),
    rule(undefined, { fwmark: { value: 0x14, mask: 0xffffffff } }),
    rule('2001:db8:100::/56', { family: 'ipv6' }),
  ];
  const added = await kernel.execute(rules.map((one) => ({ op: 'rule-add', rule: one })));
  assert.deepEqual(added, { failures: [], unknownFrom: rules.length });
  assert.deepEqual(
    [...rulesSeen(10000, 4), ...rulesSeen(10000, 6)],
    [
      'from 203.0.113.0/24 lookup 100 proto 178',
      'from all to 10.0.0.0/8 lookup 1000 proto 178',
      'from all iif va lookup 100 proto 178',
      'from 10.1.0.0/16 fwmark 0x14/0xff lookup 100 proto 178',
      'from all fwmark 0x14 lookup 100 proto 178',
      'from 2001:db8:100::/56 lookup 100 proto 178',
    ],
  );
  const ours = (await kernel.rules()).filter(({ protocol }) => protocol === 178);
  assert.deepEqual(ours.map(formatRule), rules.map(formatRule));

  const again = await kernel.execute(rules.map((one) => ({ op: 'rule-add', rule: one })));
  assert.deepEqual(
    again.failures.map(({ index, errno }) => [index, errno]),
    rules.map((_, index) => [index, 'EEXIST']),
  );

  const deleted = await kernel.execute(rules.map((one) => ({ op: 'rule-delete', rule: one })));
  assert.deepEqual(deleted, { failures: [], unknownFrom: rules.length });
  assert.deepEqual([...rulesSeen(10000, 4), ...rulesSeen(10000, 6)], []);
});

test('our words are the words of ip rule', async () => {
  await using node = await openNode();
  const text = formatRule(
    rule('10.1.0.0/16', {
      to: prefix('10.2.0.0/16'),
      iif: 'va',
      fwmark: { value: 0x14, mask: 0xff },
    }),
  );
  ip(`rule add ${text}`);
  const [found] = (await node.kernel.rules()).filter(({ protocol }) => protocol === 178);
  assert.ok(found);
  assert.equal(formatRule(found), text);
});

test('a deletion hits this rule, and neither a narrower one ahead of it nor a foreign one', async () => {
  await using node = await openNode();
  const { kernel } = node;
  const broad = rule('10.0.0.0/8');
  const narrow = [
    rule('10.0.0.0/8', { iif: 'va' }),
    rule('10.0.0.0/8', { fwmark: { value: 1, mask: 0xff } }),
  ];
  ip('rule add from 10.0.0.0/8 lookup 100 pref 10000 proto static');
  await kernel.execute([...narrow, broad].map((one) => ({ op: 'rule-add', rule: one })));
  const kept = [
    'from 10.0.0.0/8 lookup 100 proto static',
    'from 10.0.0.0/8 iif va lookup 100 proto 178',
    'from 10.0.0.0/8 fwmark 0x1/0xff lookup 100 proto 178',
  ];
  assert.deepEqual(rulesSeen(10000), [...kept, 'from 10.0.0.0/8 lookup 100 proto 178']);

  assert.deepEqual(await kernel.execute([{ op: 'rule-delete', rule: broad }]), {
    failures: [],
    unknownFrom: 1,
  });
  assert.deepEqual(rulesSeen(10000), kept);

  const again = await kernel.execute([{ op: 'rule-delete', rule: broad }]);
  assert.deepEqual(
    again.failures.map(({ errno }) => errno),
    ['ENOENT'],
  );
  assert.deepEqual(rulesSeen(10000), kept);
});

test('a rule with a source of length 0 is one from all', async () => {
  await using node = await openNode();
  const all = rule('0.0.0.0/0', { priority: 10001 });
  await node.kernel.execute([{ op: 'rule-add', rule: all }]);
  assert.deepEqual(rulesSeen(10001), ['from all lookup 100 proto 178']);
  const { failures } = await node.kernel.execute([{ op: 'rule-delete', rule: all }]);
  assert.deepEqual(failures, []);
  assert.deepEqual(rulesSeen(10001), []);
});

test('a route stands on a group without a gateway too', async () => {
  await using node = await openNode();
  const [single, group] = [0x40000001, 0x40000000];
  const { failures } = await node.kernel.execute([
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id: single, family: 'ipv4', leg: leg(undefined, node.oif) },
    },
    {
      op: 'nexthop-add',
      nexthop: { type: 'group', id: group, members: [{ id: single, weight: 1 }] },
    },
    { op: 'route-add', route: route('10.1.0.0/16', { type: 'nexthop', id: group }) },
  ]);
  assert.deepEqual(failures, []);
  assert.deepEqual(routesSeen(4, 100), [`10.1.0.0/16 nhid ${group} dev va proto 178 metric 20`]);
});

test('nexthop objects: singles, groups, and a group replaced under its routes', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const [first, second, third, group] = [0x40000001, 0x40000002, 0x40000003, 0x40000000];
  const result = await kernel.execute([
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id: first, family: 'ipv4', leg: leg('10.9.0.2', oif) },
    },
    {
      op: 'nexthop-add',
      nexthop: {
        type: 'single',
        id: second,
        family: 'ipv4',
        leg: leg('2001:db8:77::2', oif, { onlink: true }),
      },
    },
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id: third, family: 'ipv4', leg: leg(undefined, oif) },
    },
    {
      op: 'nexthop-add',
      nexthop: { type: 'group', id: group, members: [{ id: first, weight: 1 }] },
    },
    { op: 'route-add', route: route('10.1.0.0/16', { type: 'nexthop', id: group }) },
    {
      op: 'nexthop-replace',
      nexthop: {
        type: 'group',
        id: group,
        members: [
          { id: first, weight: 256 },
          { id: second, weight: 3 },
        ],
      },
    },
  ]);
  assert.deepEqual(result, { failures: [], unknownFrom: 6 });
  assert.deepEqual(
    ip('nexthop show')
      .trim()
      .split('\n')
      .map((line) => line.trim()),
    [
      `id ${group} group ${first},256/${second},3 proto 178`,
      `id ${first} via 10.9.0.2 dev va scope link proto 178`,
      `id ${second} via 2001:db8:77::2 dev va scope link proto 178 onlink`,
      `id ${third} dev va scope host proto 178`,
    ],
  );
  assert.deepEqual(routesSeen(4, 100), [
    `10.1.0.0/16 nhid ${group} proto 178 metric 20 nexthop via 10.9.0.2 dev va weight 256 ` +
      'nexthop via inet6 2001:db8:77::2 dev va weight 3 onlink',
  ]);
  assert.deepEqual(await kernel.nexthops(), [
    {
      type: 'group',
      id: group,
      members: [
        { id: first, weight: 256 },
        { id: second, weight: 3 },
      ],
      protocol: 178,
    },
    { type: 'single', id: first, family: 'ipv4', leg: leg('10.9.0.2', oif), protocol: 178 },
    {
      type: 'single',
      id: second,
      family: 'ipv6',
      leg: leg('2001:db8:77::2', oif, { onlink: true }),
      protocol: 178,
    },
    { type: 'single', id: third, family: 'ipv4', leg: leg(undefined, oif), protocol: 178 },
  ]);

  const refused = await kernel.execute([
    {
      op: 'nexthop-add',
      nexthop: { type: 'single', id: first, family: 'ipv4', leg: leg('10.9.0.9', oif) },
    },
    {
      op: 'nexthop-replace',
      nexthop: { type: 'single', id: 0x40000009, family: 'ipv4', leg: leg('10.9.0.9', oif) },
    },
    { op: 'nexthop-delete', id: 0x40000009 },
    { op: 'nexthop-delete', id: group },
  ]);
  assert.deepEqual(
    refused.failures.map(({ index, errno }) => [index, errno]),
    [
      [0, 'EEXIST'],
      [1, 'ENOENT'],
      [2, 'ENOENT'],
    ],
  );
  assert.deepEqual(routesSeen(4, 100), []);
});
