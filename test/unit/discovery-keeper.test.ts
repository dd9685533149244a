import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../../src/config/config.js';
import type { Discovered, ResourceState } from '../../src/discover/discovered.js';
import type { Discovery } from '../../src/discover/discovery.js';
import { discoverOnce } from '../../src/discover-once.js';
import { DiscoveryKeeper } from '../../src/discovery-keeper.js';
import { until } from '../support/wait.js';
import { config, table } from './desired/build.js';
import { clusterConfig, discovered, poolRules } from './desired/found.js';
import { FakeNode } from './reconcile/node.js';

/** One whose every word the test gives. */
class SpokenDiscovery implements Discovery {
  readonly node = 'node-a';
  readonly #words: Discovered[] = [];
  readonly asked: Config[] = [];
  state: ResourceState = 'listing';
  ended = false;

  constructor(readonly name: string) {}

  say(word: Discovered): void {
    this.#words.push(word);
  }

  async *snapshots(signal: AbortSignal): AsyncGenerator<Discovered> {
    for (; !signal.aborted; await pause(1)) {
      const word = this.#words.shift();
      if (word !== undefined) yield word;
    }
    this.ended = true;
  }

  snapshot(): Discovered {
    return discovered({ from: ['192.0.2.0/25 now'] });
  }

  reconfigure(next: Config): void {
    this.asked.push(next);
  }

  resources() {
    const lastError = this.state === 'synced' ? undefined : 'connect ECONNREFUSED';
    return [{ resource: 'nodes', state: this.state, since: 0, objects: 0, faulty: 0, lastError }];
  }
}

const CONFIG = clusterConfig(table({ rules: poolRules() }));

async function keeping(t: TestContext, of: Config) {
  const node = await new FakeNode(of).start();
  const made: SpokenDiscovery[] = [];
  const lines: string[] = [];
  let changes = 0;
  const note = (fields: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const keeper = new DiscoveryKeeper({
    ...{ engine: node.engine, clock: node.clock },
    log: { debug: note, info: note, warn: note, error: note },
    create: async ({ discovery }) => {
      if (discovery.kubernetes === undefined) return undefined;
      const one = new SpokenDiscovery(discovery.kubernetes.kubeconfig ?? '');
      made.push(one);
      return one;
    },
    onChange: () => changes++,
  });
  const stop = new AbortController();
  const ended = keeper.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
    await node.stop();
  });
  const begun = async (count: number) => {
    await until(async () => made.length === count, { what: `discovery ${count}`, everyMs: 1 });
    await until(async () => keeper.current === made[count - 1], { what: 'it runs', everyMs: 1 });
    return made[count - 1] as SpokenDiscovery;
  };
  return {
    ...{ node, keeper, lines, begun, stop },
    get changes() {
      return changes;
    },
    rules: () => node.engine.tables.get(100)?.rules.map(({ from }) => `${from}`),
  };
}

test('what is found goes to the engine, each change with a line of log', async (t) => {
  const kept = await keeping(t, CONFIG);
  const first = await kept.begun(1);
  first.say(discovered({ from: ['203.0.113.0/24 blue'] }, ['10.244.1.0/24 node-a']));
  await until(async () => kept.changes === 1, { what: 'it is taken in', everyMs: 1 });
  assert.deepEqual(kept.rules(), ['203.0.113.0/24']);
  first.say(discovered({ from: ['203.0.113.0/24 blue'] }, ['10.244.1.0/24 node-a']));
  first.say(discovered({ from: ['203.0.113.0/25 blue'] }, ['10.244.2.0/24 node-b']));
  await until(async () => kept.changes === 3, { what: 'the others too', everyMs: 1 });
  assert.deepEqual(kept.lines, [
    'discovery has found changes {"changes":["table fabric: from +203.0.113.0/24 (CiliumLoadBalancerIPPool blue)","kept +10.244.1.0/24 (pod CIDR of node-a)"]}',
    'discovery has found changes {"changes":["table fabric: from +203.0.113.0/25 (CiliumLoadBalancerIPPool blue), -203.0.113.0/24","kept +10.244.2.0/24 (pod CIDR of node-b), -10.244.1.0/24"]}',
  ]);
});

