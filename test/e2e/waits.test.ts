/** `plan` and `apply` without a daemon: what they say while the feed is not there. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CommandResult, PROGRAM, rib2fib } from '../support/daemon.js';
import { GOBGPD_VERSIONS, type Gobgpd } from '../support/gobgpd.js';
import { Lab, router } from '../support/lab.js';
import { scratchDirectory } from '../support/leftovers.js';
import { Terminal } from '../support/terminal.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('waits');
after(() => scratch.remove());

for (const version of GOBGPD_VERSIONS) {
  describe(`gobgpd ${version} whose peers are not there`, () => {
    const config = join(scratch.path, `${version}.yaml`);
    const line = `waiting for gobgp: peer ${router(0)} to establish`;
    let lab: Lab;
    let gobgpd: Gobgpd;
    const command = (name: string): Promise<CommandResult> =>
      rib2fib(lab.node, [name, '--config', config]);

    before(async () => {
      lab = await Lab.start({ version, routing: false });
      gobgpd = await lab.startGobgpd();
      const source = { gobgp: { address: gobgpd.address } };
      const admin = { socket: join(scratch.path, 'admin.sock') };
      const rest = { sync: { timeout: '4s' }, tables: [{ id: 100 }] };
      await writeFile(config, JSON.stringify({ source, admin, ...rest }));
    });
    after(async () => {
      await gobgpd[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
    });

    it('a line on standard error says who is waited for, once', async () => {
      const plan = await command('plan');
      assert.deepEqual(plan, {
        code: 0,
        stdout: 'No changes, by a feed read for this plan.\n',
        stderr: `${line}\n`,
      });
      const apply = await command('apply');
      assert.deepEqual([apply.code, apply.stderr], [0, `${line}\n`]);
    });

    it('on a terminal the line makes room for the result', async () => {
      const argv = [process.execPath, PROGRAM, 'plan', '--config', config];
      const terminal = Terminal.open(lab.node, argv.join(' '));
      await until(() => terminal.shown.includes(line), { what: 'the line' });
      assert.equal(await terminal.ended(), 0);
      assert.ok(terminal.shown.includes(`\r\x1b[K${line}\r\x1b[KNo changes, by `), terminal.shown);
    });

    it('an interrupt ends the wait', async () => {
      const argv = [process.execPath, PROGRAM, 'apply', '--config', config];
      const terminal = Terminal.open(lab.node, argv.join(' '));
      await until(() => terminal.shown.includes(line), { what: 'the line' });
      assert.equal(await terminal.interrupt(), 1);
      assert.match(terminal.shown, /rib2fib:.* interrupted/);
    });
  });
}
