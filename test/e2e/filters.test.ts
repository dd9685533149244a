/**
 * Every filter criterion, each in a table of its own over one feed: what a table
 * is to hold is written beside its rules.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FeedAttributes } from '../support/bgp-wire.js';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { Lab, NODE_ADDRESS, router, router6 } from '../support/lab.js';
import { scratchDirectory } from '../support/leftovers.js';
import { until } from '../support/wait.js';

type Attributes = Omit<FeedAttributes, 'nextHop'> & { readonly nextHop?: string };

/** Router 0, AS 65001. */
const FEED_0: Readonly<Record<string, Attributes>> = {
  '10.1.0.0/16': { asPath: [65010], communities: ['65000:100'] },
  '10.1.1.0/24': { asPath: [65010], communities: ['65000:100', '65000:200'] },
  '10.1.1.128/25': { asPath: [65020, 65010] },
  '10.2.0.0/24': { asPath: [65020], largeCommunities: ['65000:1:2'] },
  '10.2.1.0/24': { asPath: [65020, [65030, 65031]], largeCommunities: ['65000:1:3'] },
  '10.3.0.0/24': { nextHop: NODE_ADDRESS },
  '10.3.1.0/24': { nextHop: '192.0.2.7' },
  '172.16.1.0/24': {},
  '172.16.1.64/26': {},
  '172.16.2.0/24': {},
  '172.16.2.128/25': {},
  '0.0.0.0/0': {},
  '2001:db8:a::/48': { asPath: [65010], communities: ['65000:100'] },
  '2001:db8:a:1::/64': {},
  '::/0': {},
};
/** Router 1, AS 65002. */
const FEED_1: Readonly<Record<string, Attributes>> = {
  '10.4.0.0/24': { asPath: [65010] },
  '10.4.1.0/24': { communities: ['65535:65281'] },
  '2001:db8:b::/48': {},
};
/** The node's own: nothing that `permit: {}` accepts may lead there, nor anywhere by default. */
const NEVER = ['10.3.0.0/24', '10.3.1.0/24', '0.0.0.0/0', '::/0'];
const EVERYTHING = [...Object.keys(FEED_0), ...Object.keys(FEED_1)].filter(
  (prefix) => !NEVER.includes(prefix),
);
const IPV6 = EVERYTHING.filter((prefix) => prefix.includes(':'));

const PREFIX_LISTS = {
  // First match wins in order of seq, not of the lines.
  inline: ['seq 20 permit 172.16.1.0/24 le 32', 'seq 10 deny 172.16.1.64/26'],
  file: { file: 'lists.conf' },
};
const LISTS_CONF = `! as FRR writes it
ip prefix-list other seq 5 permit any
ip prefix-list file seq 20 permit 172.16.0.0/12 ge 24 le 25
ip prefix-list file seq 10 deny 172.16.2.128/25
ipv6 prefix-list file seq 5 permit 2001:db8::/32 ge 64
`;

