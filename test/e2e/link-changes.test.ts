/**
 * Links that go down, lose their far end, go altogether, are renamed: with the
 * daemon watching and with none. What the kernel drops by itself, and without a
 * word, depends on the mode; what has to be there at the end does not.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { KernelMonitor, ownRoutes, ownRoutesBecome } from '../support/kernel-view.js';
import { connect } from '../support/netns.js';
import {
  type FileRoute,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  ROUTER2_V6,
  TwoFabrics,
} from '../support/two-fabrics.js';
import { stays, until } from '../support/wait.js';

const TABLE = 100;
/** A second is what is promised of a link that is back; a busy machine's ip(8) takes longer than that to tell. */
const BACK_MS = 5_000;

const VIA_1 = `via ${ROUTER1} dev eth1`;
const VIA_2 = `via ${ROUTER2} dev eth2`;
const LINK_LOCAL_1 = 'via fe80::2 dev eth1';
const VIA_1_V6 = `via ${ROUTER1_V6} dev eth1`;
const VIA_2_V6 = `via ${ROUTER2_V6} dev eth2`;

/** Prefix, next hops, and the legs they stand for. */
const WANTED: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['10.1.0.0/16', [ROUTER1], [VIA_1]],
  ['10.2.0.0/16', [ROUTER2], [VIA_2]],
  ['10.3.0.0/16', [ROUTER1, ROUTER2], [VIA_1, VIA_2]],
  ['10.4.0.0/16', [ROUTER1_V6], [VIA_1_V6]],
  ['10.5.0.0/16', ['fe80::2%eth1'], ['via fe80::2 dev eth1']],
  ['2001:db8:1::/48', [ROUTER1_V6], [VIA_1_V6]],
  ['2001:db8:2222::/48', [ROUTER2_V6], [VIA_2_V6]],
  ['2001:db8:3::/48', [ROUTER1_V6, ROUTER2_V6], [VIA_1_V6, VIA_2_V6]],
  ['2001:db8:4::/48', ['fe80::2%eth1'], ['via fe80::2 dev eth1']],
  [
    '2001:db8:5::/48',
    ['fe80::2%eth1', 'fe80::2%eth2'],
    ['via fe80::2 dev eth1', 'via fe80::2 dev eth2'],
  ],
];
const ROUTES: readonly FileRoute[] = WANTED.map(([prefix, nextHop]) => ({ prefix, nextHop }));
const FULL: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  WANTED.map(([prefix, , legs]) => [prefix, legs]),
);

/** What is left while eth1 leads nowhere. */
const WITHOUT_ETH1 = Object.fromEntries(
  Object.entries(FULL)
    .map(([prefix, legs]) => [prefix, legs.filter((leg) => !leg.endsWith('eth1'))] as const)
    .filter(([, legs]) => legs.length > 0),
);

/** A fault of eth1, and its end: a promise of the moment from which on it is of use. */
interface Fault {
  begin(lab: TwoFabrics): Promise<unknown>;
  end(lab: TwoFabrics): Promise<unknown>;
}

const ADDRESSES = { name: 'eth1', addresses: ['10.9.0.1/24', '2001:db8:9::1/64'] };
const FAR_ADDRESSES = { name: 'n0', addresses: [`${ROUTER1}/24`, `${ROUTER1_V6}/64`] };

const FAULTS: Readonly<Record<string, Fault>> = {
  'set down': {
    begin: ({ node }) => node.ip('link', 'set', 'eth1', 'down'),
    // The kernel has dropped its IPv6 addresses.
    end: ({ node }) => node.configure({ name: 'eth1', addresses: ADDRESSES.addresses.slice(1) }),
  },
  'without carrier': {
    begin: ({ router1 }) => router1.ip('link', 'set', 'n0', 'down'),
    end: ({ router1 }) => router1.ip('link', 'set', 'n0', 'up'),
  },
  'deleted, and made again under the same name': {
    begin: ({ node }) => node.ip('link', 'delete', 'eth1'),
    end: ({ node, router1 }) => connect(node, ADDRESSES, router1, FAR_ADDRESSES),
  },
};

async function carrierBack({ node }: TwoFabrics): Promise<void> {
  await until(
    async () => {
      const [link] = await node.ipJson<{ flags: string[] }>('link', 'show', 'eth1');
      const [linkLocal] = await node.ipJson('-6', 'route', 'show', 'fe80::/64', 'dev', 'eth1');
      return link?.flags.includes('LOWER_UP') === true && linkLocal !== undefined;
    },
    { what: 'eth1 is up' },
  );
}

