import assert from 'node:assert/strict';
import { test } from 'node:test';
import { warningsOf } from '../../../src/cli/check.js';
import { config, table } from '../desired/build.js';
import { rule } from '../policy/build.js';

test('a rule that names a peer is warned of, unless the source offers every path', () => {
  const filters = [
    rule('permit', 'filters[0]', { peer: '10.9.0.2', text: 'permit: { peer: 10.9.0.2 }' }),
    rule('permit', 'filters[1]', { peerAs: 65001 }),
    rule('permit', 'filters[2]', { originAs: 65001 }),
  ];
  const best = config(table({ filters }));
  assert.ok(best.source.kind === 'gobgp');
  const warnings = warningsOf(best);
  assert.equal(warnings.length, 2);
  assert.equal(
    warnings[0],
    "table fabric: filters[0] (permit: { peer: 10.9.0.2 }) names a peer, but the source offers only its best path of a prefix: where another peer wins, this rule does not see this one's (source.gobgp.paths: all offers every path)",
  );
  const gobgp = { ...best.source.gobgp, paths: 'all' } as const;
  assert.deepEqual(warningsOf({ ...best, source: { kind: 'gobgp', gobgp } }), []);
});