interface Case {
  readonly name: string;
  readonly filters: unknown;
  readonly acceptDefault?: boolean;
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'nothing matches: denied', filters: [], expected: [] },
  {
    name: 'everything, but for default routes and own next hops',
    filters: [{ permit: {} }],
    expected: EVERYTHING,
  },
  {
    name: 'prefix, exact',
    filters: [{ permit: { prefix: '10.1.0.0/16' } }],
    expected: ['10.1.0.0/16'],
  },
  {
    name: 'prefix ge',
    filters: [{ permit: { prefix: '10.1.0.0/16', ge: 17 } }],
    expected: ['10.1.1.0/24', '10.1.1.128/25'],
  },
  {
    name: 'prefix le',
    filters: [{ permit: { prefix: '10.1.0.0/16', le: 24 } }],
    expected: ['10.1.0.0/16', '10.1.1.0/24'],
  },
  {
    name: 'prefix ge and le',
    filters: [{ permit: { prefix: '10.0.0.0/8', ge: 25, le: 25 } }],
    expected: ['10.1.1.128/25'],
  },
  {
    name: 'prefix ge, IPv6',
    filters: [{ permit: { prefix: '2001:db8::/32', ge: 49 } }],
    expected: ['2001:db8:a:1::/64'],
  },
  {
    name: 'the first match decides',
    filters: [
      { deny: { prefix: '10.1.0.0/16', ge: 16, le: 24 } },
      { permit: { prefix: '10.1.0.0/16', ge: 16 } },
    ],
    expected: ['10.1.1.128/25'],
  },
  {
    name: 'prefix list, inline',
    filters: [{ permit: { prefixList: 'inline' } }],
    expected: ['172.16.1.0/24'],
  },
  {
    name: 'prefix list, of a file in FRR’s syntax',
    filters: [{ permit: { prefixList: 'file' } }],
    expected: ['172.16.1.0/24', '172.16.2.0/24', '2001:db8:a:1::/64'],
  },
  {
    name: 'peer',
    filters: [{ permit: { peer: router(1) } }],
    expected: Object.keys(FEED_1),
  },
  {
    name: 'peerAs',
    filters: [{ deny: { peerAs: 65001 } }, { permit: {} }],
    expected: Object.keys(FEED_1),
  },
  {
    name: 'originAs',
    filters: [{ permit: { originAs: 65010 } }],
    expected: ['10.1.0.0/16', '10.1.1.0/24', '10.1.1.128/25', '10.4.0.0/24', '2001:db8:a::/48'],
  },
  {
    name: 'asPath, with its delimiter',
    filters: [{ permit: { asPath: '_65020_' } }],
    expected: ['10.1.1.128/25', '10.2.0.0/24', '10.2.1.0/24'],
  },
  {
    name: 'asPath, anchored',
    filters: [{ permit: { asPath: '^65002( 65010)?$' } }],
    expected: ['10.4.0.0/24', '10.4.1.0/24', '2001:db8:b::/48'],
  },
  {
    name: 'asPath, a set',
    filters: [{ permit: { asPath: '_65031_' } }],
    expected: ['10.2.1.0/24'],
  },
  {
    name: 'community',
    filters: [{ permit: { community: '65000:100' } }],
    expected: ['10.1.0.0/16', '10.1.1.0/24', '2001:db8:a::/48'],
  },
  {
    name: 'community, well known',
    filters: [{ permit: { community: 'no-export' } }],
    expected: ['10.4.1.0/24'],
  },
  {
    name: 'largeCommunity',
    filters: [{ permit: { largeCommunity: '65000:1:2' } }],
    expected: ['10.2.0.0/24'],
  },
  { name: 'family', filters: [{ permit: { family: 'ipv6' } }], expected: IPV6 },
  {
    name: 'all keys of a rule must match',
    filters: [
      { permit: { family: 'ipv4', peer: router(0), originAs: 65010, community: '65000:200' } },
    ],
    expected: ['10.1.1.0/24'],
  },
  {
    name: 'default routes, permitted alone',
    filters: [{ permit: { prefix: '0.0.0.0/0' } }, { permit: { prefix: '::/0' } }],
    expected: [],
  },
  {
    name: 'default routes, with acceptDefault',
    filters: [{ permit: { prefix: '0.0.0.0/0' } }, { permit: { prefix: '::/0' } }],
    acceptDefault: true,
    expected: ['0.0.0.0/0', '::/0'],
  },
  {
    name: 'rules of a file',
    filters: { file: 'filters.yaml' },
    expected: ['10.4.0.0/24', '10.4.1.0/24'],
  },
];
const FILTERS_YAML = `- permit: { prefix: 10.4.0.0/16, le: 24 }\n`;

