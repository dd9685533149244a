/** Two daemons beside us and a router, with their real sessions, as one feed: what the loss of each means. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Callers } from '../../../../src/source/bgp/callers.js';
import { FeedState } from '../../../../src/source/bgp/feed-state.js';
import { HeardRoutes } from '../../../../src/source/bgp/routes/heard-routes.js';
import { EventQueue } from '../../../../src/source/event-queue.js';
import { address } from '../build.js';
import {
  BOTH,
  ends,
  FOUR_OCTET,
  handshake,
  MemoryTransport,
  peerOpen,
  restarts,
} from './memory-transport.js';
import { peerConfig } from './peer-config.js';
import { announce, PeerFixture } from './peer-fixture.js';

const HOLD_MS = 120_000;
const SYNC_MS = 60_000;
const GR = restarts(60);
const OPEN = peerOpen({ holdTime: 0, capabilities: [...BOTH, FOUR_OCTET, restarts(0)] });

class Lab {
  readonly #fixture = new PeerFixture();
  readonly clock = this.#fixture.clock;
  readonly #queue = new EventQueue();
  readonly #callers: Callers;
  readonly #feed: FeedState;
  hold = HOLD_MS;

  /** `a` and `b` are feeds, `c` is a router; each has said all it has: a /16 of its own. */
  constructor() {
    const routes = new HeardRoutes((prefix, paths) => this.#queue.update(prefix, paths));
    const peers = (['feed', 'feed', 'neighbour'] as const).map((role, i) =>
      peerConfig({
        ...{ role, holdTime: 0 },
        neighbour: { kind: 'address', address: address(`127.0.0.${i + 2}`) },
      }),
    );
    const { around } = this.#fixture;
    this.#callers = new Callers(peers, {
      ...{ ...around, routes, hold: () => this.hold },
      events: {
        ...around.events,
        established: () => this.#feed.established(),
        lost: (_peer, reason) => this.#feed.lost(reason),
        progress: () => this.#feed.progress(),
      },
    });
    this.#feed = new FeedState({
      ...{ callers: this.#callers, hasPrefixes: false, queue: this.#queue, routes },
      ...{ clock: this.clock, log: around.log, syncTimeout: SYNC_MS, fault: () => undefined },
    });
  }

  up(peer: 2 | 3 | 4, open = OPEN, said = [announce([`10.${peer}.0.0/16`]), ...ends]) {
    const transport = new MemoryTransport(`127.0.0.${peer}`);
    this.#callers.incoming(transport, () => undefined);
    transport.hear(...handshake(open), ...said);
    return transport;
  }

  /** The events since last asked: `+10.2.0.0/16`, `-10.2.0.0/16`, `synced ipv4`. */
  async events(): Promise<readonly string[]> {
    this.#queue.synced('ipv6'); // So that there is something to take.
    const events = await this.#queue.take(new AbortController().signal);
    return events.slice(0, -1).flatMap((event) => {
      if (event.type === 'synced') return `synced ${event.family}`;
      if (event.type !== 'updates') return event.type;
      return event.updates.map(({ prefix, paths }) => `${paths.length > 0 ? '+' : '-'}${prefix}`);
    });
  }

  get state(): string {
    return this.#feed.state().state;
  }
}

