/**
 * Whatever happens, in whatever order: once it is quiet, the kernel is what the
 * configuration, the source and the node say, as a model of the test's own
 * works it out. On the way no foreign object is touched (the fake kernel
 * throws), the loop never spins, and nothing is refused that the test did not
 * have refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.js';
import {
  config,
  nextHop,
  prefix,
  RESET,
  rulesFrom,
  SYNCED,
  staticRoute,
  table,
  updates,
} from '../desired/build.js';
import { rule } from '../policy/build.js';
import { expectedRules, expectedTable } from './model.js';
import { FakeNode } from './node.js';

const PREFIXES = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.9.0.0/25',
  '10.9.1.0/24',
  '11.0.0.0/8',
  '12.0.0.0/8',
];
const NEXT_HOPS = ['10.9.0.2', '10.9.0.3', '10.9.1.2', '172.16.0.9', '192.0.3.1'];
const GATEWAYS = ['10.9.0.2', '10.9.0.3', '10.9.1.2'];
const REFUSALS = [
  'route add',
  'route replace',
  'route del',
  'rule add',
  'rule del',
  'nexthop add',
  'nexthop replace',
  'nexthop del',
];

type Step =
  | { do: 'hear'; prefixes: string[]; nextHops: string[] }
  | { do: 'withdraw'; prefixes: string[] }
  | { do: 'lose' | 'synced' | 'resync' | 'restart' | 'overrun' | 'dropRule' | 'dropNexthop' }
  | { do: 'wait'; ms: number }
  | { do: 'link'; name: string; up: boolean; carrier: boolean; quick: boolean }
  | { do: 'main'; via: string | undefined }
  | { do: 'reload'; config: Config }
  | { do: 'foreign'; add: boolean; prefix: string; metric: number; table: number }
  | { do: 'dropOwn'; at: number; silent: boolean }
  | { do: 'refuse'; pattern: string; errno: string; times: number }
  | { do: 'loseAnswers'; from: number };

const anyConfig: fc.Arbitrary<Config> = fc
  .record({
    id: fc.constantFrom(100, 200),
    metric: fc.constantFrom(20, 30),
    objects: fc.constantFrom('always', 'never'),
    foreign: fc.constantFrom('preserve', 'evict'),
    multipath: fc.constantFrom(1, 2, 16),
    keepInMain: fc.boolean(),
    statics: fc.boolean(),
    unreachable: fc.boolean(),
    filtered: fc.boolean(),
    rules: fc.constantFrom(undefined, 500, 600),
    second: fc.boolean(),
  })
  .map((given) => {
    const { id, metric, objects, foreign, multipath } = given;
    const one = table({
      id,
      metric,
      foreign,
      multipath,
      nextHop: nextHop({ objects }),
      keepInMain: given.keepInMain ? [prefix('10.1.0.0/16')] : [],
      static: given.statics ? [staticRoute('0.0.0.0/0', '10.9.0.254%eth1')] : [],
      onMiss: given.unreachable ? 'unreachable' : 'main',
      filters: given.filtered
        ? [rule('deny', 'd', { prefix: '11.0.0.0/8' }), rule('permit', 'p')]
        : [rule('permit', 'p')],
      rules: given.rules && { ...rulesFrom('203.0.113.0/24'), priority: given.rules },
    });
    return given.second ? config(one, table({ id: 300, name: 'second' })) : config(one);
  });

const somePrefixes = fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1 });

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('hear' as const),
      prefixes: somePrefixes,
      nextHops: fc.uniqueArray(fc.constantFrom(...NEXT_HOPS), { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('withdraw' as const), prefixes: somePrefixes }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'lose' as const,
        'synced' as const,
        'resync' as const,
        'restart' as const,
        'overrun' as const,
        'dropRule' as const,
        'dropNexthop' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(500, 5_000, 130_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      name: fc.constantFrom('eth1', 'eth2'),
      up: fc.boolean(),
      carrier: fc.boolean(),
      quick: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('main' as const),
      via: fc.constantFrom(undefined, ...GATEWAYS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reload' as const), config: anyConfig }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('foreign' as const),
      add: fc.boolean(),
      prefix: fc.constantFrom(...PREFIXES),
      metric: fc.constantFrom(20, 30, 5),
      table: fc.constantFrom(100, 200, 300, 400),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('dropOwn' as const),
      at: fc.nat(20),
      silent: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('refuse' as const),
      pattern: fc.constantFrom(...REFUSALS),
      errno: fc.constantFrom('ENOMEM', 'EINVAL', 'EEXIST', 'ENOENT'),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('loseAnswers' as const), from: fc.nat(3) }) },
);

/** The node, and what the model knows of it. */
class Story {
  node: FakeNode;
  readonly announced = new Map<string, readonly string[]>();
  readonly usable = new Set(['eth1', 'eth2']);
  readonly up = new Set(['eth1', 'eth2']);
  readonly foreign = new Set<string>();
  recursiveVia: string | undefined;
  /** The test itself had something refused, or changed something without a word. */
  disturbed = false;

