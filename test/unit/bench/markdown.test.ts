import assert from 'node:assert/strict';
import { it } from 'node:test';
import { markdown } from '../../../bench/markdown.js';

it('says what was measured, on what, and beside whom', () => {
  const kept = { medians: {}, ratio: 1, size: 1 };
  const text = markdown({
    date: '2026-11-22T03:04:05.000Z',
    scale: 'full',
    machine: { kernel: '6.18', node: 'v20.20.2', cpus: 2 },
    versions: { bird: '2.0.12', frr: '8.4.4' },
    rows: [
      {
        ...kept,
        work: 'loading',
        contestant: 'rib2fib',
        rounds: [
          { 'time s': 2, mb: 9 },
          { 'time s': 3, mb: 9 },
          { 'time s': 9, mb: 9 },
        ],
      },
      { ...kept, work: 'loading', contestant: 'BIRD 2', rounds: [{ 'time s': 6 }] },
      { ...kept, work: 'restart', contestant: 'rib2fib', rounds: [{ writes: 0 }] },
    ],
    figures: [
      { name: 'loading', value: 0.5, limit: 0.9, unit: 'x', detail: {} },
      { name: 'memory', value: 301, limit: 300, unit: 'MB', detail: {} },
    ],
  });
  const lines = [
    '`npm run bench` of 2026-11-22: 2 cores, Linux 6.18, Node 20.20.2, bird 2.0.12, frr 8.4.4.',
    '',
    '| | rib2fib | beside it |',
    '|---|---|---|',
    '| loading, time s | 3 | BIRD 2 6 (2 times) |',
    '| restart, writes | 0 |  |',
    '',
    '| | measured | at most |',
    '|---|---|---|',
    '| loading | 0.5 x | 0.9 x |',
    '| memory | 301 MB, missed | 300 MB |',
    '',
  ];
  assert.equal(text, lines.join('\n'));
});
