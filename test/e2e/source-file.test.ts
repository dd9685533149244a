/** Source `file`: watched however it is changed, and a wrong one changes nothing. */
import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { KernelMonitor, ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { ROUTER1, ROUTER1_V6, ROUTER2, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const table = { id: 100, filters: [{ permit: {} }] };
const viaRouter1 = [`via ${ROUTER1} dev eth1`];

describe('the file of source file', () => {
  const scratch = scratchDirectory('routes');
  const file = join(scratch.path, 'routes.yaml');
  let lab: TwoFabrics;
  let daemon: Daemon;
  const installed = () => ownRoutes(lab.node, 100);
  const becomes = (prefixes: readonly string[]) =>
    until(async () => [...(await installed()).keys()].sort().join() === prefixes.join(), {
      what: `the table has ${prefixes.join(', ')}`,
    });

  before(async () => {
    lab = await TwoFabrics.create();
    await writeFile(
      file,
      `# As a person writes it.
- { prefix: 10.1.0.0/16, nextHop: ${ROUTER1} }
- prefix: 2001:db8:1::/48
  nextHop: ${ROUTER1_V6}
  asPath: "65001 65002 {65010,65011}"
  communities: [ "65000:100", no-export ]
  peer: ${ROUTER1}
- prefix: 10.2.0.0/16
  nextHop: [ ${ROUTER1}, ${ROUTER2} ]
`,
    );
    daemon = await lab.daemon({ source: { file: { path: file } }, tables: [table] });
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    scratch.remove();
  });

  it('is read, with attributes for filters to look at', async () => {
    assert.deepEqual(
      Object.fromEntries(await installed()),
      Object.fromEntries([
        ['10.1.0.0/16', viaRouter1],
        ['10.2.0.0/16', [...viaRouter1, `via ${ROUTER2} dev eth2`]],
        ['2001:db8:1::/48', [`via ${ROUTER1_V6} dev eth1`]],
      ]),
    );
    const [route] = await daemon.routes({ family: 'ipv6', peer: ROUTER1 });
    assert.equal(route?.asPath, '65001 65002 {65010,65011}');
    const { source } = await daemon.status();
    assert.deepEqual([source.name, source.state.state], ['file', 'synced']);
  });

  it('is followed: written in place, replaced by rename, swapped as a ConfigMap is', async () => {
    await writeFile(file, `- { prefix: 10.3.0.0/16, nextHop: ${ROUTER1} }\n`);
    await becomes(['10.3.0.0/16']);
    await writeFile(`${file}.new`, `- { prefix: 10.4.0.0/16, nextHop: ${ROUTER1} }\n`);
    await rename(`${file}.new`, file);
    await becomes(['10.4.0.0/16']);

    const version = async (name: string, prefix: string) => {
      await mkdir(join(scratch.path, name));
      const text = `- { prefix: ${prefix}, nextHop: ${ROUTER1} }\n`;
      await writeFile(join(scratch.path, name, 'routes.yaml'), text);
      await symlink(name, join(scratch.path, '..data.new'));
      await rename(join(scratch.path, '..data.new'), join(scratch.path, '..data'));
    };
    await version('..1', '10.5.0.0/16');
    await symlink('..data/routes.yaml', `${file}.new`);
    await rename(`${file}.new`, file);
    await becomes(['10.5.0.0/16']);
    await version('..2', '10.6.0.0/16');
    await rm(join(scratch.path, '..1'), { recursive: true });
    await becomes(['10.6.0.0/16']);
  });

  it('a change costs what changed', async () => {
    const routes = (count: number) =>
      Array.from({ length: count }, (_, i) => `- { prefix: 10.${i}.0.0/16, nextHop: ${ROUTER1} }`);
    const lines = routes(200).filter((line) => !/prefix: 10\.9\./.test(line));
    await rm(file);
    await writeFile(file, lines.join('\n'));
    await until(async () => (await installed()).size === lines.length, { what: 'the routes' });
    await using monitor = await KernelMonitor.start(lab.node);
    await writeFile(
      file,
      [...lines.slice(1), `- { prefix: 172.16.0.0/16, nextHop: ${ROUTER2} }`].join('\n'),
    );
    await until(async () => (await installed()).has('172.16.0.0/16'), { what: 'the new route' });
    await until(async () => !(await installed()).has('10.0.0.0/16'), { what: 'the one that went' });
    const unicast = (await monitor.own()).filter((line) => !line.includes('throw'));
    assert.equal(unicast.length, 2, unicast.join('\n'));
  });

  it('a wrong one keeps the routes there are; log and status have the place of the fault', async () => {
    await writeFile(file, `- { prefix: 10.1.0.0/16, nextHop: ${ROUTER1} }\n`);
    await becomes(['10.1.0.0/16']);
    for (const [text, place, says] of [
      [`- { prefix: 10.7.0.0/16, nextHop: ${ROUTER1}, metric: 5 }\n`, '1:45', /metric.*med/],
      [
        `- { prefix: 10.7.0.0/16, nextHop: ${ROUTER1} }\n- { prefix: 10.8.1.0/16, nextHop: ${ROUTER1} }\n`,
        '2:13',
        /host bits/,
      ],
      ['- prefix: [\n', '2:1', /./],
    ] as const) {
      const before = daemon.log.length;
      await writeFile(file, text);
      const line = await until(
        () => daemon.log.slice(before).find(({ level }) => level === 'error'),
        { what: 'the fault in the log' },
      );
      assert.ok(line.msg?.startsWith(`${file}:${place}: `), line.msg);
      assert.match(line.msg ?? '', says);
      const { state } = (await daemon.status()).source;
      assert.ok(state.state === 'refused' && state.reason.startsWith(`${file}:${place}: `));
      assert.deepEqual([...(await installed()).keys()], ['10.1.0.0/16']);
    }
    await rm(file);
    await daemon.logged(({ msg }) => msg?.startsWith(`${file}:1:1: `) === true, 'that it is gone');
    assert.deepEqual([...(await installed()).keys()], ['10.1.0.0/16']);
    assert.ok((await daemon.status()).ready);
    const { body } = await daemon.http('/metrics');
    assert.match(body, /^rib2fib_source_up\{source="file"\} 0$/m);
    await daemon.logged(({ alert }) => alert === 'Rib2fibSourceRefused', 'the alert', 15_000);
    await writeFile(file, `- { prefix: 10.2.0.0/16, nextHop: ${ROUTER1} }\n`);
    await becomes(['10.2.0.0/16']);
    assert.equal((await daemon.status()).source.state.state, 'synced');
  });

  it('a daemon that starts with a wrong one keeps what the kernel has, and waits for a good one', async () => {
    await daemon.stop();
    await writeFile(file, '- { prefix: 10.1.0.0/33 }\n');
    await daemon.launch({ until: 'admin' });
    await until(
      async () => {
        const { state } = (await daemon.status()).source;
        return state.state === 'connecting' && state.lastError?.startsWith(`${file}:1:`);
      },
      { what: 'status has the fault' },
    );
    assert.deepEqual([...(await installed()).keys()], ['10.2.0.0/16']);
    const ready = await daemon.http('/readyz');
    assert.equal(ready.status, 503);
    await writeFile(file, `- { prefix: 10.3.0.0/16, nextHop: ${ROUTER1} }\n`);
    await becomes(['10.3.0.0/16']);
    assert.ok((await daemon.status()).ready);
  });
});
