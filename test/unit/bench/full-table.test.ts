import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fullTable, LONGEST, samplesOf } from '../../../bench/full-table.js';
import { Prefix } from '../../../src/net/prefix.js';
import { prefixesOf } from '../../support/routes.js';

const COUNT = 20_000;

for (const family of ['ipv4', 'ipv6'] as const) {
  describe(`a made-up ${family} table`, () => {
    const sets = fullTable(COUNT, { family, nextHop: '10.9.0.2' });
    const prefixes = prefixesOf(sets);

    it('has so many prefixes, each once, canonical, of its family', () => {
      assert.equal(new Set(prefixes).size, COUNT);
      for (const text of prefixes) {
        const prefix = Prefix.parse(text);
        assert.ok(prefix instanceof Prefix, text);
        assert.equal(prefix.address.family, family);
        assert.equal(String(prefix), text);
      }
    });

    it('is the same every time, and a smaller one is its beginning', () => {
      assert.deepEqual(fullTable(COUNT, { family, nextHop: '10.9.0.2' }), sets);
      const fewer = prefixesOf(fullTable(1_000, { family, nextHop: '10.9.0.2' }));
      assert.deepEqual(fewer, prefixes.slice(0, 1_000));
    });

    it('has the shares of lengths that are told of it', () => {
      const longest = prefixes.filter((prefix) => prefix.endsWith(`/${LONGEST[family]}`)).length;
      const share = { ipv4: 0.6, ipv6: 0.48 }[family];
      assert.ok(Math.abs(longest / COUNT - share) < 0.02, `${longest} of ${COUNT}`);
    });

    it('shares attributes among about ten prefixes, communities with most', () => {
      assert.ok(Math.abs(COUNT / sets.length - 10) < 0.5, `${sets.length} sets`);
      const tagged = sets.filter(({ attributes }) => attributes.communities !== undefined);
      assert.ok(tagged.length > sets.length / 2);
    });

    it('does not run through addresses in order', () => {
      const keys = prefixes
        .map((text) => Prefix.parse(text))
        .filter((prefix) => prefix instanceof Prefix && prefix.length === LONGEST[family])
        .map((prefix) => (prefix instanceof Prefix ? prefix.key : ''));
      const rising = keys.filter((key, i) => key > (keys[i - 1] ?? '')).length;
      assert.ok(rising > keys.length * 0.3 && rising < keys.length * 0.7, `${rising}`);
    });

    it('has samples that nothing else in it lies within', () => {
      const samples = samplesOf(prefixes, family, 500);
      assert.equal(new Set(samples).size, 500);
      const known = new Set(prefixes);
      for (const sample of samples) {
        assert.ok(known.has(sample));
        assert.ok(sample.endsWith(`/${LONGEST[family]}`));
      }
      assert.equal(
        samples[0],
        prefixes.findLast((one) => one.endsWith(`/${LONGEST[family]}`)),
      );
    });
  });
}

it('has no room for more than two million', () => {
  assert.throws(() => fullTable(2_000_001, { family: 'ipv4', nextHop: '10.9.0.2' }), RangeError);
});
