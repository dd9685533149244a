/** The protocol's corners, over a real HTTP connection: what is known, how it stands, and what is asked next. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ApiClient } from '../../../../src/discover/kubernetes/api-client.js';
import { parseCiliumPool } from '../../../../src/discover/kubernetes/cilium-pools.js';
import { Reflector } from '../../../../src/discover/kubernetes/reflector.js';
import type { Resource } from '../../../../src/discover/kubernetes/resources.js';
import { until } from '../../../support/wait.js';
import { FakeApiServer, PatientClock } from './api-server.js';
import { type Shape, spec } from './build.js';

const RESOURCE: Resource<ReturnType<typeof parseCiliumPool>> = {
  name: 'ciliumloadbalancerippools.cilium.io',
  paths: ['/apis/cilium.io/v2/pools', '/apis/cilium.io/v2alpha1/pools'],
  query: {},
  parse: parseCiliumPool,
};
const [V2 = '', ALPHA = ''] = RESOURCE.paths.map((path) => `/base${path}`);

function pool(name: string, cidr: string, version = '1'): Shape {
  const shape = spec(name, { blocks: [{ cidr }] });
  return { ...shape, metadata: { ...(shape['metadata'] as object), resourceVersion: version } };
}

function list(version: string, ...items: readonly Shape[]) {
  return { metadata: { resourceVersion: version }, items };
}

function event(type: string, object: Shape) {
  return { type, object };
}

const EXPIRED = event('ERROR', {
  kind: 'Status',
  code: 410,
  reason: 'Expired',
  message: 'too old',
});
const FORBIDDEN = { code: 403, reason: 'Forbidden', message: 'pools is forbidden: no' };
const status = (code: number, reason: string, message: string) => ({ code, reason, message });

async function running(t: TestContext, random = () => 0) {
  const server = await FakeApiServer.start();
  const clock = new PatientClock();
  const log: string[] = [];
  const note = (fields: object, message: string) => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const stop = new AbortController();
  let changes = 0;
  const reflector = new Reflector({
    ...{ resource: RESOURCE, clock, random },
    api: new ApiClient(server.access, { answer: 2_000, silence: 2_000, watchSilence: 300 }),
    log: { debug() {}, info: note, warn: note, error: note },
    onChange: () => changes++,
  });
  const ended = reflector.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
    await server[Symbol.asyncDispose]();
  });
  const known = () =>
    reflector.objects.map(({ name, prefixes }) => `${name} ${prefixes.join(' ')}`).sort();
  return {
    ...{ server, clock, log, reflector, known, stop, ended },
    get changes() {
      return changes;
    },
    becomes: (state: string) =>
      until(async () => reflector.state === state, { what: `it is ${state}`, everyMs: 2 }),
    knows: (...objects: readonly string[]) =>
      until(async () => known().join() === objects.join(), { what: objects.join(), everyMs: 2 }),
    /** Answers the first list, and takes on the watch from there. */
    async listed(version: string, ...items: readonly Shape[]) {
      (await server.next()).answer(200, list(version, ...items));
      const watch = await server.next();
      watch.say();
      return watch;
    },
  };
}

