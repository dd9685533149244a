/** A plan is what then happens, to the letter, and changes nothing itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operationText } from '../../../src/admin/operation-text.js';
import type { Config } from '../../../src/config/config.js';
import { adopt } from '../../../src/reconcile/audit.js';
import {
  config,
  limit,
  nextHop,
  prefix,
  rulesFrom,
  SYNCED,
  staticRoute,
  table,
  updates,
} from '../desired/build.js';
import { rule } from '../policy/build.js';
import { FakeNode, runningNode } from './node.js';

const FEED = [
  '10.0.0.0/8 via 10.9.0.2',
  '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2',
  '10.2.0.0/16 via 10.9.1.2',
];
const SIGNS = { '+': 'add', '~': 'replace', '-': 'del' } as const;

/** The planned operations in the words of the fake kernel's log. */
function planned(node: FakeNode, next?: Config): string[] {
  let { engine } = node;
  if (next !== undefined) {
    const now = node.clock.monotonic();
    const other = engine.withConfig(next, now);
    for (const one of other.tables.values()) adopt(one, node.reconciler.mirror, false);
    other.apply(engine.heard(), now);
    engine = other;
  }
  const linkName = (index: number) => engine.underlay.linkName(index);
  return node.reconciler.difference(engine).operations.map((operation) => {
    const { op, kind, text } = operationText(operation, linkName);
    const short = text
      .replace(/ proto 178/, '')
      .replace(/\b1\d{9}\b/g, (id) => `#${Number(id) - 0x40000000}`);
    return `${kind} ${SIGNS[op]} ${short}`;
  });
}

test('a plan over an empty kernel is what applying it once does; after it there is nothing to do', async () => {
  for (const objects of ['never', 'always'] as const) {
    const node = new FakeNode(
      config(
        table({
          nextHop: nextHop({ objects }),
          rules: rulesFrom('203.0.113.0/24'),
          static: [staticRoute('0.0.0.0/0', '10.9.0.254')],
        }),
      ),
    );
    node.kernel.outside(
      'route add 10.7.0.0/16 via 10.9.0.9 dev eth1 table 100 proto 178 metric 20',
      {
        silent: true,
      },
    );
    await node.reconciler.prepare();
    node.engine.apply([updates(...FEED), ...SYNCED], node.clock.monotonic());
    const plan = planned(node);
    assert.ok(plan.length > 6);
    assert.deepEqual(planned(node), plan);
    node.did();
    await node.reconciler.once();
    node.did(...plan);
    assert.deepEqual(planned(node), []);
    await node.reconciler.once();
    node.did();
  }
});

test('a plan for another configuration is what its reload then does', async () => {
  const base = {
    nextHop: nextHop({ objects: 'always' }),
    rules: rulesFrom('203.0.113.0/24'),
  } as const;
  const changes: Config[] = [
    config(table({ ...base, metric: 30 })),
    config(table({ ...base, id: 200 })),
    config(table({ ...base, nextHop: nextHop({ objects: 'never' }) })),
    config(table({ ...base, multipath: 1 })),
    config(table({ ...base, rules: { ...base.rules, priority: 9 } })),
    config(table({ ...base, filters: [rule('permit', 'x', { prefix: '10.1.0.0/16' })] })),
    config(table({ ...base, keepInMain: [prefix('10.1.0.0/16')] })),
    config(table({ ...base, onMiss: 'unreachable', foreign: 'evict' })),
    config(table(base), table({ ...base, id: 200, name: 'b', rules: undefined })),
  ];
  for (const change of changes) {
    const node = await runningNode(config(table(base)), ...FEED);
    node.kernel.outside('route add 10.7.0.0/16 via 10.9.0.9 dev eth1 table 100 proto 4 metric 20');
    await node.rest();
    const plan = planned(node, change);
    assert.ok(plan.length > 0);
    node.did();
    await node.reload(change);
    node.did(...plan);
    assert.deepEqual(planned(node), []);
    await node.stop();
  }
});

test('a plan for the configuration in force is empty, under limits and while received counts matter', async () => {
  const of = () =>
    config(
      table({
        limits: [limit('block', 2), limit('block', 2, { peer: '10.9.1.2', count: 'received' })],
        foreign: 'evict',
      }),
    );
  const node = await runningNode(of(), ...FEED);
  node.engine.setReceived([{ peer: '10.9.1.2', received: { ipv4: 77, ipv6: 0 } }]);
  await node.hears('10.3.0.0/16 via 10.9.1.2', '10.4.0.0/16 via 10.9.0.2');
  node.kernel.takeLog();
  assert.deepEqual(planned(node, of()), []);
  assert.deepEqual(planned(node), []);
  await node.stop();
});

test('eviction is planned once, ahead of what takes the place', async () => {
  const node = new FakeNode(config(table({ foreign: 'evict' })));
  const theirs = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20';
  node.kernel.outside(`route add ${theirs}`, { silent: true });
  await node.reconciler.prepare();
  node.engine.apply([updates(FEED[0] ?? ''), ...SYNCED], node.clock.monotonic());
  const plan = planned(node);
  assert.deepEqual(plan, [
    'route add throw 10.9.0.0/24 table 100 metric 20',
    `route del ${theirs}`,
    'route add 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
  ]);
  await node.reconciler.once();
  node.did(...plan);
});

test('flush removes all that is ours, rules first, and nothing else', async () => {
  const node = await runningNode(
    config(table({ nextHop: nextHop({ objects: 'always' }), rules: rulesFrom('203.0.113.0/24') })),
    ...FEED,
  );
  await node.outside(
    'rule add from 203.0.113.0/24 lookup 100 pref 10000 proto 4',
    'route add 10.7.0.0/16 via 10.9.0.9 dev eth1 table 100 proto 4 metric 20',
    'nexthop add id 7 via 10.9.0.9 dev eth1 proto 4',
  );
  await node.stop();
  await node.reconciler.flush();
  const log = node.kernel.takeLog();
  assert.equal(log[0], 'rule del from 203.0.113.0/24 lookup 100 pref 10000');
  assert.ok(log.every((line) => line.includes(' del ')));
  assert.deepEqual(node.kernel.table(100), [
    '10.7.0.0/16 via 10.9.0.9 dev eth1 table 100 proto 4 metric 20',
  ]);
  assert.deepEqual(node.kernel.ruleTexts(), ['from 203.0.113.0/24 lookup 100 pref 10000 proto 4']);
  assert.equal(node.kernel.nexthopTexts().length, 1);
});

test('a plan that drops a table of 150,000 names each of its routes', async () => {
  const big = table({ id: 200, name: 'big' });
  const count = 150_000;
  const some = (from: number) =>
    Array.from({ length: 10_000 }, (_, i) => {
      const n = from + i;
      return `20.${n >> 12}.${(n >> 4) & 255}.${(n & 15) << 4}/28 via 10.9.0.2`;
    });
  const node = await runningNode(config(table({ filters: [] }), big));
  for (let from = 0; from < count; from += 10_000) await node.hears(...some(from));
  const engine = node.engine.withConfig(config(table({ filters: [] })), node.clock.monotonic());
  engine.apply(node.engine.heard(), node.clock.monotonic());
  const { operations } = node.reconciler.difference(engine);
  const gone = operations.filter(({ op }) => op === 'route-delete');
  assert.equal(gone.length, count + 1);
  await node.stop();
});
