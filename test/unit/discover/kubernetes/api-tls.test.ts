/** A pod's way to the API server over real TLS, to an IPv6 address, while token and authority are renewed. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { inClusterAccess } from '../../../../src/discover/kubernetes/api-access.js';
import { ApiClient } from '../../../../src/discover/kubernetes/api-client.js';
import { CertificateAuthority, type KeyPair } from '../../../support/kube/certificates.js';
import { scratchDirectory } from '../../../support/leftovers.js';

const scratch = scratchDirectory('tls');
after(() => scratch.remove());

async function authority(name: string): Promise<{ readonly ca: string; readonly pair: KeyPair }> {
  const directory = join(scratch.path, name);
  mkdirSync(directory);
  const made = await CertificateAuthority.create(directory);
  return { ca: made.pem, pair: await made.issue({ name: 'api', names: ['IP:::1'] }) };
}

it('trusts whom the file names now, as whom the file says now', async (t) => {
  const [old, renewed] = await Promise.all([authority('old'), authority('renewed')]);
  const server: Server = createServer({ cert: old.pair.cert, key: old.pair.key });
  const tokens: (string | undefined)[] = [];
  server.on('request', (request, response) => {
    tokens.push(request.headers.authorization);
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  t.after(() => server.close());
  const mounted = (token: string, ca: string) => {
    writeFileSync(join(scratch.path, 'token'), `${token}\n`);
    writeFileSync(join(scratch.path, 'ca.crt'), ca);
  };
  const { port } = server.address() as AddressInfo;
  const api = new ApiClient(inClusterAccess({ host: '::1', port }, scratch.path));
  const ask = () => api.json({ path: '/api', signal: new AbortController().signal });

  mounted('one', old.ca);
  assert.deepEqual(await ask(), {});
  // Both are trusted while authorities change; then the server has its new certificate.
  mounted('two', old.ca + renewed.ca);
  assert.deepEqual(await ask(), {});
  server.setSecureContext({ cert: renewed.pair.cert, key: renewed.pair.key });
  assert.deepEqual(await ask(), {});
  mounted('three', renewed.ca);
  assert.deepEqual(await ask(), {});
  assert.deepEqual(tokens, ['Bearer one', 'Bearer two', 'Bearer two', 'Bearer three']);
  mounted('three', old.ca);
  await assert.rejects(ask(), /self-signed|unable to (get|verify)|signature/);
  assert.equal(tokens.length, 4, 'no token is told to a server that is not trusted');
});
