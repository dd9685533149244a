/**
 * What a next hop is reached over changes under the routes: addresses, the
 * default route, the main table, IPv6 on the interface. Inline and on objects.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { kernelRules, ownRoutesBecome } from '../support/kernel-view.js';
import {
  type FileRoute,
  GATEWAY,
  GATEWAY_V6,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  ROUTER2_V6,
  TwoFabrics,
} from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

/** Behind other routers. */
const REMOTE = '10.77.0.1';
const REMOTE_V6 = '2001:db8:77::1';
/** Behind the default route, if any. */
const FAR = '172.31.0.1';
const FAR_V6 = '2001:db8:31::1';

const NEXT_HOPS: Readonly<Record<string, string | readonly string[]>> = {
  '10.1.0.0/16': ROUTER1,
  '10.2.0.0/16': ROUTER2,
  '10.3.0.0/16': [ROUTER1, ROUTER2],
  '10.4.0.0/16': REMOTE,
  '10.5.0.0/16': [REMOTE, ROUTER2],
  '10.6.0.0/16': FAR,
  '10.7.0.0/16': 'fe80::2%eth1',
  '2001:db8:1::/48': ROUTER1_V6,
  '2001:db8:2222::/48': ROUTER2_V6,
  '2001:db8:4::/48': REMOTE_V6,
  '2001:db8:6::/48': FAR_V6,
  '2001:db8:7::/48': 'fe80::2%eth1',
};
const ROUTES: readonly FileRoute[] = Object.entries(NEXT_HOPS).map(([prefix, nextHop]) => ({
  prefix,
  nextHop,
}));

type Legs = Readonly<Record<string, readonly string[]>>;
const VIA_1 = `via ${ROUTER1} dev eth1`;
const VIA_2 = `via ${ROUTER2} dev eth2`;
const MAIN = ['10.77.0.0/24 via 10.9.0.9', '2001:db8:77::/64 via 2001:db8:9::9'];
const FULL: Legs = {
  '10.1.0.0/16': [VIA_1],
  '10.2.0.0/16': [VIA_2],
  '10.3.0.0/16': [VIA_1, VIA_2],
  '10.4.0.0/16': ['via 10.9.0.9 dev eth1'],
  '10.5.0.0/16': ['via 10.9.0.9 dev eth1', VIA_2],
  '10.7.0.0/16': ['via fe80::2 dev eth1'],
  '2001:db8:1::/48': [`via ${ROUTER1_V6} dev eth1`],
  '2001:db8:2222::/48': [`via ${ROUTER2_V6} dev eth2`],
  '2001:db8:4::/48': ['via 2001:db8:9::9 dev eth1'],
  '2001:db8:7::/48': ['via fe80::2 dev eth1'],
};
/** Prefixes whose gateway is an IPv6 neighbour at eth1. */
const OVER_IPV6_OF_ETH1 = Object.entries(FULL)
  .filter(([, legs]) => legs.some((leg) => leg.includes(':') && leg.endsWith('eth1')))
  .map(([prefix]) => prefix);
const OVER_DEFAULT: Legs = {
  '10.6.0.0/16': [`via ${GATEWAY} dev eth0`],
  '2001:db8:6::/48': [`via ${GATEWAY_V6} dev eth0`],
};

const TABLE = 100;
const VIA_DEFAULT = 200;

function without(legs: Legs, ...prefixes: readonly string[]): Legs {
  return Object.fromEntries(Object.entries(legs).filter(([prefix]) => !prefixes.includes(prefix)));
}

