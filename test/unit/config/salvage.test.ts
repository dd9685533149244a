import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { salvageAdminSocket } from '../../../src/config/salvage.js';
import { withFiles } from './files-in-directory.js';

function salvaged(text: string | Buffer): Promise<string | undefined> {
  return withFiles({ 'rib2fib.yaml': text }, (directory) =>
    salvageAdminSocket(join(directory, 'rib2fib.yaml')),
  );
}

const SOCKET = 'admin: { socket: /run/other/admin.sock }\n';

for (const [what, text] of [
  ['an unknown key', `${SOCKET}sauce: {}\n`],
  ['a value of the wrong type', `tables: [ { id: many } ]\n${SOCKET}`],
  ['a bracket left open', `tables: [ { id: 1 }\n${SOCKET}`],
  ['a tab for indentation', `tables:\n\t- id: 3\n${SOCKET}`],
  ['an alias of nothing', `tables: *gone\n${SOCKET}`],
  ['the key twice: the first counts', `${SOCKET}admin: { socket: /run/second.sock }\n`],
] as const) {
  test(`found beside ${what}`, async () => {
    assert.equal(await salvaged(text), '/run/other/admin.sock');
  });
}

for (const [what, text] of [
  ['an empty file', ''],
  ['a list', '- admin\n'],
  ['no such key', 'admin: {}\n'],
  ['a relative path', 'admin: { socket: admin.sock }\n'],
  ['no text', 'admin: { socket: 3 }\n'],
  ['a nest too deep', `x: ${'['.repeat(5_000)}\n${SOCKET}`],
  ['bytes that are no text', Buffer.from([0xff, 0xfe])],
] as const) {
  test(`nothing usable: ${what}`, async () => {
    assert.equal(await salvaged(text), undefined);
  });
}

test('a file that is not there', async () => {
  assert.equal(await salvageAdminSocket('/nowhere/rib2fib.yaml'), undefined);
});

test('whatever stands behind it: the path or nothing, and nothing throws', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 40 }), async (rest) => {
      const found = await salvaged(`${SOCKET}tables: ${rest}`);
      assert.ok(found === undefined || found === '/run/other/admin.sock');
    }),
    { numRuns: 200 },
  );
});
