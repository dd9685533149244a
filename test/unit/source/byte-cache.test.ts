/** Values remembered by the bytes they were made from. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteCache, ByteKey } from '../../../src/source/byte-cache.js';

function keyOf(...runs: readonly Uint8Array[]): ByteKey {
  const key = new ByteKey();
  for (const run of runs) key.add(Buffer.from(run), 0, run.length);
  return key;
}

/** Two keys of one hash: FNV-1a has 32 bits, so some ten thousand numbers are enough. */
function colliding(): readonly [ByteKey, ByteKey] {
  const known = new Map<number, Buffer>();
  for (let number = 0; ; number++) {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(Math.imul(number, 0x9e3779b1) >>> 0, 2);
    bytes.writeUInt16BE(number & 0xffff, 6);
    const key = keyOf(bytes);
    const other = known.get(key.hash);
    if (other !== undefined && !other.equals(bytes)) return [keyOf(other), key];
    known.set(key.hash, bytes);
  }
}

describe('ByteCache', () => {
  const runs = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 5 });

  it('gives the same bytes the same value, and others another', () => {
    fc.assert(
      fc.property(fc.array(runs, { maxLength: 20 }), (keys) => {
        const cache = new ByteCache<string>();
        // A run of zeros is not told from a gap; what is put in says its length.
        const name = (one: readonly Uint8Array[]) => one.map((run) => `${[...run]},0,`).join('');
        for (const one of [...keys, ...keys]) {
          assert.equal(
            cache.get(keyOf(...one), () => name(one)),
            name(one),
          );
        }
      }),
    );
  });

  it('makes a value once', () => {
    const cache = new ByteCache<object>();
    const first = cache.get(keyOf(Buffer.from('abc')), () => ({}));
    const second = cache.get(keyOf(Buffer.from('abc')), () => assert.fail('made again'));
    assert.equal(second, first);
  });

  it('never takes one for another of the same hash', () => {
    const [one, other] = colliding();
    assert.equal(one.hash, other.hash);
    const cache = new ByteCache<string>();
    for (let round = 0; round < 3; round++) {
      assert.equal(
        cache.get(one, () => 'one'),
        'one',
      );
      assert.equal(
        cache.get(other, () => 'other'),
        'other',
      );
    }
  });

  it('makes each of a full table of attribute sets once, in whatever order they come', () => {
    const cache = new ByteCache<number>();
    let made = 0;
    const bytes = Buffer.alloc(12);
    const key = new ByteKey();
    for (let at = 0; at < 300_000; at++) {
      // A step that is prime to the number of keys: each is met three times, far apart.
      const number = (at * 33_331) % 100_000;
      bytes.writeUInt32BE(number, 4);
      key.clear();
      key.add(bytes, 0, bytes.length);
      const value = cache.get(key, () => {
        made++;
        return number;
      });
      if (value !== number) assert.fail(`${value} for ${number}`);
    }
    // Some are pushed out by others of their hash, or by a crowd.
    assert.ok(made < 101_000, `${made} made`);
  });

  it('looks at few places for a key whose hash comes amid a crowd, and finds the right value or makes it', () => {
    const crowd: Buffer[] = [];
    for (let number = 0; crowd.length < 3_000; number++) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      if ((keyOf(bytes).hash & 0x3ff) === 7) crowd.push(bytes);
    }
    const cache = new ByteCache<string>();
    let made = 0;
    for (const bytes of [...crowd, ...crowd]) {
      const name = bytes.toString('hex');
      const value = cache.get(keyOf(bytes), () => {
        made++;
        return name;
      });
      assert.equal(value, name);
    }
    // All of them near one place: most push each other out.
    assert.ok(made > crowd.length * 1.5, `${made} made`);
  });

  it('keeps keys of any length up to 64 KiB apart, and makes what belongs to longer ones anew', () => {
    const cache = new ByteCache<number>();
    const lengths = [1, 30_000, 40_000, 65_535, 65_536, 70_000, 2, 65_534];
    const made: number[] = [];
    for (const length of [...lengths, ...lengths]) {
      const value = cache.get(keyOf(Buffer.alloc(length, length & 255)), () => {
        made.push(length);
        return length;
      });
      assert.equal(value, length);
    }
    // A gap of one octet follows a run.
    assert.deepEqual(made, [...lengths, 65_536, 70_000]);
  });

  it('does not depend on the bytes after they were added', () => {
    const bytes = Buffer.from('abc');
    const key = new ByteKey();
    key.add(bytes, 0, 3);
    const cache = new ByteCache<string>();
    cache.get(key, () => 'abc');
    bytes.fill(0);
    key.clear();
    key.add(Buffer.from('xabcx'), 1, 4);
    assert.equal(
      cache.get(key, () => 'made again'),
      'abc',
    );
  });

  it('forgets what was not used for two generations, and keeps what was', () => {
    const cache = new ByteCache<number>();
    const get = (number: number) => {
      let made = false;
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      cache.get(keyOf(bytes), () => {
        made = true;
        return number;
      });
      return made;
    };
    const used = 0;
    const unused = 1;
    get(unused);
    for (let number = 2; number < 280_000; number++) {
      get(number);
      if (number % 1000 === 0) assert.equal(get(used), number === 1000, `at ${number}`);
    }
    assert.equal(get(unused), true);
  });

  it('forgets everything when told to', () => {
    const cache = new ByteCache<string>();
    cache.get(keyOf(Buffer.from('abc')), () => 'before');
    cache.clear();
    assert.equal(
      cache.get(keyOf(Buffer.from('abc')), () => 'after'),
      'after',
    );
  });
});
