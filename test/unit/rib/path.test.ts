import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Attributes, asPathText, nextHopText, originAs } from '../../../src/rib/path.js';
import { attributes, path } from '../policy/build.js';

test('AS paths are printed as daemons print them, and name their origin', () => {
  const table: [Attributes['asPath'], text: string, origin: number | undefined][] = [
    [[], '', undefined],
    [[{ type: 'sequence', asns: [65001, 4200000000] }], '65001 4200000000', 4200000000],
    [
      [
        { type: 'sequence', asns: [65001] },
        { type: 'set', asns: [65010, 65011] },
      ],
      '65001 {65010,65011}',
      undefined,
    ],
    [
      [
        { type: 'confed-sequence', asns: [64512, 64513] },
        { type: 'confed-set', asns: [64514, 64515] },
        { type: 'sequence', asns: [65001, 65002] },
      ],
      '(64512 64513) [64514,64515] 65001 65002',
      65002,
    ],
    [
      [
        { type: 'sequence', asns: [1, 2] },
        { type: 'sequence', asns: [3] },
      ],
      '1 2 3',
      3,
    ],
  ];
  for (const [asPath, text, origin] of table) {
    assert.equal(asPathText(attributes({ asPath })), text);
    assert.equal(originAs(attributes({ asPath })), origin);
  }
});

test('a next hop is printed with its interface where it has one', () => {
  assert.equal(nextHopText(path({ nextHop: '10.9.0.2' }).nextHop), '10.9.0.2');
  assert.equal(nextHopText(path({ nextHop: 'fe80::1%eth1' }).nextHop), 'fe80::1%eth1');
});
