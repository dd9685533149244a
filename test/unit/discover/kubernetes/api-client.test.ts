/** Calls of the API over a real connection: what is sent, and what ends one that goes wrong. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { accessOf, inClusterAccess } from '../../../../src/discover/kubernetes/api-access.js';
import { ApiClient, type ApiPatience } from '../../../../src/discover/kubernetes/api-client.js';
import { ApiError } from '../../../../src/discover/kubernetes/api-error.js';
import { linesOf } from '../../../../src/discover/kubernetes/lines.js';
import { until } from '../../../support/wait.js';
import { withFiles } from '../../config/files-in-directory.js';
import { FakeApiServer } from './api-server.js';

async function client(t: TestContext, patience: Partial<ApiPatience> = {}) {
  const server = await FakeApiServer.start();
  t.after(() => server[Symbol.asyncDispose]());
  const stop = new AbortController();
  const api = new ApiClient(server.access, { answer: 5_000, silence: 5_000, ...patience });
  return { server, api, stop, signal: stop.signal };
}

const PATH = '/api/v1/nodes';

describe('a call of the API', () => {
  it('asks below the server’s own path, as who it is, and takes JSON', async (t) => {
    const { server, api, signal } = await client(t);
    const answer = api.json({ path: PATH, query: { limit: '5', a: 'b c' }, signal });
    const call = await server.next();
    assert.deepEqual([call.path, call.query], [`/base${PATH}`, { limit: '5', a: 'b c' }]);
    assert.equal(call.headers.authorization, 'Bearer me');
    assert.equal(call.headers.accept, 'application/json');
    call.answer(200, { kind: 'NodeList' });
    assert.deepEqual(await answer, { kind: 'NodeList' });
  });

  it('sends what is to be written', async (t) => {
    const { server, api, signal } = await client(t);
    const type = 'application/merge-patch+json';
    const body = { status: { x: 'ü' } };
    const answer = api.json({ path: PATH, method: 'PATCH', body, type, signal });
    const call = await server.next();
    assert.equal(call.headers['content-type'], type);
    assert.deepEqual(JSON.parse(call.body), body);
    call.answer(201, {});
    assert.deepEqual(await answer, {});
  });

  it('is refused in the server’s words, or in those of whoever stands in between', async (t) => {
    const { server, api, signal } = await client(t);
    const refusals: readonly (readonly [number, unknown, ApiError])[] = [
      [
        403,
        { code: 403, reason: 'Forbidden', message: 'no' },
        new ApiError(403, 'Forbidden', 'no'),
      ],
      [404, '404 page not found\n', new ApiError(404, '', '404 page not found')],
      [502, '<html>\nbad gateway</html>', new ApiError(502, '', '<html>')],
      [500, '', new ApiError(500, '', 'HTTP 500')],
      [500, { message: 7 }, new ApiError(500, '', 'HTTP 500')],
      [302, 'elsewhere', new ApiError(302, '', 'elsewhere')],
      [500, 'x'.repeat(10_000), new ApiError(500, '', 'x'.repeat(500))],
    ];
    for (const [code, body, wanted] of refusals) {
      const answer = api.json({ path: PATH, signal });
      const checked = assert.rejects(answer, wanted);
      (await server.next()).answer(code, body);
      await checked;
    }
  });

  it('is told for how long the server wants to be left alone', async (t) => {
    const { server, api, signal } = await client(t);
    for (const [said, wanted] of [
      ['1', 1_000],
      ['0', 0],
      ['86400', 60_000],
      ['Wed, 21 Oct 2026 07:28:00 GMT', 0],
    ] as const) {
      const answer = api.json({ path: PATH, signal });
      const checked = assert.rejects(answer, { code: 429, retryAfter: wanted }, said);
      (await server.next()).answer(429, {}, { 'retry-after': said });
      await checked;
    }
  });

  it('rejects what is no JSON, and a connection that breaks', async (t) => {
    const { server, api, signal } = await client(t);
    const garbled = assert.rejects(api.json({ path: PATH, signal }), SyntaxError);
    (await server.next()).answer(200, '{"kind":');
    await garbled;
    const broken = assert.rejects(api.json({ path: PATH, signal }), /hang up|ECONNRESET|aborted/);
    (await server.next()).cut();
    await broken;
  });

  it('does not wait for ever for an answer, nor for the rest of one', async (t) => {
    const { server, api, signal } = await client(t, { answer: 100, silence: 200 });
    const none = assert.rejects(api.json({ path: PATH, signal }), /no answer within 0.1 s/);
    const first = await server.next();
    await none;
    await until(() => first.closed, { what: 'the connection is closed' });
    const half = assert.rejects(api.json({ path: PATH, signal }), /said nothing for 0.2 s/);
    (await server.next()).say({ kind: 'NodeList' });
    await half;
  });

  it('ends with the signal, before and in the midst of an answer', async (t) => {
    const { server, api, stop, signal } = await client(t);
    const waiting = assert.rejects(api.json({ path: PATH, signal }), { name: 'AbortError' });
    const call = await server.next();
    const lines = await (async () => {
      const taken = api.watch({ path: PATH, signal });
      (await server.next()).say({ n: 1 });
      return taken;
    })();
    assert.deepEqual((await lines.next()).value, { n: 1 });
    const ended = assert.rejects(lines.next(), { name: 'AbortError' });
    stop.abort();
    await Promise.all([waiting, ended]);
    await until(() => call.closed, { what: 'the connection is closed' });
    await assert.rejects(api.json({ path: PATH, signal }), { name: 'AbortError' });
  });

  it('that is a watch is closed by who leaves it', async (t) => {
    const { server, api, signal } = await client(t);
    const taken = api.watch({ path: PATH, signal });
    const call = await server.next();
    call.say({ n: 1 }, { n: 2 });
    for await (const line of await taken) {
      assert.deepEqual(line, { n: 1 });
      break;
    }
    await until(() => call.closed, { what: 'the connection is closed' });
  });
});

describe('lines', () => {
  const bytes = async function* (...chunks: readonly string[]) {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  };
  const read = async (chunks: readonly string[], longest?: number) => {
    const lines: string[] = [];
    for await (const line of linesOf(bytes(...chunks), longest)) lines.push(line);
    return lines;
  };

  it('are cut at their ends, wherever the chunks are', async () => {
    assert.deepEqual(await read(['a\nb', 'c\n\nd\n', 'rest']), ['a', 'bc', '', 'd']);
    assert.deepEqual(await read(['\xc3', '\xbc\n']), ['ü']);
    assert.deepEqual(await read([]), []);
  });

  it('that never end are refused', async () => {
    await assert.rejects(read(['abc', 'def', '\n'], 5), RangeError);
    assert.deepEqual(await read(['abc\n', 'def\n'], 5), ['abc', 'def']);
  });
});

describe('the way to an API server', () => {
  it('of a pod: its token as it is now, and who has signed the server’s certificate', async () => {
    await withFiles({ token: 'one\n', 'ca.crt': 'PEM' }, async (directory) => {
      const access = inClusterAccess({ host: 'fd00:96::1', port: 443 }, directory);
      assert.deepEqual([access.name, access.host], ['https://[fd00:96::1]:443', 'fd00:96::1']);
      const { url, options } = await access.target();
      assert.equal(url.href, 'https://[fd00:96::1]/');
      assert.deepEqual(
        [options.headers, String(options.ca)],
        [{ authorization: 'Bearer one' }, 'PEM'],
      );
      await writeFile(join(directory, 'token'), 'two');
      const { options: later } = await access.target();
      assert.deepEqual(later.headers, { authorization: 'Bearer two' });
    });
  });

  it('of a pod without a token is none yet', async () => {
    const access = inClusterAccess({ host: '10.96.0.1', port: 443 }, '/nonexistent');
    await assert.rejects(access.target(), /ENOENT/);
  });

  it('of a kubeconfig: its current context, read again when the file is another', async () => {
    const text = (server: string, token: string) =>
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'here' },
        clusters: [
          { name: 'a', cluster: { server: 'https://192.0.2.99:1' } },
          { name: 'b', cluster: { server } },
        ],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'here', context: { cluster: 'b', user: 'u' } }],
      });
    await withFiles({ config: text('https://192.0.2.1:6443/k8s', 'one') }, async (directory) => {
      const file = join(directory, 'config');
      const place = { inCluster: undefined, node: 'node-a', protect: [], status: false };
      const access = accessOf({ kubeconfig: file, ...place });
      assert.ok(access);
      assert.deepEqual([access.name, access.host], [file, undefined]);
      const { url, options } = await access.target();
      assert.equal(url.href, 'https://192.0.2.1:6443/k8s');
      assert.equal(access.host, '192.0.2.1');
      assert.deepEqual(options.headers, { Authorization: 'Bearer one' });
      await writeFile(file, text('https://192.0.2.2:6443', 'another'));
      const later = await access.target();
      assert.equal(later.url.hostname, '192.0.2.2');
      assert.deepEqual(later.options.headers, { Authorization: 'Bearer another' });
      await writeFile(file, '{}');
      await assert.rejects(access.target(), /no server for its current context|cluster/);
    });
    assert.equal(
      accessOf({
        kubeconfig: undefined,
        inCluster: undefined,
        node: 'a',
        protect: [],
        status: false,
      }),
      undefined,
    );
  });
});