describe('a reflector', () => {
  it('lists, in pages, and watches on from there', async (t) => {
    const { server, known, becomes, reflector } = await running(t, () => 0.5);
    const first = await server.next();
    assert.deepEqual([first.path, first.query], [V2, { limit: '500' }]);
    assert.equal(first.headers.authorization, 'Bearer me');
    assert.equal(reflector.state, 'listing');
    first.answer(200, {
      metadata: { resourceVersion: '7', continue: 'more' },
      items: [pool('a', '10.1.0.0/16')],
    });
    const second = await server.next();
    assert.deepEqual(second.query, { limit: '500', continue: 'more' });
    // A part of a list is nothing to go by.
    assert.deepEqual(known(), []);
    second.answer(200, list('7', pool('b', '10.2.0.0/16')));
    const watch = await server.next();
    assert.deepEqual(watch.query, {
      ...{ watch: '1', allowWatchBookmarks: 'true', resourceVersion: '7', timeoutSeconds: '360' },
    });
    await becomes('synced');
    assert.deepEqual(known(), ['a 10.1.0.0/16', 'b 10.2.0.0/16']);
  });

  it('takes in what a watch tells, and goes on from the last version where it ends', async (t) => {
    const { server, clock, listed, knows, reflector } = await running(t);
    const watch = await listed('7', pool('a', '10.1.0.0/16'));
    watch.say(event('ADDED', pool('b', '10.2.0.0/16', '8')));
    await knows('a 10.1.0.0/16', 'b 10.2.0.0/16');
    watch.say(event('MODIFIED', pool('a', '10.3.0.0/16', '9')));
    watch.say(event('DELETED', pool('b', '10.2.0.0/16', '10')));
    await knows('a 10.3.0.0/16');
    watch.say(event('BOOKMARK', { metadata: { resourceVersion: '20' } }));
    clock.pass(240_000);
    watch.end();
    const again = await server.next();
    assert.deepEqual([again.isWatch, again.query['resourceVersion']], [true, '20']);
    assert.deepEqual(clock.waits, []);
    assert.equal(reflector.state, 'synced');
  });

  it('does not come back with all others where the server ends a watch before its time', async (t) => {
    const { server, clock, listed, reflector } = await running(t, () => 0.5);
    const watch = await listed('7', pool('a', '10.1.0.0/16'));
    watch.say(event('BOOKMARK', { metadata: { resourceVersion: '20' } }));
    clock.pass(100_000);
    watch.end();
    const again = await server.next();
    assert.deepEqual([again.query['resourceVersion'], clock.waits], ['20', [440]]);
    assert.equal(reflector.state, 'synced');
    // Nor does it turn round and round where each has a word to say, and ends.
    again.say(event('BOOKMARK', { metadata: { resourceVersion: '21' } }));
    again.end();
    await server.next();
    assert.deepEqual(clock.waits, [440, 440]);
  });

  it('says that something has changed only where it makes a difference', async (t) => {
    const running_ = await running(t);
    const watch = await running_.listed('7', pool('a', '10.1.0.0/16'));
    await running_.knows('a 10.1.0.0/16');
    const before = running_.changes;
    watch.say(event('MODIFIED', pool('a', '10.1.0.0/16', '8')));
    watch.say(event('BOOKMARK', { metadata: { resourceVersion: '9' } }));
    watch.say(event('ADDED', pool('b', '10.2.0.0/16', '10')));
    await running_.knows('a 10.1.0.0/16', 'b 10.2.0.0/16');
    assert.equal(running_.changes, before + 1);
  });

  it('comes back at once when a watch is cut, and is stale only when that fails too', async (t) => {
    const { server, listed, becomes, known, reflector } = await running(t);
    const watch = await listed('7', pool('a', '10.1.0.0/16'));
    await becomes('synced');
    watch.cut();
    const second = await server.next();
    assert.equal(second.query['resourceVersion'], '7');
    assert.equal(reflector.state, 'synced');
    second.cut();
    const third = await server.next();
    await becomes('stale');
    assert.match(reflector.status().lastError ?? '', /ECONNRESET|socket hang up|aborted/);
    assert.deepEqual(known(), ['a 10.1.0.0/16']);
    third.say();
    await becomes('synced');
    assert.equal(reflector.status().lastError, undefined);
  });

  it('waits longer and longer for a server that is away, by chance a tenth as long', async (t) => {
    for (const [random, first, last] of [
      [0, 80, 1_500],
      [1, 800, 15_000],
    ] as const) {
      const { server, clock } = await running(t, () => random);
      for (let i = 0; i < 9; i++) (await server.next()).cut();
      await until(async () => clock.waits.length >= 9, { what: 'nine waits', everyMs: 2 });
      const waits = clock.waits.slice(0, 9);
      assert.deepEqual(waits.slice(0, 3), [first, 2 * first, 4 * first]);
      assert.equal(waits.at(-1), last);
    }
  });

  it('lists again at once where its version has expired, and holds the old against the new', async (t) => {
    const { server, clock, listed, knows, reflector } = await running(t);
    const watch = await listed('7', pool('a', '10.1.0.0/16'), pool('b', '10.2.0.0/16'));
    watch.say(EXPIRED);
    watch.end();
    const again = await server.next();
    assert.deepEqual([again.isWatch, clock.waits], [false, []]);
    assert.equal(reflector.state, 'synced');
    again.answer(200, list('90', pool('b', '10.2.0.0/16'), pool('c', '10.3.0.0/16')));
    await knows('b 10.2.0.0/16', 'c 10.3.0.0/16');
    assert.equal((await server.next()).query['resourceVersion'], '90');
  });

  it('does not ask again and again where every version has expired', async (t) => {
    const { server, clock, listed, becomes, log } = await running(t);
    let watch = await listed('7');
    for (let i = 0; i < 4; i++) {
      watch.say(EXPIRED);
      watch.end();
      watch = await listed('8');
    }
    assert.deepEqual(clock.waits, [80, 160, 320]);
    assert.equal(server.waiting, 0);
    // Nor is that called well: what there is now it does not know.
    await becomes('synced');
    assert.match(log.join('\n'), /last known stays .*too old/);
  });

  it('begins a list anew whose next page has expired', async (t) => {
    const { server, knows } = await running(t);
    const metadata = { resourceVersion: '7', continue: 'more' };
    (await server.next()).answer(200, { metadata, items: [pool('a', '10.1.0.0/16')] });
    (await server.next()).answer(410, status(410, 'Expired', 'too old'));
    const again = await server.next();
    assert.deepEqual(again.query, { limit: '500' });
    again.answer(200, list('9', pool('b', '10.2.0.0/16')));
    await knows('b 10.2.0.0/16');
  });

  it('is refused, says so, keeps what it knew, and asks seldom', async (t) => {
    const { server, clock, log, listed, becomes, known, reflector } = await running(t);
    const watch = await listed('7', pool('a', '10.1.0.0/16'));
    watch.end();
    clock.pass(2_000);
    // A server that has only started knows nobody's rights: only after five seconds it is meant.
    const from = clock.monotonic();
    let call = await server.next();
    for (; call.isWatch; call = await server.next()) {
      assert.ok(reflector.state !== 'refused');
      call.answer(403, FORBIDDEN);
    }
    assert.equal(reflector.state, 'refused');
    assert.ok(clock.monotonic() - from >= 5_000 + 15_000);
    assert.deepEqual([known(), clock.waits.at(-1)], [['a 10.1.0.0/16'], 15_000]);
    assert.equal(reflector.status().lastError, 'pools is forbidden: no');
    assert.match(log.join('\n'), /forbids to list or watch.*pools is forbidden/);
    // A list alone is not enough: to watch may still be forbidden.
    call.answer(200, list('8', pool('b', '10.2.0.0/16')));
    const last = await server.next();
    assert.equal(reflector.state, 'refused');
    last.say();
    await becomes('synced');
    assert.deepEqual(known(), ['b 10.2.0.0/16']);
  });

  it('does not take a server that has only started at its word', async (t) => {
    const { server, listed, becomes, log } = await running(t);
    const watch = await listed('7', pool('a', '10.1.0.0/16'));
    await becomes('synced');
    watch.cut();
    (await server.next()).cut();
    (await server.next()).answer(403, FORBIDDEN);
    await becomes('stale');
    const expired = await server.next();
    expired.say(EXPIRED);
    expired.end();
    // It has answered: what has expired is listed without a wait for one that is away.
    (await server.next()).answer(200, list('90', pool('a', '10.1.0.0/16')));
    (await server.next()).say();
    await becomes('synced');
    assert.ok(!log.some((line) => line.includes('forbids')), log.join('\n'));
  });

  it('is refused where the server has the resource, and absent where it has not', async (t) => {
    const { server, becomes, reflector } = await running(t);
    const described = async (code: number, ...names: readonly string[]) => {
      const call = await server.next();
      const body = { resources: names.map((name) => ({ name })) };
      call.answer(code, code === 404 ? '404 page not found' : body);
      return call.path;
    };
    (await server.next()).answer(403, FORBIDDEN);
    assert.equal(await described(404), '/base/apis/cilium.io/v2');
    (await server.next()).answer(403, FORBIDDEN);
    assert.equal(await described(200, 'others'), '/base/apis/cilium.io/v2alpha1');
    await becomes('absent');
    for (let i = 0; i < 8; i++) {
      assert.equal(reflector.state, 'absent');
      (await server.next()).answer(403, FORBIDDEN);
      await described(200, 'pools', 'pools/status');
    }
    await becomes('refused');
  });

  it('takes the older version where the server has no other', async (t) => {
    const { server, knows } = await running(t);
    (await server.next()).answer(404, '404 page not found\n');
    const older = await server.next();
    assert.equal(older.path, ALPHA);
    older.answer(200, list('7', pool('a', '10.1.0.0/16')));
    const watch = await server.next();
    assert.equal(watch.path, ALPHA);
    await knows('a 10.1.0.0/16');
  });

  it('is absent where the server has neither, and looks again', async (t) => {
    const { server, clock, becomes, listed, knows } = await running(t);
    (await server.next()).answer(404, '404 page not found\n');
    (await server.next()).answer(404, '404 page not found\n');
    await becomes('absent');
    assert.deepEqual(clock.waits, [15_000]);
    await listed('7', pool('a', '10.1.0.0/16'));
    await becomes('synced');
    await knows('a 10.1.0.0/16');
  });

  it('believes that what was there is absent only after half a minute', async (t) => {
    const { server, clock, listed, becomes, known } = await running(t);
    const watch = await listed('7', pool('a', '10.1.0.0/16'));
    watch.end();
    clock.pass(2_000);
    (await server.next()).answer(404, '404 page not found');
    for (let i = 0; i < 4; i++) {
      await becomes('stale');
      assert.deepEqual(known(), ['a 10.1.0.0/16']);
      (await server.next()).answer(404, '404 page not found');
      (await server.next()).answer(404, '404 page not found');
    }
    await becomes('absent');
    assert.deepEqual(known(), []);
  });

  it('lists again after a line that is no event, as something may be missing', async (t) => {
    for (const garbage of [
      '{"type":"ADDED","object":{"meta\n',
      'null\n',
      '[]\n',
      '{"type":"ADDED","object":{"metadata":{}}}\n',
      '{"type":"MOVED","object":{"metadata":{"resourceVersion":"9"}}}\n',
      '{"type":"ERROR","object":{"code":500,"message":"oh"}}\n',
    ]) {
      const { server, listed, knows } = await running(t);
      const watch = await listed('7', pool('a', '10.1.0.0/16'));
      watch.write(garbage);
      const again = await server.next();
      assert.equal(again.isWatch, false, garbage);
      again.answer(200, list('9', pool('c', '10.3.0.0/16')));
      await knows('c 10.3.0.0/16');
    }
  });

  it('goes on past a line that was cut off by the end: it comes again', async (t) => {
    const { server, clock, listed, knows } = await running(t);
    const watch = await listed('7');
    clock.pass(5_000);
    watch.write('{"type":"ADDED","obj');
    watch.end();
    const again = await server.next();
    assert.deepEqual([again.isWatch, again.query['resourceVersion']], [true, '7']);
    again.say(event('ADDED', pool('a', '10.1.0.0/16', '8')));
    await knows('a 10.1.0.0/16');
  });

  it('leaves a watch on which nothing comes, not even a bookmark', async (t) => {
    const { server, listed } = await running(t);
    const watch = await listed('7');
    const again = await server.next();
    assert.deepEqual([again.isWatch, again.query['resourceVersion']], [true, '7']);
    await until(async () => watch.closed, { what: 'the silent watch is closed' });
  });

  it('slows down where watches end as soon as they begin', async (t) => {
    const { server, clock } = await running(t);
    (await server.next()).answer(200, list('7'));
    for (let i = 0; i < 3; i++) {
      const watch = await server.next();
      watch.say();
      watch.end();
    }
    await server.next();
    assert.deepEqual(clock.waits, [80, 160, 320]);
  });

  it('loses one object to a fault in it, or keeps its last good form, and tells once', async (t) => {
    const { listed, knows, log, reflector } = await running(t);
    const bad = spec('bad', { blocks: [{ cidr: 'x' }] });
    const watch = await listed('7', pool('a', '10.1.0.0/16'), bad, { spec: {} });
    await knows('a 10.1.0.0/16');
    const worse = { ...pool('a', 'x', '8') };
    watch.say(event('MODIFIED', worse), event('MODIFIED', worse));
    watch.say(event('ADDED', pool('b', '10.2.0.0/16', '9')));
    await knows('a 10.1.0.0/16', 'b 10.2.0.0/16');
    assert.equal(reflector.status().faulty, 2);
    const told = log.filter((line) => line.includes('not understood'));
    assert.equal(told.length, 3, told.join('\n'));
    watch.say(event('MODIFIED', pool('a', '10.9.0.0/16', '10')));
    await knows('a 10.9.0.0/16', 'b 10.2.0.0/16');
    assert.equal(reflector.status().faulty, 1);
    watch.say(event('DELETED', { ...bad, metadata: { name: 'bad', resourceVersion: '11' } }));
    await until(async () => reflector.status().faulty === 0, { what: 'no object is faulty' });
  });

  it('waits a moment for a server that is only starting', async (t) => {
    const { server, clock, becomes, reflector } = await running(t);
    const starting = status(429, 'TooManyRequests', 'storage is (re)initializing');
    (await server.next()).answer(429, starting);
    (await server.next()).answer(429, starting, { 'retry-after': '7' });
    const last = await server.next();
    assert.deepEqual([reflector.state, clock.waits], ['listing', [80, 7_000]]);
    last.answer(200, list('7'));
    (await server.next()).say();
    await becomes('synced');
  });

  it('tells that its credentials are no good', async (t) => {
    const { server, reflector } = await running(t);
    (await server.next()).answer(401, status(401, 'Unauthorized', 'Unauthorized'));
    await server.next();
    assert.equal(server.refused, 1);
    assert.deepEqual([reflector.state, reflector.status().lastError], ['listing', 'Unauthorized']);
  });

  it('ends when it is told to, whatever it waits for', async (t) => {
    const { server, listed, stop, ended } = await running(t);
    const watch = await listed('7');
    stop.abort();
    await ended;
    await until(async () => watch.closed, { what: 'the watch is closed' });
    assert.equal(server.waiting, 0);
  });
});
