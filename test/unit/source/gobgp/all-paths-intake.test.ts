/** What comes in which order: over a gRPC server that lists its table when it is told to. Real gobgpds are in test/e2e. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { systemClock } from '../../../../src/clock.js';
import { nextHopText, type Path } from '../../../../src/rib/path.js';
import { EventQueue } from '../../../../src/source/event-queue.js';
import { AllPathsIntake } from '../../../../src/source/gobgp/all-paths-intake.js';
import type { GlobalMessage, PeerMessage } from '../../../../src/source/gobgp/api.js';
import { GobgpClient } from '../../../../src/source/gobgp/client.js';
import { resolveEndpoint } from '../../../../src/source/gobgp/endpoint.js';
import { PeerTable } from '../../../../src/source/gobgp/peer-table.js';
import { until } from '../../../support/wait.js';
import { destination, pathBytes, tableEvent, type WirePath } from './protobuf.js';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.forceShutdown();
});

type List = ServerWritableStream<Buffer, Buffer>;

/** A peer of a link-local address, its session up. */
function peerOn(name: string, routerId: string): PeerMessage {
  const address = `fe80::1%${name}`;
  return {
    conf: { localAsn: 65000, neighborAddress: address, peerAsn: 65001, neighborInterface: '' },
    state: {
      ...{ localAsn: 65000, neighborAddress: address, peerAsn: 65001, routerId, messages: null },
      ...{ sessionState: 6, adminState: 1, remoteCap: [], localCap: [] },
    },
    ...{ timers: null, afiSafis: [] },
  };
}

/** GetBgpResponse { global { asn: 65000 } } */
const GLOBAL_BYTES = Buffer.from('0a0408e8fb03', 'hex');
const GLOBAL: GlobalMessage = { asn: 65000, useMultiplePaths: false, confederation: null };

/** An intake, the lists it has asked for and nobody has answered, and the sets it has given. */
async function intake(global: GlobalMessage = GLOBAL) {
  const bytes = (given: Buffer) => given;
  const method = (name: string, responseStream: boolean) => ({
    ...{ path: `/api.GoBgpService/${name}`, requestStream: false, responseStream },
    ...{ requestSerialize: bytes, requestDeserialize: bytes },
    ...{ responseSerialize: bytes, responseDeserialize: bytes },
  });
  const lists: List[] = [];
  const server = new Server();
  servers.push(server);
  server.addService(
    { GetBgp: method('GetBgp', false), ListPath: method('ListPath', true) },
    {
      GetBgp: (_: unknown, reply: (error: null, answer: Buffer) => void) =>
        reply(null, GLOBAL_BYTES),
      ListPath: (call: List) => lists.push(call),
    },
  );
  const address = await new Promise<string>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(`127.0.0.1:${port}`);
      else reject(error);
    });
  });
  const life = new AbortController();
  const endpoint = await resolveEndpoint({ address, tls: undefined });
  const client = await GobgpClient.connect(endpoint, systemClock, life.signal);
  const queue = new EventQueue();
  const peers = new PeerTable(client.api);
  const errors: string[] = [];
  let asked = 0;
  const it = new AllPathsIntake({
    ...{ client, global, peers, queue, clock: systemClock, signal: life.signal },
    askSessions: async () => {
      asked++;
      return 'some-established' as const;
    },
    undecodable: ({ message }) => errors.push(message),
    fail: (error) => life.abort(error),
    room: () => undefined,
  });
  const sets = new Map<string, readonly Path[]>();
  const told: string[] = [];
  const consuming = (async () => {
    while (!life.signal.aborted) {
      for (const event of await queue.take(life.signal)) {
        if (event.type !== 'updates') continue;
        for (const { prefix, paths } of event.updates) {
          sets.set(prefix.text, paths);
          told.push(`${prefix} ${hops(paths)}`);
        }
      }
    }
  })();
  return {
    ...{ intake: it, peers, lists, sets, told, errors, asked: () => asked },
    says: (...paths: WirePath[]) => it.event(tableEvent(...paths)),
    has: (prefix: string, text: string) =>
      until(() => sets.has(prefix) && hops(sets.get(prefix) ?? []) === text, {
        what: `${prefix} is ${text}`,
      }),
    next: async () => {
      await until(() => lists.length > 0, { what: 'a list is asked for' });
      return lists.shift() as List;
    },
    /** Reads a table in which nothing is. */
    empty: async function () {
      const reading = it.readTable();
      for (const _family of ['ipv4', 'ipv6']) (await this.next()).end();
      await reading;
    },
    [Symbol.asyncDispose]: async () => {
      life.abort();
      client.close();
      await consuming.catch(() => undefined);
    },
  };
}

function hops(paths: readonly Path[]): string {
  return paths
    .map(
      ({ nextHop, attributes: { med } }) =>
        nextHopText(nextHop) + (med === undefined ? '' : `/${med}`),
    )
    .join(' ');
}

