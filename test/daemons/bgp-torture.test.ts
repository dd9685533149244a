/** What peers may do to a session, and to the routes: on real sockets, through the built daemon. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { encodeOpen } from '../../src/source/bgp/message/encode.js';
import {
  announcement,
  endOfRib,
  keepalive,
  message,
  notification,
  withdrawal,
} from '../support/bgp-wire.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { ownRoutes } from '../support/kernel-view.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { RawBgp, type RawConnection, rawOpen } from '../support/raw-bgp.js';
import { stays, until } from '../support/wait.js';

const NODE = '10.9.0.1';
/** A peer for each test: one that had a short session rests before the next. */
const PEERS = Array.from({ length: 14 }, (_, i) => `10.9.0.${2 + i}`);
const DYNAMIC = '10.9.0.130';
const ANOTHER = '10.9.0.131';
const STRANGER = '10.9.0.99';
/** Those that we call too. */
const CALLED = ['10.9.0.41', '10.9.0.42', '10.9.0.43'] as const;
/** Behind a link of its own. */
const HOST = '10.9.1.2';
const ROUTES = ['10.64.0.0/16', '10.65.0.0/16', '10.66.0.0/16'];
const SESSION = { localAs: 65001, internal: false };

function announce(prefixes: readonly string[], nextHop: string): Buffer {
  return Buffer.concat(announcement('ipv4', prefixes, { nextHop }, SESSION));
}

const ends = () => Buffer.concat([endOfRib('ipv4'), endOfRib('ipv6')]);

