/**
 * Replies leave by the fabric that brought the request: for every data plane and every return path, who
 * is answered, and which neighbour got how many packets. docs/return-path.md has the same table. The data
 * plane that takes another kernel is in return-path-ipvs.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CLOSED_PORT,
  connectionName,
  type Fabric,
  PLANE_NAMES,
  PLANES,
  type PlaneName,
  POD,
  ReturnLab,
} from '../support/return-lab.js';
import { GATEWAY } from '../support/two-fabrics.js';
import { type Expected, FABRICS, proveMeans, tableFor } from './return-path-means.js';

const POD_ROUTED = { right: ['endpoints', 'connmark'], routedBy: POD } as const;

const EXPECTED: Readonly<Record<PlaneName, Expected>> = {
  'a service of the host itself': {
    right: ['source', 'endpoints', 'connmark'],
    routedBy: PLANES['a service of the host itself'].service,
  },
  'kube-proxy, iptables (nf_tables)': POD_ROUTED,
  'kube-proxy, iptables (legacy)': POD_ROUTED,
  'kube-proxy, nftables': POD_ROUTED,
  'externalTrafficPolicy Cluster, pod here': POD_ROUTED,
  'externalTrafficPolicy Cluster, pod elsewhere': {
    right: ['connmark'],
    routedBy: ['10.42.1.10', 'fd00:42:1::10'],
  },
  'a pod in the network of the host': {
    right: ['connmark'],
    routedBy: ['192.0.2.10', '2001:db8:2::10'],
  },
  'direct server return': {
    right: ['source', 'endpoints', 'connmark'],
    routedBy: PLANES['direct server return'].service,
  },
};

describe('replies to clients behind two fabrics', () => {
  let lab: ReturnLab;

  before(async () => {
    lab = await ReturnLab.create();
  });
  after(() => lab[Symbol.asyncDispose]());

  proveMeans(() => lab, EXPECTED);

  describe('what the node needs, where replies go by marks', () => {
    before(async () => {
      await lab.fabrics.daemon({ tables: [tableFor('connmark')] });
    });

    /** Planes whose client behind a fabric is not answered. */
    const silent = async (fabric: Fabric, family: 0 | 1): Promise<readonly PlaneName[]> => {
      const answers = await lab.visit(fabric);
      return PLANE_NAMES.filter(
        (plane) => answers.get(connectionName(plane, family)) === 'silence',
      );
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
            assert.equal(
              answers.get(connectionName(plane, family)),
              'ECONNREFUSED',
              `${plane}, ${name}`,
            );
          }
          assert.equal(await lab.knock(fabric, family), 'ECONNREFUSED', name);
        }
      }
    });
  });
});
