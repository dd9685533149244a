import assert from 'node:assert/strict';
import { it } from 'node:test';
import { latenciesOf } from '../../../bench/latencies.js';

const MS = 1_000_000n;
const A = '10.1.0.0/24';
const B = '10.2.0.0/24';

it('takes the first new route behind each change', () => {
  const latencies = latenciesOf(
    [
      { at: 100n * MS, prefixes: [A, B] },
      { at: 200n * MS, prefixes: ['10.3.0.0/24'] },
    ],
    [
      { at: 50n * MS, event: 'new', prefix: A }, // Of the load.
      { at: 101n * MS, event: 'gone', prefix: A },
      { at: 102n * MS, event: 'new', prefix: A },
      { at: 103n * MS, event: 'new', prefix: B },
      { at: 199n * MS, event: 'new', prefix: A },
      { at: 207n * MS, event: 'new', prefix: '10.3.0.0/24' },
    ],
  );
  assert.deepEqual(latencies, { p50: 3, p99: 7, max: 7 });
});

it('leaves nothing out: a change that the kernel never told of is an error', () => {
  const changes = [{ at: 100n, prefixes: [A, B] }];
  assert.throws(() => latenciesOf(changes, [{ at: 101n, event: 'new', prefix: A }]), {
    message: `the kernel never told of ${B}`,
  });
  assert.throws(() => latenciesOf(changes, [{ at: 99n, event: 'new', prefix: A }]));
});
