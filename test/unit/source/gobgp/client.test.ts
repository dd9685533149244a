/** A gRPC server that is not GoBGP, and one that is half of it; the real ones are in test/e2e. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../../../src/clock.js';
import { GobgpClient } from '../../../../src/source/gobgp/client.js';
import { resolveEndpoint } from '../../../../src/source/gobgp/endpoint.js';
import { GobgpError } from '../../../../src/source/gobgp/gobgp-error.js';
import { until } from '../../../support/wait.js';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.forceShutdown();
});

function listen(server: Server): Promise<string> {
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(`127.0.0.1:${port}`);
      else reject(error);
    });
  });
}

async function connect(address: string, { signal } = new AbortController()): Promise<GobgpClient> {
  const endpoint = await resolveEndpoint({ address, tls: undefined });
  return GobgpClient.connect(endpoint, systemClock, signal);
}

/** Of a method whose messages are taken, and given, as bytes. */
function method(path: string, responseStream: boolean) {
  const bytes = (given: Buffer) => given;
  return {
    ...{ path, requestStream: false, responseStream },
    ...{ requestSerialize: bytes, requestDeserialize: bytes },
    ...{ responseSerialize: bytes, responseDeserialize: bytes },
  };
}

/** GetBgpResponse { global { asn: 65000, use_multiple_paths: true } } */
const GLOBAL = Buffer.from('0a0608e8fb033001', 'hex');
const getBgp = (_: unknown, reply: (error: null, bytes: Buffer) => void) => reply(null, GLOBAL);

describe('GobgpClient', () => {
  it('says that a gRPC server is not GoBGP', async () => {
    const address = await listen(new Server());
    await assert.rejects(connect(address), (error) => {
      assert.ok(error instanceof GobgpError);
      assert.equal(error.kind, 'not-gobgp');
      return error.message === `${address} answers gRPC, but is not GoBGP`;
    });
  });

  for (const [version, path] of [
    ['v3', '/apipb.GobgpApi/GetBgp'],
    ['v4', '/api.GoBgpService/GetBgp'],
  ] as const) {
    it(`finds the ${version} API by the name that answers`, async () => {
      const server = new Server();
      server.addService({ GetBgp: method(path, false) }, { GetBgp: getBgp });
      const client = await connect(await listen(server));
      assert.equal(client.api.version, version);
      assert.deepEqual(await client.getBgp(), {
        ...{ asn: 65000, useMultiplePaths: true, confederation: null },
      });
      await assert.rejects(client.listPeers(), /gobgpd: ListPeer: .*\(unimplemented\)$/);
      client.close();
    });
  }

  it('has no call left when its signal aborts, however long gobgpd stays silent', async () => {
    const streams = ['ListPeer', 'ListPath', 'WatchEvent'];
    const unaries = ['DisablePeer', 'EnablePeer'];
    let asked = 0;
    const silent = () => void asked++;
    const server = new Server();
    const path = (name: string) => `/api.GoBgpService/${name}`;
    server.addService(
      Object.fromEntries([
        ['GetBgp', method(path('GetBgp'), false)],
        ...streams.map((name) => [name, method(path(name), true)]),
        ...unaries.map((name) => [name, method(path(name), false)]),
      ]),
      Object.fromEntries([
        ['GetBgp', getBgp],
        ...[...streams, ...unaries].map((name) => [name, silent]),
      ]),
    );
    const life = new AbortController();
    const client = await connect(await listen(server), life);
    const calls = [
      client.listPeers(),
      client.listPaths('ipv4', undefined, () => undefined),
      client.watch('best', () => undefined),
      client.disablePeer('10.9.0.2', 'why'),
      client.enablePeer('10.9.0.2'),
    ];
    const ends = calls.map((call) => assert.rejects(call, (error) => error === life.signal.reason));
    await until(() => asked === calls.length, { what: 'every call has arrived' });
    life.abort(new Error('over'));
    await Promise.all([...ends, assert.rejects(client.getBgp(), /over/)]);
    client.close();
  });
});
