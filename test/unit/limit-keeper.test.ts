import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Config, GobgpApiConfig, LimitConfig } from '../../src/config/config.js';
import { Engine } from '../../src/desired/engine.js';
import { LimitKeeper } from '../../src/limit-keeper.js';
import type { Alert } from '../../src/observe/alerts.js';
import type { SessionControl } from '../../src/source/source.js';
import { EMPTY_STATE, loadState, type SavedState } from '../../src/state-file.js';
import { until } from '../support/wait.js';
import { config, limit, table, updates } from './desired/build.js';
import { FakeClock, settled } from './reconcile/fake-clock.js';
import { linesTo } from './reconcile/node.js';

const PEER = '10.9.0.2';
const MINUTE = 60_000;
const TEARDOWN = limit('teardown', 2, { peer: PEER });
const FEED = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rib2fib-limits-'));
  path = join(directory, 'run', 'state.json');
});
afterEach(() => rm(directory, { recursive: true }));

/** The source, and another gobgpd. */
const HERE: GobgpApiConfig = { address: 'unix:///run/gobgp/gobgp.sock', tls: undefined };
const THERE: GobgpApiConfig = { ...HERE, address: '127.0.0.1:50051' };

function limited(...limits: LimitConfig[]): Config {
  return at(HERE, ...limits);
}

function at(gobgp: GobgpApiConfig, ...limits: LimitConfig[]): Config {
  return {
    ...config(table({ limits })),
    source: { kind: 'gobgp', gobgp: { ...gobgp, paths: 'best' } },
  };
}

/** Ends and allows sessions, and notes what was on disk as it did. */
class FakeSessions implements SessionControl {
  readonly calls: string[] = [];
  readonly disabled = new Set<string>();
  fails = new Set<string>();
  /** `call`, after each. */
  readonly called = new EventEmitter();

  async disable(peer: string, communication: string): Promise<void> {
    if (this.fails.has(peer)) throw new Error('no such peer');
    const { disabledPeers } = await loadState(path);
    const known = disabledPeers.some((one) => one.peer === peer);
    this.calls.push(`disable ${peer} (${communication})${known ? '' : ', and it is not on disk'}`);
    this.disabled.add(peer);
    this.called.emit('call');
  }

  async enable(peer: string): Promise<void> {
    if (this.fails.has(peer)) throw new Error('no such peer');
    this.calls.push(`enable ${peer}`);
    this.disabled.delete(peer);
    this.called.emit('call');
  }
}

/** Of a keeper that hangs: the disk of a busy machine takes its time. */
const HANGS_MS = 120_000;

