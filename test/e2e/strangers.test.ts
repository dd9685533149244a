/** Something else than the gobgpd that is configured: one clear line in log and `status`, and it goes on trying. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type ConfigValue, type Daemon, startDaemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns, type Netns } from '../support/netns.js';
import { tcpStranger } from '../support/tcp-stranger.js';
import { until } from '../support/wait.js';

const scratch = scratchDirectory('strangers');
const [cert, key] = [join(scratch.path, 'cert.pem'), join(scratch.path, 'key.pem')];
before(selfSigned);
after(() => scratch.remove());

describe('an address where no gobgpd is to be spoken with', { concurrency: 6 }, () => {
  const address = '127.0.0.1:50051';
  const strangers = [
    { name: 'nobody', says: /^127\.0\.0\.1:50051: connection refused: is gobgpd running/ },
    {
      name: 'a plain HTTP server',
      answer: 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
      says: /^127\.0\.0\.1:50051 answers, but not gRPC \("HTTP\/1\.1 400 Bad Request"\)/,
    },
    {
      name: 'a server that greets',
      greeting: 'SSH-2.0-OpenSSH_9.2\r\n',
      says: /^127\.0\.0\.1:50051 answers, but not gRPC \("SSH-2\.0-OpenSSH_9\.2"\)/,
    },
    { name: 'silence', says: /^127\.0\.0\.1:50051 answers, but not gRPC: / },
  ];
  for (const { name, says, ...manners } of strangers) {
    it(`says what it found, and keeps trying: ${name}`, async () => {
      await using node = await createNetns('node');
      const stranger = name === 'nobody' ? undefined : await tcpStranger(node, 50051, manners);
      await using daemon = await daemonOf(node, { address });
      const line = await daemon.logged(({ level }) => level === 'warn', 'why', 30_000);
      assert.match(line.msg ?? '', says);
      const attempts = async () => {
        const { state } = (await daemon.status()).source;
        assert.ok(state.state === 'connecting');
        assert.match(state.lastError ?? '', says);
        return state.attempts ?? 0;
      };
      const { stdout } = await daemon.cli('status');
      assert.match(stdout, /^rib2fib \S+ {2}not ready: /);
      assert.match(stdout, new RegExp(`connecting .*${says.source.slice(1)}`));
      const before = await attempts();
      if (name !== 'silence') {
        await until(async () => (await attempts()) > before, { what: 'the next attempt' });
      }
      await stranger?.[Symbol.asyncDispose]();
      const api = { host: '127.0.0.1', port: 50051 };
      const options = { version: '4.8', netns: node, as: 65000, port: -1, api } as const;
      await using _gobgpd = await startGobgpd(options);
      await until(async () => (await daemon.status()).source.state.state !== 'connecting', {
        what: 'it has found gobgpd',
        deadlineMs: 30_000,
      });
      const warnings = daemon.log.filter(({ msg }) => says.test(msg ?? ''));
      assert.equal(warnings.length, 1, 'one line a change, not one an attempt');
    });
  }

  for (const version of GOBGPD_VERSIONS) {
    it(`gobgpd ${version} that speaks TLS when we do not, and the reverse`, async () => {
      await using node = await createNetns('node');
      const api = { host: '127.0.0.1', port: 50051 };
      const options = { version, netns: node, as: 65000, port: -1, api };
      const told = async (gobgp: ConfigValue, says: RegExp) => {
        await using daemon = await daemonOf(node, gobgp);
        await daemon.logged(({ msg }) => says.test(msg ?? ''), `${says}`, 30_000);
        const { stdout } = await daemon.cli('status');
        assert.match(stdout, new RegExp(`connecting .*${says.source.slice(1, -1)}`));
      };
      {
        await using _gobgpd = await startGobgpd({ ...options, tls: { cert, key } });
        await told(
          { address },
          /^127\.0\.0\.1:50051 speaks TLS, but source\.gobgp\.tls is not set$/,
        );
      }
      await using _gobgpd = await startGobgpd(options);
      await told(
        { address, tls: { ca: cert } },
        /^127\.0\.0\.1:50051 answers gRPC without TLS, but source\.gobgp\.tls is set: .*$/,
      );
    });
  }
});

function daemonOf(netns: Netns, gobgp: ConfigValue): Promise<Daemon> {
  const config = { source: { gobgp }, tables: [{ id: 100 }] };
  return startDaemon({ netns, config, until: 'admin' });
}

async function selfSigned(): Promise<void> {
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-days', '2', '-subj', '/CN=gobgpd', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', key, '-out', cert],
  ]);
}
