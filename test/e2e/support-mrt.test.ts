/** What the fault injection feeds its routers with, read by both versions of gobgp. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ballast } from '../chaos/ballast.js';
import { SIDE } from '../chaos/network.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns } from '../support/netns.js';
import { until } from '../support/wait.js';

for (const version of GOBGPD_VERSIONS) {
  test(`gobgp ${version} takes a router's share of a ballast from its table dump`, async () => {
    const scratch = scratchDirectory('mrt');
    await using netns = await createNetns('router');
    const { as, router } = SIDE.b;
    await using gobgpd = await startGobgpd({ version, netns, as, routerId: router.ipv4, port: -1 });
    const ballast = new Ballast({ count: 1_000, version, multipath: false });
    const path = join(scratch.path, 'table.mrt');
    await writeFile(path, ballast.dump('b'));
    assert.equal(await gobgpd.cli('mrt', 'inject', 'global', path), '');
    for (const family of ['ipv4', 'ipv6'] as const) {
      const classes = ballast.of('b').filter((one) => one.family === family);
      const wanted = classes.reduce((sum, { size }) => sum + size, 0);
      await until(async () => (await gobgpd.ribSize(family)) === wanted, {
        what: `gobgpd has ${wanted} ${family} routes`,
      });
      const table = await gobgpd.cli('global', 'rib', '-a', family);
      const both = classes.find(({ from }) => from === 'both');
      const line = table.split('\n').find((one) => one.includes(` ${both?.sample} `));
      // The one that both announce: from b with an AS more, which no other path has.
      assert.match(line ?? '', new RegExp(` ${router[family]} +64700 `));
    }
    scratch.remove();
  });
}
