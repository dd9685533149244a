import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FeedState } from '../../../../src/source/bgp/feed-state.js';
import type { Peer } from '../../../../src/source/bgp/peer.js';
import { AdjRibIn } from '../../../../src/source/bgp/routes/adj-rib-in.js';
import { HeardRoutes } from '../../../../src/source/bgp/routes/heard-routes.js';
import { EventQueue } from '../../../../src/source/event-queue.js';
import { path, prefix } from '../build.js';
import { FakeClock } from '../fake-clock.js';
import { peerConfig } from './peer-config.js';

/** What FeedState looks at of a peer; moved by hand. */
interface Seen {
  isUp: boolean;
  disabled: boolean;
  keeps: boolean;
  missing: string | undefined;
  heldSince: number | undefined;
  readonly config: ReturnType<typeof peerConfig>;
  waitingFor(): string | undefined;
  holdSince(since: number): void;
  endStale(): void;
}

class Fixture {
  readonly clock = new FakeClock();
  readonly queue = new EventQueue();
  readonly routes = new HeardRoutes((at, paths) => this.queue.update(at, paths));
  readonly seen: Seen[];
  readonly feed: FeedState;
  fault: string | undefined;

  constructor(roles: readonly ('feed' | 'neighbour')[], hasPrefixes = false) {
    this.seen = roles.map(
      (role, i): Seen => ({
        ...{
          isUp: false,
          disabled: false,
          keeps: false,
          missing: `peer ${i}`,
          heldSince: undefined,
        },
        config: peerConfig({ role }),
        waitingFor() {
          return this.missing;
        },
        holdSince(since) {
          this.heldSince = since;
        },
        endStale() {},
      }),
    );
    const peers = this.seen as unknown as readonly Peer[];
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    this.feed = new FeedState({
      ...{ callers: { configured: peers, peers }, hasPrefixes, queue: this.queue, log },
      ...{ routes: this.routes, clock: this.clock, syncTimeout: 60_000 },
      fault: () => this.fault,
    });
  }

  up(i: number): void {
    Object.assign(this.at(i), { isUp: true, missing: `End-of-RIB of ${i}`, keeps: false });
    this.feed.established();
  }

  complete(i: number): void {
    this.at(i).missing = undefined;
    this.feed.progress();
  }

  down(i: number): void {
    const keeps = this.at(i).config.role === 'feed';
    Object.assign(this.at(i), { isUp: false, missing: `peer ${i}`, keeps });
    this.feed.lost(`peer ${i} is gone`);
  }

  at(i: number): Seen {
    const seen = this.seen[i];
    assert.ok(seen !== undefined);
    return seen;
  }

  /** The events since last asked. */
  async events(): Promise<readonly string[]> {
    this.queue.synced('ipv6'); // So that there is something to take.
    const events = await this.queue.take(new AbortController().signal);
    return events.slice(0, -1).map((event) => {
      if (event.type === 'synced') return `synced ${event.family}`;
      return event.type === 'lost' ? `lost: ${event.reason}` : event.type;
    });
  }

  get state(): string {
    const state = this.feed.state();
    switch (state.state) {
      case 'syncing':
        return `syncing: ${state.waitingFor}`;
      case 'connecting':
        return `connecting: ${state.lastError}`;
      case 'lost':
        return `lost: ${state.reason}`;
      default:
        return state.state;
    }
  }
}

const SYNCED = ['synced ipv4', 'synced ipv6'];