test('a reload asks the same cluster for something else, or another cluster', async (t) => {
  const kept = await keeping(t, CONFIG);
  const first = await kept.begun(1);
  const other = clusterConfig(table({ rules: poolRules('198.51.100.0/24') }));
  assert.equal(kept.keeper.snapshot(other)?.tables.get(100)?.from.length, 1);
  kept.keeper.reconfigure(other);
  assert.deepEqual(first.asked, [other]);
  assert.equal(kept.keeper.current, first);

  const { kubernetes } = other.discovery;
  assert.ok(kubernetes);
  const elsewhere = { ...other, discovery: { kubernetes: { ...kubernetes, kubeconfig: '/b' } } };
  assert.equal(kept.keeper.snapshot(elsewhere), undefined);
  kept.keeper.reconfigure(elsewhere);
  const second = await kept.begun(2);
  assert.deepEqual([first.ended, second.name], [true, '/b']);

  kept.keeper.reconfigure(config(table()));
  await until(async () => second.ended, { what: 'none is asked any more', everyMs: 1 });
  assert.equal(kept.keeper.current, undefined);
  kept.keeper.reconfigure(CONFIG);
  await kept.begun(3);
});

test('a source waits for what is never learned, but not for long, and not where nothing is', async (t) => {
  const none = await keeping(t, config(table()));
  await none.keeper.firstWord(new AbortController().signal);

  const kept = await keeping(t, CONFIG);
  const first = await kept.begun(1);
  let waits = true;
  void kept.keeper.firstWord(kept.stop.signal).then(() => {
    waits = false;
  });
  first.say(discovered({}, [], 'awaited'));
  await until(async () => kept.changes === 1, { what: 'a part is known', everyMs: 1 });
  assert.equal(waits, true);
  first.say(discovered({}, [], 'denied'));
  await until(async () => !waits, { what: 'the first word', everyMs: 1 });

  const late = await keeping(t, CONFIG);
  const word = late.keeper.firstWord(late.stop.signal);
  await late.node.clock.advance(10_000);
  await word;
  assert.match(late.lines.join(), /not known yet/);
});

test('asked once: until all is known, and what is not to be had is told', async () => {
  const node = await new FakeNode(CONFIG).start();
  const discovery = new SpokenDiscovery('cluster');
  const { engine, clock } = node;
  const signal = new AbortController().signal;
  const known = discoverOnce({ discovery, engine, clock, signal });
  discovery.say(discovered({ knowledge: 'awaited' }, [], 'awaited'));
  discovery.say(discovered({ from: ['203.0.113.0/24 blue'] }));
  discovery.state = 'synced';
  assert.deepEqual(await known, []);
  assert.equal(engine.tables.get(100)?.rules.length, 1);

  const away = new SpokenDiscovery('cluster');
  const unknown = discoverOnce({ discovery: away, engine, clock, signal });
  away.say(discovered({ knowledge: 'awaited' }, [], 'awaited'));
  await until(async () => !engine.discoverySettled, { what: 'a part is known', everyMs: 1 });
  await clock.advance(10_000);
  assert.deepEqual(await unknown, [
    'discovery: nodes is not known, and what came of it before stays: connect ECONNREFUSED',
  ]);
  assert.equal(away.ended, true);

  // What the server forbids is waited for no longer than it takes to know that.
  const forbidden = new SpokenDiscovery('cluster');
  forbidden.state = 'refused';
  const partly = discoverOnce({ discovery: forbidden, engine, clock, signal });
  forbidden.say(discovered({ knowledge: 'denied' }));
  assert.deepEqual(await partly, [
    'discovery: nodes may not be read, and what came of it before stays: connect ECONNREFUSED',
  ]);
  await node.stop();
});
