/** When a hook is run by a program that has no right to hand on. What that is worth, pod.test.ts shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutRights } from '../../../src/hooks/without-rights.js';

const HOOK = ['/hooks/tell', '--now'] as const;

/** Of a pod of the chart. */
const POD = { Uid: 65532, CapPrm: '0000000000001000', CapAmb: '0000000000000000', NoNewPrivs: 1 };

function statusOf(fields: Readonly<Record<string, string | number>>): string {
  const { Uid, CapPrm, CapAmb, NoNewPrivs } = { ...POD, ...fields };
  return `Name:\tnode
Uid:\t${Uid}\t${Uid}\t${Uid}\t${Uid}
CapInh:\t0000000000000000
CapPrm:\t${CapPrm}
CapEff:\t${CapPrm}
CapBnd:\t${CapPrm}
CapAmb:\t${CapAmb}
NoNewPrivs:\t${NoNewPrivs}
`;
}

test('a right that comes from node’s file goes no further', () => {
  assert.deepEqual(withoutRights([...HOOK], statusOf({})), [
    ...['/usr/bin/setpriv', '--no-new-privs', '--', '/hooks/tell', '--now'],
  ]);
});

for (const [who, fields] of [
  ['root', { Uid: 0 }],
  ['ambient capabilities', { CapAmb: '0000000000001000' }],
  ['nobody’s right', { CapPrm: '0000000000000000' }],
  ['who may gain privileges', { NoNewPrivs: 0 }],
] as const) {
  test(`as it is, with ${who}`, () => {
    assert.deepEqual(withoutRights([...HOOK], statusOf(fields)), HOOK);
  });
}

test('of this very process', () => {
  assert.equal(withoutRights([...HOOK]).at(-1), '--now');
});
