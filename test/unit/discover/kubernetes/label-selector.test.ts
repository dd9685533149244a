import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectFault } from '../../../../src/discover/kubernetes/fields.js';
import {
  anySelects,
  selectorOf,
  selects,
} from '../../../../src/discover/kubernetes/label-selector.js';
import { parsed, type Shape } from './build.js';

const LABELS = { tier: 'edge', zone: 'a', empty: '' };

const ROWS: readonly (readonly [Shape, boolean])[] = [
  [{}, true],
  [{ matchLabels: {}, matchExpressions: [] }, true],
  [{ matchLabels: { tier: 'edge' } }, true],
  [{ matchLabels: { tier: 'edge', zone: 'b' } }, false],
  [{ matchLabels: { none: '' } }, false],
  [{ matchLabels: { empty: '' } }, true],
  [{ matchLabels: { constructor: '' } }, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] }, true],
  [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] }, false],
  [{ matchExpressions: [{ key: 'none', operator: 'In', values: ['a'] }] }, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['b'] }] }, true],
  [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, false],
  [{ matchExpressions: [{ key: 'none', operator: 'NotIn', values: ['a'] }] }, true],
  [{ matchExpressions: [{ key: 'empty', operator: 'Exists' }] }, true],
  [{ matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, false],
  [{ matchExpressions: [{ key: 'none', operator: 'DoesNotExist', values: [] }] }, true],
  [{ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
  [
    {
      matchLabels: { tier: 'edge' },
      matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }],
    },
    false,
  ],
];

const FAULTS: readonly (readonly [Shape, string])[] = [
  [{ matchLabels: [] }, 'matchLabels is not a mapping'],
  [{ matchLabels: { tier: 7 } }, 'matchLabels.tier is not text'],
  [{ matchExpressions: [{ operator: 'Exists' }] }, 'matchExpressions[0].key is missing'],
  [
    { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
    'matchExpressions[0].operator is not one of In, NotIn, Exists and DoesNotExist',
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'In' }] },
    'matchExpressions[0].values is empty, which In allows not',
  ],
];

describe('a label selector', () => {
  for (const [shape, wanted] of ROWS) {
    it(`${JSON.stringify(shape)} ${wanted ? 'takes' : 'leaves'} it`, () => {
      assert.equal(selects(parsed(selectorOf, shape), LABELS), wanted);
    });
  }

  for (const [shape, message] of FAULTS) {
    it(`is none: ${message}`, () => {
      assert.throws(() => parsed(selectorOf, shape), new ObjectFault(message));
    });
  }

  it('in a list: one is enough, and no list takes everything', () => {
    const [edge, core] = ['edge', 'core'].map((tier) =>
      parsed(selectorOf, { matchLabels: { tier } }),
    );
    assert.ok(edge && core);
    assert.equal(anySelects([], LABELS), true);
    assert.equal(anySelects([core, edge], LABELS), true);
    assert.equal(anySelects([core], LABELS), false);
  });
});
