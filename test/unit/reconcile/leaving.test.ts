/** What goes is kept from pass to pass: the longest first, when there is nothing else to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Leaving } from '../../../src/reconcile/leaving.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { config, prefix, rulesFrom, table, updates } from '../desired/build.js';
import { settled } from './fake-clock.js';
import { FakeNode, runningNode } from './node.js';

function texts(taken: ReturnType<Leaving['take']>): string[] {
  return taken.map(({ table, prefix, throws }) => `${table} ${prefix}${throws ? ' throw' : ''}`);
}

test('the longest first over all that was added, throws behind everything', () => {
  const leaving = new Leaving();
  for (const text of ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '2001:db8::/32', '::/0']) {
    leaving.add(100, prefix(text));
  }
  leaving.addThrow(100, prefix('10.9.0.0/24'));
  leaving.add(100, prefix('10.1.0.0/16'));
  assert.equal(leaving.size, 6);
  assert.deepEqual(texts(leaving.take(2)), ['100 10.1.1.0/24', '100 10.1.0.0/16']);
  leaving.add(100, prefix('10.2.0.0/16'));
  leaving.add(100, prefix('10.1.1.0/24'));
  const rest = ['100 10.1.1.0/24', '100 10.2.0.0/16', '100 10.0.0.0/8', '100 ::/0'];
  assert.deepEqual(texts(leaving.take(4)), rest);
  assert.deepEqual(texts(leaving.take(9)), ['100 2001:db8::/32']);
  assert.deepEqual(texts(leaving.take(9)), ['100 10.9.0.0/24 throw']);
  assert.deepEqual(leaving.take(9), []);
  assert.equal(leaving.size, 0);
});

test('whatever is added and taken in between, each comes, and none before a longer one', () => {
  const anyPrefix = fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 8, max: 24 }))
    .map(([n, length]) => ({ table: 100 + (n & 1), prefix: prefix(`${n + 20}.0.0.0/${length}`) }));
  const anyStep = fc.oneof(anyPrefix, fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
      const leaving = new Leaving();
      const there = new Set<string>();
      const take = (count: number) => {
        const taken = leaving.take(count);
        // One that was added again while its like was being taken comes twice.
        assert.ok(taken.length >= Math.min(count, there.size));
        for (const id of [100, 101]) {
          const lengths = taken.filter((one) => one.table === id).map((one) => one.prefix.length);
          assert.deepEqual(
            lengths,
            lengths.toSorted((a, b) => b - a),
          );
        }
        for (const text of texts(taken)) there.delete(text);
      };
      for (const step of steps) {
        if (typeof step === 'number') take(step);
        else {
          leaving.add(step.table, step.prefix);
          there.add(`${step.table} ${step.prefix}`);
        }
      }
      take(1_000);
      assert.equal(there.size, 0);
      assert.equal(leaving.size, 0);
    }),
  );
});

test('by group as they were added, of IPv4, until what stands on it is known to go apart, or has gone', () => {
  const leaving = new Leaving();
  const add = (text: string, group?: number, table = 100) =>
    leaving.add(table, prefix(text), group);
  for (const text of ['10.0.0.0/8', '10.1.0.0/16', '10.1.0.0/16']) add(text, 7);
  add('10.1.0.0/16', 7, 200);
  add('10.2.0.0/16', 8);
  add('10.3.0.0/16');
  add('2001:db8::/32', 7);
  assert.deepEqual(
    leaving.byGroup(),
    new Map([
      [7, 3],
      [8, 1],
    ]),
  );
  assert.deepEqual(texts(leaving.take(1)), ['100 10.1.0.0/16']);
  leaving.keepApart(8);
  assert.deepEqual(leaving.byGroup(), new Map([[7, 2]]));
  assert.equal(leaving.size, 5);
  leaving.forget(7);
  assert.equal(leaving.size, 2);
  assert.deepEqual(texts(leaving.take(9)).sort(), ['100 10.2.0.0/16', '100 10.3.0.0/16']);
  // All that went is over: the next time they may go together.
  add('10.2.0.0/16', 8);
  assert.deepEqual(leaving.byGroup(), new Map([[8, 1]]));
});

interface Busy {
  /** What comes in each turn, as long as there is some. */
  readonly coming: string[][];
}

/** A node whose source has more to say whenever the loop asks. */
async function busyNode(lot: number): Promise<FakeNode & Busy> {
  const coming: string[][] = [];
  const turn = async () => {
    const next = coming.shift();
    if (next !== undefined) node.engine.apply([updates(...next)], node.clock.monotonic());
  };
  const node = new FakeNode(config(table()), undefined, undefined, [], { lot, turn });
  await node.start();
  await node.feed(...['8', '16', '24'].map((length) => `20.0.0.0/${length} via 10.9.0.2`), MORE);
  node.kernel.takeLog();
  return Object.assign(node, { coming });
}

const MORE = '20.1.0.0/24 via 10.9.0.2';

