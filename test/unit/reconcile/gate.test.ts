/** Stories of a gate around changes: nothing is written ahead of it but what must not wait, and nothing that is old by then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import type { Ahead, ChangeGate, Written } from '../../../src/reconcile/change-gate.js';
import { config, nextHop, rulesFrom, table } from '../desired/build.js';
import { FakeClock } from './fake-clock.js';
import { bareKernel, FakeNode } from './node.js';

/** Routes that go with their group are this many at least. */
const LOT = 8;

const FABRIC = table({ rules: rulesFrom('203.0.113.0/24') });

class TestGate implements ChangeGate {
  isWatched = true;
  /** What was told at every question since the last look. */
  asked: Ahead[] = [];
  written: Written[] = [];
  passes = 0;
  #opening: Promise<void> | undefined;
  #open: () => void = () => undefined;

  shut(): void {
    this.#opening = new Promise((resolve) => {
      this.#open = () => {
        this.#opening = undefined;
        resolve();
      };
    });
  }

  unlock(): void {
    this.#open();
  }

  open(ahead: Ahead): Promise<void> | undefined {
    this.asked.push(ahead);
    return this.#opening;
  }

  wrote(written: Written): void {
    this.written.push(written);
  }

  passed(): void {
    this.passes++;
  }
}

/** Fed, in step, and the gate is shut behind it. */
async function gated(
  of: Config = config(FABRIC),
  ...texts: string[]
): Promise<{ node: FakeNode; gate: TestGate }> {
  const gate = new TestGate();
  const node = new FakeNode(of, bareKernel(), new FakeClock(), [], { lot: LOT }, gate);
  await node.start();
  await node.feed(...texts);
  node.kernel.takeLog();
  Object.assign(gate, { asked: [], written: [], passes: 0 });
  gate.shut();
  return { node, gate };
}

/** Since the last look, but for the routes that keep connected prefixes in main. */
function did(node: FakeNode): string[] {
  return node.kernel.takeLog().filter((line) => !line.includes(' throw '));
}

const VIA1 = '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20';
const VIA2 = '10.0.0.0/8 via 10.9.1.2 dev eth2 table 100 metric 20';
const OURS = 'from 203.0.113.0/24 lookup 100 pref 10000';
const BEHIND = 'rule add from all lookup 255 pref 20000 proto 3';
const LOCAL = 'rule del from all lookup 255 pref 0 proto 2';

test('what changes waits, and is decided when the gate opens', async () => {
  const { node, gate } = await gated();
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(did(node), []);
  assert.equal(gate.asked.at(-1)?.tables.has(100), true);
  assert.equal(node.reconciler.settled, false);
  await node.hears('11.0.0.0/8 via 10.9.0.2');
  await node.hears('11.0.0.0/8', '10.0.0.0/8 via 10.9.1.2');
  await node.pass(60_000);
  assert.deepEqual(did(node), []);
  assert.deepEqual([gate.passes, gate.written], [0, []]);
  gate.unlock();
  await node.rest();
  assert.deepEqual(did(node), [`route add ${VIA2}`]);
  assert.equal(node.reconciler.settled, true);
  assert.equal(gate.written.flatMap(({ done }) => done).length, 2, 'with a throw');
  await node.stop();
});

test('how much is ahead is told by prefixes, those on a moved next hop among them', async () => {
  const texts = ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8'].map((one) => `${one} via 172.16.0.1`);
  const { node, gate } = await gated(config(FABRIC));
  gate.unlock();
  await node.hears(...texts, '13.0.0.0/8 via 10.9.1.2');
  gate.shut();
  gate.asked = [];
  await node.hears('10.0.0.0/8', '14.0.0.0/8 via 10.9.1.2');
  assert.deepEqual(gate.asked, [{ tables: new Set([100]), prefixes: 2 }]);
  gate.unlock();
  await node.rest();
  gate.shut();
  gate.asked = [];
  await node.main('add', '172.16.0.0/24 via 10.9.1.2 dev eth2');
  const { prefixes = 0 } = gate.asked.at(-1) ?? {};
  assert.ok(prefixes >= 2 && prefixes <= 5, `${prefixes} prefixes`);
  gate.unlock();
  await node.rest();
  assert.ok(node.routes().includes('11.0.0.0/8 via 10.9.1.2 dev eth2 table 100 metric 20'));
  await node.stop();
});

for (const objects of ['never', 'always'] as const) {
  test(`a next hop that leads nowhere any more waits for nobody, objects: ${objects}`, async () => {
    const gate = new TestGate();
    const of = config(table({ nextHop: nextHop({ objects }) }));
    const node = new FakeNode(of, bareKernel(), new FakeClock(), [], { lot: LOT }, gate);
    await node.start();
    await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
    await node.feed('10.0.0.0/8 via 172.16.0.1 + 10.9.1.2');
    gate.shut();
    did(node);
    gate.written = [];
    await node.hears('11.0.0.0/8 via 10.9.0.2');
    assert.deepEqual(did(node), [], 'what is new waits');
    await node.main('del', '172.16.0.0/24 via 10.9.0.2 dev eth1');
    const done = did(node);
    assert.ok(
      done.some((line) =>
        line.startsWith(objects === 'never' ? 'route replace' : 'nexthop replace'),
      ),
      done.join('\n'),
    );
    assert.ok(gate.written.length > 0, 'the gate is told');
    await node.hears('12.0.0.0/8 via 10.9.1.2');
    assert.deepEqual(did(node), [], 'the next change waits again');
    await node.stop();
  });
}

