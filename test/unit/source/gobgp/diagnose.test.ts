/** Endpoints that are not what the configuration takes them for; gobgpd's own are in test/e2e. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { diagnose } from '../../../../src/source/gobgp/diagnose.js';
import { resolveEndpoint } from '../../../../src/source/gobgp/endpoint.js';
import { GobgpError } from '../../../../src/source/gobgp/gobgp-error.js';

const servers: Server[] = [];
const never = new AbortController().signal;
const TLS = { ca: undefined, cert: undefined, key: undefined };

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function told(address: string, tls: typeof TLS | undefined = undefined) {
  return diagnose(await resolveEndpoint({ address, tls }), never);
}

after(() => {
  for (const server of servers) server.close();
});

describe('diagnose', () => {
  it('finds nothing wrong with a server that speaks HTTP/2', async () => {
    assert.equal(await told(await listen(createHttp2Server())), undefined);
  });

  it('tells a missing unix socket', async () => {
    const address = `unix://${join(tmpdir(), 'r2f-no-such.sock')}`;
    assert.equal(await told(address), `${address}: no such socket: is gobgpd running?`);
  });

  it('tells a port where nobody listens', async () => {
    const server = createServer();
    const address = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    assert.match((await told(address)) ?? '', /connection refused: is gobgpd running/);
  });

  it('tells HTTP/1 and what answers by itself, by its first words', async () => {
    const http = await listen(createHttpServer());
    assert.match(
      (await told(http)) ?? '',
      /answers, but not gRPC \("HTTP\/1\.1 400 Bad Request"\)/,
    );
    const ssh = await listen(createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    assert.match((await told(ssh)) ?? '', /answers, but not gRPC \("SSH-2\.0-OpenSSH_9\.2"\)/);
  });

  it('tells a server that closes at once', async () => {
    const address = await listen(createServer((socket) => socket.destroy()));
    assert.match((await told(address)) ?? '', /answers, but not gRPC/);
  });

  it('tells a server without TLS where TLS is configured', async () => {
    const http2 = await listen(createHttp2Server());
    assert.match(
      (await told(http2, TLS)) ?? '',
      /answers gRPC without TLS, but source\.gobgp\.tls is set/,
    );
    const ssh = await listen(createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    assert.match((await told(ssh, TLS)) ?? '', /answers, but neither TLS nor gRPC/);
  });

  it('ends with the signal', async () => {
    const address = await listen(createServer(() => {}));
    const stop = new AbortController();
    const asked = diagnose(await resolveEndpoint({ address, tls: undefined }), stop.signal);
    stop.abort(new Error('stop'));
    await assert.rejects(asked, /stop/);
  });
});

describe('resolveEndpoint', () => {
  it('names the TLS file that cannot be read', async () => {
    const tls = { ...TLS, ca: '/nowhere/ca.pem' };
    await assert.rejects(resolveEndpoint({ address: '127.0.0.1:50051', tls }), (error) => {
      assert.ok(error instanceof GobgpError);
      return error.message === 'source.gobgp.tls.ca: /nowhere/ca.pem: ENOENT';
    });
  });

  it('takes IPv6 hosts out of their brackets', async () => {
    const { dial } = await resolveEndpoint({ address: '[::1]:50051', tls: undefined });
    assert.deepEqual(dial, { host: '::1', port: 50051 });
  });
});
