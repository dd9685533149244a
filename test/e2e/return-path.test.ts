/**
 * Replies leave by the fabric that brought the request: for every data plane and every return path, who
 * is answered, and which neighbour got how many packets. docs/return-path.md has the same table.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CLOSED_PORT,
  type Fabric,
  PLANE_NAMES,
  PLANES,
  type PlaneName,
  POD,
  PODS,
  ReturnLab,
} from '../support/return-lab.js';
import { GATEWAY, POOL, POOL_V6 } from '../support/two-fabrics.js';

const FABRICS: readonly Fabric[] = ['router1', 'router2'];

type Means = 'nothing' | 'source' | 'endpoints' | 'connmark';

/** By what means a data plane's replies come back by the fabric; otherwise they go to the default route, and are lost. */
const RIGHT: Readonly<Record<PlaneName, readonly Means[]>> = {
  'a service of the host itself': ['source', 'endpoints', 'connmark'],
  'kube-proxy, iptables (nf_tables)': ['endpoints', 'connmark'],
  'kube-proxy, iptables (legacy)': ['endpoints', 'connmark'],
  'kube-proxy, nftables': ['endpoints', 'connmark'],
  'externalTrafficPolicy Cluster, pod here': ['endpoints', 'connmark'],
  'externalTrafficPolicy Cluster, pod elsewhere': ['connmark'],
  'a pod in the network of the host': ['connmark'],
  'direct server return': ['source', 'endpoints', 'connmark'],
};

/** Whose address the routing decision sees of a reply. */
const ROUTED_BY: Readonly<Record<PlaneName, readonly [string, string]>> = {
  'a service of the host itself': PLANES['a service of the host itself'].service,
  'kube-proxy, iptables (nf_tables)': POD,
  'kube-proxy, iptables (legacy)': POD,
  'kube-proxy, nftables': POD,
  'externalTrafficPolicy Cluster, pod here': POD,
  'externalTrafficPolicy Cluster, pod elsewhere': ['10.42.1.10', 'fd00:42:1::10'],
  'a pod in the network of the host': ['192.0.2.10', '2001:db8:2::10'],
  'direct server return': PLANES['direct server return'].service,
};

function table(rules: object) {
  return {
    id: 100,
    name: 'fabric',
    filters: [{ permit: {} }],
    keepInMain: [...PODS],
    rules: { priority: 10_000, ...rules },
  };
}

const POOLS = [POOL, POOL_V6];

const RULES: Readonly<Record<Exclude<Means, 'nothing'>, object>> = {
  source: { from: POOLS },
  // What `returnPath: endpoints` makes of the one endpoint on this node.
  endpoints: { from: [...POOLS, `${POD[0]}/32`, `${POD[1]}/128`] },
  connmark: { from: POOLS, returnPath: 'connmark' },
};

/** As the lab names a connection. */
function named(plane: PlaneName, family: 0 | 1): string {
  return `${plane}, ${family === 0 ? 'IPv4' : 'IPv6'}`;
}

describe('replies to clients behind two fabrics', () => {
  let lab: ReturnLab;

  before(async () => {
    lab = await ReturnLab.create();
  });
  after(() => lab[Symbol.asyncDispose]());

  /** What happens to one request of each plane and family from a fabric's client. */
  async function look(fabric: Fabric) {
    for (const at of [...FABRICS, 'mgmt'] as const) await lab.replies(at);
    await lab.routedBy();
    const answers = await lab.visit(fabric);
    const other = fabric === 'router1' ? 'router2' : 'router1';
    return {
      answers,
      replies: {
        here: await lab.replies(fabric),
        other: await lab.replies(other),
        lost: await lab.replies('mgmt'),
      },
      routedBy: await lab.routedBy(),
    };
  }

  for (const means of ['nothing', 'source', 'endpoints', 'connmark'] as const) {
    it(`with ${means}: ${means === 'nothing' ? 'none comes back' : 'those it is right for come back, the others do not'}`, async () => {
      const daemon =
        means === 'nothing'
          ? undefined
          : await lab.fabrics.daemon({ tables: [table(RULES[means])] }, { args: ['--flush'] });
      for (const fabric of FABRICS) {
        const { answers, replies, routedBy } = await look(fabric);
        for (const plane of PLANE_NAMES) {
          const right = RIGHT[plane].includes(means);
          for (const family of [0, 1] as const) {
            const name = `${named(plane, family)}, at ${fabric}`;
            const service = PLANES[plane].service[family];
            assert.equal(
              answers.get(named(plane, family)),
              right ? PLANES[plane].answers : 'silence',
              name,
            );
            assert.equal(routedBy.get(service), ROUTED_BY[plane][family], name);
            const [here = 0, lost = 0] = [replies.here.get(service), replies.lost.get(service)];
            assert.equal(replies.other.get(service), undefined, name);
            // A connection that works is at least SYN-ACK, data, FIN and an ACK.
            assert.ok(
              right ? here >= 3 && lost === 0 : here === 0 && lost >= 1,
              `${name}: ${here} here, ${lost} lost`,
            );
          }
        }
        // Nothing left under another name than the one that was asked.
        const sources = [...replies.here.keys(), ...replies.lost.keys()];
        assert.ok(
          sources.every((from) => /^(203\.0\.113\.|2001:db8:100::)/.test(from)),
          sources.join(),
        );
      }
      await daemon?.stop();
    });
  }

  describe('what the node needs, where replies go by marks', () => {
    before(async () => {
      await lab.fabrics.daemon({ tables: [table(RULES.connmark)] });
    });

    /** Planes whose client behind a fabric is not answered. */
    const silent = async (fabric: Fabric, family: 0 | 1): Promise<readonly PlaneName[]> => {
      const answers = await lab.visit(fabric);
      return PLANE_NAMES.filter((plane) => answers.get(named(plane, family)) === 'silence');
    };
    const ON_HOST: readonly PlaneName[] = [
      'a service of the host itself',
      'a pod in the network of the host',
    ];

    it('a strict reverse path filter drops requests; a loose one does not', async () => {
      await lab.node.sysctl('net/ipv4/conf/eth2/rp_filter', 1);
      assert.deepEqual(await silent('router2', 0), PLANE_NAMES);
      assert.deepEqual(await silent('router2', 1), []);
      await lab.node.sysctl('net/ipv4/conf/eth2/rp_filter', 2);
      assert.deepEqual(await silent('router2', 0), []);
    });

    it('without any route in main what the host sends is lost, and a loose filter drops the rest', async () => {
      await lab.node.ip('route', 'del', 'default');
      assert.deepEqual(await silent('router2', 0), PLANE_NAMES);
      await lab.node.sysctl('net/ipv4/conf/eth2/rp_filter', 0);
      assert.deepEqual(await silent('router2', 0), ON_HOST);
      await lab.node.ip('route', 'add', 'default', 'via', GATEWAY);
      assert.deepEqual(await silent('router2', 0), []);
    });

    it('resets and ICMP errors of the node come back by themselves', async () => {
      for (const fabric of FABRICS) {
        const answers = await lab.visit(fabric, { port: CLOSED_PORT });
        for (const family of [0, 1] as const) {
          const name = `IPv${family === 0 ? 4 : 6}, at ${fabric}`;
          for (const plane of ['a service of the host itself', 'direct server return'] as const) {
            assert.equal(answers.get(named(plane, family)), 'ECONNREFUSED', `${plane}, ${name}`);
          }
          assert.equal(await lab.knock(fabric, family), 'ECONNREFUSED', name);
        }
      }
    });
  });
});
