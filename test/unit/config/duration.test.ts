import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatDuration, parseDuration } from '../../../src/config/duration.js';

it('reads one number with one unit', () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['500ms', 500],
    ['0s', 0],
    ['30s', 30_000],
    ['5m', 300_000],
    ['596h', 596 * 3_600_000],
    ['597h', undefined],
    ['1h30m', undefined],
    ['1.5h', undefined],
    ['-1s', undefined],
    ['030s', undefined],
    ['30', undefined],
    ['30 s', undefined],
    ['forever', undefined],
    ['', undefined],
  ];
  for (const [text, milliseconds] of rows) assert.equal(parseDuration(text), milliseconds, text);
});

it('prints the largest unit that leaves a whole number', () => {
  const rows: readonly (readonly [number, string])[] = [
    [0, '0ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [120_000, '2m'],
    [3_600_000, '1h'],
    [Number.POSITIVE_INFINITY, 'forever'],
  ];
  for (const [milliseconds, text] of rows) assert.equal(formatDuration(milliseconds), text);
});

it('waits for no longer than a timer can', () => {
  assert.ok((parseDuration('596h') ?? 0) <= 2 ** 31 - 1);
});
