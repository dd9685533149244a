/**
 * A router that announces the cluster's own ranges, a default route and what lies within: gobgpd takes
 * all of it, and rib2fib none. A real API server says what is the cluster's, a real gobgpd what is heard.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { kernelRoutes, OWN, ownRoutesBecome } from '../support/kernel-view.js';
import { SERVICE_CIDRS } from '../support/kube/api-server.js';
import { API_ADDRESS, KubeCluster } from '../support/kube/cluster.js';
import { node as nodeObject } from '../support/kube/objects.js';
import { mayWatch } from '../support/kube/service-account.js';
import { Lab, legs, legs6, router, router6 } from '../support/lab.js';
import type { Netns } from '../support/netns.js';

const [SERVICES, SERVICES6] = SERVICE_CIDRS;

/** What the router announces, and what `explain` says of each. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  '10.244.2.0/24': /^cluster-range: pod CIDR of node-b; never learned/,
  '10.244.1.128/25': /^cluster-range: inside 10\.244\.1\.0\/24: pod CIDR of node-a; never learned/,
  'fd00:244:2::/64': /^cluster-range: pod CIDR of node-b; never learned/,
  [SERVICES]: /^cluster-range: service CIDR kubernetes; never learned/,
  '10.96.0.1/32': /^cluster-range: address of the API server, default\/kubernetes; never learned/,
  '10.96.8.0/21': /^cluster-range: inside 10\.96\.0\.0\/16: service CIDR kubernetes; never learned/,
  [SERVICES6]: /^cluster-range: service CIDR kubernetes; never learned/,
  '192.0.2.102/32': /^cluster-range: address of node node-b; never learned/,
  '2001:db8:2::102/128': /^cluster-range: address of node node-b; never learned/,
  [`${API_ADDRESS}/32`]: /^cluster-range: address of the API server, .*; never learned/,
  '0.0.0.0/0': /default route needs acceptDefault/,
  '::/0': /default route needs acceptDefault/,
};
/** What is nobody's; one of them covers ranges of the cluster, whose inside stays in main. */
const LEARNED = {
  '10.64.0.0/16': legs(0),
  '10.244.0.0/16': legs(0),
  '2001:db8:64::/48': legs6(0),
};

const table = { id: 100, name: 'fabric', filters: [{ permit: {} }] };
const config = (kubernetes: object, more: object = {}) => ({
  discovery: { kubernetes: { status: false, ...kubernetes } },
  tables: [{ ...table, ...more }],
});

describe('the ranges of a cluster, announced by a router', { concurrency: 1 }, () => {
  let cluster: KubeCluster;

  before(async () => {
    cluster = await KubeCluster.start();
    const addresses = (v4: string, v6: string) => ({ internalIPs: [v4], externalIPs: [v6] });
    await cluster.apply([
      nodeObject('node-a', {
        podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'],
        ...addresses('192.0.2.101', '2001:db8:2::101'),
      }),
      nodeObject('node-b', {
        podCIDRs: ['10.244.2.0/24', 'fd00:244:2::/64'],
        ...addresses('192.0.2.102', '2001:db8:2::102'),
      }),
    ]);
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  for (const version of GOBGPD_VERSIONS) {
    it(`are refused one and all, each with its reason, from gobgpd ${version}`, async () => {
      await using lab = await Lab.start({ version });
      await cluster.join(lab.node);
      const account = await cluster.account(`with-${version}`, [
        mayWatch('', 'nodes', 'services'),
        mayWatch('discovery.k8s.io', 'endpointslices'),
        mayWatch('networking.k8s.io', 'servicecidrs'),
        mayWatch('cilium.io', 'ciliumnodes', 'ciliumpodippools'),
      ]);
      const { wrap, env } = await cluster.pod(account);
      const announced = [...Object.keys(REFUSED), ...Object.keys(LEARNED)];
      const ipv4 = announced.filter((prefix) => !prefix.includes(':'));
      const ipv6 = announced.filter((prefix) => prefix.includes(':'));
      await lab.router(0).announce([
        { attributes: { nextHop: router(0) }, prefixes: ipv4 },
        { attributes: { nextHop: router6(0) }, prefixes: ipv6 },
      ]);
      await lab.router(0).endOfRib();
      await lab.hasRoutes(ipv4.length, ipv6.length);
      const options = { wrap, env: { ...env, NODE_NAME: 'node-a' } };
      const daemon = await lab.daemon(config({}), options);
      await ownRoutesBecome(lab.node, 100, LEARNED, { what: 'what is nobody’s is learned' });
      await throws(lab.node, '10.244.2.0/24', SERVICES, '192.0.2.102/32', SERVICES6);
      for (const [prefix, reason] of Object.entries(REFUSED)) await refuses(daemon, prefix, reason);
      const { stdout } = await daemon.cli('explain', '10.244.2.0/24');
      assert.match(
        stdout,
        /✗ filter +cluster-range: pod CIDR of node-b; never learned \(discovery/,
      );

      // Even one who accepts default routes from everybody has none of the cluster's ranges.
      await daemon.configure(lab.config(config({}, { acceptDefault: true })));
      const defaults = { '0.0.0.0/0': legs(0), '::/0': legs6(0) };
      await ownRoutesBecome(lab.node, 100, { ...LEARNED, ...defaults }, { what: 'default routes' });
      for (const [prefix, reason] of Object.entries(REFUSED)) {
        if (!prefix.endsWith('/0')) await refuses(daemon, prefix, reason);
      }

      // By name the configuration may let them be learned: one kind, and no other.
      const rest = ['podPools', 'serviceCidrs', 'nodeAddresses', 'apiServer'];
      await daemon.configure(lab.config(config({ protect: rest })));
      const pods = {
        '10.244.2.0/24': legs(0),
        '10.244.1.128/25': legs(0),
        'fd00:244:2::/64': legs6(0),
      };
      await ownRoutesBecome(
        lab.node,
        100,
        { ...LEARNED, ...pods },
        { what: 'pod CIDRs are learned' },
      );
      await refuses(daemon, SERVICES, REFUSED[SERVICES] ?? /never/);
      await refuses(daemon, '192.0.2.102/32', REFUSED['192.0.2.102/32'] ?? /never/);
    });
  }

  async function refuses(daemon: Daemon, prefix: string, reason: RegExp): Promise<void> {
    const [told] = (await daemon.explain(prefix)).tables;
    const no = told?.steps.find(({ outcome }) => outcome === 'no');
    assert.match(no?.text ?? '', reason, prefix);
  }

  /** Each sends what is inside on to the next rules. */
  async function throws(node: Netns, ...ranges: readonly string[]): Promise<void> {
    const routes = await kernelRoutes(node, 100);
    const thrown = routes.filter(({ type, protocol }) => type === 'throw' && protocol === OWN);
    const kept = thrown.map(({ dst }) => dst);
    for (const range of ranges) assert.ok(kept.includes(range), `${range} is not in ${kept}`);
  }
});
