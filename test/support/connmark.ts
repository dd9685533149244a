/** The nftables table rib2fib as nft lists it, not as our own code reads it; and whom it lets come back. */
import assert from 'node:assert/strict';
import { CLIENTS, type Fabric, PLANE_NAMES, PLANES, PODS, type ReturnLab } from './return-lab.js';
import { POOL, POOL_V6 } from './two-fabrics.js';
import { until } from './wait.js';

/** `rules` that go by marks, for both pools. */
export const CONNMARK = { from: [POOL, POOL_V6], returnPath: 'connmark' };

/** A table of the fabrics. */
export function table(rules: object = CONNMARK, more: object = {}) {
  return {
    id: 100,
    name: 'fabric',
    filters: [{ permit: {} }],
    keepInMain: [...PODS],
    rules: { priority: 10_000, ...rules },
    ...more,
  };
}

/** By name, the elements of the sets of our table; `undefined` where it does not stand. */
export async function standing(
  lab: ReturnLab,
): Promise<Record<string, readonly string[]> | undefined> {
  const text = await lab.node
    .exec('nft', '-j', 'list', 'table', 'inet', 'rib2fib')
    .catch((error: Error) => {
      assert.match(error.message, /No such file or directory/);
      return undefined;
    });
  if (text === undefined) return undefined;
  type Elem = string | { prefix: { addr: string; len: number } };
  const { nftables } = JSON.parse(text) as {
    nftables: { set?: { name: string; elem?: readonly Elem[] } }[];
  };
  const sets = nftables.flatMap(({ set }) => set ?? []);
  return Object.fromEntries(
    sets.map(({ name, elem = [] }) => [
      name,
      elem
        .map((one) => (typeof one === 'string' ? one : `${one.prefix.addr}/${one.prefix.len}`))
        .sort(),
    ]),
  );
}

/** What stands where the table leads out of both fabrics. */
export const FULL = {
  interfaces_100: ['eth1', 'eth2'],
  pools_ipv4_100: [POOL],
  pools_ipv6_100: [POOL_V6],
};

/** Waits until {@link standing} is this. */
export async function becomes(
  lab: ReturnLab,
  wanted: Readonly<Record<string, readonly string[]>> | undefined,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const text = JSON.stringify(wanted);
  await until(async () => JSON.stringify(await standing(lab)) === text, { what, deadlineMs });
}

/** Every service answers a client behind this fabric, by default its own, as it should. */
export async function allAnswerIn(
  lab: ReturnLab,
  fabric: Fabric,
  from: readonly [ipv4: string, ipv6: string] = CLIENTS[fabric],
): Promise<void> {
  const answers = await lab.visit(fabric, { from, patience: 3000 });
  for (const [connection, answer] of answers) {
    const plane = PLANE_NAMES.find((name) => connection.startsWith(name));
    assert.equal(answer, plane && PLANES[plane].answers, `${connection}, at ${fabric}`);
  }
}
