import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.js';
import { loadConfigApart } from '../../../src/config/load-apart.js';
import type { LoadResult } from '../../../src/config/loaded.js';
import { NODE_KEYS } from '../../../src/config/node-place.js';
import { Assembly, type Part } from '../../../src/config/transfer.js';
import { withFiles } from './files-in-directory.js';

/** Something of every kind of value that a configuration holds. */
const RICH = `
source:
  bgp:
    listen: "[::]:1790"
    as: 4294967295
    routerId: 255.255.255.254
    peers:
      - { address: 10.9.0.2, as: 65001, connect: true, localAddress: 10.9.0.1, passwordFile: secret }
      - { prefix: "fe80::/64", interface: eth1, as: 65002, allowOwnAs: 1 }
      - { address: "2001:db8::1", as: 65003, role: feed }
hold: forever
tables:
  - id: 4294967295
    foreign: fail
    filters:
      - deny: { prefix: 10.42.0.0/16, ge: 16, le: 32, asPath: "^65001_" }
      - permit: { prefixList: long, community: no-export, peer: 10.9.0.2 }
    limits: [ { family: ipv6, max: 4294967295, action: teardown, peer: 10.9.0.2, restartAfter: never } ]
    nextHop: { override: [ 10.9.0.254, "2001:db8::254" ] }
    static: [ { prefix: "::/0", via: [ { gateway: "fe80::1", interface: eth1, weight: 3 } ] } ]
    keepInMain: [ 192.0.2.0/24 ]
    rules:
      from: [ 203.0.113.0/24, "2001:db8:100::/56", { interface: eth1 } ]
      priority: 10000
      match: [ { fwmark: 0xffffffff, iif: eth1, to: "2001:db8::/32" } ]
      discover: [ { services: { class: x, selector: { matchExpressions: [ { key: a, operator: Exists } ] } } } ]
  - id: 200
    static: [ { prefix: 0.0.0.0/0, discover: { metallbPeers: {} } } ]
discovery: { kubernetes: { kubeconfig: lists.conf, node: node-a } }
prefixLists:
  long: { file: lists.conf }
  none: { file: lists.conf }
  short: [ "permit 2001:db8::/32 ge 48", "seq 4294967295 deny any" ]
metrics: { listen: off }
`;

/** More entries than go into one message, of both families. */
const LISTS = [
  ...Array.from({ length: 2_500 }, (_, i) => {
    return `ip prefix-list long permit ${10 + (i >> 8)}.${i & 255}.0.0/16 le 24`;
  }),
  'ipv6 prefix-list long seq 4000000000 deny 2001:db8:ffff::/48',
  'ip prefix-list none permit any',
].join('\n');

const FILES = { 'lists.conf': LISTS, secret: 'sesame\n' };

async function bothWays(
  files: Readonly<Record<string, string>>,
): Promise<readonly [LoadResult, LoadResult]> {
  return await withFiles(files, async (directory) => {
    const path = join(directory, 'c.yaml');
    return [await loadConfigApart(path), await loadConfig(path)];
  });
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

describe('loadConfigApart', () => {
  it('comes to the very configuration that the loader itself comes to', async () => {
    const [apart, here] = await bothWays({ ...FILES, 'c.yaml': RICH });
    assert.ok(apart.ok && here.ok, JSON.stringify([apart, here]));
    assert.equal(here.config.prefixLists.get('long')?.ipv4.length, 2_500);
    // Classes, undefined and infinite values included.
    assert.deepStrictEqual(apart.config, here.config);
    assert.deepEqual([...apart.config.prefixLists.keys()], [...here.config.prefixLists.keys()]);
    assert.equal(apart.identity, here.identity);
    for (const [table] of here.config.tables.entries()) {
      for (const key of NODE_KEYS) {
        const place = { table, key };
        assert.deepEqual(apart.faultAt(place, 'no'), here.faultAt(place, 'no'));
      }
    }
  });

  it('hands over what nobody can change', async () => {
    const [{ ok, ...apart }] = await bothWays({ ...FILES, 'c.yaml': RICH });
    assert.ok(ok && 'config' in apart);
    const { config } = apart;
    const list = config.prefixLists.get('long');
    for (const value of [config, config.tables, config.tables[0]?.filters[0], list, list?.ipv4[0]])
      assert.ok(Object.isFrozen(value), JSON.stringify(value));
  });

  it('tells of the very faults, and the files that may mend them', async () => {
    const [apart, here] = await bothWays({ 'c.yaml': RICH.replace('id: 200', 'id: 254') });
    assert.ok(!here.ok && here.faults.length > 1, JSON.stringify(here));
    assert.deepStrictEqual(apart, here);
  });

  it('refuses what it cannot find', async () => {
    assert.deepStrictEqual(
      await loadConfigApart('/nonexistent/c.yaml'),
      await loadConfig('/nonexistent/c.yaml'),
    );
  });

  it('refuses, and lives on, where the process for it fails', async () => {
    const refusal = async (...args: Parameters<typeof loadConfigApart>): Promise<unknown> => {
      const result = await loadConfigApart(...args);
      return result.ok ? result : [result.faults[0]?.message, result.files];
    };
    const dying = (program: string) => ({ execPath: '/bin/sh', execArgv: ['-c', program] });
    assert.deepEqual(await refusal('/c.yaml', dying('kill -KILL $$')), [
      'cannot be read: the process for that ended with SIGKILL',
      ['/c.yaml'],
    ]);
    assert.deepEqual(await refusal('/c.yaml', dying('exit 3')), [
      'cannot be read: the process for that ended with exit code 3',
      ['/c.yaml'],
    ]);
    const [message] = (await refusal('/c.yaml', { execPath: '/nonexistent/node' })) as string[];
    assert.match(message ?? '', /could not be started: .*ENOENT/);
    // What fork() throws, where others are told by an event.
    const [thrown] = (await refusal('/c.yaml', { execPath: 'no\0path' })) as string[];
    assert.match(thrown ?? '', /could not be started: .*null bytes/);
  });

  it('refuses, and waits no longer, where the process for it does not end', async () => {
    const result = await loadConfigApart('/dev/zero', { patience: 300 });
    assert.ok(!result.ok);
    assert.match(result.faults[0]?.message ?? '', /has not ended within 300 ms/);
  });

  it('goes on when the signals that end or reload a daemon reach it as well', async () => {
    const program = new URL('../../../src/config/load-process.ts', import.meta.url);
    const reader = fork(program, ['/nonexistent/c.yaml'], {
      ...{ serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    });
    const parts: Part[] = [];
    reader.on('message', (part) => {
      if (parts.length === 0) for (const signal of SIGNALS) reader.kill(signal);
      parts.push(part as Part);
    });
    assert.deepEqual(await once(reader, 'exit'), [0, null]);
    assert.deepEqual(
      parts.map(({ part }) => part),
      ['program', 'refused'],
    );
  });

  it('does not believe a program of another version', () => {
    const assembly = new Assembly('1.2.3');
    assert.equal(assembly.add({ part: 'program', version: '1.2.3' }), undefined);
    assert.throws(
      () => assembly.add({ part: 'program', version: '1.3.0' }),
      /is rib2fib 1\.3\.0, and the daemon is 1\.2\.3: restart the daemon/,
    );
  });

  it('does not outlive who waits for it', async () => {
    const program = new URL('../../../src/config/load-process.ts', import.meta.url);
    const reader = fork(program, ['/dev/zero'], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const complaint = reader.stderr === null ? '' : text(reader.stderr);
    reader.disconnect();
    assert.deepEqual(await once(reader, 'exit'), [1, null]);
    assert.equal(await complaint, '');
  });
});
