/** What is proved of every data plane: by which means replies leave by the fabric that brought the request. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DaemonOptions } from '../support/daemon.js';
import { connectionName, type Fabric, POD, PODS, type ReturnLab } from '../support/return-lab.js';
import { POOL, POOL_V6 } from '../support/two-fabrics.js';

export const FABRICS: readonly Fabric[] = ['router1', 'router2'];

export type Means = 'nothing' | 'source' | 'endpoints' | 'connmark';

export interface Expected {
  /** By what means a data plane's replies come back by the fabric; otherwise they go to the default route, and are lost. */
  readonly right: readonly Means[];
  /** Whose address the routing decision sees of a reply. */
  readonly routedBy: readonly [ipv4: string, ipv6: string];
}

export interface ProofOptions {
  /** Within the test of those means, while the daemon runs. */
  readonly more?: Readonly<Partial<Record<Means, () => Promise<void>>>>;
  readonly daemon?: Partial<DaemonOptions>;
}

const POOLS = [POOL, POOL_V6];

const RULES: Readonly<Record<Exclude<Means, 'nothing'>, object>> = {
  source: { from: POOLS },
  // What `returnPath: endpoints` makes of the one endpoint on this node.
  endpoints: { from: [...POOLS, `${POD[0]}/32`, `${POD[1]}/128`] },
  connmark: { from: POOLS, returnPath: 'connmark' },
};

/** Of a configuration, the table that brings replies back by these means. */
export function tableFor(means: Exclude<Means, 'nothing'>) {
  return {
    id: 100,
    name: 'fabric',
    filters: [{ permit: {} }],
    keepInMain: [...PODS],
    rules: { priority: 10_000, ...RULES[means] },
  };
}

/**
 * One test for each of the means, without any first: who is answered at each fabric, and how many
 * packets each neighbour got of it.
 * @param expected for every plane of the lab.
 */
export function proveMeans(
  lab: () => ReturnLab,
  expected: Readonly<Record<string, Expected>>,
  { more = {}, daemon: options = {} }: ProofOptions = {},
): void {
  for (const means of ['nothing', 'source', 'endpoints', 'connmark'] as const) {
    it(`with ${means}: ${means === 'nothing' ? 'none comes back' : 'those it is right for come back, the others do not'}`, async () => {
      const daemon =
        means === 'nothing'
          ? undefined
          : await lab().fabrics.daemon(
              { tables: [tableFor(means)] },
              { args: ['--flush'], ...options },
            );
      try {
        for (const fabric of FABRICS) await provePlanes(lab(), fabric, means, expected);
        await more[means]?.();
      } finally {
        await daemon?.stop();
      }
    });
  }
}

async function provePlanes(
  lab: ReturnLab,
  fabric: Fabric,
  means: Means,
  expected: Readonly<Record<string, Expected>>,
): Promise<void> {
  const { answers, replies, routedBy } = await look(lab, fabric);
  for (const [plane, { service: addresses, answers: answering }] of Object.entries(lab.planes)) {
    const wanted = expected[plane];
    assert.ok(wanted, plane);
    const right = wanted.right.includes(means);
    for (const family of [0, 1] as const) {
      const connection = connectionName(plane, family);
      const name = `${connection}, at ${fabric}`;
      const service = addresses[family];
      assert.equal(answers.get(connection), right ? answering : 'silence', name);
      assert.equal(routedBy.get(service), wanted.routedBy[family], name);
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

/** What happens to one request of each plane and family from a fabric's client. */
async function look(lab: ReturnLab, fabric: Fabric) {
  await read(lab);
  const answers = await lab.visit(fabric);
  const { mgmt: lost, routedBy, ...at } = await read(lab);
  const other = fabric === 'router1' ? 'router2' : 'router1';
  return { answers, routedBy, replies: { here: at[fabric], other: at[other], lost } };
}

/** What was counted since the last call. */
async function read(lab: ReturnLab) {
  const [router1, router2, mgmt, routedBy] = await Promise.all([
    lab.replies('router1'),
    lab.replies('router2'),
    lab.replies('mgmt'),
    lab.routedBy(),
  ]);
  return { router1, router2, mgmt, routedBy };
}