for (const objects of ['never', 'always'] as const) {
  describe(`nexthop objects: ${objects}`, () => {
    let lab: TwoFabrics;
    let daemon: Daemon;
    before(async () => {
      lab = await TwoFabrics.create();
      await lab.feed(ROUTES);
      daemon = await lab.daemon({
        tables: [{ id: TABLE, filters: [{ permit: {} }], nextHop: { objects } }],
      });
    });
    after(() => lab[Symbol.asyncDispose]());

    const unblamed = async () => {
      assert.equal(await daemon.metric('drift_repaired_total'), 0);
      assert.ok(!daemon.log.some(({ msg }) => msg?.startsWith('others changed')));
    };
    const complete = (what: string, deadlineMs = BACK_MS) =>
      ownRoutesBecome(lab.node, TABLE, FULL, { what, deadlineMs });

    it('begins complete', async () => {
      assert.deepEqual(Object.fromEntries(await ownRoutes(lab.node, TABLE)), FULL);
    });

    for (const [fault, { begin, end }] of Object.entries(FAULTS)) {
      it(`eth1 ${fault}: what leads elsewhere stays, and every route is back`, async () => {
        await begin(lab);
        await ownRoutesBecome(lab.node, TABLE, WITHOUT_ETH1, { what: `routes with eth1 ${fault}` });
        await end(lab);
        await carrierBack(lab);
        await complete(`every route is back after eth1 was ${fault}`);
        assert.ok((await daemon.status()).ready);
      });

      it(`eth1 ${fault}, and back at once: every route is there`, async () => {
        await begin(lab);
        await end(lab);
        await carrierBack(lab);
        await complete(`every route is back after eth1 was ${fault}`);
        await stays(async () => (await ownRoutes(lab.node, TABLE)).size === WANTED.length, {
          what: 'every route is there',
          forMs: 300,
        });
      });

      for (const back of [true, false]) {
        it(`eth1 ${fault} while no daemon runs, ${back ? 'and back' : 'back once it does'}`, async () => {
          await unblamed(); // The count starts anew with the daemon.
          await daemon.stop('SIGKILL');
          await begin(lab);
          // Loss of carrier is told with a delay of up to a second.
          await until(async () => !(await hasCarrier(lab)), { what: 'eth1 is of no use' });
          if (back) {
            await end(lab);
            await carrierBack(lab);
            await daemon.launch();
          } else {
            await daemon.launch();
            await ownRoutesBecome(lab.node, TABLE, WITHOUT_ETH1, {
              what: `routes with eth1 ${fault}`,
            });
            await end(lab);
            await carrierBack(lab);
          }
          await complete(`every route is back after eth1 was ${fault}`);
        });
      }
    }

    it('a dead leg drops out alone: no route that has another is ever deleted', async () => {
      await using monitor = await KernelMonitor.start(lab.node);
      // Not of a link that is deleted: the kernel itself drops an IPv4 route with all its legs then,
      // and tells of an IPv6 leg as of a deleted route.
      for (const { begin, end } of Object.values(FAULTS).slice(0, 2)) {
        await begin(lab);
        await ownRoutesBecome(lab.node, TABLE, WITHOUT_ETH1, { what: 'the legs out of eth2' });
        await end(lab);
        await carrierBack(lab);
        await complete('both legs are back');
      }
      const gone = (await monitor.own()).filter((line) => line.startsWith('[ROUTE]Deleted '));
      const others = Object.keys(WITHOUT_ETH1).filter((prefix) =>
        gone.some((line) => line.includes(` ${prefix} `)),
      );
      assert.deepEqual(others, []);
    });

    it('eth1 under another name: only what names it is lost, and is back with the name', async () => {
      await lab.node.ip('link', 'set', 'eth1', 'name', 'ethx');
      const renamed = Object.entries(FULL)
        .map(([prefix, legs]) => [prefix, legs.filter((leg) => leg !== LINK_LOCAL_1)] as const)
        .filter(([, legs]) => legs.length > 0)
        .map(([prefix, legs]) => [prefix, legs.map((leg) => leg.replace('eth1', 'ethx'))] as const);
      await ownRoutesBecome(lab.node, TABLE, Object.fromEntries(renamed), {
        what: 'routes out of ethx',
      });
      await lab.node.ip('link', 'set', 'ethx', 'name', 'eth1');
      await complete('every route is back after eth1 has its name again');
    });

    it('eth1 flaps 200 times as fast as it can: every route is back', async () => {
      await lab.node.sysctl('net/ipv6/conf/eth1/keep_addr_on_down', 1);
      const { pid } = daemon;
      await lab.node.ipBatch(
        Array.from({ length: 400 }, (_, i) => `link set eth1 ${i % 2 === 0 ? 'down' : 'up'}`),
      );
      await carrierBack(lab);
      await complete('every route is back after the last flap');
      await until(async () => (await daemon.status()).ready, { what: 'the daemon is ready' });
      assert.equal(daemon.pid, pid);
    });

    it('no log line and no count says that others changed what is ours', unblamed);
  });
}

async function hasCarrier({ node }: TwoFabrics): Promise<boolean> {
  const links = await node.ipJson<{ ifname: string; flags: string[] }>('link', 'show');
  const eth1 = links.find(({ ifname }) => ifname === 'eth1');
  return eth1?.flags.includes('LOWER_UP') === true;
}
