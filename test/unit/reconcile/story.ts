/** A running node under random steps, and what the test's own model knows of it. */
import assert from 'node:assert/strict';
import type { Config, TableConfig } from '../../../src/config/config.js';
import type { Pace } from '../../../src/reconcile/pace.js';
import { RESET, SYNCED, table, updates } from '../desired/build.js';
import { blockedRoutes, destination, expectedRules, expectedTable, type World } from './model.js';
import { FakeNode } from './node.js';
import type { Step } from './steps.js';

export interface Interjection {
  readonly prefix: string;
  readonly nextHops: readonly string[];
}

/** The node, and what the model knows of it. */
export class Story implements World {
  node: FakeNode;
  readonly announced = new Map<string, readonly string[]>();
  readonly usable = new Set(['eth1', 'eth2']);
  readonly up = new Set(['eth1', 'eth2']);
  readonly foreign = new Set<string>();
  /** Tables that were, at one time or another, to evict. */
  readonly #evicting = new Set<number>();
  recursiveVia: string | undefined;
  /** The test itself had something refused, or changed something without a word. */
  disturbed = false;

  constructor(
    public config: Config,
    private readonly pace: Partial<Pace> = {},
  ) {
    this.node = new FakeNode(config, undefined, undefined, undefined, pace);
    this.#configure(config);
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
        node.kernel.meanwhile(() => undefined);
        await node.stop();
        this.node = await new FakeNode(this.config, node.kernel, node.clock, [], this.pace).start();
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
        this.#configure(step.config);
        return await node.reload(step.config);
      case 'foreign':
        return await this.#foreign(step);
      case 'alter':
        return await this.#alter(step);
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
      case 'meanwhile':
        return this.#meanwhile(step);
      case 'loseAnswers':
        this.disturbed = true;
        return node.kernel.loseAnswersFrom(step.from);
    }
  }

  /** While the next batch is written: a change of the source, and perhaps a reload. */
  #meanwhile(step: Extract<Step, { do: 'meanwhile' }>): void {
    this.node.kernel.meanwhile(() => {
      const { engine, reconciler } = this.node;
      if (step.config !== undefined) {
        this.#configure(step.config);
        engine.reconfigure(step.config);
        reconciler.audit();
      }
      this.interject(step);
    });
  }

  /** The source says something while the loop is at work; without next hops a withdrawal. */
  interject({ prefix: to, nextHops }: Interjection): void {
    const { engine, reconciler, clock } = this.node;
    if (nextHops.length > 0) this.announced.set(to, nextHops);
    else this.announced.delete(to);
    const ways = nextHops.length > 0 ? ` via ${nextHops.join(' + ')}` : '';
    engine.apply([updates(`${to}${ways}`)], clock.monotonic());
    reconciler.wake();
  }

  /** The source is up again and repeats itself, and every wait is over. */
  async quiet(): Promise<void> {
    const { node } = this;
    node.kernel.refuseNothing();
    await node.pass(70_000);
    // Before the source repeats itself: nothing was forgotten on the way.
    assert.deepEqual(node.reconciler.difference().operations, []);
    await node.apply(RESET, updates(...this.#all()), ...SYNCED);
    await node.pass(70_000);
    if (this.disturbed) await node.pass(10 * 60_000);
    this.#settleForeign();
  }

  check(): void {
    const { kernel, reconciler, errors } = this.node;
    const ids = [100, 200, 300, 400];
    const tables = new Map(this.config.tables.map((one) => [one.id, one]));
    const nobodys = table({ static: [], filters: [] });
    const expected = Object.fromEntries(
      ids.map((id) => [id, expectedTable(tables.get(id) ?? { ...nobodys, id }, this)]),
    );
    const actual = Object.fromEntries(
      ids.map((id) => {
        const held = this.#heldUnderAnotherMetric(tables.get(id));
        return [id, kernel.resolvedTable(id).filter((line) => !held(line))];
      }),
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

  /** A route that stays under its earlier metric because a foreign one keeps it from the new one. */
  #heldUnderAnotherMetric(table: TableConfig | undefined): (line: string) => boolean {
    if (table === undefined) return () => false;
    const blocked = new Set(blockedRoutes(table, this));
    return (line) => {
      const asNow = line.replace(/ metric \d+/, ` metric ${table.metric}`);
      return asNow !== line && blocked.has(asNow);
    };
  }

  #all(): string[] {
    return [...this.announced].map(([one, via]) => `${one} via ${via.join(' + ')}`);
  }

  /** Takes what has been evicted out: nothing may be missing of a table that never was to evict. */
  #settleForeign(): void {
    for (const key of this.foreign) {
      const [id, to = '', metric] = key.split(' ');
      if (!this.#evicting.has(Number(id))) continue;
      const evicts = this.config.tables.find((one) => `${one.id}` === id)?.foreign === 'evict';
      const line = `blackhole ${destination(to)} table ${id} proto 4 metric ${metric}`;
      if (evicts || !this.node.kernel.table(Number(id)).includes(line)) this.foreign.delete(key);
    }
  }

  #configure(next: Config): void {
    this.config = next;
    for (const { id, foreign } of next.tables) if (foreign === 'evict') this.#evicting.add(id);
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
    const line = `blackhole ${destination(to)} table ${id} proto 4 metric ${metric}`;
    const there = kernel.table(id).includes(line);
    if (add === there) return;
    const ours = this.#stands(id, to, metric);
    if (add) this.foreign.add(key);
    else this.foreign.delete(key);
    const verb = add ? (ours ? 'replace' : 'add') : 'del';
    await this.node.outside(`route ${verb} ${line}`);
  }

  /** In our name, in the place of whatever stands there. */
  async #alter({ prefix: to, metric, table }: Extract<Step, { do: 'alter' }>): Promise<void> {
    this.foreign.delete(`${table} ${to} ${metric}`);
    const verb = this.#stands(table, to, metric) ? 'replace' : 'add';
    const line = `blackhole ${destination(to)} table ${table} proto 178 metric ${metric}`;
    await this.node.outside(`route ${verb} ${line}`);
  }

  #stands(table: number, to: string, metric: number): boolean {
    return this.node.kernel
      .table(table)
      .some(
        (one) => one.includes(`${destination(to)} `) && `${one} `.includes(` metric ${metric} `),
      );
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
