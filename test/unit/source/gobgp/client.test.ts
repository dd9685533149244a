/** A gRPC server that is not GoBGP, and one that is half of it; the real ones are in test/e2e. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../../../src/clock.js';
import { GobgpClient } from '../../../../src/source/gobgp/client.js';
import { resolveEndpoint } from '../../../../src/source/gobgp/endpoint.js';
import { GobgpError } from '../../../../src/source/gobgp/gobgp-error.js';

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

async function connect(address: string): Promise<GobgpClient> {
  const endpoint = await resolveEndpoint({ address, tls: undefined });
  return GobgpClient.connect(endpoint, systemClock, new AbortController().signal);
}

describe('GobgpClient', () => {
  it('says that a gRPC server is not GoBGP', async () => {
    const address = await listen(new Server());
    await assert.rejects(connect(address), (error) => {
      assert.ok(error instanceof GobgpError);
      assert.equal(error.kind, 'not-gobgp');
      return error.message === `${address} answers gRPC, but is not GoBGP`;
    });
  });

  for (const [version, method] of [
    ['v3', '/apipb.GobgpApi/GetBgp'],
    ['v4', '/api.GoBgpService/GetBgp'],
  ] as const) {
    it(`finds the ${version} API by the name that answers`, async () => {
      const server = new Server();
      const definition = {
        path: method,
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      };
      server.addService(
        { GetBgp: definition },
        // GetBgpResponse { global { asn: 65000, use_multiple_paths: true } }
        {
          GetBgp: (_: unknown, reply: (error: null, bytes: Buffer) => void) =>
            reply(null, Buffer.from('0a0608e8fb033001', 'hex')),
        },
      );
      const client = await connect(await listen(server));
      assert.equal(client.api.version, version);
      assert.deepEqual(await client.getBgp(), { asn: 65000, useMultiplePaths: true });
      await assert.rejects(client.listPeers(), /gobgpd: ListPeer: .*\(unimplemented\)$/);
      client.close();
    });
  }
});