for (const objects of ['never', 'always'] as const) {
  describe(`nexthop objects: ${objects}`, () => {
    let lab: TwoFabrics;
    let daemon: Daemon;
    before(async () => {
      lab = await TwoFabrics.create();
      await lab.node.ipBatch(MAIN.map((route) => `route add ${route}`));
      await lab.feed(ROUTES);
      const filters = [{ permit: {} }];
      daemon = await lab.daemon({
        tables: [
          {
            ...{ id: TABLE, name: 'plain', filters, nextHop: { objects } },
            rules: { priority: 10_000, from: [{ interface: 'eth1' }] },
          },
          { id: VIA_DEFAULT, name: 'over', filters, nextHop: { objects, viaDefault: true } },
        ],
      });
    });
    after(() => lab[Symbol.asyncDispose]());

    /** Both tables: with routes over the default route as they are now. */
    async function become(legs: Legs, what: string, overDefault = OVER_DEFAULT): Promise<void> {
      await ownRoutesBecome(lab.node, TABLE, legs, { what });
      await ownRoutesBecome(lab.node, VIA_DEFAULT, { ...legs, ...overDefault }, { what });
    }
    const reasonOf = async (prefix: string, table = 'plain') =>
      (await daemon.routes({ table, state: 'rejected' })).find((route) => route.prefix === prefix)
        ?.reason;

    it('begins complete', () => become(FULL, 'all routes'));

    it('an address that moves to another interface takes its next hops along', async () => {
      const move = (from: string, to: string) =>
        lab.node.ipBatch([
          `address del 10.9.0.1/24 dev ${from}`,
          `address add 10.9.0.1/24 dev ${to}`,
          `address del 2001:db8:9::1/64 dev ${from}`,
          `address add 2001:db8:9::1/64 dev ${to} nodad`,
        ]);
      // Gone with the address it was reached by.
      const main = () => lab.node.ipBatch(MAIN.map((route) => `route replace ${route}`));
      await move('eth1', 'eth2');
      await main();
      const moved = (leg: string) => (leg.includes('fe80') ? leg : leg.replace('eth1', 'eth2'));
      await become(
        Object.fromEntries(Object.entries(FULL).map(([to, legs]) => [to, legs.map(moved)])),
        'routes out of eth2',
      );
      await move('eth2', 'eth1');
      await main();
      await become(FULL, 'routes out of eth1 again');
    });

    it('an address of the node is no next hop, for as long as it is one', async () => {
      for (const address of [`${ROUTER1}/32`, `${ROUTER1_V6}/128`]) {
        const one = address.includes(':') ? '2001:db8:1::/48' : '10.1.0.0/16';
        await lab.node.ip('address', 'add', address, 'dev', 'lo');
        const left = without(FULL, one);
        await become(
          address.includes(':') ? left : { ...left, '10.3.0.0/16': [VIA_2] },
          `nothing over ${address}`,
        );
        assert.equal(await reasonOf(one), 'next-hop-local');
        await lab.node.ip('address', 'del', address, 'dev', 'lo');
        await become(FULL, `routes over ${address} are back`);
      }
    });

    it('a default route that comes and goes', async () => {
      await lab.node.ip('route', 'del', 'default');
      await lab.node.ip('-6', 'route', 'del', 'default');
      await become(FULL, 'nothing over the default route', {});
      assert.equal(await reasonOf('10.6.0.0/16'), 'next-hop-unreachable');
      assert.equal(await reasonOf('10.6.0.0/16', 'over'), 'next-hop-unreachable');
      await lab.node.ip('route', 'add', 'default', 'via', '10.9.1.9');
      await lab.node.ip('-6', 'route', 'add', 'default', 'via', '2001:db8:a::9');
      await become(FULL, 'routes over another default route', {
        '10.6.0.0/16': ['via 10.9.1.9 dev eth2'],
        '2001:db8:6::/48': ['via 2001:db8:a::9 dev eth2'],
      });
      assert.equal(await reasonOf('10.6.0.0/16'), 'next-hop-via-default');
      await lab.node.ip('route', 'replace', 'default', 'via', GATEWAY);
      await lab.node.ip('-6', 'route', 'replace', 'default', 'via', GATEWAY_V6);
      await become(FULL, 'routes over the first default route');
    });

    it('a recursive next hop over a changing main table', async () => {
      const over = (v4: readonly string[], v6: readonly string[]): Legs => ({
        ...FULL,
        '10.4.0.0/16': v4,
        '10.5.0.0/16': [...v4, VIA_2],
        '2001:db8:4::/48': v6,
      });
      const steps: readonly (readonly [string, readonly string[], Legs])[] = [
        [
          'moved',
          ['replace 10.77.0.0/24 via 10.9.1.7', 'replace 2001:db8:77::/64 via 2001:db8:a::7'],
          over(['via 10.9.1.7 dev eth2'], ['via 2001:db8:a::7 dev eth2']),
        ],
        [
          'a longer one beside it',
          ['add 10.77.0.1/32 via 10.9.0.8', 'add 2001:db8:77::1/128 via 2001:db8:9::8'],
          over(['via 10.9.0.8 dev eth1'], ['via 2001:db8:9::8 dev eth1']),
        ],
        [
          'the longer one leads nowhere',
          [
            'replace blackhole 10.77.0.1/32',
            'del 2001:db8:77::1/128',
            'add blackhole 2001:db8:77::1/128',
          ],
          without({ ...FULL, '10.5.0.0/16': [VIA_2] }, '10.4.0.0/16', '2001:db8:4::/48'),
        ],
        [
          'the longer one is gone, a shorter one of several legs in place of the other',
          [
            ...['del blackhole 10.77.0.1/32', 'del blackhole 2001:db8:77::1/128'],
            ...['del 10.77.0.0/24', 'del 2001:db8:77::/64'],
            'add 10.77.0.0/16 nexthop via 10.9.0.9 nexthop via 10.9.1.9 weight 3',
            'add 2001:db8:77::/56 nexthop via 2001:db8:9::9 nexthop via 2001:db8:a::9',
          ],
          over(
            ['via 10.9.0.9 dev eth1', 'via 10.9.1.9 dev eth2 weight 3'],
            ['via 2001:db8:9::9 dev eth1', 'via 2001:db8:a::9 dev eth2'],
          ),
        ],
        [
          'gone',
          ['del 10.77.0.0/16', 'del 2001:db8:77::/56'],
          without({ ...FULL, '10.5.0.0/16': [VIA_2] }, '10.4.0.0/16', '2001:db8:4::/48'),
        ],
        ['back', MAIN.map((route) => `add ${route}`), FULL],
      ];
      for (const [what, changes, legs] of steps) {
        await lab.node.ipBatch(changes.map((change) => `route ${change}`));
        if (what === 'gone' || what === 'the longer one leads nowhere') {
          await ownRoutesBecome(lab.node, TABLE, legs, { what });
        } else await become(legs, what);
      }
    });

    it('IPv6 off at an interface and on again: all that needs it goes, and is back', async () => {
      await lab.node.sysctl('net/ipv6/conf/eth1/disable_ipv6', 1);
      const what = 'no IPv6 out of eth1';
      await ownRoutesBecome(lab.node, TABLE, without(FULL, ...OVER_IPV6_OF_ETH1), { what });
      await lab.node.sysctl('net/ipv6/conf/eth1/disable_ipv6', 0);
      await lab.node.ip('address', 'add', '2001:db8:9::1/64', 'dev', 'eth1', 'nodad');
      await lab.node.ip('route', 'replace', '2001:db8:77::/64', 'via', '2001:db8:9::9');
      await become(FULL, 'IPv6 out of eth1 is back');
    });

    it('duplicate address detection that still runs: routes and rules are there once it is done', async () => {
      const { node } = lab;
      const rules = async () => (await kernelRules(node)).filter((rule) => rule.endsWith('-6'));
      const settled = ['10000: from 2001:db8:9::1/128 lookup 100 -6'];
      assert.deepEqual(await rules(), settled);
      await node.ip('link', 'set', 'eth1', 'down');
      for (const [name, value] of [
        ['accept_dad', 1],
        // As many seconds: long enough for a busy machine to look meanwhile.
        ['dad_transmits', 10],
      ] as const)
        await node.sysctl(`net/ipv6/conf/eth1/${name}`, value);
      await until(async () => (await rules()).length === 0, { what: 'no rule without address' });
      await node.ip('link', 'set', 'eth1', 'up');
      await node.ip('address', 'add', '2001:db8:9::1/64', 'dev', 'eth1');
      await node.ipBatch(MAIN.map((route) => `route replace ${route}`));
      const tentative = async () =>
        (await node.ip('-6', 'address', 'show', 'dev', 'eth1', 'tentative')).trim() !== '';
      await become(without(FULL, ...OVER_IPV6_OF_ETH1), 'no IPv6 out of eth1 yet');
      assert.ok(await tentative(), 'detection still runs');
      assert.deepEqual(await rules(), []);
      await until(async () => !(await tentative()), {
        what: 'detection is done',
        deadlineMs: 30_000,
      });
      await become(FULL, 'all routes once detection is done');
      await until(async () => (await rules()).join() === settled.join(), { what: 'the rule' });
    });
  });
}