for (const version of GOBGPD_VERSIONS) {
  describe(`filters over a feed of gobgpd ${version}`, () => {
    let lab: Lab;
    let daemon: Daemon;
    const files = scratchDirectory('filters');

    const announce = (i: number, feed: Readonly<Record<string, Attributes>>) =>
      lab.router(i).announce(
        Object.entries(feed).map(([prefix, attributes]) => ({
          prefixes: [prefix],
          attributes: { nextHop: prefix.includes(':') ? router6(i) : router(i), ...attributes },
        })),
      );
    const table = (name: string) => 100 + CASES.findIndex((one) => one.name === name);

    before(async () => {
      lab = await Lab.start({ version, routers: 2 });
      await lab.node.ip('address', 'add', '192.0.2.7/32', 'dev', 'lo');
      await writeFile(join(files.path, 'lists.conf'), LISTS_CONF);
      await writeFile(join(files.path, 'filters.yaml'), FILTERS_YAML);
      await announce(0, FEED_0);
      await announce(1, FEED_1);
      await lab.hasRoutes(14, 4);
      daemon = await lab.daemon({
        prefixLists: { ...PREFIX_LISTS, file: { file: join(files.path, 'lists.conf') } },
        tables: CASES.map(({ filters, acceptDefault = false }, i) => ({
          id: 100 + i,
          acceptDefault,
          filters: Array.isArray(filters) ? filters : { file: join(files.path, 'filters.yaml') },
        })),
      });
    });
    after(async () => {
      await lab[Symbol.asyncDispose]();
      files.remove();
    });

    for (const { name, expected } of CASES) {
      it(name, async () => {
        const found = await ownRoutes(lab.node, table(name));
        assert.deepEqual([...found.keys()].sort(), [...expected].sort());
      });
    }

    it('the rejected are told with their reason, and hits are counted by rule', async () => {
      const { tables } = await daemon.status();
      const of = (name: string) => tables.find(({ id }) => id === table(name));
      const everything = of('everything, but for default routes and own next hops');
      assert.deepEqual(everything?.rejected, { 'default-route': 2, 'next-hop-local': 2 });
      assert.deepEqual(
        of('the first match decides')?.filters.map(({ hits }) => hits),
        [2, 1],
      );
      assert.deepEqual(of('the first match decides')?.rejected, { denied: 2, 'no-match': 15 });
      const { tables: explained } = await daemon.explain('10.1.1.0/24');
      const steps = explained.find(({ id }) => id === table('the first match decides'))?.steps;
      const filter = steps?.find(({ stage }) => stage === 'filter');
      assert.equal(filter?.outcome, 'no');
      assert.match(filter?.text ?? '', /filters\[0\]/);
    });

    it('a list of a file follows the file', async () => {
      await writeFile(join(files.path, 'lists.conf'), LISTS_CONF.replace('ge 24 le 25', 'ge 26'));
      const name = 'prefix list, of a file in FRR’s syntax';
      const expected = ['172.16.1.64/26', '2001:db8:a:1::/64'];
      await until(
        async () => {
          const found = await ownRoutes(lab.node, table(name));
          assert.deepEqual([...found.keys()].sort(), expected);
          return true;
        },
        { what: 'the new list holds' },
      );
    });

    it('an address that the node is given takes routes to it out', async () => {
      const name = 'everything, but for default routes and own next hops';
      const has = (present: boolean) =>
        until(async () => (await ownRoutes(lab.node, table(name))).has('10.4.0.0/24') === present, {
          what: `10.4.0.0/24 is ${present ? 'there' : 'gone'}`,
        });
      await lab
        .router(1)
        .announce([{ attributes: { nextHop: '192.0.2.8' }, prefixes: ['10.4.0.0/24'] }]);
      await has(false);
      await lab.node.ip('route', 'add', '192.0.2.0/24', 'dev', 'eth1');
      await has(true);
      await lab.node.ip('address', 'add', '192.0.2.8/32', 'dev', 'lo');
      await has(false);
      await lab.node.ip('address', 'del', '192.0.2.8/32', 'dev', 'lo');
      await has(true);
    });
  });
}
