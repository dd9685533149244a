import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WithdrawalGate } from '../../../../src/source/fpm/withdrawal-gate.js';
import { prefix } from '../build.js';
import { FakeClock, settled } from '../fake-clock.js';

class Scene {
  readonly clock = new FakeClock();
  readonly released: string[] = [];
  readonly stop = new AbortController();
  failed: unknown;
  /** Prefixes with a route. */
  readonly live = new Set<string>();
  readonly gate = new WithdrawalGate({
    clock: this.clock,
    live: () => this.live.size,
    release: (prefixes) => {
      for (const each of prefixes) this.released.push(each.text);
    },
  });

  constructor(routes: number) {
    for (let i = 0; i < routes; i++) this.live.add(net(i));
  }

  async withdraw(...numbers: number[]): Promise<void> {
    for (const i of numbers) {
      this.live.delete(net(i));
      this.gate.hold(prefix(net(i)));
    }
    this.gate.settle(this.stop.signal).catch((error) => {
      this.failed = error;
    });
    await settled();
  }

  /** Time, and the turns of the event loop that follow. */
  async advance(ms: number): Promise<void> {
    await this.clock.stall(ms);
    await settled();
    await settled();
  }

  announce(i: number): void {
    this.live.add(net(i));
    this.gate.cancel(prefix(net(i)).key);
  }
}

function net(i: number): string {
  return `10.${i >> 8}.${i & 255}.0/24`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('withdrawals', () => {
  test('what is read in the turn after the wait still belongs to it', async () => {
    const scene = new Scene(100);
    await scene.withdraw(...range(0, 50));
    // The timer is late, and the rest of the burst is there before anything else runs.
    setImmediate(() => void scene.withdraw(...range(50, 100)));
    await scene.clock.stall(5000);
    await scene.advance(0);
    assert.deepEqual(scene.released, []);
    await scene.advance(2000);
    assert.equal(scene.released.length, 100);
  });

  test('one of several goes on after 20 ms', async () => {
    const scene = new Scene(5);
    await scene.withdraw(2);
    await scene.advance(19);
    assert.deepEqual(scene.released, []);
    await scene.advance(1);
    assert.deepEqual(scene.released, [net(2)]);
    assert.equal(scene.gate.size, 0);
  });

  test('many wait until there has been none for 250 ms', async () => {
    const scene = new Scene(1000);
    await scene.withdraw(...range(0, 100));
    await scene.advance(240);
    await scene.withdraw(...range(100, 150));
    await scene.advance(240);
    assert.deepEqual(scene.released, []);
    await scene.advance(10);
    assert.equal(scene.released.length, 150);
  });

  test('where there is no silence, many wait for two seconds', async () => {
    const scene = new Scene(1000);
    await scene.withdraw(...range(0, 20));
    for (let i = 20; i < 40; i++) {
      assert.deepEqual(scene.released, []);
      await scene.advance(100);
      await scene.withdraw(i);
    }
    assert.ok(scene.released.length >= 39);
  });

  test('nearly all wait for two seconds, and are dropped where the connection ends before', async () => {
    const scene = new Scene(100);
    await scene.withdraw(...range(0, 50));
    await scene.advance(100);
    await scene.withdraw(...range(50, 100));
    await scene.advance(1999);
    assert.deepEqual(scene.released, []);
    scene.stop.abort(new Error('over'));
    await scene.advance(10_000);
    assert.deepEqual(scene.released, []);
    assert.match(String(scene.failed), /over/);
  });

  test('nearly all are believed after two seconds of silence', async () => {
    const scene = new Scene(1);
    await scene.withdraw(0);
    await scene.advance(1999);
    assert.deepEqual(scene.released, []);
    await scene.advance(1);
    assert.deepEqual(scene.released, [net(0)]);
  });

  test('what went on before counts in the same burst', async () => {
    const scene = new Scene(100);
    await scene.withdraw(...range(0, 60));
    await scene.advance(250);
    assert.equal(scene.released.length, 60);
    await scene.withdraw(...range(60, 95));
    await scene.advance(1999);
    assert.equal(scene.released.length, 60);
    await scene.advance(1);
    assert.equal(scene.released.length, 95);
  });

  test('a burst is over after two seconds', async () => {
    const scene = new Scene(100);
    await scene.withdraw(...range(0, 85));
    await scene.advance(250);
    await scene.advance(2000);
    await scene.withdraw(...range(85, 90));
    await scene.advance(20);
    assert.equal(scene.released.length, 90);
  });

  test('a route that is back is not withdrawn', async () => {
    const scene = new Scene(5);
    await scene.withdraw(0, 1);
    scene.announce(0);
    await scene.advance(20);
    assert.deepEqual(scene.released, [net(1)]);
  });

  test('routes that come back end the wait of the others', async () => {
    const scene = new Scene(20);
    await scene.withdraw(...range(0, 20));
    await scene.advance(1000);
    for (const i of range(0, 15)) scene.announce(i);
    await scene.advance(1000);
    assert.deepEqual(scene.released, range(15, 20).map(net));
  });
});
