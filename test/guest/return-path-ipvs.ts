/** Replies of services behind kube-proxy in ipvs mode; daemons/return-path-ipvs.test.ts runs this in a kernel with CONFIG_IP_VS. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { type Expected, proveMeans } from '../daemons/return-path-means.js';
import { IPVS_PLANES } from '../support/ipvs-planes.js';
import { connectionName, ReturnLab } from '../support/return-lab.js';
import { GATEWAY, GATEWAY_V6 } from '../support/two-fabrics.js';

type IpvsPlane = keyof typeof IPVS_PLANES;

const HERE: readonly IpvsPlane[] = [
  'ipvs, pod here',
  'ipvs, externalTrafficPolicy Cluster, pod here',
];
const ELSEWHERE: IpvsPlane = 'ipvs, externalTrafficPolicy Cluster, pod elsewhere';
const ON_HOST: IpvsPlane = 'ipvs, a pod in the network of the host';
const NONE: readonly IpvsPlane[] = [];
const ALL: readonly IpvsPlane[] = [...HERE, ELSEWHERE, ON_HOST];

/** An emulated processor has no time for looks that find nothing. */
const PATIENT = { deadlineMs: 100_000, everyMs: 500 };

/** ipvs looks the route up again, once it has put the service's address back. */
function byService(plane: IpvsPlane): Expected {
  return {
    right: ['source', 'endpoints', 'connmark'],
    routedBy: IPVS_PLANES[plane].service,
  };
}

const EXPECTED: Readonly<Record<IpvsPlane, Expected>> = {
  'ipvs, pod here': byService('ipvs, pod here'),
  'ipvs, externalTrafficPolicy Cluster, pod here': byService(
    'ipvs, externalTrafficPolicy Cluster, pod here',
  ),
  'ipvs, externalTrafficPolicy Cluster, pod elsewhere': byService(ELSEWHERE),
  'ipvs, a pod in the network of the host': byService(ON_HOST),
};

describe('replies to clients behind two fabrics', () => {
  let lab: ReturnLab;

  before(async () => {
    lab = await ReturnLab.create({ planes: IPVS_PLANES, patience: 3000 });
  });
  after(() => lab[Symbol.asyncDispose]());

  /** Those planes are silent, in both families, and no others. */
  const silent = async (planes: readonly IpvsPlane[], what: string) => {
    const answers = await lab.visit('router2');
    const connections = [...answers].filter(([, answer]) => answer === 'silence');
    assert.deepEqual(
      connections.map(([name]) => name).sort(),
      planes.flatMap((plane) => [connectionName(plane, 0), connectionName(plane, 1)]).sort(),
      what,
    );
  };
  /** The same while a kernel variable is 0; it is 1 otherwise. */
  const silentWithout = async (variable: string, planes: readonly IpvsPlane[]) => {
    await lab.node.sysctl(`net/ipv4/vs/${variable}`, 0);
    await silent(planes, `vs/${variable} is 0`);
    await lab.node.sysctl(`net/ipv4/vs/${variable}`, 1);
  };
  const silentWithoutDefault = async (planes: readonly IpvsPlane[]) => {
    await lab.node.ipBatch(['route del default', 'route del ::/0']);
    await silent(planes, 'no default route');
    await lab.node.ipBatch([
      `route add default via ${GATEWAY}`,
      `route add ::/0 via ${GATEWAY_V6}`,
    ]);
  };

  proveMeans(() => lab, EXPECTED, {
    daemon: PATIENT,
    more: {
      source: async () => {
        await silentWithout('snat_reroute', ALL);
        // Without tracking ipvs does not masquerade: the other node's pod answers the client by itself.
        await silentWithout('conntrack', [ELSEWHERE]);
        await silentWithoutDefault(ALL);
      },
      endpoints: async () => {
        await silentWithout('snat_reroute', [ELSEWHERE, ON_HOST]);
        await silentWithout('conntrack', [ELSEWHERE]);
      },
      connmark: async () => {
        await silentWithout('snat_reroute', NONE);
        await silentWithout('conntrack', ALL);
        await silentWithoutDefault([ON_HOST]);
      },
    },
  });
});
