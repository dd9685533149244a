import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Transport } from '../../../../../src/source/bgp/connection/transport.js';
import { Calling } from '../../../../../src/source/bgp/session/calling.js';
import { FakeClock, settled } from '../../fake-clock.js';
import { MemoryTransport } from '../memory-transport.js';

/** A way to call that answers when the test says so, whatever has been called off meanwhile. */
function calling(wanted = () => true) {
  const clock = new FakeClock();
  const dials: ((transport: Transport) => void)[] = [];
  const answered: Transport[] = [];
  const failures: string[] = [];
  const one = new Calling({
    ...{ clock, random: () => 1, wanted },
    dial: () => new Promise((resolve) => dials.push(resolve)),
    answered: (transport) => answered.push(transport),
    failed: (reason) => failures.push(reason),
  });
  return { clock, dials, answered, failures, one };
}

describe('calling a peer', () => {
  it('an answer that comes after it was called off is hung up on', async () => {
    const { dials, answered, one } = calling();
    one.start();
    one.stop();
    const late = new MemoryTransport();
    dials[0]?.(late);
    await settled();
    assert.ok(late.closed);
    assert.deepEqual(answered, []);
  });

  it('also where it calls again meanwhile', async () => {
    const { dials, answered, one } = calling();
    one.start();
    one.stop();
    one.start();
    const [late, right] = [new MemoryTransport(), new MemoryTransport()];
    dials[0]?.(late);
    dials[1]?.(right);
    await settled();
    assert.ok(late.closed && !right.closed);
    assert.deepEqual(answered, [right]);
    assert.equal(one.underWay, false);
  });

  it('one call at a time, and none that is not wanted', () => {
    const { dials, one } = calling();
    one.start();
    one.start();
    assert.equal(dials.length, 1);
    const unwanted = calling(() => false);
    unwanted.one.start();
    assert.equal(unwanted.dials.length, 0);
  });

  it('none during a rest, one after it', async () => {
    const { clock, dials, one } = calling();
    one.rest(5_000);
    one.start();
    assert.equal(dials.length, 0);
    await clock.advance(5_000);
    assert.equal(dials.length, 1);
    one.stop();
    assert.equal(clock.waiting, 0);
  });
});
