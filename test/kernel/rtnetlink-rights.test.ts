/** Which rights it takes, and what is said without them. Needs root, to give them up. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openNode } from './rtnetlink-node.js';

const PROBE = `
  import { openRtnetlink } from ${JSON.stringify(fileURLToPath(new URL('../../src/kernel/rtnetlink.ts', import.meta.url)))};
  import { Prefix } from ${JSON.stringify(fileURLToPath(new URL('../../src/net/prefix.ts', import.meta.url)))};
  const kernel = await openRtnetlink();
  const stop = new AbortController();
  kernel.notices(stop.signal);
  const prefix = Prefix.parse('10.0.0.0/8');
  const route = { table: 100, prefix, metric: 20, target: { type: 'throw' } };
  const { failures } = await kernel.execute([{ op: 'route-add', route }]);
  const rules = (await kernel.rules()).length;
  stop.abort();
  await kernel.close();
  console.log(JSON.stringify({ failures, reads: rules > 0 }));
`;

/** Runs the probe as an ordinary user with these capabilities and no others. */
function probe(...capabilities: string[]): unknown {
  const sets = capabilities.map((one) => `+${one}`).join(',');
  const rights = [
    `--inh-caps=-all${sets && `,${sets}`}`,
    `--ambient-caps=-all${sets && `,${sets}`}`,
  ];
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module'];
  const args = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    ...rights,
    ...node,
    '-e',
    PROBE,
  ];
  return JSON.parse(execFileSync('setpriv', args, { encoding: 'utf8' }));
}

test('CAP_NET_ADMIN is enough', async () => {
  await using _node = await openNode();
  assert.deepEqual(probe('net_admin'), { failures: [], reads: true });
});

test('without it one can read, and a write says what is missing', async () => {
  await using _node = await openNode();
  assert.deepEqual(probe(), {
    failures: [{ index: 0, errno: 'EPERM', message: 'not permitted: CAP_NET_ADMIN is missing' }],
    reads: true,
  });
});

test('families: IPv6 may be switched off', async () => {
  await using node = await openNode();
  assert.deepEqual(await node.kernel.families(), ['ipv4', 'ipv6']);
  writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1');
  try {
    assert.deepEqual(await node.kernel.families(), ['ipv4']);
    assert.deepEqual(
      (await node.kernel.addresses()).filter(({ address }) => address.family === 'ipv6'),
      [],
    );
  } finally {
    writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '0');
  }
});