test('a next hop without routes is lost in vain', async () => {
  const { node, gate } = await gated(config(FABRIC), '10.0.0.0/8 via 10.9.1.2');
  gate.unlock();
  await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  gate.shut();
  await node.hears('11.0.0.0/8 via 10.9.1.2');
  await node.main('del', '172.16.0.0/24 via 10.9.0.2 dev eth1');
  assert.deepEqual(did(node), []);
  await node.stop();
});

test('what came to nothing meanwhile is not written, and the gate hears of the end', async () => {
  const { node, gate } = await gated(config(FABRIC), '10.0.0.0/8 via 10.9.0.2');
  await node.hears('11.0.0.0/8 via 10.9.0.2');
  await node.hears('11.0.0.0/8');
  gate.unlock();
  await node.rest();
  assert.deepEqual(did(node), []);
  assert.ok(gate.passes > 0);
  assert.deepEqual(gate.written, []);
  await node.stop();
});

test('a route that somebody else puts in the place meanwhile is not written over', async () => {
  const { node, gate } = await gated(config(FABRIC), '10.0.0.0/8 via 10.9.0.2');
  await node.hears('10.0.0.0/8 via 10.9.1.2');
  await node.outside(`route replace ${VIA1.replace('10.9.0.2', '10.9.0.77')} proto 4`);
  gate.unlock();
  await node.rest();
  assert.deepEqual(node.routes(), [
    VIA1.replace('10.9.0.2 dev eth1 table 100', '10.9.0.77 dev eth1 table 100 proto 4'),
  ]);
  await node.stop();
});

test('the local rule moves behind ours: that waits for nobody', async () => {
  const { node, gate } = await gated(config(FABRIC), '10.0.0.0/8 via 10.9.0.2');
  await node.hears('10.0.0.0/8 via 10.9.1.2');
  await node.outside(BEHIND);
  assert.deepEqual(did(node), []);
  await node.outside(LOCAL);
  assert.ok(did(node).includes(`rule del ${OURS}`));
  assert.ok(gate.written.length > 0);
  await node.stop();
});

test('rules of others are no change, a lost one of ours is', async () => {
  const { node, gate } = await gated(config(FABRIC), '10.0.0.0/8 via 10.9.0.2');
  await node.outside('rule add from 192.0.2.1/32 lookup 77 pref 30000 proto 3');
  assert.deepEqual(gate.asked, []);
  await node.outside(`rule del ${OURS} proto 178`);
  assert.deepEqual(gate.asked.at(-1), { tables: new Set([100]), prefixes: 0 });
  assert.deepEqual(did(node), []);
  gate.unlock();
  await node.rest();
  assert.deepEqual(did(node), [`rule add ${OURS}`]);
  await node.stop();
});

test('what the kernel refused waits for the gate as well, and the loop does not spin', async () => {
  const { node, gate } = await gated(config(FABRIC), '11.0.0.0/8 via 10.9.0.2');
  gate.unlock();
  node.kernel.refuse('10.0.0.0/8', 'ENOMEM');
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  assert.equal(gate.written.at(-1)?.refused, 1);
  node.kernel.refuseNothing();
  did(node);
  gate.shut();
  await node.pass(30_000);
  assert.deepEqual(did(node), []);
  gate.unlock();
  await node.rest();
  assert.deepEqual(did(node), [`route add ${VIA1}`]);
  await node.stop();
});

test('hold ends while the gate is shut: the routes go when it opens', async () => {
  const { node, gate } = await gated(config(FABRIC), '10.0.0.0/8 via 10.9.0.2');
  await node.lost();
  await node.pass(3_600_000);
  assert.deepEqual(node.routes(), [VIA1]);
  gate.unlock();
  await node.rest();
  assert.deepEqual(node.routes(), []);
  await node.stop();
});

test('routes that go with their group are told', async () => {
  const objects = table({ nextHop: nextHop({ objects: 'always' }) });
  const texts = Array.from({ length: 20 }, (_, i) => `10.${i}.0.0/16 via 10.9.0.2`);
  const { node, gate } = await gated(config(objects), ...texts);
  gate.unlock();
  await node.hears(...texts.map((text) => text.split(' ')[0] ?? ''));
  const gone = gate.written.reduce(
    (sum, { done, takenAlong }) =>
      sum + takenAlong + done.filter(({ op }) => op === 'route-delete').length,
    0,
  );
  assert.ok(gate.written.some(({ takenAlong }) => takenAlong > 0));
  assert.equal(gone, 21, 'with the throw route of eth1');
  await node.stop();
});

test('once and flush wait, and ask for nothing where there is nothing to do', async () => {
  const gate = new TestGate();
  const node = new FakeNode(config(FABRIC), bareKernel(), new FakeClock(), [], {}, gate);
  await node.reconciler.prepare();
  gate.shut();
  const once = node.reconciler.once();
  await node.clock.advance(60_000);
  assert.deepEqual(node.kernel.takeLog(), []);
  assert.equal(gate.asked.length, 1);
  gate.unlock();
  await once;
  assert.deepEqual(node.kernel.takeLog(), [`rule add ${OURS}`]);
  gate.asked = [];
  await node.reconciler.once();
  assert.deepEqual(gate.asked, []);
  gate.shut();
  const flush = node.reconciler.flush();
  await node.clock.advance(60_000);
  assert.deepEqual(node.kernel.takeLog(), []);
  gate.unlock();
  await flush;
  assert.deepEqual(node.kernel.takeLog(), [`rule del ${OURS}`]);
  await node.reconciler.flush();
});

test('a gate that nobody watches is never asked', async () => {
  const { node, gate } = await gated();
  gate.isWatched = false;
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(did(node), [`route add ${VIA1}`]);
  assert.deepEqual([gate.asked, gate.written], [[], []]);
  await node.stop();
});
