import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnmarkReport } from '../../../src/admin/report.js';
import { connmarkLines } from '../../../src/cli/connmark-text.js';
import { PLAIN } from '../../../src/cli/style.js';

const NOW = 1_772_366_400_000;

const ROWS: readonly (readonly [report: ConnmarkReport, lines: readonly string[]])[] = [
  [{ state: 'off' }, []],
  [{ state: 'pending' }, ['connections are not marked yet']],
  [
    { state: 'contested', since: NOW - 9_000, retryAt: NOW + 8_000 },
    [
      'connections are not marked: others change the nftables table rib2fib again and again; next try in 8 s',
    ],
  ],
  [
    { state: 'failing', since: NOW, reason: 'nft: no', attempts: 1, retryAt: NOW },
    ['connections are not marked: nft: no (1 attempt, next now)'],
  ],
  [
    {
      ...{ state: 'kept', since: NOW, readAt: NOW },
      tables: [
        {
          ...{ table: 'fabric', mark: '0x1000/0x3000', interfaces: ['eth1', 'eth2'] },
          ...{ pools: ['203.0.113.0/24', '2001:db8::1'], marked: 12_345 },
        },
        { table: 'other', mark: '0x2000/0x3000', interfaces: [], pools: [], marked: 0 },
      ],
    },
    [
      'MARKED  MARK           ARRIVING AT   FOR                          CONNECTIONS',
      'fabric  0x1000/0x3000  eth1, eth2    203.0.113.0/24, 2001:db8::1       12,345',
      'other   0x2000/0x3000  no interface  no pool                                0',
    ],
  ],
];

for (const [report, lines] of ROWS) {
  test(`connection marks that are ${report.state}`, () => {
    assert.deepEqual(connmarkLines(report, NOW, PLAIN), lines);
  });
}
