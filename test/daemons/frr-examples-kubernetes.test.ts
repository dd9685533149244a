/**
 * The folders of frr-examples for Kubernetes: their objects are parsed, FRR gets
 * what frr-k8s or MetalLB render of them for one router, in our words, and the
 * example's lines behind it, with the options that those start bgpd with.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAMILIES } from '../../src/net/family.js';
import { ExampleLab, exampleObject, gatewaysOf } from '../support/example-lab.js';
import { FRR_VERSIONS, startFrr } from '../support/frr.js';
import { type Gobgpd, startGobgpd } from '../support/gobgpd.js';

const NET = '198.51.100.0/24';
const NET6 = '2001:db8:1000::/48';
const OTHER = '10.77.0.0/16';
const LEARNED = {
  [NET]: ['via 10.9.0.2 dev eth1'],
  [NET6]: ['via 2001:db8:9::2 dev eth1'],
};

async function announce(router: Gobgpd): Promise<void> {
  for (const prefix of [NET, OTHER]) {
    await router.cli('global', 'rib', 'add', prefix, 'nexthop', '10.9.0.2');
  }
  await router.cli('global', 'rib', 'add', '-a', 'ipv6', NET6, 'nexthop', '2001:db8:9::2');
}

/** What both render of one router, in both address families; `incoming` is its route-map. */
function rendered(asn: number, peer: string, peerAsn: number, incoming: string): string {
  return `
hostname node
ip nht resolve-via-default
ipv6 nht resolve-via-default
route-map ${peer}-in ${incoming}
exit
route-map ${peer}-out permit 1
exit
router bgp ${asn}
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 bgp graceful-restart preserve-fw-state
 neighbor ${peer} remote-as ${peerAsn}
 neighbor ${peer} timers connect 3
 address-family ipv4 unicast
  neighbor ${peer} activate
  neighbor ${peer} route-map ${peer}-in in
  neighbor ${peer} route-map ${peer}-out out
 exit-address-family
 address-family ipv6 unicast
  neighbor ${peer} activate
  neighbor ${peer} route-map ${peer}-in in
  neighbor ${peer} route-map ${peer}-out out
 exit-address-family
exit
`;
}

/** An FRRConfiguration, as far as its reader looks: frr-k8s, api/v1beta1. */
interface FrrConfiguration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly bgp: {
      readonly routers: readonly {
        readonly asn: number;
        readonly neighbors: readonly {
          readonly address: string;
          readonly asn: number;
          readonly toReceive: { readonly allowed: { readonly mode: string } };
        }[];
      }[];
    };
    readonly raw: { readonly priority: number; readonly rawConfig: string };
  };
}

function ofFrrK8s(folder: string): string {
  const object = exampleObject(folder, 'frrconfiguration.yaml') as unknown as FrrConfiguration;
  assert.equal(object.apiVersion, 'frrk8s.metallb.io/v1beta1');
  assert.equal(object.kind, 'FRRConfiguration');
  const { bgp, raw } = object.spec;
  const [{ asn, neighbors } = { asn: 0, neighbors: [] }] = bgp.routers;
  const [neighbor] = neighbors;
  assert.ok(neighbor !== undefined && neighbors.length === 1 && bgp.routers.length === 1);
  assert.equal(neighbor.toReceive.allowed.mode, 'all');
  return rendered(asn, neighbor.address, neighbor.asn, 'permit 1') + raw.rawConfig;
}

/** MetalLB reads the key `extras` of a ConfigMap of this name in its own namespace. */
function ofMetallb(folder: string): string {
  const { kind, metadata, data } = exampleObject(folder, 'bgpextras.yaml') as {
    readonly kind?: string;
    readonly metadata?: { readonly name: string; readonly namespace: string };
    readonly data?: Readonly<Record<string, string>>;
  };
  assert.equal(kind, 'ConfigMap');
  assert.deepEqual(metadata, { name: 'bgpextras', namespace: 'metallb-system' });
  assert.deepEqual(Object.keys(data ?? {}), ['extras']);
  return rendered(65000, '10.9.0.2', 65001, 'deny 20') + data?.['extras'];
}

const EXAMPLES = [
  { folder: 'frr-k8s', config: ofFrrK8s, inMain: false, keptInMain: [] },
  { folder: 'metallb', config: ofMetallb, inMain: false, keptInMain: [] },
  {
    ...{ folder: 'ovn-kubernetes', config: ofFrrK8s, inMain: true },
    keptInMain: ['10.128.0.0/14', '172.30.0.0/16'],
  },
] as const;

describe('frr-examples for Kubernetes', { concurrency: 3 }, () => {
  for (const { folder, config, inMain, keptInMain } of EXAMPLES) {
    for (const version of FRR_VERSIONS) {
      it(`${folder} with FRR ${version}: learns what it calls best; nothing goes where it restarts with its router cut`, async () => {
        await using lab = await ExampleLab.create();
        // The router takes calls only: bgpd of MetalLB and frr-k8s calls.
        const router = lab.keep(
          await startGobgpd({
            ...{ version: '4.8', netns: lab.fabrics.router1, as: 65001, routerId: '10.9.0.2' },
            // It sends End-of-RIB, as routers do; FRR's update-delay waits for that.
            neighbors: [{ address: '10.9.0.1', as: 65000, gracefulRestart: { restartTime: 5 } }],
          }),
        );
        await announce(router);
        const text = config(folder);
        const frr = lab.keep(
          await startFrr({
            ...{ version, netns: lab.node, config: text },
            args: { bgpd: ['-A', '127.0.0.1', '-p', '0'] },
          }),
        );
        const daemon = await lab.rib2fib(folder);
        await lab.becomes(LEARNED);
        const main = await lab.node.ip('route', 'show', NET, 'table', 'main');
        assert.equal(main !== '', inMain, main);
        const kept = await lab.node.ip('route', 'show', 'table', '100', 'type', 'throw');
        for (const prefix of keptInMain) assert.ok(kept.includes(`throw ${prefix} `), kept);
        const check = await daemon.cli('check');
        assert.equal(check.code, 0, check.stdout);
        assert.doesNotMatch(check.stdout, /warning/);
        const best = await Promise.all(FAMILIES.map((family) => frr.bestPaths(family)));
        // MetalLB's own FRR takes in what its prefix-lists permit, frr-k8s all.
        assert.equal(best[0]?.has(OTHER), folder !== 'metallb');
        const permitted = best.flatMap((one) => [...one]).filter(([prefix]) => prefix !== OTHER);
        assert.deepEqual(gatewaysOf(await lab.own()), new Map(permitted));
        assert.match(await frr.vtysh('show running-config'), /update-delay 60 20/);

        // FRR first: one that sees its router go takes the routes back, and is right.
        for (const name of [...frr.daemons].reverse()) await frr.stop(name, 'SIGKILL');
        await router.stop('SIGKILL');
        await frr.configure(text.replace('update-delay 60 20', 'update-delay 10 3'));
        for (const name of frr.daemons) await frr.launch(name);
        const waits = async () => {
          const { state } = (await daemon.status()).source;
          return state.state === 'syncing' ? state.waitingFor : state.state;
        };
        // FRR says at the end of its update-delay that it has told all: nothing.
        await lab.remains(LEARNED, async () => /came without any$/.test(await waits()));
        await router.launch();
        await announce(router);
        await lab.remains(LEARNED, async () => (await waits()) === 'more peers to call');
      });
    }
  }
});
