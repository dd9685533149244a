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
const OPEN = peerOpen({ holdTime: 0, capabilities: [...BOTH, FOUR_OCTET, restarts(0)] });

class Lab {
  readonly #fixture = new PeerFixture();
  readonly clock = this.#fixture.clock;
  readonly #queue = new EventQueue();
  readonly #callers: Callers;
  readonly #feed: FeedState;

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
      ...{ ...around, routes, hold: HOLD_MS },
      events: {
        ...around.events,
        established: () => this.#feed.established(),
        lost: (_peer, reason) => this.#feed.lost(reason),
        progress: () => this.#feed.progress(),
      },
    });
    this.#feed = new FeedState({
      ...{ callers: this.#callers, hasPrefixes: false, queue: this.#queue, routes },
      ...{ clock: this.clock, log: around.log, syncTimeout: 60_000, fault: () => undefined },
    });
  }

  up(peer: 2 | 3 | 4): MemoryTransport {
    const transport = new MemoryTransport(`127.0.0.${peer}`);
    this.#callers.incoming(transport, () => undefined);
    transport.hear(...handshake(OPEN), announce([`10.${peer}.0.0/16`]), ...ends);
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
    await one.clock.advance(10 * HOLD_MS);
    assert.deepEqual(await one.events(), [], 'its own timers have nothing left to end');
    one.up(3);
    assert.deepEqual(await one.events(), ['reset', '+10.3.0.0/16']);
  });
});
