/** Two routing tables with one pool, each with a mark of its own: who asks over the one is answered over the one. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { allAnswerIn, CONNMARK, standing, table } from '../support/connmark.js';
import type { ConfigValue, Daemon } from '../support/daemon.js';
import { kernelRules } from '../support/kernel-view.js';
import { ReturnLab, ROAMING } from '../support/return-lab.js';
import { ROUTER1, ROUTER1_V6, ROUTER2, ROUTER2_V6 } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

describe('two tables that go by marks', () => {
  let lab: ReturnLab;
  let daemon: Daemon;

  before(async () => {
    lab = await ReturnLab.create();
    daemon = await lab.fabrics.daemon({ tables: [table()] } as ConfigValue);
  });
  after(() => lab[Symbol.asyncDispose]());

  const one = (id: number, via: readonly string[], connmark: object) =>
    table(
      { ...CONNMARK, connmark },
      {
        ...{ id, name: `t${id}` },
        filters: via.map((peer) => ({ permit: { peer } })),
      },
    );
  const both = (first: object, second: object) =>
    daemon.configure({
      source: lab.fabrics.source,
      tables: [one(100, [ROUTER1, ROUTER1_V6], first), one(101, [ROUTER2, ROUTER2_V6], second)],
    });
  const interfaces = (first: string, second: string) =>
    until(
      async () => {
        const sets = await standing(lab);
        const names = [sets?.['interfaces_100'], sets?.['interfaces_101']];
        return names.every((one, i) => one?.join(' ') === [first, second][i]);
      },
      { what: `the one marks what arrives by ${first}, the other by ${second}` },
    );

  for (const [what, first, second] of [
    ['of one mask', '0x1000/0x3000', '0x2000/0x3000'],
    ['of bits of their own', '0x1000/0x1000', '0x2000/0x2000'],
  ] as const) {
    it(`with marks ${what} the same client is answered by the fabric it came by`, async () => {
      await lab.fabrics.feed([
        { prefix: '198.51.0.0/16', nextHop: ROUTER1, peer: ROUTER1 },
        { prefix: '198.51.0.0/17', nextHop: ROUTER2, peer: ROUTER2 },
        { prefix: '2001:db8:c0::/44', nextHop: ROUTER1_V6, peer: ROUTER1_V6 },
        { prefix: '2001:db8:c0::/45', nextHop: ROUTER2_V6, peer: ROUTER2_V6 },
      ]);
      await both({ mark: first }, { mark: second });
      await interfaces('eth1', 'eth2');
      await until(async () => (await kernelRules(lab.node)).some((rule) => rule.includes(second)), {
        what: 'the rules of these marks',
      });
      for (const fabric of ['router1', 'router2', 'router1'] as const) {
        for (const at of ['router1', 'router2', 'mgmt'] as const) await lab.replies(at);
        await allAnswerIn(lab, fabric, ROAMING);
        assert.ok((await lab.replies(fabric)).size >= 16);
        const other = await lab.replies(fabric === 'router1' ? 'router2' : 'router1');
        assert.deepEqual([...other, ...(await lab.replies('mgmt'))], [], 'nothing goes astray');
      }
      // One connection, whose packets come to arrive by the other fabric, and by the first again.
      for (const fabric of ['router1', 'router2', 'router2', 'router1'] as const) {
        assert.equal(await lab.roam(fabric), 'echo', fabric);
      }
    });
  }

  it('what arrives for both is marked once, for the first', async () => {
    const at = { interfaces: ['eth1', 'eth2'] };
    await both({ mark: '0x1000/0x3000', ...at }, { mark: '0x2000/0x3000', ...at });
    await interfaces('eth1 eth2', 'eth1 eth2');
    await allAnswerIn(lab, 'router1', ROAMING);
    const counted = async () => {
      const ruleset = await lab.node.exec('nft', 'list', 'table', 'inet', 'rib2fib');
      return [...ruleset.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
    };
    const [first = 0, ...others] = await counted();
    assert.deepEqual([first >= 16 && first < 100, others], [true, [0]], `${first} connections`);
  });
});
