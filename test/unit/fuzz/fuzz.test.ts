/** A short run of `npm run test:fuzz`, and that the fuzzer would notice. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bgpTarget } from '../../fuzz/bgp-target.js';
import { fpmTarget } from '../../fuzz/fpm-target.js';
import { FuzzFailure, fuzz } from '../../fuzz/fuzz.js';
import { gobgpTargets } from '../../fuzz/gobgp-target.js';
import { kubernetesTarget } from '../../fuzz/kubernetes-target.js';
import { mutated } from '../../fuzz/mutate.js';
import { Random } from '../../support/random.js';

const SEED = Number(process.env['RIB2FIB_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const COUNT = 20_000;

describe(`mutated messages, seed ${SEED}`, () => {
  for (const target of [bgpTarget(), fpmTarget(), ...gobgpTargets(), kubernetesTarget()]) {
    it(`do ${target.name} no harm`, () => {
      const { outcomes, slowestMs } = fuzz(target, SEED, COUNT);
      assert.ok(slowestMs < 1000, `a message took ${slowestMs} ms`);
      assert.equal(
        outcomes.reduce((sum, [, count]) => sum + count, 0),
        COUNT,
      );
    });
  }

  it('reach every part of the BGP codec', () => {
    const { outcomes } = fuzz(bgpTarget(), SEED, COUNT);
    const names = outcomes.map(([name]) => name);
    for (const name of [
      ...['incomplete', 'open', 'notification', 'route-refresh'],
      ...['update, no fault', 'update, attribute-discard', 'update, treat-as-withdraw'],
      ...['reset 1/1', 'reset 1/2', 'reset 3/1', 'reset 3/2', 'reset 3/9', 'reset 3/10'],
      ...['reset 3/4', 'reset 3/5', 'reset 3/11'],
    ]) {
      assert.ok(names.includes(name), `none was ${name}: ${names.join('; ')}`);
    }
  });
});

describe('the fuzzer', () => {
  const corpus = [Buffer.from('0123456789'), Buffer.from('abcdefghij')];

  it('draws the same messages of the same seed, and leaves the corpus alone', () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 200 }, () => mutated(corpus, random).toString('hex'));
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    assert.deepEqual(corpus.map(String), ['0123456789', 'abcdefghij']);
  });

  for (const [what, run] of [
    ['throws something of its own', () => assert.fail('a bug')],
    [
      'writes to its input',
      (bytes: Buffer) => {
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        return 'done';
      },
    ],
  ] as const) {
    it(`notices a decoder that ${what}`, () => {
      const target = { name: 'faulty', draw: () => Buffer.from('xy'), run };
      assert.throws(
        () => fuzz(target, 1, 10),
        (error) => error instanceof FuzzFailure && /message 1, 2 octets: 7879/.test(error.message),
      );
    });
  }
});