describe('BGP sessions under torture', { concurrency: 1 }, () => {
  let fabric: Netns;
  let node: Netns;
  let daemon: Daemon;
  let raw: RawBgp;
  const calls = new Map<string, () => Promise<RawConnection>>();

  before(async () => {
    fabric = await createNetns('fabric');
    node = await createNetns('node');
    const all = [...PEERS, ...CALLED, DYNAMIC, ANOTHER, STRANGER];
    const addresses = all.map((address) => `${address}/24`);
    await connect(fabric, { name: 'f0', addresses }, node, {
      name: 'eth1',
      addresses: [`${NODE}/24`],
    });
    raw = RawBgp.start(fabric);
    for (const address of CALLED) calls.set(address, await raw.listen(address));
    const quick = { restartTime: '4s', staleTime: '3s' };
    daemon = await startDaemon({
      netns: node,
      until: 'admin',
      config: {
        source: {
          bgp: {
            ...{ listen: `${NODE}:179`, as: 65000, routerId: '10.255.0.1' },
            peers: [
              ...[...PEERS, HOST].map((address) => ({
                address,
                as: 65001,
                gracefulRestart: quick,
              })),
              ...CALLED.map((address) => ({ address, as: 65001, connect: true })),
              { prefix: '10.9.0.128/25', as: 65001, holdTime: '3s' },
            ],
          },
        },
        sync: { timeout: '1s' },
        hold: '1s',
        tables: [{ id: 100, filters: [{ permit: {} }] }],
      },
    });
  });
  after(async () => {
    await raw?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
    await fabric?.[Symbol.asyncDispose]();
  });

  let fresh = 0;
  const nextPeer = () => PEERS[fresh++] as string;
  const peerState = async (address: string) => {
    const { source } = await daemon.status();
    return source.peers.find(({ peer }) => peer === address);
  };
  const isUp = (address: string, up = true) =>
    until(async () => ((await peerState(address))?.established ?? false) === up, {
      what: `${address} is ${up ? 'up' : 'down'}`,
      deadlineMs: 20_000,
    });
  const holds = (...prefixes: readonly string[]) =>
    until(
      async () => {
        assert.deepEqual([...(await ownRoutes(node, 100)).keys()].sort(), [...prefixes].sort());
        return true;
      },
      { what: `table 100 holds ${prefixes.join(', ')}`, deadlineMs: 20_000 },
    );
  /** A host on a link of its own; the node's end goes with it. */
  const host = async () => {
    const netns = await createNetns('host');
    const port = { name: 'r0', addresses: [`${HOST}/24`] };
    await connect(netns, port, node, { name: 'eth2', addresses: ['10.9.1.1/24'] });
    await netns.ip('route', 'add', 'default', 'via', '10.9.1.1');
    return { netns, raw: RawBgp.start(netns) };
  };
  /** A session with all routes told. */
  const told = async (peer: string, options: Parameters<RawConnection['establish']>[0] = {}) => {
    const connection = await raw.connect(peer, NODE);
    await connection.establish(options);
    connection.send(announce(ROUTES, peer), ends());
    await holds(...ROUTES);
    return connection;
  };

  it('a peer that is killed: its routes go', async () => {
    const peer = nextPeer();
    const mortal = RawBgp.start(fabric);
    const connection = await mortal.connect(peer, NODE);
    await connection.establish();
    connection.send(announce(ROUTES, peer));
    await holds(...ROUTES);
    await mortal[Symbol.asyncDispose]();
    await holds();
    await isUp(peer, false);
  });

  it('a peer that resets the connection', async () => {
    const peer = nextPeer();
    const connection = await told(peer);
    connection.reset();
    await holds();
  });

  for (const [code, subcode] of [
    ...[1, 2, 3].map((one) => [1, one] as const),
    ...[0, 1, 2, 3, 4, 6, 7, 11].map((one) => [2, one] as const),
    ...[1, 3, 5, 9, 11].map((one) => [3, one] as const),
    ...[[4, 0] as const, [5, 3] as const, [7, 1] as const, [8, 0] as const, [99, 99] as const],
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((one) => [6, one] as const),
  ]) {
    it(`NOTIFICATION ${code}/${subcode}, of a caller`, async () => {
      const connection = await raw.connect(DYNAMIC, NODE);
      connection.send(rawOpen({ routerId: `10.254.${code}.${subcode + 1}` }), keepalive());
      await connection.hears('keepalive');
      connection.send(announce([`10.70.${subcode}.0/24`], DYNAMIC));
      await holds(`10.70.${subcode}.0/24`);
      connection.send(notification(code, subcode));
      await connection.isClosed();
      await holds();
    });
  }

  it('two connections at once: one of them stays, and has its routes', async () => {
    const peer = nextPeer();
    const [first, second] = [await raw.connect(peer, NODE), await raw.connect(peer, NODE)];
    await second.hears('open');
    await first.isClosed();
    await second.establish();
    second.send(announce(ROUTES, peer));
    await holds(...ROUTES);
    const third = await raw.connect(peer, NODE);
    third.send(rawOpen());
    await third.hears('notification 6/7');
    await third.isClosed();
    await holds(...ROUTES);
    second.end();
    await holds();
  });

  for (const [address, routerId, stays_, goes] of [
    [CALLED[0], '10.255.0.2', 'its', 'ours'],
    [CALLED[1], '10.254.0.2', 'ours', 'its'],
  ] as const) {
    it(`it calls as we call it, with router id ${routerId}: ${stays_} stays (RFC 4271 6.8)`, async () => {
      const ours = await (calls.get(address) as () => Promise<RawConnection>)();
      const its = await raw.connect(address, NODE);
      const both = { ours, its };
      for (const one of [ours, its]) await one.hears('open');
      for (const one of [ours, its]) one.send(rawOpen({ routerId }));
      await both[goes].hears('notification 6/7');
      await both[goes].isClosed();
      both[stays_].send(keepalive(), announce(ROUTES, address));
      await holds(...ROUTES);
      await isUp(address);
      both[stays_].send(notification(6, 2));
      await holds();
    });
  }

  it('a peer that is called, and takes the call without a word, may call itself', async () => {
    const [, , address] = CALLED;
    const mute = await (calls.get(address) as () => Promise<RawConnection>)();
    await mute.hears('open');
    const connection = await raw.connect(address, NODE);
    await connection.establish();
    connection.send(announce(ROUTES, address));
    await holds(...ROUTES);
    await mute.isClosed();
    connection.send(notification(6, 2));
    await holds();
  });

  it('a thousand calls at once, of a stranger and of one who says nothing: others are heard', async () => {
    const open = (connections: readonly RawConnection[]) =>
      connections.filter(({ state }) => state === 'open').length;
    const flood = (address: string) =>
      Promise.all(Array.from({ length: 1_000 }, () => raw.connect(address, NODE)));
    const descriptors = async () => (await readdir(`/proc/${daemon.pid}/fd`)).length;
    const openBefore = await descriptors();
    const strangers = await flood(STRANGER);
    // They are hung up on, however much they still have to say.
    const talk = setInterval(() => {
      for (const one of strangers) if (one.state === 'open') one.send(keepalive());
    }, 200);
    try {
      await until(() => open(strangers) === 0, {
        what: 'the strangers are gone',
        deadlineMs: 15_000,
      });
    } finally {
      clearInterval(talk);
    }
    const silent = await flood(DYNAMIC);
    const connection = await raw.connect(ANOTHER, NODE);
    await connection.establish({ routerId: '10.254.0.7' });
    connection.send(announce(ROUTES, ANOTHER));
    await holds(...ROUTES);
    // By what the daemon has open: the silent may not hear of it that the backlog had no room for them.
    await until(async () => (await descriptors()) <= openBefore + 34, {
      what: 'no more than 32 of the silent are left, besides the one who speaks',
    });
    for (const one of silent) one.end();
    connection.end();
    await holds();
  });

  it('two callers with one router id are two peers; one that is two keeps its two', async () => {
    const [first, second, third] = [
      await raw.connect(DYNAMIC, NODE),
      await raw.connect(ANOTHER, NODE),
      await raw.connect(ANOTHER, NODE),
    ];
    await first.establish({ routerId: '10.254.0.8' });
    await second.establish({ routerId: '10.254.0.8' });
    await third.establish({ routerId: '10.254.0.9' });
    first.send(announce(ROUTES.slice(0, 1), DYNAMIC));
    second.send(announce(ROUTES.slice(1, 2), ANOTHER));
    third.send(announce(ROUTES.slice(2), ANOTHER));
    await holds(...ROUTES);
    third.end();
    await holds(...ROUTES.slice(0, 2));
    first.end();
    second.end();
    await holds();
  });

  it('a peer that flaps as fast as it can costs the others nothing, and rests', async () => {
    const steady = nextPeer();
    const connection = await told(steady);
    const options = { routerId: '10.254.0.10' };
    let sessions = 0;
    for (const end = performance.now() + 3_000; performance.now() < end; ) {
      const flapping = await raw.connect(ANOTHER, NODE);
      flapping.send(rawOpen(options), keepalive(), announce(['10.71.0.0/16'], ANOTHER));
      await until(() => flapping.heard.length > 1 || flapping.state === 'closed', {
        what: 'an answer',
        everyMs: 1,
      });
      if (flapping.heard.includes('keepalive')) sessions++;
      flapping.reset();
    }
    assert.ok(sessions >= 1 && sessions <= 4, `${sessions} sessions in three seconds`);
    await holds(...ROUTES);
    assert.equal((await peerState(steady))?.established, true);
    connection.send(notification(6, 2));
    await holds();
  });

  it('a host that was restarted, and knows nothing of its session, gets another', async () => {
    const first = await host();
    const old = await first.raw.connect(HOST, NODE);
    await old.establish();
    old.send(announce(ROUTES, HOST));
    await holds(...ROUTES);
    // It dies where nobody hears of it, sockets and all.
    await first.netns.ip('link', 'set', 'r0', 'down');
    await first.raw[Symbol.asyncDispose]();
    await first.netns[Symbol.asyncDispose]();
    await node.ip('link', 'delete', 'eth2');
    const second = await host();
    try {
      assert.equal((await peerState(HOST))?.established, true);
      const refused = await second.raw.connect(HOST, NODE);
      refused.send(rawOpen());
      await refused.hears('notification 6/7');
      // It was asked whether it knows of the other one, and does not.
      await isUp(HOST, false);
      const again = await second.raw.connect(HOST, NODE);
      await again.establish();
      again.send(announce(ROUTES.slice(1), HOST));
      await holds(...ROUTES.slice(1));
      again.end();
      await holds();
    } finally {
      await second.raw[Symbol.asyncDispose]();
      await second.netns[Symbol.asyncDispose]();
    }
  });

  it('a peer that says nothing for the hold time', async () => {
    const connection = await raw.connect(DYNAMIC, NODE);
    await connection.establish({ routerId: '10.254.0.1' });
    connection.send(announce(ROUTES, DYNAMIC));
    await holds(...ROUTES);
    await connection.hears('notification 4/0', 6_000);
    await connection.isClosed();
    await holds();
  });

  it('a peer that sends one octet a second, and never a message, is silent', async () => {
    const connection = await raw.connect(DYNAMIC, NODE);
    await connection.establish({ routerId: '10.254.0.2' });
    connection.send(announce(ROUTES, DYNAMIC));
    await holds(...ROUTES);
    void connection.trickle(keepalive(), 1000);
    await connection.hears('notification 4/0', 6_000);
    await holds();
  });

  it('an OPEN of one octet every 50 ms is an OPEN', async () => {
    const peer = nextPeer();
    const connection = await raw.connect(peer, NODE);
    await connection.trickle(Buffer.concat([rawOpen(), keepalive()]), 50);
    await isUp(peer);
    connection.end();
    await isUp(peer, false);
  });

  it('a peer that never reads is heard, and costs nothing', async () => {
    const connection = await raw.connect(DYNAMIC, NODE, { reads: false });
    connection.send(rawOpen({ routerId: '10.254.0.3' }), keepalive());
    connection.send(announce(ROUTES, DYNAMIC));
    await holds(...ROUTES);
    // Requests for our routes that nobody takes the answers of.
    const requests = Buffer.concat(
      Array.from({ length: 20_000 }, () => message(5, Buffer.from([0, 1, 0, 1]))),
    );
    connection.send(requests, requests, requests);
    for (let i = 0; i < 5; i++) {
      connection.send(announce(ROUTES.slice(0, 1 + (i % 3)), DYNAMIC), keepalive());
      await stays(async () => (await peerState(DYNAMIC))?.established === true, {
        what: 'the session is up',
        forMs: 1000,
      });
    }
    connection.end();
    await holds();
  });

  it('graceful restart with changed routes: what stays is never gone', async () => {
    const peer = nextPeer();
    const gracefulRestart = { restartTime: 10, restarting: false };
    const connection = await told(peer, { gracefulRestart });
    connection.reset();
    await isUp(peer, false);
    await stays(async () => (await ownRoutes(node, 100)).size === 3, {
      what: 'all routes are kept',
      forMs: 1500,
    });
    const again = await raw.connect(peer, NODE);
    await again.establish({ gracefulRestart: { restartTime: 10, restarting: true } });
    again.send(announce(ROUTES.slice(1), peer), announce(['10.67.0.0/16'], peer));
    await holds(...ROUTES, '10.67.0.0/16');
    again.send(withdrawal('ipv4', ROUTES.slice(2))[0] as Buffer, ends());
    await holds(ROUTES[1] as string, '10.67.0.0/16');
    again.reset();
    await isUp(peer, false);
    const start = performance.now();
    await holds();
    assert.ok(performance.now() - start > 2_500, 'its routes were kept for the time allowed');
  });

  it('messages of 4096 octets; one more ends the session', async () => {
    const peer = nextPeer();
    const connection = await raw.connect(peer, NODE);
    await connection.establish();
    // 43 octets before the prefixes; 4 of a /24, 5 of a /32.
    const many = Array.from({ length: 1012 }, (_, i) => `10.${128 + (i >> 8)}.${i & 255}.0/24`);
    const [full] = announcement('ipv4', many, { nextHop: peer }, SESSION) as [Buffer];
    const bytes = message(2, Buffer.concat([full.subarray(19), Buffer.from([32, 10, 120, 0, 1])]));
    assert.equal(bytes.length, 4096);
    connection.send(bytes);
    await until(async () => (await ownRoutes(node, 100)).size === 1013, { what: '1013 routes' });
    connection.send(message(2, Buffer.alloc(4097 - 19)));
    await connection.hears('notification 1/2 1001');
    await holds();
  });

  it('messages of 65535 octets, of a peer that has offered them (RFC 8654)', async () => {
    const peer = nextPeer();
    const connection = await raw.connect(peer, NODE);
    const long = encodeOpen({
      ...{ version: 4, as: 65001, holdTime: 90, routerId: 0x0aff0002 },
      capabilities: [
        { type: 'multiprotocol', afi: 1, safi: 1 },
        { type: 'extended-message' },
        { type: 'four-octet-as', as: 65001 },
      ],
    });
    connection.send(long, keepalive());
    await connection.hears('keepalive');
    const attributes = Buffer.from([
      ...[0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9],
      ...[0x40, 3, 4, ...peer.split('.').map(Number)],
    ]);
    const most = Math.floor((65535 - 19 - 4 - attributes.length) / 4);
    const nlri = Buffer.alloc(most * 4);
    for (let i = 0; i < most; i++) nlri.set([24, 100, i >> 8, i & 255], i * 4);
    const lengths = Buffer.from([0, 0, 0, attributes.length]);
    const bytes = message(2, Buffer.concat([lengths, attributes, nlri]));
    assert.ok(bytes.length > 65530);
    connection.send(bytes);
    await until(async () => (await peerState(peer))?.received.ipv4 === most, {
      what: `${most} routes in one message`,
      deadlineMs: 20_000,
    });
    await until(async () => (await ownRoutes(node, 100)).size === most, {
      what: 'all of them in the kernel',
      deadlineMs: 30_000,
    });
    connection.end();
    await holds();
  });

  it('after all of it the daemon is as it was', async () => {
    const peer = nextPeer();
    const connection = await told(peer);
    assert.equal(daemon.running, true);
    connection.send(notification(6, 2));
    await holds();
    assert.deepEqual(
      daemon.log.filter(({ level }) => level === 'error'),
      [],
    );
  });
});
