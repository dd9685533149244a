/** A feed whose consumer is busy: over a gRPC server that says what a gobgpd with a peer would. Real ones are in test/e2e. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { systemClock } from '../../../../src/clock.js';
import { EventQueue } from '../../../../src/source/event-queue.js';
import { apiV4 } from '../../../../src/source/gobgp/api-v4.js';
import { GobgpClient } from '../../../../src/source/gobgp/client.js';
import { resolveEndpoint } from '../../../../src/source/gobgp/endpoint.js';
import { Feed } from '../../../../src/source/gobgp/feed.js';
import type { SourceEvent } from '../../../../src/source/source.js';
import { until } from '../../../support/wait.js';
import { tableEvent } from './protobuf.js';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.forceShutdown();
});

const SERVICE = loadSync(
  fileURLToPath(new URL(`../../../../proto/${apiV4.proto}`, import.meta.url)),
  { longs: Number, defaults: true },
)[apiV4.service] as ServiceDefinition;

/** Established for a minute, its End-of-RIB heard. */
const PEER = {
  conf: { localAsn: 65000, neighborAddress: '10.9.0.2', peerAsn: 65001 },
  state: { neighborAddress: '10.9.0.2', peerAsn: 65001, sessionState: 6, adminState: 1 },
  timers: { state: { uptime: { seconds: Math.floor(Date.now() / 1000) - 60 } } },
  afiSafis: [
    {
      config: { family: { afi: 1, safi: 1 }, enabled: true },
      mpGracefulRestart: { state: { endOfRibReceived: true } },
    },
  ],
};
/** More than the queue takes, and more than the windows of a connection hold beside. */
const MESSAGES = 100;
const PATHS = 400;
const UNREAD = 600;

/** What a gobgpd does whose table came just after the subscription: an empty dump, then changes. */
async function feedOf(): Promise<{
  readonly queue: EventQueue;
  readonly sent: () => number;
  readonly progress: () => string | undefined;
  readonly peersAsked: () => number;
  readonly stop: () => Promise<void>;
}> {
  const asBytes = (bytes: Buffer) => bytes;
  let sent = 0;
  let peersAsked = 0;
  const server = new Server();
  servers.push(server);
  server.addService(
    {
      GetBgp: SERVICE['GetBgp'] as ServiceDefinition[string],
      ListPeer: SERVICE['ListPeer'] as ServiceDefinition[string],
      WatchEvent: {
        ...(SERVICE['WatchEvent'] as ServiceDefinition[string]),
        responseSerialize: asBytes,
      },
    } as ServiceDefinition,
    {
      GetBgp: (_: unknown, reply: (error: null, answer: object) => void) =>
        reply(null, { global: { asn: 65000 } }),
      ListPeer: (call: ServerWritableStream<object, object>) => {
        peersAsked++;
        call.write({ peer: PEER });
        call.end();
      },
      WatchEvent: async (call: ServerWritableStream<object, Buffer>) => {
        call.write(tableEvent());
        await pause(100);
        for (let message = 0; message < MESSAGES && !call.cancelled; message++) {
          const paths = Array.from({ length: PATHS }, (_, at) => ({
            prefix: `10.${message}.${at >> 8}.${at & 255}/32`,
            ...{ peer: '10.9.0.2', nextHop: '10.9.0.2', unread: UNREAD },
          }));
          const taken = call.write(tableEvent(...paths));
          sent++;
          if (!taken) await new Promise((resolve) => call.once('drain', resolve));
        }
      },
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
  let progress: string | undefined = 'nothing yet';
  const feed = new Feed({
    ...{ client, life, queue, clock: systemClock, paths: 'best', syncTimeout: 60_000 },
    global: { asn: 65000, useMultiplePaths: false, confederation: null },
    ...{ random: () => 0.5, log: { info() {}, warn() {}, debug() {}, error() {} }, heard() {} },
    progress: (missing) => {
      progress = missing;
    },
    undecodable: (error) => life.abort(error),
  });
  const running = feed.run();
  const stop = async () => {
    life.abort(new Error('the test is over'));
    await assert.rejects(running, /the test is over/);
    client.close();
  };
  return { queue, sent: () => sent, progress: () => progress, peersAsked: () => peersAsked, stop };
}

describe('Feed, while the queue is full', () => {
  it('has gobgpd wait, goes on asking it, and takes no silence of its own making for the end', async () => {
    const { queue, sent, progress, peersAsked, stop } = await feedOf();
    const full = 'what gobgpd has sent to be taken in';
    await until(() => progress() === full, { what: 'the feed waits for room' });
    await pause(500);
    const asked = peersAsked();
    await until(() => peersAsked() > asked + 2, { what: 'peers are asked all the same' });
    assert.equal(progress(), full);
    assert.ok(sent() < MESSAGES, 'some were never written');

    const signal = AbortSignal.timeout(30_000);
    let updates = 0;
    const seen: SourceEvent['type'][] = [];
    while (!seen.includes('synced')) {
      for (const event of await queue.take(signal)) {
        if (event.type === 'updates') updates += event.updates.length;
        else seen.push(event.type);
      }
    }
    assert.deepEqual(seen.slice(0, 2), ['reset', 'synced']);
    assert.equal(updates, MESSAGES * PATHS);
    await stop();
  });
});
