import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectChoice } from '../../../src/desired/object-choice.js';

describe('ObjectChoice', () => {
  it('takes groups above 10,000 routes and goes back below 5,000, both only with all written anew', () => {
    const choice = new ObjectChoice('auto', false);
    assert.deepEqual([choice.choose(10_000, true), choice.use], [false, false]);
    assert.deepEqual([choice.choose(10_001, true), choice.use], [true, true]);
    assert.deepEqual([choice.choose(5_000, true), choice.use], [false, true]);
    assert.deepEqual([choice.choose(4_999, true), choice.use], [true, false]);
    assert.equal(choice.mixed, false);
  });

  it('leaves what is written inline until the feed is complete, and is mixed until all is written', () => {
    const choice = new ObjectChoice('auto', false);
    assert.equal(choice.choose(10_001, false), false);
    assert.deepEqual([choice.use, choice.mixed], [true, true]);
    choice.settle();
    assert.equal(choice.mixed, false);
  });

  it('does not shrink before the feed is complete', () => {
    const choice = new ObjectChoice('auto', true);
    assert.deepEqual([choice.choose(10, false), choice.use], [false, true]);
  });

  it('stays as configured where it is no choice', () => {
    const always = new ObjectChoice('always', false);
    const never = new ObjectChoice('never', true);
    never.adopt();
    assert.deepEqual([always.choose(0, true), always.use], [false, true]);
    assert.deepEqual([never.choose(1_000_000, true), never.use], [false, false]);
  });
});
