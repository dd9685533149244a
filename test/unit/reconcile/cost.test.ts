/** Change costs what changed: one prefix is as cheap in a large table as in a small one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrefixSlots } from '../../../src/net/prefix-slots.js';
import { SlotArray } from '../../../src/net/slot-array.js';
import { config, limit, nextHop, table } from '../desired/build.js';
import { type FakeNode, runningNode } from './node.js';

type Walked = { readonly size: number };

/** Look-ups in maps, sets and slots, and the sizes of those that are walked, until the node rests again; the kernel's own apart. */
async function costOf(node: FakeNode, work: () => Promise<void>): Promise<number> {
  let cost = 0;
  let counting = true;
  const { kernel } = node;
  const { execute } = kernel;
  kernel.execute = async (operations) => {
    counting = false;
    const result = await execute.call(kernel, operations);
    counting = true;
    return result;
  };
  const restore: (() => void)[] = [];
  const patch = (prototype: object, name: string | symbol, price: (on: Walked) => number) => {
    const original = Reflect.get(prototype, name);
    Reflect.set(prototype, name, function (this: Walked, ...given: unknown[]) {
      if (counting) cost += price(this);
      return Reflect.apply(original, this, given);
    });
    restore.push(() => Reflect.set(prototype, name, original));
  };
  for (const prototype of [Map.prototype, Set.prototype]) {
    for (const name of ['values', 'keys', 'entries', 'forEach', Symbol.iterator]) {
      patch(prototype, name, ({ size }) => size);
    }
    for (const name of ['has', 'delete']) patch(prototype, name, () => 1);
  }
  for (const name of ['find', 'prefixAt', 'isUsed']) patch(PrefixSlots.prototype, name, () => 1);
  patch(SlotArray.prototype, 'get', () => 1);
  patch(Map.prototype, 'get', () => 1);
  patch(Map.prototype, 'set', () => 1);
  try {
    await work();
  } finally {
    for (const undo of restore) undo();
    kernel.execute = execute;
  }
  return cost;
}

function feed(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `20.${i >> 8}.${i & 255}.0/24 via 10.9.0.2`);
}

const STEPS: Readonly<Record<string, (node: FakeNode) => Promise<void>>> = {
  'a new prefix': (node) => node.hears('30.0.0.0/8 via 10.9.0.2'),
  'another next hop': (node) => node.hears('20.0.7.0/24 via 10.9.1.2'),
  'a withdrawal': (node) => node.hears('20.0.8.0/24'),
  'a withdrawn next hop': (node) => node.hears('20.0.7.0/24'),
  'a foreign route': (node) =>
    node.outside('route add blackhole 30.1.0.0/16 table 100 proto 4 metric 20'),
  'a foreign nexthop object': async (node) => {
    const leg = { gateway: undefined, oif: 3, onlink: false, weight: 1 };
    const nexthop = { type: 'single', id: 7, family: 'ipv4', leg, protocol: 4 } as const;
    node.kernel.tell({ type: 'nexthop', event: 'new', nexthop, port: 4711 });
    node.kernel.tell({ type: 'nexthop', event: 'gone', nexthop, port: 4711 });
    await node.rest();
  },
  'a route of ours that somebody removed': (node) =>
    node.outside('route del 20.0.9.0/24 table 100 metric 20'),
};

for (const objects of ['never', 'always'] as const) {
  for (const foreign of ['preserve', 'evict'] as const) {
    test(`objects ${objects}, foreign ${foreign}: the same in a table of 200 and of 4,000`, async () => {
      const costs: Record<string, number[]> = {};
      for (const size of [200, 4_000]) {
        const limits = [limit('block', 10_000)];
        const node = await runningNode(
          config(table({ nextHop: nextHop({ objects }), foreign, limits })),
          ...feed(size),
          '10.1.0.0/16 via 10.9.1.2',
        );
        // Refused ones wait beside it, as many as there are routes.
        node.kernel.refuse('40.', 'ENOMEM');
        await node.hears(...feed(size).map((text) => text.replace('20.', '40.')));
        for (const [step, work] of Object.entries(STEPS)) {
          costs[step] = [...(costs[step] ?? []), await costOf(node, () => work(node))];
        }
        await node.stop();
      }
      for (const [step, [small = 0, large = 0]] of Object.entries(costs)) {
        assert.ok(
          large <= small + 100,
          `${step}: ${small} look-ups, and ${large} in a large table`,
        );
      }
    });
  }
}

test('with objects a moved next hop costs the same, whatever number of routes stands on it', async () => {
  const costs: number[] = [];
  for (const size of [200, 4_000]) {
    const node = await runningNode(config(table({ nextHop: nextHop({ objects: 'always' }) })));
    await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
    await node.hears(...feed(size).map((text) => text.replace('10.9.0.2', '172.16.0.9')));
    costs.push(await costOf(node, () => node.main('add', '172.16.0.8/29 via 10.9.0.3 dev eth1')));
    assert.ok(node.routes().every((line) => line.includes('nhid')));
    await node.stop();
  }
  const [small = 0, large = 0] = costs;
  assert.ok(large <= small + 100, `${small} and ${large}`);
});
