import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Prefix } from '../../../../src/net/prefix.js';
import { GobgpError } from '../../../../src/source/gobgp/gobgp-error.js';
import type { KnownPath } from '../../../../src/source/gobgp/known-path.js';
import { PrefixReader } from '../../../../src/source/gobgp/prefix-reader.js';
import { path, prefix } from '../build.js';
import { FakeClock, settled } from '../fake-clock.js';

const A = prefix('10.1.0.0/16');
const LONGER = prefix('10.1.2.0/24');
const KNOWN: KnownPath = {
  ...{ source: '10.9.0.2', pathId: 0, set: [path('10.9.0.2')], local: false, unreachable: false },
};

/** A reader over a table; calls end when the test says so. */
function reading(table: readonly Prefix[]) {
  const clock = new FakeClock();
  const found: string[] = [];
  const calls: { readonly asked: readonly Prefix[]; end(error?: Error): void }[] = [];
  const reader = new PrefixReader({
    clock,
    signal: new AbortController().signal,
    list: (family, asked, each) =>
      new Promise((resolve, reject) => {
        calls.push({
          asked,
          end(error) {
            if (error !== undefined) return reject(error);
            for (const prefix of table) if (prefix.family === family) each(prefix, [KNOWN]);
            resolve();
          },
        });
      }),
    found: (prefix, known) => found.push(`${prefix} ${known.length}`),
  });
  const changed = (prefix: Prefix) => {
    if (reader.changed(prefix)) void reader.settle();
  };
  return { ...{ clock, found, calls, reader, changed } };
}

describe('PrefixReader', () => {
  it('tells what a prefix has now, and only of those asked for', async () => {
    const t = reading([A, LONGER]);
    t.changed(A);
    t.calls[0]?.end();
    await settled();
    assert.deepEqual(t.found, ['10.1.0.0/16 1']);
    assert.equal(t.reader.size, 0);
  });

  it('tells of a prefix that is gone', async () => {
    const t = reading([]);
    t.changed(A);
    t.calls[0]?.end();
    await settled();
    assert.deepEqual(t.found, ['10.1.0.0/16 0']);
  });

  it('reads a prefix again that changed while it was read', async () => {
    const t = reading([A]);
    t.changed(A);
    t.changed(A);
    assert.equal(t.calls.length, 1);
    t.calls[0]?.end();
    await settled();
    t.calls[1]?.end();
    await settled();
    assert.deepEqual(t.found, ['10.1.0.0/16 1', '10.1.0.0/16 1']);
  });

  it('reads many in batches of 500', async () => {
    const many = Array.from({ length: 1200 }, (_, i) => prefix(`10.${i >> 8}.${i & 255}.0/24`));
    const t = reading(many);
    for (const each of many) t.changed(each);
    for (let i = 0; i < t.calls.length; i++) {
      t.calls[i]?.end();
      await settled();
    }
    assert.equal(t.found.length, 1200);
    assert.ok(t.calls.every(({ asked }) => asked.length <= 500));
  });

  it('asks again after a refusal', async () => {
    const t = reading([A]);
    t.changed(A);
    t.calls[0]?.end(new GobgpError('broken', 'not now'));
    await settled();
    assert.equal(t.reader.size, 1);
    await t.clock.advance(1000);
    t.calls[1]?.end();
    await settled();
    assert.deepEqual(t.found, ['10.1.0.0/16 1']);
  });
});
