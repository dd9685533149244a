/** Every way to gobgpd's API: TCP, unix socket, TLS, mutual TLS, and what is said when TLS does not come about. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startDaemon } from '../support/daemon.js';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, type GobgpdOptions, startGobgpd } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { connect, createNetns } from '../support/netns.js';
import { until } from '../support/wait.js';

const run = promisify(execFile);
const scratch = scratchDirectory('tls');
const pem = (name: string) => join(scratch.path, `${name}.pem`);

interface Transport {
  readonly name: string;
  readonly gobgpd: Pick<GobgpdOptions, 'api' | 'tls'>;
  readonly tls?: Readonly<Record<string, string>>;
}

const tcp = { host: '127.0.0.1', port: 50051 } as const;
const server = { cert: pem('server'), key: pem('server-key') };
const client = { cert: pem('client'), key: pem('client-key') };

const TRANSPORTS: readonly Transport[] = [
  { name: 'a unix socket', gobgpd: { api: 'unix' } },
  { name: 'TCP', gobgpd: { api: tcp } },
  { name: 'TCP over IPv6', gobgpd: { api: { host: '[::1]', port: 50051 } } },
  { name: 'TLS', gobgpd: { api: tcp, tls: server }, tls: { ca: pem('ca') } },
  {
    name: 'mutual TLS',
    gobgpd: { api: tcp, tls: { ...server, clientCa: pem('ca') } },
    tls: { ca: pem('ca'), ...client },
  },
];

/** gobgpd 3.10 has no `--tls-client-ca-file`: it takes the connection and asks for no certificate. */
function transportsOf(version: string): readonly Transport[] {
  if (version !== '3.10') return TRANSPORTS;
  return TRANSPORTS.map((transport) =>
    transport.name === 'mutual TLS'
      ? { ...transport, gobgpd: { api: tcp, tls: server } }
      : transport,
  );
}

before(makeCertificates);
after(() => scratch.remove());

for (const version of GOBGPD_VERSIONS) {
  describe(`gobgpd ${version}`, { concurrency: 2 }, () => {
    for (const { name, gobgpd: options, tls } of transportsOf(version)) {
      it(`is read over ${name}`, async () => {
        await using lab = await fabricAndNode();
        const { fabric, node } = lab;
        const neighbors = [{ address: '10.9.0.2', as: 65001 }];
        await using gobgpd = await startGobgpd({
          version,
          netns: node,
          as: 65000,
          neighbors,
          ...options,
        });
        await using daemon = await startDaemon({
          netns: node,
          config: {
            source: { gobgp: { address: gobgpd.address, ...(tls && { tls }) } },
            tables: [{ id: 100, filters: [{ permit: {} }] }],
          },
          until: 'admin',
        });
        await using feeder = await startFeeder({
          netns: fabric,
          localAddress: '10.9.0.2',
          peerAddress: '10.9.0.1',
          localAs: 65001,
          peerAs: 65000,
        });
        await feeder.announce([
          { attributes: { nextHop: '10.9.0.2' }, prefixes: ['198.51.100.0/24'] },
        ]);
        await until(async () => (await ownRoutes(node, 100, ['ipv4'])).has('198.51.100.0/24'), {
          what: 'the route is in the kernel',
        });
        const { source } = await daemon.status();
        assert.equal(source.address, gobgpd.address);
        const api = version === '3.10' ? 'v3' : 'v4';
        await daemon.logged(({ api: spoken }) => spoken === api, `that it speaks ${api}`);
      });
    }
  });
}

describe('TLS that does not come about', { concurrency: 2 }, () => {
  const cases = [
    {
      name: 'an authority that is not trusted',
      gobgpd: server,
      tls: { ca: pem('other-ca') },
      says: /^TLS with 127\.0\.0\.1:50051 failed: .*(self-signed|unable to verify|unable to get)/,
    },
    {
      name: 'no client certificate where one is asked for',
      gobgpd: { ...server, clientCa: pem('ca') },
      tls: { ca: pem('ca') },
      says: /^127\.0\.0\.1:50051 asks for a client certificate: set source\.gobgp\.tls\.cert and key$/,
    },
    {
      name: 'a client certificate of another authority',
      gobgpd: { ...server, clientCa: pem('ca') },
      tls: { ca: pem('ca'), cert: pem('stranger'), key: pem('stranger-key') },
      says: /^TLS with 127\.0\.0\.1:50051 failed: /,
    },
    {
      name: 'a certificate of another host',
      gobgpd: { cert: pem('elsewhere'), key: pem('elsewhere-key') },
      tls: { ca: pem('ca') },
      says: /^TLS with 127\.0\.0\.1:50051 failed: .*altnames/,
    },
  ];
  for (const { name, gobgpd: gobgpdTls, tls, says } of cases) {
    it(`says so: ${name}`, async () => {
      await using lab = await fabricAndNode();
      const { node } = lab;
      const options = { version: '4.8', netns: node, as: 65000, port: -1 } as const;
      await using gobgpd = await startGobgpd({ ...options, api: tcp, tls: gobgpdTls });
      await using daemon = await startDaemon({
        netns: node,
        config: {
          source: { gobgp: { address: gobgpd.address, tls } },
          tables: [{ id: 100 }],
        },
        until: 'admin',
      });
      await daemon.logged(({ msg }) => says.test(msg ?? ''), `${says}`, 30_000);
      const { state } = (await daemon.status()).source;
      assert.ok(state.state === 'connecting' && state.lastError !== undefined);
      assert.match(state.lastError, says);
    });
  }
});

async function fabricAndNode() {
  const fabric = await createNetns('fabric');
  const node = await createNetns('node');
  await connect(fabric, { name: 'n0', addresses: ['10.9.0.2/24'] }, node, {
    name: 'eth1',
    addresses: ['10.9.0.1/24'],
  });
  return {
    ...{ fabric, node },
    async [Symbol.asyncDispose]() {
      await node[Symbol.asyncDispose]();
      await fabric[Symbol.asyncDispose]();
    },
  };
}

async function makeCertificates(): Promise<void> {
  const authority = (name: string) =>
    run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', `/CN=${name}`, '-keyout', pem(`${name}-key`), '-out', pem(name)],
    ]);
  await Promise.all([authority('ca'), authority('other-ca')]);
  await Promise.all([
    certificate('server', 'ca', 'IP:127.0.0.1,IP:::1'),
    certificate('elsewhere', 'ca', 'DNS:elsewhere.example'),
    certificate('client', 'ca', 'DNS:rib2fib.example'),
    certificate('stranger', 'other-ca', 'DNS:stranger.example'),
  ]);
}

async function certificate(name: string, authority: string, altNames: string): Promise<void> {
  const request = join(scratch.path, `${name}.csr`);
  const extensions = join(scratch.path, `${name}.ext`);
  await writeFile(extensions, `subjectAltName=${altNames}\n`);
  await run('openssl', [
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=${name}`, '-keyout', pem(`${name}-key`), '-out', request],
  ]);
  await run('openssl', [
    ...['x509', '-req', '-in', request, '-days', '2', '-extfile', extensions],
    ...['-CA', pem(authority), '-CAkey', pem(`${authority}-key`), '-CAcreateserial'],
    ...['-CAserial', join(scratch.path, `${name}.srl`), '-out', pem(name)],
  ]);
}
