import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, medianOf, percentile, sizeText } from '../../../bench/outcome.js';
import { figuresText, holds, rowsText } from '../../../bench/table-text.js';

describe('statistics', () => {
  it('takes the nearest rank', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2);
    assert.equal(percentile([5], 99), 5);
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.equal(percentile(hundred, 99), 99);
    assert.equal(percentile(hundred, 100), 100);
    assert.ok(Number.isNaN(median([])));
  });

  it('refuses a median over rounds of which one has no value', () => {
    const row = { work: 'w', contestant: 'c', size: 1, rounds: [{ a: 1, b: 1 }, { a: 2 }] };
    assert.equal(medianOf(row, 'a'), 1);
    assert.throws(() => medianOf(row, 'b'), /c has no b at w/);
  });

  it('shortens sizes', () => {
    assert.deepEqual([500, 1_000, 500_000, 1_000_000].map(sizeText), ['500', '1k', '500k', '1M']);
  });
});

describe('the table of results', () => {
  it('has medians, ranges, and ratios to the first of the same work', () => {
    const rows = [
      {
        work: 'loading',
        contestant: 'ours',
        size: 1,
        rounds: [2, 1, 4].map((s) => ({ s, mb: 8 })),
      },
      { work: 'loading', contestant: 'rival', size: 1, rounds: [{ s: 6 }] },
      { work: 'idling', contestant: 'ours', size: 1, rounds: [{ mb: 7 }] },
    ];
    const text = [
      'loading',
      '                  s  mb  ratio',
      '  ours   2 (1 to 4)   8',
      '  rival           6          3',
      '',
      'idling',
      '        mb',
      '  ours   7',
      '',
    ];
    assert.equal(rowsText(rows), text.join('\n'));
  });

  it('says which figures are missed; one that is not a number is', () => {
    const figure = { name: 'time', limit: 1, unit: 's', detail: { rival: 1.23456 } };
    assert.equal(
      figuresText([
        { ...figure, value: 0.5 },
        { ...figure, value: 12, detail: {} },
      ]),
      'time  0.5 s  at most 1  ok      rival 1.23\ntime   12 s  at most 1  MISSED\n',
    );
    assert.equal(holds({ ...figure, value: 1 }), true);
    assert.equal(holds({ ...figure, value: Number.NaN }), false);
  });
});
