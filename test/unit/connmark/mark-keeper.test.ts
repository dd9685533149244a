/** The keeper over an engine, a strict nft, and a clock that the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableConfig } from '../../../src/config/config.js';
import { MarkKeeper } from '../../../src/connmark/mark-keeper.js';
import { Engine } from '../../../src/desired/engine.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { FakeNft } from '../../support/fake-nft.js';
import { config, RESET, rulesFrom, SYNCED, staticRoute, table, updates } from '../desired/build.js';
import { FakeClock, settled } from '../reconcile/fake-clock.js';
import { bareKernel } from '../reconcile/node.js';

function connmark(...from: string[]): TableConfig {
  const returnPath = { by: 'connmark', mark: { value: 1, mask: 1 }, interfaces: [] } as const;
  return table({ rules: { ...rulesFrom(...from), returnPath } });
}

class Bench {
  readonly nft = new FakeNft();
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly counts: Record<string, number> = {};
  readonly engine: Engine;
  readonly keeper: MarkKeeper;
  /** Somebody changed the table, as the kernel tells. */
  notice: () => void = () => assert.fail('nobody listens');
  watching = 0;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(...tables: TableConfig[]) {
    const { clock, nft } = this;
    this.engine = new Engine({
      config: config(...tables),
      now: clock.monotonic(),
      latched: new Set(),
    });
    const tell = (level: string) => (fields: object, message: string) => {
      const reason = 'reason' in fields ? `: ${String(fields.reason)}` : '';
      this.lines.push(`${level} ${message}${reason}`);
    };
    this.keeper = new MarkKeeper({
      ...{ engine: this.engine, nft, clock },
      log: { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') },
      metrics: {
        countOperations: (op, count) => this.#count(op, count),
        countKernelError: (op, errno) => this.#count(`${op} ${errno}`, 1),
        countDrift: (kind, count) => this.#count(`drift ${kind}`, count),
      },
      watch: (changed) => {
        this.notice = changed;
        this.watching++;
        return new Promise(() => undefined);
      },
    });
  }

  async ground(): Promise<this> {
    const kernel = bareKernel();
    const underlay = new Underlay({
      links: await kernel.links(),
      addresses: await kernel.addresses(),
      routes: await kernel.underlay(),
    });
    this.engine.setUnderlay(underlay, ['ipv4', 'ipv6']);
    return this;
  }

  async start(): Promise<this> {
    this.#running = this.keeper.run(this.#stop.signal);
    await settled();
    return this;
  }

  async hears(...texts: string[]): Promise<void> {
    this.engine.apply([RESET, updates(...texts), ...SYNCED], this.clock.monotonic());
    await this.reviewed();
  }

  async reviewed(): Promise<void> {
    this.keeper.review();
    await settled();
  }

  async noticed(): Promise<void> {
    this.notice();
    await settled();
    await this.clock.advance(100);
  }

  interfaces(): readonly unknown[] | undefined {
    return this.nft.elements('interfaces_100');
  }

  /** Calls of nft since the last look. */
  calls(): string {
    return this.nft.calls.splice(0).join(' ');
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #count(what: string, count: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + count;
  }
}

const FED = ['10.0.0.0/8 via 10.9.0.2', '10.1.0.0/16 via 10.9.1.2'];

test('a node where nothing goes by marks is asked once, and never again', async () => {
  const bench = await (await new Bench(table({ rules: rulesFrom('10.0.0.0/8') })).ground()).start();
  assert.equal(bench.calls(), 'list');
  assert.deepEqual(bench.keeper.state, { state: 'off' });
  await bench.hears(...FED);
  await bench.clock.advance(3_600_000);
  assert.deepEqual([bench.calls(), bench.watching, bench.lines], ['', 0, []]);
  await bench.stop();
});

for (const kind of ['missing', 'forbidden'] as const) {
  test(`a node where nft is ${kind} and nothing goes by marks is well`, async () => {
    const bench = await new Bench(table()).ground();
    bench.nft.fail(kind);
    await bench.start();
    assert.deepEqual([bench.keeper.state, bench.lines], [{ state: 'off' }, []]);
    await bench.stop();
  });
}

test('what is left of a configuration that went by marks is removed at the start', async () => {
  const bench = await new Bench(table()).ground();
  await bench.nft.write({ nftables: [{ add: { table: { family: 'inet', name: 'rib2fib' } } }] });
  await bench.start();
  assert.equal(bench.nft.stands, false);
  assert.equal(bench.counts['connmark'], 1);
  await bench.stop();
});

