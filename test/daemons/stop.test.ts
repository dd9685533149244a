/** What a stop of rib2fib does not wait for, and what becomes of the peers that a limit has disabled. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CommandResult, type Daemon, rib2fib } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { Lab, router } from '../support/lab.js';
import { scratchDirectory } from '../support/leftovers.js';
import { until } from '../support/wait.js';

const TABLE = { id: 100, name: 'fabric', filters: [{ permit: {} }] };
const PEER = router(0);
const BY_HAND = `gobgp neighbor ${PEER} enable`;

for (const version of GOBGPD_VERSIONS) {
  describe(`a stop, with gobgpd ${version}`, { concurrency: 1 }, () => {
    let lab: Lab;
    let daemon: Daemon;
    const scratch = scratchDirectory('stop');

    const announce = (count: number) =>
      lab.router(0).announce([
        {
          attributes: { nextHop: PEER },
          prefixes: Array.from({ length: count }, (_, i) => `10.1.${i}.0/24`),
        },
      ]);
    const stopsAtOnce = async () => {
      const start = performance.now();
      assert.equal(await daemon.stop(), 0);
      const took = performance.now() - start;
      assert.ok(took < 2000, `took ${took} ms`);
    };
    const isEstablished = (established: boolean) =>
      until(async () => (await lab.gobgpd.neighbors())[0]?.established === established, {
        what: `the session is ${established ? 'up' : 'down'}`,
        deadlineMs: 20_000,
      });
    /** A running daemon whose limit has ended the session, for good. */
    const tornDown = async (args: readonly string[] = []) => {
      const limit = { family: 'ipv4', peer: PEER, max: 5, action: 'teardown' };
      const limits = [{ ...limit, restartAfter: 'never' }];
      await daemon.configure(lab.config({ tables: [{ ...TABLE, limits }] }));
      await daemon.launch({ args });
      await announce(9);
      await isEstablished(false);
      const isHeld = async () => (await daemon.status()).tables[0]?.limits[0]?.restoreAt === null;
      await until(isHeld, { what: 'the peer is held' });
      await lab.router(0).withdraw('all');
    };
    const cleanup = (): Promise<CommandResult> =>
      rib2fib(lab.node, ['cleanup', '--config', daemon.configFile]);

    before(async () => {
      lab = await Lab.start({ version });
      await announce(3);
      await lab.hasRoutes(3);
      daemon = await lab.daemon({ tables: [TABLE] });
    });
    after(async () => {
      await lab[Symbol.asyncDispose]();
      scratch.remove();
    });

    it('does not wait for a gobgpd that hangs with a question before it', async () => {
      await announce(4);
      // A change: a second later gobgpd is asked for its peers.
      await until(async () => (await ownRoutes(lab.node, 100)).has('10.1.3.0/24'), {
        what: 'the change is in the kernel',
        everyMs: 5,
      });
      lab.gobgpd.suspend();
      const path = lab.gobgpd.address.replace('unix://', '');
      const isAsked = async () =>
        (await lab.node.exec('ss', '-xH', 'state', 'connected', 'src', path))
          .split('\n')
          .some((line) => /^\S+\s+(?:ESTAB\s+)?[1-9]/.test(line));
      await until(isAsked, { what: 'bytes wait for gobgpd', deadlineMs: 20_000 });
      await stopsAtOnce();
    });

    it('nor for one that does not take the connection', async () => {
      await daemon.launch({ until: 'admin' });
      await until(async () => (await daemon.status()).source.state.state === 'connecting', {
        what: 'it is connecting',
      });
      await stopsAtOnce();
      lab.gobgpd.resume();
    });

    it('names the peer that stays disabled; cleanup enables it', async () => {
      await tornDown();
      await stopsAtOnce();
      const told = daemon.log.filter(({ msg }) => msg?.includes(BY_HAND));
      assert.equal(told.length, 1);
      assert.match(told[0]?.msg ?? '', /stays disabled at gobgpd unix:.* until rib2fib runs again/);
      await isEstablished(false);

      lab.gobgpd.suspend();
      const hung = await cleanup();
      assert.equal(hung.code, 0);
      assert.match(hung.stderr, new RegExp(`stays disabled .*no answer within 3 s.*${BY_HAND}`));
      lab.gobgpd.resume();

      const { code, stderr } = await cleanup();
      assert.equal(code, 0);
      assert.match(stderr, new RegExp(`peer ${PEER} is enabled again`));
      await isEstablished(true);
      assert.equal((await cleanup()).stderr, '');
    });

    it('run --flush enables it on the way out', async () => {
      await tornDown(['--flush']);
      await stopsAtOnce();
      await isEstablished(true);
    });

    it('a reload that moves the source elsewhere enables it', async () => {
      await tornDown();
      const file = join(scratch.path, 'routes.yaml');
      await writeFile(file, '[]\n');
      await daemon.configure({ source: { file: { path: file } }, tables: [TABLE] });
      await daemon.cliJson('reload');
      await isEstablished(true);
      await stopsAtOnce();
    });
  });
}
