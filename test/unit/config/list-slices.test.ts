import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ConfigFault } from '../../../src/config/config.js';
import { parseYaml } from '../../../src/config/document.js';
import { parseListSlices } from '../../../src/config/list-slices.js';

interface Read {
  readonly slices: number;
  readonly values: readonly unknown[];
  /** One told of each item, where the slice says that the item is. */
  readonly places: readonly ConfigFault[];
  readonly faults: readonly ConfigFault[];
}

async function read(text: string): Promise<Read> {
  let slices = 0;
  const values: unknown[] = [];
  const places: ConfigFault[] = [];
  const faults: ConfigFault[] = [];
  for await (const slice of parseListSlices('l.yaml', text)) {
    slices++;
    if (!slice.ok) {
      faults.push(...slice.faults);
      continue;
    }
    const { document, first } = slice;
    assert.equal(first, values.length);
    assert.ok(Array.isArray(document.value));
    for (const [index, value] of document.value.entries()) {
      values.push(value);
      places.push(document.fault([index], 'here'));
    }
  }
  return { slices, values, places, faults };
}

const item = fc.oneof(
  fc.integer({ min: 1, max: 400 }).map((n) => `- { a: "${'x'.repeat(n)}" }`),
  fc.integer({ min: 1, max: 400 }).map((n) => `-\n  a: ${'x'.repeat(n)}\n  b:\n    - 1\n    - 2`),
  fc.constant('- |\n  - looks like an item\n   - and is text\n'),
  fc.constant('- - 1\n  - 2'),
  fc.constant('- "over\n  - two lines"'),
  fc.constant('# a comment\n- 1'),
  fc.constant('- -1\r'),
);

describe('a long YAML list', () => {
  it('is cut without loss, every item at its place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(
          '',
          '# head\n',
          '---\n',
          '\n# head\n---\n\n',
          '# long head\n'.repeat(2_000),
        ),
        fc.integer({ min: 0, max: 3 }),
        async (items, head, indent) => {
          const body = items.join('\n').replaceAll(/^/gm, ' '.repeat(indent));
          const text = `${head}${body}\n`;
          const { values, places, faults } = await read(text);
          const whole = parseYaml('l.yaml', text);
          assert.ok(whole.ok, 'the test writes YAML');
          assert.deepEqual(faults, []);
          assert.deepEqual(values, whole.document.value);
          const expected = values.map((_, index) => whole.document.fault([index], 'here'));
          assert.deepEqual(places, expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  const MANY = Array.from({ length: 2_000 }, (_, index) => `- { number: ${index} }`);

  it('leaves the event loop its turns', async () => {
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    const { slices, values } = await read(MANY.join('\n'));
    clearImmediate(next);
    assert.equal(values.length, 2_000);
    assert.ok(slices >= 4, `${slices} slices`);
    assert.ok(turns >= slices - 1, `${turns} turns`);
  });

  it('tells the line of a fault behind the first slice, and ends there', async () => {
    const { faults, values } = await read([...MANY, '- { number: 1 ', ...MANY].join('\n'));
    assert.deepEqual(
      faults.map(({ line }) => line),
      [2_002],
    );
    assert.ok(values.length <= 2_000);
  });

  it('of two documents is one slice, and refused', async () => {
    for (const end of ['---', '...']) {
      const { slices, faults } = await read([...MANY, end, ...MANY].join('\n'));
      assert.equal(slices, 1);
      assert.match(faults[0]?.message ?? '', /second YAML document/);
    }
  });

  it('is cut as JSON writes it, every item at its place', async () => {
    const value = fc.oneof(
      fc.string({ maxLength: 300, unit: 'grapheme-ascii' }),
      fc.record({ a: fc.integer(), b: fc.array(fc.constantFrom('],', '"', '\\', '- x')) }),
      fc.constantFrom(null, true, -1.5, []),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0, 2),
        async (list, indent) => {
          const text = JSON.stringify(list, undefined, indent);
          const { values, places, slices } = await read(text);
          assert.deepEqual(values, JSON.parse(text));
          assert.ok(slices > text.length / 2 ** 15, `${slices} slices`);
          const whole = parseYaml('l.yaml', text);
          assert.ok(whole.ok);
          const expected = list.map((_, index) => whole.document.fault([index], 'here'));
          assert.deepEqual(places, expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('in one piece is bounded', async () => {
    const small = `[ ${"{ 'a': 1 }, ".repeat(10_000)} ]`;
    assert.equal((await read(small)).values.length, 10_000);
    const { faults } = await read(`[ ${"{ 'a': 1 }, ".repeat(60_000)} ]`);
    assert.deepEqual(faults, [
      {
        ...{ file: 'l.yaml', line: 1, column: 1, path: '' },
        message:
          'more than 512 KiB without a new item: begin each item on a line of its own, with a dash',
      },
    ]);
  });
});