/** One life of the daemon, as far as limits go. */
class Life {
  readonly engine: Engine;
  readonly alerts = new Map<string, Alert>();
  readonly lines: string[] = [];
  readonly keeper: LimitKeeper;
  /** `ADDRESS: PEERS`, as they were enabled at a gobgpd that was left; those that do not answer. */
  readonly released: string[] = [];
  readonly silent = new Set<GobgpApiConfig>();
  changes = 0;
  /** `news`: a session was called, something was logged, or somebody sleeps. */
  readonly #events = new EventEmitter();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    of: Config,
    public sessions: FakeSessions | undefined,
    readonly clock: FakeClock,
    saved: SavedState = EMPTY_STATE,
  ) {
    const latched = new Set(saved.latched);
    const news = () => void this.#events.emit('news');
    sessions?.called.on('call', news);
    const log = linesTo(this.lines);
    this.engine = new Engine({ config: of, now: clock.monotonic(), latched });
    const key = ({ name, labels }: Pick<Alert, 'name' | 'labels'>) =>
      [name, ...Object.values(labels)].join(' ');
    this.keeper = new LimitKeeper({
      engine: this.engine,
      alerts: {
        raise: (alert) => void this.alerts.set(key(alert), alert),
        resolve: (alert) => void this.alerts.delete(key(alert)),
      },
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        delay: (ms, signal) => {
          const rung = clock.delay(ms, signal);
          news();
          return rung;
        },
      },
      log: {
        ...log,
        error: (...line: Parameters<typeof log.error>) => {
          log.error(...line);
          news();
        },
      },
      sessions: () => this.sessions,
      enablePeers: async (gobgp, peers, onDone, signal) => {
        if ([...this.silent].some(({ address }) => address === gobgp.address)) {
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        }
        this.released.push(`${gobgp.address}: ${peers.join()}`);
        for (const peer of peers) onDone(peer, 'enabled');
      },
      statePath: path,
      saved,
      onChange: () => {
        this.changes++;
        this.keeper.review();
      },
    });
  }

  run(): this {
    this.#running = this.keeper.run(this.#stop.signal);
    this.keeper.review();
    return this;
  }

  /** A reload has made another source. */
  replaceSource(of: Config): FakeSessions {
    const sessions = new FakeSessions();
    sessions.called.on('call', () => void this.#events.emit('news'));
    this.sessions = sessions;
    this.engine.reconfigure(of);
    this.keeper.review();
    return sessions;
  }

  hears(...texts: string[]): void {
    this.engine.apply([updates(...texts)], this.clock.monotonic());
    this.keeper.review();
  }

  /** Announces, or withdraws, the whole feed of the peer. */
  feed(up: boolean): void {
    this.hears(...FEED.map((one) => (up ? `${one} via ${PEER}` : one)));
  }

  async called(...calls: string[]): Promise<void> {
    const { sessions } = this;
    assert.ok(sessions !== undefined);
    await this.news(() => sessions.calls.length >= calls.length);
    assert.deepEqual(sessions.calls, calls);
  }

  /** Resolves once the condition holds: looks after each piece of news. */
  async news(condition: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(HANGS_MS);
    while (!condition()) await once(this.#events, 'news', { signal });
  }

  /** Moves the clock on once the keeper sleeps: before, it might set its timer for later than meant. */
  async advance(ms: number): Promise<void> {
    await settled();
    await this.news(() => this.clock.waiting > 0);
    await this.clock.advance(ms);
  }

  async saved(state: SavedState): Promise<void> {
    const isSaved = async () => JSON.stringify(await loadState(path)) === JSON.stringify(state);
    await until(isSaved, { what: JSON.stringify(state), everyMs: 2 });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  limit(at = 0) {
    const found = this.engine.tables.get(100)?.limits[at];
    assert.ok(found);
    return found;
  }
}

const DISABLE = `disable ${PEER} (prefix limit fabric/${PEER}/ipv4 exceeded)`;
const ENABLE = `enable ${PEER}`;

test('an excess ends the session, once it is on disk; it comes back after restartAfter', async () => {
  const clock = new FakeClock();
  const life = new Life(limited(TEARDOWN), new FakeSessions(), clock).run();
  life.feed(true);
  await life.called(DISABLE);
  const restoreAt = clock.now() + MINUTE;
  const entry = { peer: PEER, limit: TEARDOWN.id, restoreAt, gobgp: HERE };
  await life.saved({ latched: [TEARDOWN.id], disabledPeers: [entry] });
  await until(() => life.keeper.restoreAt(TEARDOWN.id) === restoreAt, { what: 'restoreAt' });
  life.feed(false);
  await life.advance(MINUTE - 1);
  await life.called(DISABLE);
  await life.advance(1);
  await life.called(DISABLE, ENABLE);
  await life.saved(EMPTY_STATE);
  assert.equal(life.limit().state, 'ok');
  assert.equal(life.changes, 1);
  life.feed(true);
  await life.called(DISABLE, ENABLE, DISABLE);
  await life.stop();
});

test('while the state cannot be written no session is ended; others are still allowed', async () => {
  await mkdir(path, { recursive: true });
  const clock = new FakeClock();
  const life = new Life(limited(TEARDOWN), new FakeSessions(), clock).run();
  life.feed(true);
  await life.news(() => life.lines.some((line) => line.startsWith('error: cannot keep')));
  await life.advance(4_999);
  assert.deepEqual(life.sessions?.calls, []);
  await rm(path, { recursive: true });
  await life.advance(1);
  await life.called(DISABLE);
  await life.stop();
});

test('two limits exceeded at once: neither session is ended before both are on disk', async () => {
  const other = limit('teardown', 1, { peer: '10.9.1.2' });
  const clock = new FakeClock();
  const life = new Life(limited(TEARDOWN, other), new FakeSessions(), clock).run();
  life.feed(true);
  life.hears('10.8.0.0/16 via 10.9.1.2');
  const sessions = life.sessions;
  assert.ok(sessions);
  const { disable } = FakeSessions.prototype;
  // The second excess comes while the first session is being ended.
  sessions.disable = async (peer, communication) => {
    if (peer === PEER) life.hears('10.8.1.0/24 via 10.9.1.2', '10.8.2.0/24 via 10.9.1.2');
    await disable.call(sessions, peer, communication);
  };
  await life.called(DISABLE, 'disable 10.9.1.2 (prefix limit fabric/10.9.1.2/ipv4 exceeded)');
  await life.stop();
});

test('restart after a crash: what was ended, or was to be, is ended again, and comes back in time', async () => {
  const clock = new FakeClock();
  const saved = {
    latched: [TEARDOWN.id],
    disabledPeers: [
      { peer: PEER, limit: TEARDOWN.id, restoreAt: clock.now() + MINUTE, gobgp: HERE },
    ],
  };
  await mkdir(join(directory, 'run'));
  await writeFile(path, JSON.stringify(saved));
  const life = new Life(limited(TEARDOWN), new FakeSessions(), clock, saved).run();
  await life.called(DISABLE);
  assert.equal(life.limit().state, 'latched');
  await life.advance(MINUTE);
  await life.called(DISABLE, ENABLE);
  assert.equal(life.limit().state, 'ok');
  await life.saved(EMPTY_STATE);
  await life.stop();
});

test('restart after its time: the session is allowed, and not ended first', async () => {
  const clock = new FakeClock();
  const restoreAt = clock.now() - 1;
  const disabledPeers = [{ peer: PEER, limit: TEARDOWN.id, restoreAt, gobgp: HERE }];
  const saved = { latched: [TEARDOWN.id], disabledPeers };
  const life = new Life(limited(TEARDOWN), new FakeSessions(), clock, saved).run();
  await life.called(ENABLE);
  await life.stop();
});

test('a limit that is gone from the configuration lets its peer go at once, after a restart too', async () => {
  const clock = new FakeClock();
  const forever = limit('teardown', 2, { peer: PEER, restartAfter: Number.POSITIVE_INFINITY });
  const life = new Life(limited(forever), new FakeSessions(), clock).run();
  life.feed(true);
  await life.called(DISABLE);
  await life.saved({
    latched: [forever.id],
    disabledPeers: [{ peer: PEER, limit: forever.id, restoreAt: null, gobgp: HERE }],
  });
  const saved = await loadState(path);
  assert.equal(life.alerts.size, 1);
  life.engine.reconfigure(limited());
  life.keeper.review();
  assert.equal(life.alerts.size, 0);
  await life.called(DISABLE, ENABLE);
  await life.stop();

  const next = new Life(limited({ ...forever, action: 'warn' }), new FakeSessions(), clock, saved);
  next.run();
  await next.called(ENABLE);
  await next.saved(EMPTY_STATE);
  await next.stop();
});

test('limit clear lets the peer go at once, one that was only about to be ended as well', async () => {
  const clock = new FakeClock();
  const forever = limit('teardown', 2, { peer: PEER, restartAfter: Number.POSITIVE_INFINITY });
  const life = new Life(limited(forever), new FakeSessions(), clock).run();
  const clear = () => {
    life.keeper.release(new Set([forever.id]));
    life.engine.clearLimits(new Set([forever.id]));
    life.keeper.review();
  };
  life.feed(true);
  await life.called(DISABLE);
  life.feed(false);
  await life.advance(1_000 * MINUTE);
  await life.called(DISABLE);
  clear();
  await life.called(DISABLE, ENABLE);
  assert.equal(life.limit().state, 'ok');
  await life.stop();

  const saved = {
    latched: [forever.id],
    disabledPeers: [{ peer: PEER, limit: forever.id, restoreAt: null, gobgp: HERE }],
  };
  const next = new Life(limited(forever), new FakeSessions(), clock, saved);
  next.keeper.release(new Set([forever.id]));
  next.run();
  await next.called(ENABLE);
  await next.stop();
});

test('two limits of one peer: it comes back when the last of them lets it, and both may act again', async () => {
  const ipv4 = limit('teardown', 2, { peer: PEER, restartAfter: MINUTE });
  const ipv6 = limit('teardown', 1, { peer: PEER, family: 'ipv6', restartAfter: 2 * MINUTE });
  const clock = new FakeClock();
  const life = new Life(limited(ipv4, ipv6), new FakeSessions(), clock).run();
  life.feed(true);
  life.hears(`2001:db8:1::/48 via ${PEER}`, `2001:db8:2::/48 via ${PEER}`);
  const six = `disable ${PEER} (prefix limit fabric/${PEER}/ipv6 exceeded)`;
  await life.called(DISABLE, six);
  life.feed(false);
  life.hears('2001:db8:1::/48', '2001:db8:2::/48');
  await life.advance(MINUTE);
  await until(() => life.limit(0).state === 'ok', { what: 'the first limit lets go' });
  await life.called(DISABLE, six);
  await life.advance(MINUTE);
  await life.called(DISABLE, six, ENABLE);
  await until(() => life.limit(1).state === 'ok', { what: 'the second limit lets go' });
  life.feed(true);
  await life.called(DISABLE, six, ENABLE, DISABLE);
  await life.stop();
});

test('a peer that the daemon does not know blocks no other, and is complained about once', async () => {
  const other = limit('teardown', 1, { peer: '10.9.1.2' });
  const clock = new FakeClock();
  const sessions = new FakeSessions();
  sessions.fails.add(PEER);
  const life = new Life(limited(TEARDOWN, other), sessions, clock).run();
  life.feed(true);
  life.hears('10.8.1.0/24 via 10.9.1.2', '10.8.2.0/24 via 10.9.1.2');
  const second = 'disable 10.9.1.2 (prefix limit fabric/10.9.1.2/ipv4 exceeded)';
  await life.called(second);
  await life.advance(30_000);
  assert.equal(life.lines.filter((line) => line.startsWith('error')).length, 1);
  sessions.fails.clear();
  await life.advance(5_000);
  await life.called(second, DISABLE);
  await life.stop();
});

test('alerts: a warning, then an excess, then neither; freeze and flush are kept on disk', async () => {
  const clock = new FakeClock();
  const freeze = limit('freeze', 2, { warnPercent: 100 });
  const life = new Life(limited(freeze), undefined, clock).run();
  const raised = () => [...life.alerts.keys()];
  life.hears(...FEED.slice(0, 2).map((one) => `${one} via ${PEER}`));
  assert.deepEqual(raised(), ['Rib2fibPrefixLimitWarning fabric all ipv4']);
  life.feed(true);
  assert.deepEqual(raised(), ['Rib2fibPrefixLimitExceeded fabric all ipv4']);
  await life.saved({ latched: [freeze.id], disabledPeers: [] });
  life.feed(false);
  assert.deepEqual(raised(), ['Rib2fibPrefixLimitExceeded fabric all ipv4']);
  life.engine.clearLimits(new Set([freeze.id]));
  life.keeper.review();
  assert.deepEqual(raised(), []);
  await life.saved(EMPTY_STATE);
  assert.equal((await readFile(path, 'utf8')).trim(), JSON.stringify(EMPTY_STATE));
  await life.stop();
});

/** What a life that ended a session leaves on disk. */
const LEFT: SavedState = {
  latched: [TEARDOWN.id],
  disabledPeers: [{ peer: PEER, limit: TEARDOWN.id, restoreAt: null, gobgp: HERE }],
};

const BY_HAND = `gobgp neighbor ${PEER} enable`;

/** A limit whose excess has ended the session for good. */
async function torn(clock: FakeClock): Promise<Life> {
  const forever = { ...TEARDOWN, restartAfter: Number.POSITIVE_INFINITY };
  const life = new Life(limited(forever), new FakeSessions(), clock).run();
  life.feed(true);
  await life.called(DISABLE);
  await until(() => life.keeper.restoreAt(TEARDOWN.id) === null, { what: 'the session ended' });
  life.feed(false);
  life.lines.length = 0;
  return life;
}

test('a stop leaves the peer disabled, says so in one line, and keeps it for the next start', async () => {
  const life = await torn(new FakeClock());
  await life.stop();
  await life.keeper.end(false);
  assert.deepEqual(life.released, []);
  assert.equal(life.lines.length, 1);
  assert.match(life.lines[0] ?? '', new RegExp(`^warn: peer ${PEER} stays disabled .*${BY_HAND}`));
  await life.saved(LEFT);
});

test('leaving the node enables the peer; the next start does not disable it again', async () => {
  const life = await torn(new FakeClock());
  await life.stop();
  await life.keeper.end(true);
  assert.deepEqual(life.released, [`${HERE.address}: ${PEER}`]);
  assert.match(life.lines.join(), new RegExp(`^info: peer ${PEER} is enabled again`));
  await life.saved(EMPTY_STATE);
});

test('leaving before the withdrawals of the ended session are heard: nothing is latched for the next start', async () => {
  const life = await torn(new FakeClock());
  life.feed(true);
  await life.stop();
  await life.keeper.end(true);
  await life.saved(EMPTY_STATE);
});

test('leaving a gobgpd that hangs takes seconds, and says what to do', async () => {
  const clock = new FakeClock();
  const life = await torn(clock);
  life.silent.add(HERE);
  await life.stop();
  const ended = life.keeper.end(true);
  await clock.advance(3_000);
  await ended;
  assert.equal(life.lines.length, 1);
  assert.match(life.lines[0] ?? '', new RegExp(`^warn: .*no answer within 3 s; .*${BY_HAND}`));
  await life.saved(LEFT);
});

for (const hangs of [false, true]) {
  test(`a reload that brings another gobgpd lets the peer go at the old one, which ${hangs ? 'hangs' : 'answers'}`, async () => {
    const clock = new FakeClock();
    const life = await torn(clock);
    if (hangs) life.silent.add(HERE);
    life.engine.reconfigure(at(THERE, TEARDOWN));
    life.keeper.review();
    const told = async () => {
      await clock.advance(1_000);
      return life.lines.length > 0;
    };
    await until(told, { what: 'what became of the peer', everyMs: 2 });
    await life.saved(EMPTY_STATE);
    assert.deepEqual(life.released, hangs ? [] : [`${HERE.address}: ${PEER}`]);
    assert.equal(life.lines.length, 1);
    assert.match(life.lines[0] ?? '', hangs ? new RegExp(`stays disabled .*${BY_HAND}`) : /^info/);
    assert.equal(life.limit().state, 'ok');
    life.feed(true);
    await life.called(DISABLE, DISABLE);
    const disabledPeers = (await loadState(path)).disabledPeers;
    assert.deepEqual(
      disabledPeers.map(({ gobgp }) => gobgp?.address),
      [THERE.address],
    );
    await life.stop();
  });
}

test('a session call that a stop cuts short is no failure', async () => {
  const clock = new FakeClock();
  const sessions = new FakeSessions();
  const stopped = new AbortController();
  const called = new Promise<void>((resolve) => {
    sessions.disable = () => {
      resolve();
      return new Promise((_, reject) => {
        stopped.signal.addEventListener('abort', () => reject(stopped.signal.reason));
      });
    };
  });
  const life = new Life(limited(TEARDOWN), sessions, clock).run();
  life.feed(true);
  await called;
  const ended = life.stop();
  stopped.abort();
  await ended;
  await life.keeper.end(false);
  assert.equal(life.lines.length, 1);
  assert.match(life.lines[0] ?? '', new RegExp(BY_HAND));
});

/** Source bgp, with sessions of our own. */
function withOwnSessions(...limits: LimitConfig[]): Config {
  const bgp = { listen: [], as: 65000, routerId: 1, peers: [] };
  return { ...config(table({ limits })), source: { kind: 'bgp', bgp } };
}

test('a session of our own is ended and comes back; it needs no gobgpd, and is released with us', async () => {
  const own = withOwnSessions(TEARDOWN);
  const clock = new FakeClock();
  const sessions = new FakeSessions();
  const life = new Life(own, sessions, clock).run();
  life.feed(true);
  await life.called(DISABLE);
  const { disabledPeers } = await loadState(path);
  assert.deepEqual(
    disabledPeers.map(({ peer, gobgp }) => [peer, gobgp]),
    [[PEER, undefined]],
  );
  await life.stop();
  assert.deepEqual(life.released, []);
  assert.deepEqual(
    life.lines.filter((line) => line.includes('stays disabled')),
    [],
  );
  // The next life ends the session again, as it found on disk.
  const next = new Life(own, new FakeSessions(), clock, await loadState(path)).run();
  await next.called(DISABLE);
  await next.stop();
});

test('a session of our own that was ended is no matter of a gobgpd that comes after', async () => {
  const saved: SavedState = {
    latched: [],
    disabledPeers: [{ peer: PEER, limit: TEARDOWN.id, restoreAt: null }],
  };
  const sessions = new FakeSessions();
  const life = new Life(limited(TEARDOWN), sessions, new FakeClock(), saved).run();
  await life.saved(EMPTY_STATE);
  assert.deepEqual(sessions.calls, []);
  assert.deepEqual(life.released, []);
  await life.stop();
});

test('sessions of our own that a reload has made anew: the peer is disabled there too, and comes back in its time', async () => {
  const own = withOwnSessions(TEARDOWN);
  const clock = new FakeClock();
  const life = new Life(own, new FakeSessions(), clock).run();
  life.feed(true);
  await life.called(DISABLE);
  const restoreAt = clock.now() + MINUTE;
  await until(() => life.keeper.restoreAt(TEARDOWN.id) === restoreAt, { what: 'restoreAt' });
  life.feed(false);
  for (let reload = 0; reload < 2; reload++) {
    await clock.advance(1_000);
    life.replaceSource(own);
    await life.called(DISABLE);
    await until(() => life.keeper.restoreAt(TEARDOWN.id) === restoreAt, { what: 'restoreAt' });
  }
  // What changes within one source ends nothing again.
  life.keeper.review();
  await life.advance(MINUTE);
  await life.called(DISABLE, ENABLE);
  await life.saved(EMPTY_STATE);
  await life.stop();
});

test('a gobgpd keeps in mind itself what was disabled: new calls to it repeat nothing', async () => {
  const clock = new FakeClock();
  const life = await torn(clock);
  const sessions = life.replaceSource(
    limited({ ...TEARDOWN, restartAfter: Number.POSITIVE_INFINITY }),
  );
  await life.advance(MINUTE);
  assert.deepEqual(sessions.calls, []);
  assert.equal(life.keeper.restoreAt(TEARDOWN.id), null);
  await life.stop();
});