const NET = '10.1.0.0/16';
const A: WirePath = { prefix: NET, peer: '10.9.0.2', nextHop: '10.9.0.2' };
const B: WirePath = { prefix: NET, peer: '10.9.0.3', nextHop: '10.9.0.3', peerAs: 65002 };

describe('AllPathsIntake', () => {
  it('gives sets whole: what comes for a prefix not yet listed waits for the rest', async () => {
    await using t = await intake();
    const reading = t.intake.readTable();
    const list = await t.next();
    t.says({ ...A, med: 7 });
    t.says({ ...A, prefix: '10.2.0.0/16' });
    list.write(destination(NET, pathBytes(A), pathBytes(B)));
    await t.has(NET, '10.9.0.2/7 10.9.0.3');
    // Listed: from now on changes go at once.
    t.says({ ...B, med: 8 });
    await t.has(NET, '10.9.0.2/7 10.9.0.3/8');
    assert.deepEqual([...t.sets.keys()], [NET]);
    list.end();
    (await t.next()).end();
    await reading;
    await t.has('10.2.0.0/16', '10.9.0.2');
    assert.deepEqual(t.told, [
      `${NET} 10.9.0.2/7 10.9.0.3`,
      `${NET} 10.9.0.2/7 10.9.0.3/8`,
      '10.2.0.0/16 10.9.0.2',
    ]);
  });

  it('takes a path out of the list that was withdrawn before it', async () => {
    await using t = await intake();
    const reading = t.intake.readTable();
    const list = await t.next();
    t.says({ ...A, withdrawn: true });
    await until(() => t.intake.settled, { what: 'the withdrawal is believed' });
    list.write(destination(NET, pathBytes(A), pathBytes(B)));
    await t.has(NET, '10.9.0.3');
    // gobgpd's own, which no peer has a path to.
    const own: WirePath = { prefix: '10.3.0.0/16', peer: '', nextHop: '0.0.0.0' };
    list.write(destination(own.prefix, pathBytes(own)));
    list.end();
    (await t.next()).end();
    await reading;
    t.says({ ...A, prefix: '10.4.0.0/16' });
    await t.has('10.4.0.0/16', '10.9.0.2');
    assert.deepEqual(t.told, [`${NET} 10.9.0.3`, '10.4.0.0/16 10.9.0.2']);
  });

  it('tells paths of one peer apart by their identifiers, and keeps their places', async () => {
    await using t = await intake();
    await t.empty();
    t.says({ ...A, pathId: 1 }, { ...A, pathId: 2, nextHop: '10.9.0.4' }, B);
    await t.has(NET, '10.9.0.2 10.9.0.4 10.9.0.3');
    t.says({ ...A, pathId: 1, med: 5 });
    await t.has(NET, '10.9.0.2/5 10.9.0.4 10.9.0.3');
    t.says({ prefix: NET, peer: A.peer, pathId: 2, withdrawn: true });
    await t.has(NET, '10.9.0.2/5 10.9.0.3');
    t.says({ ...A, pathId: 1, withdrawn: true }, { ...B, withdrawn: true });
    await t.has(NET, '');
  });

  it('asks nothing about the withdrawal of what it does not have', async () => {
    await using t = await intake();
    await t.empty();
    t.says(A);
    t.says({ ...B, withdrawn: true });
    t.says({ ...A, prefix: '10.2.0.0/16', withdrawn: true });
    assert.ok(t.intake.settled);
    assert.equal(t.asked(), 0);
    t.says({ ...A, withdrawn: true });
    assert.ok(!t.intake.settled);
    // Announced again before it is believed: nothing happened.
    t.says(A);
    await until(() => t.intake.settled, { what: 'all is settled' });
    await t.has(NET, '10.9.0.2');
    assert.equal(t.asked(), 1);
    assert.ok(
      t.told.every((line) => line === `${NET} 10.9.0.2`),
      t.told.join(),
    );
  });

  it('reads a set again of which a path does not decode, and again if it changes meanwhile', async () => {
    await using t = await intake();
    await t.empty();
    t.says(A, B);
    await t.has(NET, '10.9.0.2 10.9.0.3');
    t.says({ ...A, nextHop: 'nonsense' });
    const first = await t.next();
    t.says({ ...B, med: 3 });
    // Read before that change was made.
    first.write(destination(NET, pathBytes(B)));
    first.end();
    const second = await t.next();
    second.write(
      destination(NET, pathBytes({ ...A, nextHop: 'nonsense' }), pathBytes({ ...B, med: 3 })),
    );
    second.end();
    await t.has(NET, '10.9.0.3/3');
    assert.deepEqual(t.told.slice(1), [`${NET} 10.9.0.2 10.9.0.3/3`, `${NET} 10.9.0.3/3`]);
    assert.equal(t.errors.length, 2);
    assert.match(t.errors[0] ?? '', /not an IP address/);
  });

  it('reads again after the table what did not decode meanwhile', async () => {
    await using t = await intake();
    const reading = t.intake.readTable();
    const list = await t.next();
    t.says({ ...A, nextHop: 'nonsense' });
    list.write(destination(NET, pathBytes(A), pathBytes(B)));
    list.end();
    (await t.next()).end();
    await reading;
    const again = await t.next();
    again.write(destination(NET, pathBytes(B)));
    again.end();
    await t.has(NET, '10.9.0.3');
  });

  it('tells peers of one link-local address on two interfaces apart', async () => {
    await using t = await intake();
    const prefix = '2001:db8:1::/48';
    const on = (name: string): WirePath => ({
      prefix,
      peer: `fe80::1%${name}`,
      nextHop: 'fe80::1',
    });
    const reading = t.intake.readTable();
    (await t.next()).end();
    const list = await t.next();
    list.write(destination(prefix, pathBytes(on('eth1')), pathBytes(on('eth2'))));
    list.end();
    await reading;
    await t.has(prefix, 'fe80::1%eth1 fe80::1%eth2');
    t.says({ ...on('eth1'), withdrawn: true });
    await t.has(prefix, 'fe80::1%eth2');
    t.says(on('eth1'));
    await t.has(prefix, 'fe80::1%eth2 fe80::1%eth1');
  });

  it('tells them apart by BGP identifier where gobgpd leaves the zone out, as 3.x does', async () => {
    await using t = await intake();
    const prefix = '2001:db8:1::/48';
    const of = (routerId: string): WirePath => ({
      ...{ prefix, peer: 'fe80::1', nextHop: 'fe80::1', routerId },
    });
    await t.empty();
    t.peers.update([peerOn('eth1', '10.255.0.1'), peerOn('eth2', '10.255.0.2')], 0);
    t.says(of('10.255.0.1'), of('10.255.0.2'));
    await t.has(prefix, 'fe80::1%eth1 fe80::1%eth2');
    t.says({ ...of('10.255.0.1'), withdrawn: true });
    await t.has(prefix, 'fe80::1%eth2');
  });

  it('reads again what came before its peer’s interface was known', async () => {
    await using t = await intake();
    const prefix = '2001:db8:1::/48';
    const late: WirePath = { prefix, peer: 'fe80::1', nextHop: 'fe80::1' };
    await t.empty();
    t.says(late, { prefix: NET, peer: '10.9.0.2', nextHop: '10.9.0.2' });
    await t.has(prefix, 'fe80::1');
    t.peers.update([peerOn('eth1', '10.255.0.1')], 0);
    t.intake.sessionsMoved();
    const again = await t.next();
    again.write(destination(prefix, pathBytes(late)));
    again.end();
    await t.has(prefix, 'fe80::1%eth1');
  });

  it('gives paths their session and the second they were heard in', async () => {
    await using t = await intake({
      ...GLOBAL,
      confederation: { enabled: true, memberAsList: [65000, 64600] },
    });
    await t.empty();
    t.says(
      { ...A, age: 1_700_000_000 },
      { ...A, prefix: '10.2.0.0/16', age: 1_700_000_000 },
      { ...B, peerAs: 65000, routerId: '192.0.2.1' },
      { ...B, peer: '10.9.0.4', peerAs: 64600 },
    );
    await t.has('10.2.0.0/16', '10.9.0.2');
    const [external, internal, member] = t.sets.get(NET) ?? [];
    assert.deepEqual(external?.session, { type: 'external', routerId: 0x0aff0001 });
    assert.equal(external.receivedAt, 1_700_000_000_000);
    assert.equal(t.sets.get('10.2.0.0/16')?.[0], external);
    assert.deepEqual(internal?.session, { type: 'internal', routerId: 0xc0000201 });
    assert.equal(internal.receivedAt, undefined);
    assert.equal(member?.session?.type, 'confederation');
  });

  it('mends what came of a peer before it was known that we are in another AS towards it', async () => {
    await using t = await intake();
    await t.empty();
    t.says(A, B);
    await t.has(NET, '10.9.0.2 10.9.0.3');
    t.peers.update([peerIn(65002, B.peer), peerIn(65000, A.peer)], 0);
    t.intake.sessionsMoved();
    await until(() => t.sets.get(NET)?.[1]?.session?.type === 'internal', { what: 'mended' });
    assert.equal(t.sets.get(NET)?.[0]?.session?.type, 'external');
    t.says({ ...B, med: 1 });
    await t.has(NET, '10.9.0.2 10.9.0.3/1');
    assert.equal(t.sets.get(NET)?.[1]?.session?.type, 'internal');
  });
});

function peerIn(localAsn: number, neighborAddress: string): PeerMessage {
  return {
    conf: { localAsn, neighborAddress, peerAsn: 0, neighborInterface: '' },
    ...{ state: null, timers: null, afiSafis: [] },
  };
}
