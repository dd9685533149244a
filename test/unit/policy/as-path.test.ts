import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileAsPath } from '../../../src/policy/as-path.js';
import { AsPathCache } from '../../../src/policy/as-path-cache.js';
import { type Attributes, asPathText } from '../../../src/rib/path.js';
import { attributes, sequence } from './build.js';

function matches(pattern: string, text: string): boolean {
  const compiled = compileAsPath(pattern);
  assert.ok(compiled.ok, pattern);
  return compiled.matches(text);
}

test('patterns match as in Cisco and FRR', () => {
  const table: [pattern: string, matching: string[], others: string[]][] = [
    ['^$', [''], ['65001']],
    ['.*', ['', '65001 65002'], []],
    ['^65001$', ['65001'], ['65001 65002', '165001', '']],
    ['^65001_', ['65001', '65001 65002', '65001 {65002}'], ['650010', '65002 65001']],
    ['_65010$', ['65010', '65001 65010'], ['65001 165010', '65010 65001', '65001 {65010}']],
    ['_65002_', ['65002', '65001 65002 65003', '65001 {65002,65003}', '(65002) 1'], ['165002 3']],
    ['^65001_[0-9]+$', ['65001 65002'], ['65001', '65001 65002 65003']],
    ['^(65001_)+$', ['65001', '65001 65001 65001'], ['65001 65002']],
    ['^65001( 65001)*$', ['65001', '65001 65001'], ['65001 65002']],
    ['65001', ['165001', '65001', '650012'], ['6500 1']],
    ['[{]', ['65001 {65002}'], ['65001 65002']],
    ['\\{65002,65003\\}', ['65001 {65002,65003}'], ['65001 65002 65003']],
    ['^65001_{', ['65001 {65002}'], ['65001 65002']],
    ['^[[:digit:]]{5}$', ['65001'], ['6500', '65001 65002']],
    ['^65001_65002_65003$', ['65001 65002 65003'], ['65001  65002']],
  ];
  for (const [pattern, matching, others] of table) {
    for (const text of matching) assert.ok(matches(pattern, text), `${pattern} on "${text}"`);
    for (const text of others) assert.ok(!matches(pattern, text), `${pattern} on "${text}"`);
  }
});

test('the brackets of a confederation set are no delimiters, as in FRR', () => {
  const inSet = attributes({ asPath: [{ type: 'confed-set', asns: [65001, 65002, 65003] }] });
  assert.equal(asPathText(inSet), '[65001,65002,65003]');
  assert.equal(matches('_65002_', asPathText(inSet)), true);
  assert.equal(matches('_65001_', asPathText(inSet)), false);
});

test('a pattern that does not compile is a message, not an exception', () => {
  for (const pattern of ['(', '[0-9', '*', '65001)', '(?=65001)', '(1)\\1', '[_]', '^[^_0-9]']) {
    const compiled = compileAsPath(pattern);
    assert.ok(!compiled.ok, pattern);
    assert.match(compiled.message, /./);
    assert.doesNotMatch(compiled.message, /\n/);
  }
});

test('time is linear in the path where a backtracking engine would not end', () => {
  assert.equal(matches('^(([0-9]+)+_?)+x$', '1'.repeat(5000)), false);
});

test('a pattern runs once for each attributes object, and equal patterns share a number', () => {
  const cache = new AsPathCache();
  const first = cache.add('^65001_');
  assert.equal(cache.add('^65001_'), first);
  const second = cache.add('_65003$');
  let reads = 0;
  const counted = (asPath: Attributes['asPath']): Attributes => ({
    ...attributes(),
    get asPath() {
      reads++;
      return asPath;
    },
  });
  const a = counted(sequence(65001, 65002));
  const b = counted(sequence(65002, 65003));
  for (let i = 0; i < 10; i++) {
    assert.equal(cache.matches(first, a), true);
    assert.equal(cache.matches(second, a), false);
    assert.equal(cache.matches(first, b), false);
    assert.equal(cache.matches(second, b), true);
  }
  assert.equal(reads, 2);
  assert.throws(() => cache.add('('), /AS-path pattern \(/);
});
