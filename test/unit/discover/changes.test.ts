import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discoveryChanges } from '../../../src/discover/changes.js';
import type { Discovered } from '../../../src/discover/discovered.js';
import { discovered } from '../desired/found.js';

const lines = (before: Discovered | undefined, after: Discovered) =>
  discoveryChanges(before, after, (id) => `t${id}`);

describe('what discovery has found, as the log has it', () => {
  it('is what came and what went, with whose it is', () => {
    const one = discovered({ from: ['203.0.113.0/24 blue'], gateways: ['10.9.0.2'] });
    const other = discovered({ from: ['203.0.113.0/25 blue'], gateways: ['10.9.0.2', '10.9.0.3'] });
    assert.deepEqual(lines(undefined, one), [
      'table t100: from +203.0.113.0/24 (CiliumLoadBalancerIPPool blue); gateways +10.9.0.2 (weight 1)',
    ]);
    assert.deepEqual(lines(one, other), [
      'table t100: from +203.0.113.0/25 (CiliumLoadBalancerIPPool blue), -203.0.113.0/24; gateways +10.9.0.3 (weight 1)',
    ]);
    assert.deepEqual(
      lines(
        one,
        discovered({ settled: false, from: ['203.0.113.0/24 blue'], gateways: ['10.9.0.2'] }),
      ),
      [],
    );
  });

  it('is of kept ranges those that are others, or somebody else’s', () => {
    const kept = (...ranges: readonly string[]) => discovered({}, ranges);
    const one = kept('10.244.1.0/24 node-a', '10.244.2.0/24 node-b');
    assert.deepEqual(lines(one, one), []);
    assert.deepEqual(lines(one, kept('10.244.1.0/24 node-a', '10.244.2.0/24 node-b')), []);
    assert.deepEqual(lines(one, kept('10.244.2.0/24 node-c', '10.244.3.0/24 node-d')), [
      'kept +10.244.2.0/24 (pod CIDR of node-c), +10.244.3.0/24 (pod CIDR of node-d), -10.244.1.0/24',
    ]);
    const many = Array.from({ length: 20 }, (_, i) => `10.245.${i}.0/24 n${i}`);
    assert.match(
      lines(kept(), kept(...many))[0] ?? '',
      /10\.245\.7\.0\/24 \(pod CIDR of n7\) and 12 more$/,
    );
  });
});