  constructor(public config: Config) {
    this.node = new FakeNode(config);
  }

  async tell(step: Step): Promise<void> {
    const { node } = this;
    switch (step.do) {
      case 'hear':
        for (const one of step.prefixes) this.announced.set(one, step.nextHops);
        return await node.hears(
          ...step.prefixes.map((one) => `${one} via ${step.nextHops.join(' + ')}`),
        );
      case 'withdraw':
        for (const one of step.prefixes) this.announced.delete(one);
        return await node.hears(...step.prefixes);
      case 'lose':
        return await node.lost();
      case 'synced':
        return await node.synced();
      case 'resync':
        return await node.feed(...this.#all());
      case 'restart':
        await node.stop();
        this.node = await new FakeNode(this.config, node.kernel, node.clock).start();
        return;
      case 'overrun':
        node.kernel.tell({ type: 'overrun' });
        return;
      case 'wait':
        return await node.pass(step.ms);
      case 'link':
        return await this.#link(step);
      case 'main':
        return await this.#main(step.via);
      case 'reload':
        this.config = step.config;
        await node.reload(step.config);
        return this.#evicted();
      case 'foreign':
        return await this.#foreign(step);
      case 'dropOwn':
        return await this.#dropOwn(step);
      case 'dropRule': {
        const [own] = node.kernel.ruleTexts().filter((line) => !line.includes('proto'));
        return own === undefined ? undefined : await node.outside(`rule del ${own} proto 178`);
      }
      case 'dropNexthop': {
        const [own] = node.kernel.nexthopTexts();
        return own === undefined
          ? undefined
          : await node.outside(`nexthop del ${own.split(' ').slice(0, 2).join(' ')}`);
      }
      case 'refuse':
        this.disturbed = true;
        return node.kernel.refuse(step.pattern, step.errno, step.times);
      case 'loseAnswers':
        this.disturbed = true;
        return node.kernel.loseAnswersFrom(step.from);
    }
  }

  /** The source is up again and repeats itself, and every wait is over. */
  async quiet(): Promise<void> {
    const { node } = this;
    node.kernel.refuseNothing();
    await node.pass(70_000);
    await node.apply(RESET, updates(...this.#all()), ...SYNCED);
    await node.pass(70_000);
    if (this.disturbed) await node.pass(10 * 60_000);
    this.#evicted();
  }

  check(): void {
    const { kernel, reconciler, errors } = this.node;
    const ids = [100, 200, 300, 400];
    const actual = Object.fromEntries(ids.map((id) => [id, kernel.resolvedTable(id)]));
    const tables = new Map(this.config.tables.map((one) => [one.id, one]));
    const nobodys = table({ static: [], filters: [] });
    const expected = Object.fromEntries(
      ids.map((id) => [id, expectedTable(tables.get(id) ?? { ...nobodys, id }, this)]),
    );
    assert.deepEqual(actual, expected);
    assert.deepEqual(kernel.ruleTexts().sort(), expectedRules(this.config).sort());
    assert.equal(reconciler.retries.size, 0, 'something still waits for a retry');
    if (!this.disturbed) assert.deepEqual(errors, {});
    const objects = kernel.nexthopTexts();
    const inGroups = objects.flatMap((line) => line.match(/(?<=group ).*/)?.[0].split('/') ?? []);
    const singles = objects.filter((line) => line.includes(' via ')).length;
    assert.equal(new Set(inGroups.map((one) => one.split(',')[0])).size, singles, objects.join());
    if (this.config.tables.every((one) => one.nextHop.objects !== 'always'))
      assert.deepEqual(objects, []);
  }

  #all(): string[] {
    return [...this.announced].map(([one, via]) => `${one} via ${via.join(' + ')}`);
  }

  /** What others had in the tables that evict; a removal that was refused may come later, or never. */
  #evicted(): void {
    for (const { id, foreign } of this.config.tables) {
      if (foreign !== 'evict') continue;
      const left = this.disturbed ? this.node.kernel.table(id) : [];
      for (const key of this.foreign) {
        const [table, to, metric] = key.split(' ');
        const stands = left.some((line) => line.startsWith(`blackhole ${to} metric ${metric} `));
        if (table === `${id}` && !stands) this.foreign.delete(key);
      }
    }
  }

  /** Down and, where it is `quick`, up again before anybody looks. */
  async #link({ name, up, carrier, quick }: Extract<Step, { do: 'link' }>): Promise<void> {
    const { kernel } = this.node;
    if (quick) {
      kernel.setLink(name, { up, carrier: up && carrier });
      kernel.setLink(name, { up: true, carrier: true });
      this.usable.add(name);
      this.up.add(name);
      await this.node.rest();
      return;
    }
    if (up) this.up.add(name);
    else this.up.delete(name);
    if (up && carrier) this.usable.add(name);
    else this.usable.delete(name);
    await this.node.link(name, { up, carrier: up && carrier });
  }