test('a short prefix that goes waits for the longer ones that go right behind it', async () => {
  const node = await busyNode(2);
  node.coming.push(['20.0.0.0/16'], ['20.0.0.0/24'], ['21.0.0.0/8 via 10.9.0.2']);
  await node.hears('20.0.0.0/8');
  node.did(
    'route add 21.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 20.0.0.0/24 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 20.0.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20',
    'route del 20.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20',
  );
  await node.stop();
});

test('what is wanted again while it waits to go stays, and is not written', async () => {
  const node = await busyNode(2);
  node.coming.push(['20.0.0.0/8 via 10.9.0.2', '20.0.0.0/16'], ['20.0.0.0/16 via 10.9.0.3']);
  await node.hears('20.0.0.0/8');
  node.did('route replace 20.0.0.0/16 via 10.9.0.3 dev eth1 table 100 metric 20');
  assert.equal(node.reconciler.settled, true);
  await node.stop();
});

test('while the source never rests, what goes waits a second, and then goes lot by lot', async () => {
  const node = await busyNode(2);
  const busy = (i: number) => {
    node.clock.move(100);
    return [`30.${i}.0.0/16 via 10.9.0.2`];
  };
  // The clock moves as the turns go by.
  let turns = 0;
  node.coming.shift = () => (turns++ < 20 ? busy(turns) : undefined);
  await node.hears('20.0.0.0/8', '20.0.0.0/16', '20.0.0.0/24', MORE.split(' ')[0] ?? '');
  const log = node.kernel.takeLog();
  const deleted = log.flatMap((line, i) => (line.startsWith('route del') ? [i] : []));
  const adds = (to: number) => log.slice(0, to).filter((line) => line.includes('add 30.')).length;
  assert.equal(deleted.length, 4);
  assert.deepEqual(
    deleted.map((i) => adds(i)),
    [10, 10, 11, 11],
  );
  assert.equal(node.routes().length, turns);
  await node.stop();
});

test('while more of one backlog is to come, what goes waits up to ten seconds', async () => {
  const node = await busyNode(2);
  const { engine, clock, reconciler, kernel } = node;
  const hear = (...texts: string[]) =>
    engine.apply([{ ...updates(...texts), more: true } as SourceEvent], clock.monotonic());
  let turns = 0;
  let deletedAfter: number | undefined;
  // A second a turn.
  node.coming.shift = () => {
    clock.move(1_000);
    if (kernel.takeLog().some((line) => line.startsWith('route del'))) deletedAfter ??= turns;
    if (++turns <= 12) hear(`30.${turns}.0.0/16 via 10.9.0.2`);
    return undefined;
  };
  hear('20.0.0.0/8', '20.0.0.0/16', '20.0.0.0/24');
  reconciler.wake();
  await node.rest();
  assert.equal(deletedAfter, 10);
  await node.stop();
});

test('settled only once all that goes has gone', async () => {
  const node = await busyNode(1);
  const seen: boolean[] = [];
  const { execute } = node.kernel;
  node.kernel.execute = async (operations) => {
    seen.push(node.reconciler.settled);
    return await execute.call(node.kernel, operations);
  };
  node.coming.push(['20.0.0.0/24']);
  await node.hears('20.0.0.0/8', '20.0.0.0/16');
  assert.deepEqual(seen, [false, false, false]);
  assert.equal(node.reconciler.settled, true);
  await node.stop();
});

test('a refused deletion that waits for its turn keeps its place among the refusals', async () => {
  const node = await busyNode(2);
  node.kernel.refuse('del 20.0.0.0/8', 'EBUSY', 2);
  await node.hears('20.0.0.0/8');
  assert.equal(node.reconciler.retries.size, 1);
  node.coming.push(['22.0.0.0/8 via 10.9.0.2']);
  await node.pass(1_000);
  const [refusal] = node.reconciler.retries.values();
  assert.equal(refusal?.attempts, 2);
  await node.pass(60_000);
  assert.equal(node.reconciler.retries.size, 0);
  assert.ok(!node.routes().some((line) => line.startsWith('20.0.0.0/8')));
  await node.stop();
});

test('a table that a rule still leads to waits as a whole, and is not looked through with each pass', async () => {
  const old = table({ id: 200, name: 'old', rules: rulesFrom('203.0.113.0/24') });
  const node = await runningNode(config(old), '20.0.0.0/8 via 10.9.0.2', MORE);
  node.kernel.refuse('rule del', 'EBUSY', 1);
  await node.reload(config(table()));
  node.kernel.takeLog();
  assert.equal(node.routes(200).length, 2);
  let looks = 0;
  const { mirror } = node.reconciler;
  const { prefixes } = mirror;
  mirror.prefixes = (id) => {
    if (id === 200) looks++;
    return prefixes.call(mirror, id);
  };
  await node.hears('21.0.0.0/8 via 10.9.0.2');
  await node.hears('21.0.0.0/8');
  assert.equal(looks, 0);
  node.kernel.takeLog();
  await node.pass(1_000);
  node.did(
    'rule del from 203.0.113.0/24 lookup 200 pref 10000',
    'route del 20.1.0.0/24 via 10.9.0.2 dev eth1 table 200 metric 20',
    'route del 20.0.0.0/8 via 10.9.0.2 dev eth1 table 200 metric 20',
    'route del throw 10.9.0.0/24 table 200 metric 20',
  );
  await node.stop();
});

