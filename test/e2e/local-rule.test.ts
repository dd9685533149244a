/** The look-up of table local moved behind our rules at run time, as Cilium moves it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelRules, ownRoutes } from '../support/kernel-view.js';
import { POOL, POOL_V6, ROUTER1, ROUTER1_V6, TwoFabrics } from '../support/two-fabrics.js';
import { stays, until } from '../support/wait.js';

describe('the local rule at run time', () => {
  it('moved to 100, ours at 50 are taken out within a second and told of; moved back, they are in again', async () => {
    await using lab = await TwoFabrics.create();
    await lab.feed([
      { prefix: '10.1.0.0/16', nextHop: ROUTER1 },
      { prefix: '2001:db8:1::/48', nextHop: ROUTER1_V6 },
    ]);
    const daemon = await lab.daemon({
      tables: [
        { id: 100, filters: [{ permit: {} }], rules: { priority: 50, from: [POOL, POOL_V6] } },
      ],
    });
    const both = [`50: from ${POOL_V6} lookup 100 -6`, `50: from ${POOL} lookup 100 -4`];
    const rulesAre = (expected: readonly string[], what: string) =>
      until(
        async () => {
          assert.deepEqual(await kernelRules(lab.node), expected);
          return true;
        },
        // A second is what is promised; a busy machine's ip(8) takes longer than that to tell.
        { what, deadlineMs: 5_000 },
      );
    await rulesAre(both, 'both families are in');

    // Of one family only: the other's stay.
    await lab.node.ip('rule', 'add', 'pref', '100', 'lookup', 'local');
    await stays(async () => (await kernelRules(lab.node)).join() === both.join(), {
      what: 'a second look-up of local changes nothing',
      forMs: 500,
    });
    await lab.node.ip('rule', 'del', 'pref', '0');
    await rulesAre(both.slice(0, 1), 'the IPv4 rule is taken out');
    await lab.node.ip('-6', 'rule', 'add', 'pref', '100', 'lookup', 'local');
    await lab.node.ip('-6', 'rule', 'del', 'pref', '0');
    await rulesAre([], 'both are taken out');

    await until(
      async () =>
        (await daemon.status()).alerts.some(
          ({ name, severity }) => name === 'Rib2fibLocalRuleBehind' && severity === 'critical',
        ),
      { what: 'the alert' },
    );
    const why = /rules are taken out: priority 50 is not behind the ipv[46] rule of table local/;
    const { ready, unready, tables } = await daemon.status();
    assert.equal(ready, false);
    assert.match(unready ?? '', why);
    assert.equal(tables[0]?.rules.misplaced, 2);
    assert.equal(tables[0].rules.installed, 0);
    assert.match(tables[0].rules.faults[0] ?? '', /priority 50 is not behind/);
    const readyz = await daemon.http('/readyz');
    assert.equal(readyz.status, 503);
    assert.match(readyz.body, why);
    const status = await daemon.cli('status', '--socket', daemon.adminSocket);
    assert.match(status.stdout, /^kernel {3}2 rules taken out, /m);
    const explained = await daemon.cli('explain', '10.1.0.0/16', '--socket', daemon.adminSocket);
    assert.match(explained.stdout, /=> installed, but not in use: its rules are taken out: .*$/m);
    assert.equal((await ownRoutes(lab.node, 100)).size, 2, 'the routes stay');

    await lab.node.ip('rule', 'add', 'pref', '0', 'lookup', 'local');
    await lab.node.ip('-6', 'rule', 'add', 'pref', '0', 'lookup', 'local');
    await rulesAre(both, 'both are in again');
    await until(async () => (await daemon.status()).ready, { what: 'ready again' });
    assert.deepEqual((await daemon.status()).alerts, []);
    assert.equal((await daemon.http('/readyz')).status, 200);
  });
});
