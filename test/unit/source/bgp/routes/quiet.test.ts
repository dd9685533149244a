import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Quiet } from '../../../../../src/source/bgp/routes/quiet.js';
import { FakeClock } from '../../fake-clock.js';

const PATIENCE = 2_000;

/** Looks when it is told to until silence is over; returns the milliseconds that took. */
async function untilOver(quiet: Quiet, clock: FakeClock, first: number): Promise<number> {
  const start = clock.monotonic();
  let wait = first;
  for (;;) {
    await clock.advance(wait);
    const look = quiet.look(PATIENCE);
    if (look.over) return clock.monotonic() - start;
    wait = look.wait;
  }
}

describe('Quiet', () => {
  it('is over once nothing was heard for just so long', async () => {
    const clock = new FakeClock();
    const quiet = new Quiet(clock, () => true);
    const wait = quiet.begin();
    await clock.advance(100);
    quiet.heard();
    assert.equal(await untilOver(quiet, clock, wait - 100), PATIENCE);
  });

  it('does not count what the process was held up for', async () => {
    const clock = new FakeClock();
    const quiet = new Quiet(clock, () => true);
    const wait = quiet.begin();
    await clock.stall(60_000);
    const { over, wait: next, missed } = quiet.look(PATIENCE);
    assert.equal(over, false);
    assert.equal(missed, 60_000 - wait);
    assert.equal(await untilOver(quiet, clock, next), PATIENCE - wait);
  });

  it('does not count what was not listened to', async () => {
    const clock = new FakeClock();
    let listening = false;
    const quiet = new Quiet(clock, () => listening);
    let wait = quiet.begin();
    for (let i = 0; i < 100; i++) {
      await clock.advance(wait);
      const look = quiet.look(PATIENCE);
      assert.equal(look.over, false);
      wait = look.wait;
    }
    listening = true;
    assert.equal(await untilOver(quiet, clock, wait), PATIENCE);
  });
});
