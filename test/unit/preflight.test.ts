import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import type { LoadedConfig } from '../../src/config/loaded.js';
import { KernelError } from '../../src/kernel/kernel.js';
import { checkAgainstKernel, checkConnmark, refusalsHere } from '../../src/preflight.js';
import { StartFault } from '../../src/start-fault.js';
import type { FakeKernel } from '../support/fake-kernel.js';
import { FakeNft } from '../support/fake-nft.js';
import { withFiles } from './config/files-in-directory.js';
import { bareKernel } from './reconcile/node.js';

const TEXT = `\
source: { gobgp: { address: "127.0.0.1:50051" } }
tables:
  - id: 100
    rules:
      from: [ 203.0.113.0/24, "2001:db8::/32" ]
      priority: 10000
  - id: 200
    foreign: fail
`;

/** Directories are cut off the faults. */
async function loaded(): Promise<LoadedConfig> {
  return await withFiles({ 'c.yaml': TEXT }, async (directory) => {
    const result = await loadConfig(join(directory, 'c.yaml'));
    assert.ok(result.ok);
    return { ...result, faultAt: (...at) => ({ ...result.faultAt(...at), file: 'c.yaml' }) };
  });
}

function moveLocal(kernel: FakeKernel): void {
  kernel.outside('rule add from all lookup 255 pref 20000 proto 2', { silent: true });
  kernel.outside('rule del from all lookup 255 pref 0 proto 2', { silent: true });
}

const nft = new FakeNft();

const MISPLACED =
  'c.yaml:6:17: tables[0].rules.priority: 10000 is not behind the ipv4 rule of table local, which stands at 20000 on this node; a larger number is allowed';
const FOREIGN =
  'c.yaml:8:14: tables[1].foreign: table 200 (table200) holds 1 route of others, the first 10.0.0.0/8 with protocol 4, and foreign is fail';

test('a configuration that fits is let through', async () => {
  const one = await loaded();
  const kernel = bareKernel();
  await checkAgainstKernel(one, kernel);
  assert.deepEqual(await refusalsHere(one, kernel, one.config, nft), []);
});

test('what does not fit is told at its place, and how it ends a start', async () => {
  const one = await loaded();
  const kernel = bareKernel();
  const none = { ...one.config, tables: [] };
  const start = async (): Promise<StartFault> => {
    const error: unknown = await checkAgainstKernel(one, kernel).catch((reason) => reason);
    assert.ok(error instanceof StartFault);
    return error;
  };
  kernel.outside('route add 10.0.0.0/8 via 10.9.0.77 dev eth1 table 200 proto 4 metric 20', {
    silent: true,
  });
  assert.deepEqual(await refusalsHere(one, kernel, none, nft), [FOREIGN]);
  const { exitCode, faults } = await start();
  assert.deepEqual({ exitCode, faults }, { exitCode: 1, faults: [FOREIGN] });

  moveLocal(kernel);
  assert.deepEqual(await refusalsHere(one, kernel, none, nft), [MISPLACED, FOREIGN]);
  assert.deepEqual(
    await refusalsHere(one, kernel, one.config, nft),
    [MISPLACED],
    'a table that is guarded already is left alone already',
  );
  const refused = await start();
  assert.deepEqual([refused.exitCode, refused.faults], [78, [MISPLACED]]);
});

test('a kernel that cannot be read refuses a reload', async () => {
  const one = await loaded();
  const kernel = bareKernel();
  kernel.rules = () => Promise.reject(new KernelError('rules', 'ENOBUFS', 'no buffer space'));
  assert.deepEqual(await refusalsHere(one, kernel, one.config, nft), [
    'rules: ENOBUFS: no buffer space',
  ]);
});

test('connection marks are refused where nft does not set them; nobody else asks for nft', async () => {
  const one = await loaded();
  const kernel = bareKernel();
  const missing = new FakeNft();
  missing.fail('missing', 'nft is not installed');
  await checkConnmark(one, missing);
  assert.deepEqual(missing.calls, []);
  const marked = await withFiles(
    { 'c.yaml': TEXT.replace('      priority', '      returnPath: connmark\n      priority') },
    async (directory) => {
      const result = await loadConfig(join(directory, 'c.yaml'));
      assert.ok(result.ok);
      return {
        ...result,
        faultAt: (...at: Parameters<typeof result.faultAt>) => ({
          ...result.faultAt(...at),
          file: 'c.yaml',
        }),
      };
    },
  );
  const fault =
    'c.yaml:6:19: tables[0].rules.returnPath: connmark needs nft (Debian package nftables): nft is not installed';
  assert.deepEqual(await refusalsHere(marked, kernel, marked.config, missing), [fault]);
  await assert.rejects(checkConnmark(marked, missing), (error: unknown) => {
    assert.ok(error instanceof StartFault);
    assert.deepEqual([error.exitCode, error.faults], [1, [fault]]);
    return true;
  });
  await checkConnmark(marked, nft);
  assert.equal(nft.stands, false);
  nft.outside('a table of its own');
  const foreign =
    'c.yaml:6:19: tables[0].rules.returnPath: the nftables table inet rib2fib holds nothing of rib2fib’s, and is left alone: rename or delete it';
  assert.deepEqual(await refusalsHere(marked, kernel, marked.config, nft), [foreign]);
  nft.outside('flush');
});
