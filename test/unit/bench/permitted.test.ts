import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { permittedOf } from '../../../bench/permitted.js';

it('permits an entry itself and what lies in it, no longer than /24', () => {
  const entries = ['10.0.0.0/8', '192.0.2.0/24', '198.51.100.0/23'];
  const table = [
    ...['10.0.0.0/8', '10.1.0.0/16', '10.255.255.0/24', '10.0.0.0/25', '10.0.0.0/7', '11.0.0.0/8'],
    ...['192.0.2.0/24', '192.0.2.128/25', '192.0.3.0/24', '192.0.2.0/23'],
    ...['198.51.101.0/24', '198.51.100.0/22', '223.255.255.0/24'],
  ];
  assert.deepEqual(permittedOf(table, entries), [
    ...['10.0.0.0/8', '10.1.0.0/16', '10.255.255.0/24', '192.0.2.0/24', '198.51.101.0/24'],
  ]);
});

it('agrees with a comparison of bits in text', () => {
  const prefix = fc.tuple(fc.nat(0xffff), fc.integer({ min: 8, max: 26 })).map(([bits, length]) => {
    const word = (((0x0a00 << 16) | (bits << 8)) >>> 0).toString(2).padStart(32, '0');
    const cut = word.slice(0, length).padEnd(32, '0');
    const octets = [0, 8, 16, 24].map((at) => Number.parseInt(cut.slice(at, at + 8), 2));
    return { text: `${octets.join('.')}/${length}`, bits: cut.slice(0, length) };
  });
  fc.assert(
    fc.property(fc.array(prefix), fc.array(prefix, { maxLength: 8 }), (table, entries) => {
      const covered = table.filter(
        ({ bits }) => bits.length <= 24 && entries.some((entry) => bits.startsWith(entry.bits)),
      );
      const text = (list: typeof table) => list.map((one) => one.text);
      assert.deepEqual(permittedOf(text(table), text(entries)), text(covered));
    }),
  );
});