  async #main(via: string | undefined): Promise<void> {
    const line = (gateway: string) =>
      `172.16.0.0/24 via ${gateway} dev ${gateway.startsWith('10.9.0') ? 'eth1' : 'eth2'}`;
    if (this.recursiveVia !== undefined)
      this.node.kernel.changeMain('del', line(this.recursiveVia));
    if (via !== undefined) this.node.kernel.changeMain('add', line(via));
    this.recursiveVia = via;
    await this.node.rest();
  }

  async #foreign({
    add,
    prefix: to,
    metric,
    table: id,
  }: Extract<Step, { do: 'foreign' }>): Promise<void> {
    const key = `${id} ${to} ${metric}`;
    const { kernel } = this.node;
    const line = `blackhole ${to} metric ${metric} table ${id}`;
    const there = kernel.table(id).some((one) => one === `${line} proto 4`);
    if (add === there) return;
    const ours = kernel
      .table(id)
      .some((one) => one.includes(`${to} `) && one.includes(`metric ${metric} `));
    const evicts = this.config.tables.find((one) => one.id === id)?.foreign === 'evict';
    if (!add || evicts) this.foreign.delete(key);
    else this.foreign.add(key);
    const verb = add ? (ours ? 'replace' : 'add') : 'del';
    await this.node.outside(`route ${verb} ${line} proto 4`);
  }

  async #dropOwn({ at, silent }: Extract<Step, { do: 'dropOwn' }>): Promise<void> {
    const { kernel } = this.node;
    const own = [100, 200, 300]
      .flatMap((id) => kernel.table(id))
      .filter((line) => !line.includes('proto'));
    const line = own[at % Math.max(own.length, 1)];
    if (line === undefined) return;
    if (silent) this.disturbed = true;
    kernel.outside(`route del ${line}`, { silent });
    await this.node.rest();
  }
}

test('after any story the kernel is what it should be', async () => {
  await fc.assert(
    fc.asyncProperty(anyConfig, fc.array(anyStep, { maxLength: 30 }), async (first, steps) => {
      const story = new Story(first);
      await story.node.start();
      for (const step of steps) await story.tell(step);
      await story.quiet();
      story.check();
      await story.node.stop();
    }),
    { numRuns: 300 },
  );
});