test('it follows the interfaces that routes lead out of; a change of nothing costs nothing', async () => {
  const bench = await (await new Bench(connmark('203.0.113.0/24')).ground()).start();
  assert.deepEqual([bench.interfaces(), bench.watching], [[], 1]);
  await bench.hears(...FED);
  assert.deepEqual(bench.interfaces(), ['eth1', 'eth2']);
  assert.deepEqual(bench.nft.elements('pools_ipv4_100'), [
    { prefix: { addr: '203.0.113.0', len: 24 } },
  ]);
  bench.calls();
  await bench.hears(...FED, '10.2.0.0/16 via 10.9.0.2');
  await bench.ground();
  await bench.reviewed();
  assert.equal(bench.calls(), '');
  await bench.hears('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(bench.interfaces(), ['eth1']);
  assert.equal(bench.calls(), 'list write list');
  await bench.stop();
});

test('a static route is a way in, over the interface that its gateway is found at', async () => {
  const routes = [staticRoute('0.0.0.0/0', '10.9.0.2')];
  const bench = await new Bench({ ...connmark('203.0.113.0/24'), static: routes }).ground();
  await bench.start();
  await bench.hears('10.1.0.0/16 via 10.9.1.2');
  assert.deepEqual(bench.interfaces(), ['eth1', 'eth2']);
  await bench.hears();
  assert.deepEqual(bench.interfaces(), ['eth1']);
  await bench.stop();
});

test('before the first full feed it only adds to what stands', async () => {
  const first = await (
    await new Bench(connmark('203.0.113.0/24', '2001:db8::/32')).ground()
  ).start();
  await first.hears(...FED);
  const text = (await first.nft.list()) ?? '';
  const next = await new Bench(connmark('203.0.113.0/24')).ground();
  const objects = (JSON.parse(text) as { nftables: object[] }).nftables.slice(1);
  await next.nft.write({ nftables: objects.map((add) => ({ add })) });
  await next.start();
  assert.deepEqual(next.interfaces()?.toSorted(), ['eth1', 'eth2']);
  assert.equal(next.nft.elements('pools_ipv6_100')?.length, 1);
  await next.hears('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(next.interfaces(), ['eth1']);
  assert.deepEqual(next.nft.elements('pools_ipv6_100'), []);
  await first.stop();
  await next.stop();
});

test('what others change is put right at once, and ever later where they do it again', async () => {
  const bench = await (await new Bench(connmark('10.0.0.0/8')).ground()).start();
  await bench.hears(...FED);
  const rules = bench.nft.rules;
  const waits: number[] = [];
  for (let round = 0; round < 9; round++) {
    bench.nft.outside(round % 2 === 0 ? 'flush' : 'rule gone');
    const from = bench.clock.monotonic();
    await bench.noticed();
    if (bench.nft.rules !== rules) assert.equal(bench.keeper.state.state, 'contested');
    while (bench.nft.rules !== rules) await bench.clock.advance(100);
    assert.equal(bench.keeper.state.state, 'kept');
    waits.push(bench.clock.monotonic() - from);
  }
  assert.equal(waits[0], 100);
  assert.ok(
    (waits[1] ?? 0) <= 1_000 && (waits[2] ?? 0) > 1_500 && (waits[2] ?? 0) <= 2_000,
    waits.join(),
  );
  assert.ok((waits[8] ?? 0) > 50_000 && (waits[8] ?? 0) <= 60_000, waits.join());
  assert.equal(bench.counts['drift connmark'], 9);
  assert.equal(bench.lines.length, 1, 'told once');
  // After a minute of peace it is put right at once again.
  await bench.clock.advance(70_000);
  bench.nft.outside('flush');
  await bench.noticed();
  assert.equal(bench.nft.rules, rules);
  await bench.stop();
});

test('without a notice it looks every minute', async () => {
  const bench = await (await new Bench(connmark('10.0.0.0/8')).ground()).start();
  await bench.hears(...FED);
  bench.calls();
  await bench.clock.advance(59_000);
  assert.equal(bench.calls(), '');
  bench.nft.outside('flush');
  await bench.clock.advance(2_000);
  assert.equal(bench.calls(), 'list write list');
  assert.deepEqual(bench.interfaces(), ['eth1', 'eth2']);
  await bench.stop();
});

test('what nft refuses is told once, tried again, and told when it is well', async () => {
  const bench = await (await new Bench(connmark('10.0.0.0/8')).ground()).start();
  await bench.hears(...FED);
  bench.nft.fail('refused', 'nft: no');
  await bench.hears('10.0.0.0/8 via 10.9.0.2');
  const { state } = bench.keeper;
  assert.ok(state.state === 'failing' && state.reason === 'nft: no' && state.attempts === 1);
  await bench.clock.advance(30_000);
  const later = bench.keeper.state;
  assert.ok(later.state === 'failing' && later.attempts === 5 && later.since === state.since);
  bench.nft.fail(undefined);
  await bench.clock.advance(32_000);
  assert.equal(bench.keeper.state.state, 'kept');
  assert.deepEqual(bench.interfaces(), ['eth1']);
  assert.deepEqual(bench.lines, [
    'error connections cannot be marked; trying again: nft: no',
    'info connections are marked again',
  ]);
  assert.equal(bench.counts['connmark refused'], 5);
  await bench.stop();
});

test('a reload: marks come at once, and the last go once what takes their place is there', async () => {
  const bench = await (await new Bench(table()).ground()).start();
  bench.engine.reconfigure(config(connmark('10.0.0.0/8')));
  bench.keeper.reconfigured();
  await settled();
  assert.equal(bench.keeper.state.state, 'kept');
  bench.engine.reconfigure(config(table()));
  bench.keeper.reconfigured();
  await settled();
  assert.equal(bench.nft.stands, true);
  await bench.reviewed();
  assert.equal(bench.nft.stands, false);
  await bench.stop();
});

test('a reload in the midst of failures is tried at once', async () => {
  const bench = await (await new Bench(connmark('10.0.0.0/8')).ground()).start();
  await bench.hears(...FED);
  bench.nft.fail('timeout');
  await bench.hears('10.0.0.0/8 via 10.9.0.2');
  await bench.clock.advance(40_000);
  bench.nft.fail(undefined);
  bench.engine.reconfigure(config(table()));
  await bench.reviewed();
  assert.deepEqual([bench.keeper.state, bench.nft.stands], [{ state: 'off' }, false]);
  await bench.stop();
});

test('what is changed while it is read is put right all the same', async () => {
  const bench = await (await new Bench(connmark('10.0.0.0/8')).ground()).start();
  await bench.hears(...FED);
  const rules = bench.nft.rules;
  bench.nft.onListed = () => {
    bench.nft.onListed = undefined;
    bench.nft.outside('flush');
    bench.notice();
  };
  await bench.noticed();
  assert.equal(bench.nft.stands, false, 'what was read is what stood before');
  await bench.clock.advance(100);
  assert.equal(bench.nft.rules, rules);
  await bench.stop();
});

test('what others change between a write and its reading is not taken for what was written', async () => {
  const bench = await new Bench(connmark('10.0.0.0/8')).ground();
  bench.nft.onWritten = () => {
    bench.nft.onWritten = undefined;
    bench.nft.outside('rule gone');
  };
  await bench.start();
  assert.equal(bench.calls(), 'list write list write list');
  assert.equal(bench.keeper.state.state, 'kept');
  assert.equal(bench.nft.rules, 5);
  await bench.stop();
});

test('another program’s table of our name is neither replaced nor removed', async () => {
  const bench = await new Bench(connmark('10.0.0.0/8')).ground();
  bench.nft.outside('a table of its own');
  await bench.start();
  await bench.hears(...FED);
  const { state } = bench.keeper;
  assert.ok(state.state === 'failing');
  assert.match(state.reason, /table inet rib2fib holds nothing of rib2fib’s, and is left alone/);
  assert.ok((bench.counts['connmark foreign'] ?? 0) >= 1);
  assert.equal(bench.keeper.state.state, 'failing');
  await assert.rejects(bench.keeper.planned(), /left alone/);
  bench.engine.reconfigure(config(table()));
  await bench.reviewed();
  assert.deepEqual(bench.keeper.state, { state: 'off' });
  assert.equal(await bench.keeper.flush(), false);
  assert.ok(bench.nft.stands && !bench.calls().includes('write'));
  bench.engine.reconfigure(config(connmark('10.0.0.0/8')));
  bench.nft.outside('flush');
  await bench.reviewed();
  assert.equal(bench.keeper.state.state, 'kept');
  await bench.stop();
});

test('once writes what is wanted; flush removes it, and tells whether there was any', async () => {
  const bench = await new Bench(connmark('10.0.0.0/8')).ground();
  bench.engine.apply([RESET, updates(...FED), ...SYNCED], 0);
  assert.equal(await bench.keeper.planned(), '+');
  assert.equal(await bench.keeper.once(), true);
  assert.equal(await bench.keeper.planned(), undefined);
  assert.equal(await bench.keeper.once(), false);
  assert.equal(await bench.keeper.flush(), true);
  assert.equal(await bench.keeper.flush(), false);
  assert.equal(bench.nft.stands, false);
});