describe('the feed of all peers', () => {
  it('begins with the first session, and ends when every configured peer has told all', async () => {
    const fixture = new Fixture(['neighbour', 'neighbour']);
    assert.equal(fixture.state, 'connecting: peer 0');
    fixture.up(0);
    assert.deepEqual(await fixture.events(), ['reset']);
    fixture.complete(0);
    assert.equal(fixture.state, 'syncing: peer 1');
    fixture.up(1);
    assert.deepEqual(await fixture.events(), []);
    fixture.complete(1);
    assert.deepEqual(await fixture.events(), SYNCED);
    assert.equal(fixture.state, 'synced');
    assert.equal(fixture.clock.waiting, 0);
  });

  it('or when the time for that is over, counted from the first session', async () => {
    const fixture = new Fixture(['neighbour', 'neighbour']);
    await fixture.clock.advance(59_999);
    fixture.up(0);
    fixture.complete(0);
    await fixture.clock.advance(59_999);
    assert.deepEqual(await fixture.events(), ['reset']);
    await fixture.clock.advance(1);
    assert.deepEqual(await fixture.events(), SYNCED);
    assert.equal(fixture.state, 'synced');
  });

  it('never without any session: what the kernel has is held', async () => {
    const fixture = new Fixture(['neighbour']);
    await fixture.clock.advance(3_600_000);
    assert.deepEqual(await fixture.events(), []);
    assert.equal(fixture.state, 'connecting: peer 0');
  });

  it('tells where nobody can call, whatever else it does', () => {
    const fixture = new Fixture(['feed', 'feed']);
    fixture.fault = 'cannot listen';
    assert.equal(fixture.state, 'connecting: cannot listen');
    fixture.up(0);
    assert.equal(fixture.state, 'syncing: End-of-RIB of 0; cannot listen');
    fixture.down(0);
    assert.equal(fixture.state, 'lost: peer 0 is gone; cannot listen');
  });

  it('is not up before a first session; who is to call may take as long as sync.timeout', () => {
    const fixture = new Fixture(['neighbour']);
    const since = fixture.clock.now();
    assert.deepEqual(fixture.feed.state(), {
      ...{ state: 'connecting', since, lastError: 'peer 0', expectedBy: since + 60_000 },
    });
    fixture.fault = 'cannot listen';
    const lastError = 'cannot listen';
    assert.deepEqual(fixture.feed.state(), { state: 'connecting', since, lastError });
  });

  const disable = (fixture: Fixture, i: number) => {
    Object.assign(fixture.at(i), { isUp: false, disabled: true, keeps: false, missing: undefined });
    fixture.feed.progress();
  };

  it('is complete without anything where all are disabled: after a restart, what they told is to go', async () => {
    const fixture = new Fixture(['feed', 'neighbour']);
    disable(fixture, 0);
    assert.deepEqual(await fixture.events(), []);
    disable(fixture, 1);
    assert.deepEqual(await fixture.events(), ['reset', ...SYNCED]);
    assert.equal(fixture.state, 'synced');
    assert.equal(fixture.clock.waiting, 0);
    Object.assign(fixture.at(0), { disabled: false });
    fixture.up(0);
    assert.deepEqual(await fixture.events(), []);
    assert.equal(fixture.state, 'synced');
  });

  it('and where they were lost before', async () => {
    const fixture = new Fixture(['feed']);
    fixture.up(0);
    fixture.down(0);
    await fixture.events();
    disable(fixture, 0);
    assert.deepEqual(await fixture.events(), ['reset', ...SYNCED]);
  });

  it('but not where others may call from a prefix', async () => {
    const fixture = new Fixture(['feed'], true);
    disable(fixture, 0);
    assert.deepEqual(await fixture.events(), []);
    assert.equal(fixture.state, 'connecting: a peer to call');
  });

  it('with peers of a prefix ends by time alone: nobody knows how many they are', async () => {
    const fixture = new Fixture(['neighbour'], true);
    fixture.up(0);
    fixture.complete(0);
    assert.equal(fixture.state, 'syncing: more peers to call');
    assert.deepEqual(await fixture.events(), ['reset']);
    await fixture.clock.advance(60_000);
    assert.deepEqual(await fixture.events(), SYNCED);
  });

  it('is not lost with a router: its routes are', async () => {
    const fixture = new Fixture(['neighbour']);
    fixture.up(0);
    fixture.complete(0);
    await fixture.events();
    fixture.down(0);
    assert.deepEqual(await fixture.events(), []);
    assert.equal(fixture.state, 'synced');
    fixture.up(0);
    assert.deepEqual(await fixture.events(), []);
  });

  it('is lost with the last daemon beside us, which the consumer then holds for', async () => {
    const fixture = new Fixture(['feed']);
    fixture.up(0);
    fixture.complete(0);
    await fixture.events();
    fixture.down(0);
    assert.deepEqual(await fixture.events(), ['lost: peer 0 is gone']);
    assert.equal(fixture.state, 'lost: peer 0 is gone');
    assert.equal(fixture.at(0).heldSince, fixture.clock.monotonic());
    fixture.up(0);
    assert.deepEqual(await fixture.events(), ['reset']);
    fixture.complete(0);
    assert.deepEqual(await fixture.events(), SYNCED);
  });

  it('tells all that is kept of others anew, once it begins anew', async () => {
    const fixture = new Fixture(['feed', 'neighbour']);
    fixture.up(0);
    const rib = new AdjRibIn({
      ...{ routes: fixture.routes, peer: '10.9.0.2', peerAs: 65001, now: () => 1 },
      full: () => undefined,
    });
    const nlri = [{ prefix: prefix('10.0.0.0/8'), pathId: 0 }];
    const { nextHop, attributes } = path('10.9.0.2');
    rib.announce([{ family: 'ipv4', nlri, nextHop, attributes, onlyToCustomer: undefined }]);
    assert.deepEqual(await fixture.events(), ['reset', 'updates']);
    fixture.down(0);
    fixture.up(1);
    assert.deepEqual(await fixture.events(), ['reset', 'updates']);
  });

  it('is lost while it syncs, too; the time for that begins anew', async () => {
    const fixture = new Fixture(['feed']);
    fixture.up(0);
    await fixture.clock.advance(59_999);
    fixture.down(0);
    fixture.up(0);
    await fixture.clock.advance(59_999);
    assert.deepEqual(await fixture.events(), ['reset']);
    await fixture.clock.advance(1);
    assert.deepEqual(await fixture.events(), SYNCED);
  });

  it('is not lost with one of several while another is up', async () => {
    const fixture = new Fixture(['feed', 'neighbour']);
    for (const i of [0, 1]) fixture.up(i);
    for (const i of [0, 1]) fixture.complete(i);
    await fixture.events();
    fixture.down(0);
    assert.deepEqual(await fixture.events(), []);
    assert.equal(fixture.at(0).heldSince, undefined);
    fixture.down(1);
    assert.deepEqual(await fixture.events(), ['lost: peer 1 is gone']);
    assert.equal(fixture.at(0).heldSince, fixture.clock.monotonic());
  });

  it('one that is lost again before it was complete wins no time by it, as with the consumer', async () => {
    const fixture = new Fixture(['feed']);
    const start = fixture.clock.monotonic();
    await fixture.clock.advance(10_000);
    for (const ran of [500, 1_000]) {
      fixture.up(0);
      await fixture.clock.advance(500);
      fixture.down(0);
      assert.equal(fixture.at(0).heldSince, start + ran);
      await fixture.clock.advance(7_000);
    }
    fixture.up(0);
    fixture.complete(0);
    await fixture.clock.advance(500);
    fixture.down(0);
    assert.equal(fixture.at(0).heldSince, fixture.clock.monotonic());
  });
});