describe('two daemons beside us, and a router', () => {
  async function lab() {
    const one = new Lab();
    const transports = [one.up(2), one.up(3), one.up(4)] as const;
    assert.deepEqual(await one.events(), [
      ...['reset', '+10.2.0.0/16', '+10.3.0.0/16', '+10.4.0.0/16', 'synced ipv4', 'synced ipv6'],
    ]);
    return { one, a: transports[0], b: transports[1], c: transports[2] };
  }

  it('one is lost while another lives: its own routes are held, and go when its hold ends', async () => {
    const { one, a } = await lab();
    a.break();
    await one.clock.advance(HOLD_MS - 1);
    assert.deepEqual(await one.events(), []);
    await one.clock.advance(1);
    assert.deepEqual(await one.events(), ['-10.2.0.0/16']);
    assert.equal(one.state, 'synced');
  });

  it('each from its own loss', async () => {
    const { one, a, b } = await lab();
    a.break();
    await one.clock.advance(HOLD_MS / 2);
    b.break();
    await one.clock.advance(HOLD_MS / 2);
    assert.deepEqual(await one.events(), ['-10.2.0.0/16']);
    await one.clock.advance(HOLD_MS / 2);
    assert.deepEqual(await one.events(), ['-10.3.0.0/16']);
  });

  it('back within that time, it loses nothing', async () => {
    const { one, a } = await lab();
    a.break();
    await one.clock.advance(HOLD_MS / 2);
    one.up(2);
    await one.clock.advance(10 * HOLD_MS);
    assert.deepEqual(await one.events(), []);
  });

  it('the last session gone, the consumer holds what is left of both, and the source is lost', async () => {
    const { one, a, b, c } = await lab();
    a.break();
    await one.clock.advance(HOLD_MS / 2);
    c.break();
    assert.deepEqual(await one.events(), ['-10.4.0.0/16'], 'a router is believed to be gone');
    b.break();
    assert.deepEqual(await one.events(), ['lost']);
    assert.equal(one.state, 'lost');
    await one.clock.advance(HOLD_MS - 1);
    assert.deepEqual(await one.events(), []);
    await one.clock.advance(1);
    assert.deepEqual(await one.events(), ['-10.2.0.0/16', '-10.3.0.0/16'], 'of both from then on');
    one.up(3);
    assert.deepEqual(await one.events(), ['reset', '+10.3.0.0/16']);
    assert.equal(
      one.state,
      'syncing',
      'nothing is held any more of the first, so it is waited for',
    );
  });

  it('all gone, and one back: the other is held on, not waited for, and goes when its hold ends', async () => {
    for (const hold of [HOLD_MS, 3_600_000]) {
      const { one, a, b, c } = await lab();
      one.hold = hold;
      for (const transport of [c, b, a]) transport.break();
      await one.events();
      await one.clock.advance(2_000);
      one.up(3);
      one.up(4);
      const events = await one.events();
      assert.deepEqual(
        [events[0], ...events.slice(1, 4).sort()],
        [...['reset', '+10.2.0.0/16', '+10.3.0.0/16', '+10.4.0.0/16']],
      );
      assert.deepEqual(events.slice(4), ['synced ipv4', 'synced ipv6']);
      await one.clock.advance(hold - 2_001);
      assert.deepEqual(await one.events(), []);
      await one.clock.advance(1);
      assert.deepEqual(await one.events(), ['-10.2.0.0/16']);
      assert.equal(one.state, 'synced');
    }
  });

  it('held for ever, it stays', async () => {
    const { one, a, b, c } = await lab();
    one.hold = Number.POSITIVE_INFINITY;
    for (const transport of [c, b, a]) transport.break();
    await one.events();
    one.up(3);
    one.up(4);
    await one.clock.advance(1_000 * HOLD_MS);
    assert.equal((await one.events()).includes('-10.2.0.0/16'), false);
    assert.equal(one.state, 'synced');
  });

  it('one that was lost before it had told all is waited for: what it had not repeated stays', async () => {
    const one = new Lab();
    const a = one.up(2, OPEN, [announce(['10.2.0.0/16'])]);
    one.up(3);
    one.up(4);
    a.break();
    await one.events();
    assert.equal(one.state, 'syncing');
    await one.clock.advance(SYNC_MS);
    assert.deepEqual(await one.events(), ['synced ipv4', 'synced ipv6']);
  });

  it('a router that is lost with it, and does not come back in time, takes none of its routes along', async () => {
    const one = new Lab();
    const both = [announce(['10.1.0.0/16']), ...ends];
    const a = one.up(2, OPEN, both);
    const b = one.up(3);
    const c = one.up(4, peerOpen({ holdTime: 0, capabilities: [...BOTH, FOUR_OCTET, GR] }), both);
    await one.events();
    b.break();
    c.break();
    a.break();
    assert.deepEqual(await one.events(), ['lost']);
    await one.clock.advance(61_000);
    assert.deepEqual(await one.events(), ['+10.1.0.0/16'], 'with the path of the feed');
    await one.clock.advance(HOLD_MS - 61_000);
    assert.deepEqual(await one.events(), ['-10.1.0.0/16', '-10.3.0.0/16']);
  });

  it('what one that is back has not repeated is not told anew, until the feed is complete', async () => {
    const { one, a, b, c } = await lab();
    for (const transport of [c, b, a]) transport.break();
    await one.events();
    const again = one.up(2, OPEN, [announce(['10.9.0.0/16'])]);
    assert.deepEqual(await one.events(), ['reset', '+10.3.0.0/16', '+10.9.0.0/16']);
    again.hear(announce(['10.2.0.0/16']));
    assert.deepEqual(await one.events(), ['+10.2.0.0/16'], 'repeated as it was');
  });

  it('and goes then, where that is by sync.timeout; what is held of one that is away does not', async () => {
    const { one, a, b, c } = await lab();
    for (const transport of [c, b, a]) transport.break();
    one.up(2, OPEN, [announce(['10.9.0.0/16'])]);
    await one.events();
    await one.clock.advance(SYNC_MS);
    assert.deepEqual(await one.events(), ['-10.2.0.0/16', 'synced ipv4', 'synced ipv6']);
    await one.clock.advance(HOLD_MS - SYNC_MS);
    assert.deepEqual(await one.events(), ['-10.3.0.0/16']);
  });

  it('one that was back, and went again before it had repeated all, is held with all', async () => {
    const { one, a, b, c } = await lab();
    for (const transport of [c, b, a]) transport.break();
    one.up(2, OPEN, [announce(['10.9.0.0/16'])]).break();
    await one.events();
    await one.clock.advance(2_000);
    one.up(3);
    one.up(4);
    const events = await one.events();
    assert.equal(events[0], 'reset');
    const synced = events.indexOf('synced ipv4');
    assert.deepEqual(
      events.slice(1, synced).sort(),
      [2, 3, 4, 9].map((net) => `+10.${net}.0.0/16`),
    );
    assert.equal(one.state, 'synced');
    await one.clock.advance(HOLD_MS);
    assert.deepEqual((await one.events()).toSorted(), ['-10.2.0.0/16', '-10.9.0.0/16']);
  });

  it('a changed hold counts from the loss', async () => {
    const { one, a } = await lab();
    a.break();
    await one.clock.advance(1_000);
    one.hold = 10 * HOLD_MS;
    await one.clock.advance(HOLD_MS);
    assert.deepEqual(await one.events(), []);
    one.hold = 2 * HOLD_MS;
    await one.clock.advance(HOLD_MS - 1_001);
    assert.deepEqual(await one.events(), []);
    await one.clock.advance(1);
    assert.deepEqual(await one.events(), ['-10.2.0.0/16']);
  });

  it('a shortened one within a second', async () => {
    const { one, a } = await lab();
    a.break();
    await one.clock.advance(30_000);
    one.hold = 20_000;
    await one.clock.advance(1_000);
    assert.deepEqual(await one.events(), ['-10.2.0.0/16']);
  });
});
