/** Source `bgp` keeps all that its peers tell: tables choose among it, and choose anew after a reload, with nothing asked for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { announcement, endOfRib, withdrawal } from '../support/bgp-wire.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { ownRoutes, ownRoutesBecome } from '../support/kernel-view.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { RawBgp, type RawConnection } from '../support/raw-bgp.js';
import { until } from '../support/wait.js';

const NODE = '10.9.0.1';
const NEAR = '10.9.0.2';
const FAR = '10.9.0.3';
const SHARED = ['10.64.0.0/16', '10.65.0.0/16'];
const ONLY_NEAR = '10.66.0.0/16';
const ONLY_FAR = '10.67.0.0/16';

type Rules = readonly Readonly<Record<string, unknown>>[];

/** One table for each list of filter rules: 100, 200, … */
function config(...tables: readonly (Rules | { filters: Rules; limits: Rules })[]) {
  const peers = [
    { address: NEAR, as: 65001 },
    { address: FAR, as: 65002 },
  ];
  return {
    source: { bgp: { listen: `${NODE}:179`, as: 65000, routerId: '10.255.0.1', peers } },
    hold: '1s',
    tables: tables.map((table, i) => ({
      id: 100 * (i + 1),
      ...('limits' in table ? table : { filters: table }),
    })),
  };
}

const via = (peer: string, ...prefixes: readonly string[]) =>
  Object.fromEntries(prefixes.map((prefix) => [prefix, [`via ${peer} dev eth1`]]));

describe('tables over peers of source bgp', { concurrency: 1 }, () => {
  let fabric: Netns;
  let node: Netns;
  let daemon: Daemon;
  let raw: RawBgp;
  let near: RawConnection;
  let far: RawConnection;

  const become = (table: number, routes: Readonly<Record<string, readonly string[]>>) =>
    ownRoutesBecome(node, table, routes, { what: `table ${table}`, deadlineMs: 20_000 });
  const session = async (peer: string, localAs: number, routerId: string, more: string) => {
    const connection = await raw.connect(peer, NODE);
    await connection.establish({ as: localAs, routerId });
    // The far one has the longer path.
    const attributes = { nextHop: peer, asPath: peer === FAR ? [65010] : [] };
    connection.send(
      ...announcement('ipv4', [...SHARED, more], attributes, { localAs, internal: false }),
      ...[endOfRib('ipv4'), endOfRib('ipv6')],
    );
    return connection;
  };

  before(async () => {
    fabric = await createNetns('fabric');
    node = await createNetns('node');
    const addresses = [`${NEAR}/24`, `${FAR}/24`];
    const port = { name: 'eth1', addresses: [`${NODE}/24`] };
    await connect(fabric, { name: 'f0', addresses }, node, port);
    daemon = await startDaemon({
      ...{ netns: node, until: 'admin' },
      config: config([{ permit: { peer: NEAR } }], [{ permit: { peer: FAR } }], [{ permit: {} }]),
    });
    raw = RawBgp.start(fabric);
    near = await session(NEAR, 65001, '10.255.0.2', ONLY_NEAR);
    far = await session(FAR, 65002, '10.255.0.3', ONLY_FAR);
  });
  after(async () => {
    await raw?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
    await fabric?.[Symbol.asyncDispose]();
  });

  it('each has the path of the peer that it permits; one that permits both, the best', async () => {
    await become(100, via(NEAR, ...SHARED, ONLY_NEAR));
    await become(200, via(FAR, ...SHARED, ONLY_FAR));
    await become(300, { ...via(NEAR, ...SHARED, ONLY_NEAR), ...via(FAR, ONLY_FAR) });
  });

  it('other filters: other paths, out of what was told long ago', async () => {
    await daemon.configure(
      config(
        [{ permit: { peer: FAR } }],
        [{ deny: { prefix: SHARED[0] } }, { permit: {} }],
        [{ permit: { peer: NEAR } }],
      ),
    );
    await become(100, via(FAR, ...SHARED, ONLY_FAR));
    await become(200, {
      ...via(NEAR, SHARED[1] as string, ONLY_NEAR),
      ...via(FAR, ONLY_FAR),
    });
    await become(300, via(NEAR, ...SHARED, ONLY_NEAR));
  });

  it('a limit that is raised lets in what it had kept waiting', async () => {
    const limited = (max: number) => ({
      filters: [{ permit: { peer: NEAR } }],
      limits: [{ family: 'ipv4', max, action: 'block' }],
    });
    // A table that has nothing yet: what is installed would stay.
    const others = [100, 200, 300].map(() => [{ deny: {} }]);
    await daemon.configure(config(...others, limited(1)));
    await until(async () => (await ownRoutes(node, 400)).size === 1, { what: 'one route' });
    await daemon.configure(config(...others, limited(10)));
    await become(400, via(NEAR, ...SHARED, ONLY_NEAR));
  });

  it('one peer takes a prefix back: the other’s path is there', async () => {
    await daemon.configure(config([{ permit: {} }]));
    await become(100, { ...via(NEAR, ...SHARED, ONLY_NEAR), ...via(FAR, ONLY_FAR) });
    near.send(...withdrawal('ipv4', SHARED.slice(0, 1)));
    await become(100, {
      ...via(NEAR, SHARED[1] as string, ONLY_NEAR),
      ...via(FAR, SHARED[0] as string, ONLY_FAR),
    });
    near.end();
    await become(100, via(FAR, ...SHARED, ONLY_FAR));
  });

  it('all of it in one session each, in which nothing was announced, and nothing asked for', () => {
    for (const { heard } of [near, far]) {
      assert.deepEqual(heard.slice(0, 4), ['open', 'keepalive', 'update', 'update']);
      assert.deepEqual(
        heard.slice(4).filter((word) => word !== 'keepalive'),
        [],
      );
    }
    assert.equal(far.state, 'open');
  });
});
