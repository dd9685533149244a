import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GobgpError } from '../../../../src/source/gobgp/gobgp-error.js';
import {
  type SessionsNow,
  WithdrawalParking,
} from '../../../../src/source/gobgp/withdrawal-parking.js';
import { prefix } from '../build.js';
import { FakeClock, settled } from '../fake-clock.js';

const A = prefix('10.1.0.0/16');
const B = prefix('10.2.0.0/16');

/** A parking whose questions the test answers. */
function parked() {
  const clock = new FakeClock();
  const stop = new AbortController();
  const released: string[] = [];
  const questions: { answer(sessions: SessionsNow): void; fail(error: Error): void }[] = [];
  let ended: unknown;
  const parking = new WithdrawalParking<typeof A>({
    clock,
    askSessions: () =>
      new Promise((resolve, reject) => questions.push({ answer: resolve, fail: reject })),
    release: (prefixes) => {
      for (const { text } of prefixes) released.push(text);
    },
  });
  return {
    ...{ clock, stop, released, questions, parking },
    ended: () => ended,
    withdraw(withdrawn: typeof A) {
      if (!parking.hold(withdrawn)) return;
      parking.settle(stop.signal).catch((error) => {
        ended = error;
      });
    },
    async answer(sessions: SessionsNow) {
      questions.shift()?.answer(sessions);
      await settled();
    },
  };
}

describe('WithdrawalParking', () => {
  it('passes a withdrawal on after one question, while a peer is up', async () => {
    const t = parked();
    t.withdraw(A);
    assert.deepEqual(t.released, []);
    await t.answer('some-established');
    assert.deepEqual(t.released, ['10.1.0.0/16']);
    assert.equal(t.clock.waiting, 0);
    assert.equal(t.parking.size, 0);
  });

  it('asks again for what came after the question', async () => {
    const t = parked();
    t.withdraw(A);
    t.withdraw(B);
    await t.answer('some-established');
    assert.deepEqual(t.released, ['10.1.0.0/16']);
    await t.answer('some-established');
    assert.deepEqual(t.released, ['10.1.0.0/16', '10.2.0.0/16']);
  });

  it('forgets a withdrawal that a new path has overtaken', async () => {
    const t = parked();
    t.withdraw(A);
    t.parking.cancel(A.key);
    await t.answer('some-established');
    assert.deepEqual(t.released, []);
    assert.equal(t.parking.size, 0);
  });

  it('keeps one that was withdrawn, announced, and withdrawn again, for the next question', async () => {
    const t = parked();
    t.withdraw(A);
    t.parking.cancel(A.key);
    t.withdraw(A);
    await t.answer('some-established');
    assert.deepEqual(t.released, []);
    await t.answer('some-established');
    assert.deepEqual(t.released, ['10.1.0.0/16']);
  });

  it('with no peer up waits for two seconds of silence', async () => {
    const t = parked();
    t.withdraw(A);
    await t.answer('none-established');
    await t.clock.advance(1500);
    t.withdraw(B);
    await t.clock.advance(1500);
    assert.equal(t.questions.length, 0);
    await t.clock.advance(500);
    await t.answer('none-established');
    assert.deepEqual(t.released, ['10.1.0.0/16', '10.2.0.0/16']);
  });

  it('drops all when gobgpd says that it has stopped', async () => {
    const t = parked();
    t.withdraw(A);
    const stopped = new GobgpError('bgp-stopped', 'stopped');
    t.questions.shift()?.fail(stopped);
    await settled();
    assert.equal(t.ended(), stopped);
    assert.deepEqual(t.released, []);
  });

  it('drops all when the stream ends while gobgpd does not answer', async () => {
    const t = parked();
    t.withdraw(A);
    await t.answer('unknown');
    const end = new Error('stream ended');
    t.stop.abort(end);
    await settled();
    assert.equal(t.ended(), end);
    assert.deepEqual(t.released, []);
  });

  it('asks again where there was no answer', async () => {
    const t = parked();
    t.withdraw(A);
    await t.answer('unknown');
    await t.clock.advance(1000);
    await t.answer('some-established');
    assert.deepEqual(t.released, ['10.1.0.0/16']);
  });

  it('does not let go of one whose answer came as the feed ended', async () => {
    const t = parked();
    t.withdraw(A);
    await t.answer('none-established');
    t.stop.abort(new Error('stream ended'));
    await settled();
    assert.deepEqual(t.released, []);
  });
});