test('a refused deletion that nobody wants any more is forgotten, though its turn never came', async () => {
  const node = await busyNode(2);
  node.kernel.refuse('del 20.0.0.0/8', 'EBUSY', 1);
  await node.hears('20.0.0.0/8');
  assert.equal(node.reconciler.retries.size, 1);
  node.coming.push(['20.0.0.0/8 via 10.9.0.2']);
  await node.pass(1_000);
  assert.equal(node.coming.length, 0);
  assert.equal(node.reconciler.retries.size, 0);
  assert.equal(node.routes().length, 4);
  await node.stop();
});

test('pending is all that is still to go, not the lot alone that is under way', async () => {
  const node = await busyNode(1);
  const seen: number[] = [];
  const { execute } = node.kernel;
  node.kernel.execute = async (operations) => {
    seen.push(node.reconciler.pending);
    return await execute.call(node.kernel, operations);
  };
  await node.hears('20.0.0.0/8', '20.0.0.0/16', '20.0.0.0/24');
  assert.deepEqual(seen, [3, 2, 1]);
  assert.equal(node.reconciler.pending, 0);
  await node.stop();
});

/** A hundred routes go in lots of two, between which others have their turn; `work` as the first lot is under way. */
async function whileGoing(work: (node: FakeNode) => void): Promise<FakeNode> {
  const rules = { ...rulesFrom('203.0.113.0/24'), priority: 50 };
  const pace = { lot: 2, turn: settled };
  const node = new FakeNode(config(table({ rules })), undefined, undefined, [], pace);
  await node.start();
  const prefixes = Array.from({ length: 100 }, (_, i) => `20.${i}.0.0/16`);
  await node.feed(...prefixes.map((one) => `${one} via 10.9.0.2`));
  node.kernel.takeLog();
  node.kernel.meanwhile(() => work(node));
  node.engine.apply([updates(...prefixes)], node.clock.monotonic());
  node.reconciler.wake();
  return node;
}

test('what the kernel tells while much goes does not wait until all has gone', async () => {
  const node = await whileGoing(({ kernel }) => {
    kernel.outside('rule add from all lookup 255 pref 100 proto 3');
    kernel.outside('rule del from all lookup 255 pref 0 proto 2');
  });
  for (let i = 0; i < 400 && !node.reconciler.settled; i++) await settled();
  const log = node.kernel.takeLog();
  assert.equal(log.filter((line) => line.startsWith('route del 20.')).length, 100);
  const rule = log.findIndex((line) => line.startsWith('rule del'));
  assert.ok(rule > 0 && rule <= 4, `operation ${rule} of ${log.length}`);
  await node.stop();
});

test('what falls due while much goes does not wait until all has gone', async () => {
  const node = await whileGoing(({ kernel, engine, clock, reconciler }) => {
    kernel.refuse('add 30.0.0.0/8', 'ENOMEM', 1);
    engine.apply([updates('30.0.0.0/8 via 10.9.0.2')], clock.monotonic());
    reconciler.wake();
    const { execute } = kernel;
    let lots = 0;
    kernel.execute = async (operations) => {
      if (++lots === 5) clock.move(1_000);
      return await execute.call(kernel, operations);
    };
  });
  for (let i = 0; i < 400 && !node.reconciler.settled; i++) await settled();
  const log = node.kernel.takeLog();
  assert.equal(log.filter((line) => line.startsWith('route del 20.')).length, 100);
  const adds = log.flatMap((line, i) => (line.startsWith('route add 30.') ? [i] : []));
  assert.equal(adds.length, 2);
  assert.ok((adds[1] ?? 0) < 20, `operation ${adds[1]} of ${log.length}`);
  await node.stop();
});

test('a daemon that is told to stop lets go of nothing more than the lot under way', async () => {
  let stopped: Promise<void> | undefined;
  const node = await whileGoing((one) => {
    stopped = one.stop();
  });
  while (stopped === undefined) await settled();
  await stopped;
  assert.equal(node.kernel.takeLog().length, 2);
  assert.equal(node.routes().length, 98);
});

test('a default route goes before all that would fall on it', () => {
  const leaving = new Leaving();
  for (const text of ['10.1.0.0/16', '128.0.0.0/1', '0.0.0.0/0', '10.1.1.0/24'])
    leaving.add(100, prefix(text));
  assert.deepEqual(texts(leaving.take(1)), ['100 0.0.0.0/0']);
  leaving.add(100, prefix('0.0.0.0/0'));
  const rest = ['0.0.0.0/0', '10.1.1.0/24', '10.1.0.0/16', '128.0.0.0/1'];
  assert.deepEqual(
    texts(leaving.take(9)),
    rest.map((text) => `100 ${text}`),
  );
  assert.equal(leaving.size, 0);
});
