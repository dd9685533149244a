import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hookWarnings, warningsOf } from '../../../src/cli/check.js';
import { loadConfig } from '../../../src/config/load.js';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'r2f-check-'));
});
after(() => rm(directory, { recursive: true }));

async function warnings(source: string, table: string): Promise<string[]> {
  const file = join(directory, 'c.yaml');
  await writeFile(file, `source: ${source}\ntables: [ { id: 100, name: fabric, ${table} } ]\n`);
  const loaded = await loadConfig(file);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return warningsOf(loaded.config);
}

describe('what check warns of', () => {
  test('fpm: a rule that asks for what FPM does not tell never matches', async () => {
    const rows: readonly (readonly [string, string])[] = [
      ['peer: 10.9.0.2', 'peer'],
      ['peerAs: 65001', 'peerAs'],
      ['originAs: 65001', 'originAs'],
      ['asPath: "^$"', 'asPath'],
      ['community: "65000:1"', 'community'],
      ['largeCommunity: "1:2:3", peerAs: 65001', 'peerAs, largeCommunity'],
    ];
    for (const [criteria, asked] of rows) {
      const [line, ...rest] = await warnings(
        '{ fpm: {} }',
        `filters: [ { deny: { ${criteria} } } ]`,
      );
      assert.match(line ?? '', new RegExp(`filters\\[0\\].*never matches: .* tell ${asked}$`));
      assert.deepEqual(rest, []);
    }
    assert.deepEqual(
      await warnings(
        '{ fpm: {} }',
        'filters: [ { permit: { prefix: 10.0.0.0/8, family: ipv4 } } ]',
      ),
      [],
    );
  });

  test('fpm: a limit of a peer never counts', async () => {
    const limits = 'limits: [ { family: ipv4, max: 1, peer: 10.9.0.2 }, { family: ipv4, max: 9 } ]';
    assert.deepEqual(await warnings('{ fpm: {} }', limits), [
      'table fabric: limit fabric/10.9.0.2/ipv4 never counts: source fpm does not tell peer',
    ]);
  });

  test('fpm: a listener that others can reach', async () => {
    for (const listen of ['127.0.0.1:2620', '127.8.8.8:1', '"[::1]:2620"']) {
      assert.deepEqual(await warnings(`{ fpm: { listen: ${listen} } }`, 'metric: 20'), []);
    }
    for (const listen of ['0.0.0.0:2620', '10.9.0.1:2620', '"[::]:2620"']) {
      const [line] = await warnings(`{ fpm: { listen: ${listen} } }`, 'metric: 20');
      assert.match(line ?? '', /nothing authenticates FPM/);
    }
  });

  test('gobgp: a rule that names a peer sees its best paths only, unless every path is offered', async () => {
    const filters =
      'filters: [ { permit: { peer: 10.9.0.2 } }, { permit: { peerAs: 65001 } }, { permit: { originAs: 65001 } } ]';
    const lines = await warnings('{ gobgp: { address: "127.0.0.1:1" } }', filters);
    assert.equal(lines.length, 2);
    assert.equal(
      lines[0],
      "table fabric: filters[0] (permit: { peer: 10.9.0.2 }) names a peer, but the source offers only its best path of a prefix: where another peer wins, this rule does not see this one's (source.gobgp.paths: all offers every path)",
    );
    const all = '{ gobgp: { address: "127.0.0.1:1", paths: all } }';
    assert.deepEqual(await warnings(all, filters), []);
  });

  test('bgp: a rule or limit of a peer that is not configured, its AS number included', async () => {
    const bgp =
      '{ bgp: { as: 65000, routerId: 10.255.0.1, peers: [ { address: 10.9.0.2, as: 65001 }, { prefix: 10.8.0.0/16, as: 65002 }, { address: "fe80::2", interface: eth1, as: 65003, connect: true } ] } }';
    const known = ['{}', 'peer: 10.9.0.2', 'peer: 10.8.3.4, peerAs: 65002', 'peer: "FE80::2"'];
    for (const criteria of [...known, 'peerAs: 65003', 'originAs: 9']) {
      const rule = criteria === '{}' ? criteria : `{ ${criteria} }`;
      assert.deepEqual(await warnings(bgp, `filters: [ { permit: ${rule} } ]`), [], criteria);
    }
    for (const criteria of [
      'peer: 10.9.0.3',
      'peer: 10.7.0.1',
      'peer: "fe80::3"',
      'peerAs: 65009',
      'peer: 10.9.0.2, peerAs: 65002',
    ]) {
      const [line, ...rest] = await warnings(bgp, `filters: [ { deny: { ${criteria} } } ]`);
      assert.match(line ?? '', /^table fabric: .*filters\[0\].*never matches: .*no such peer$/);
      assert.deepEqual(rest, []);
    }
    const limits = (peer: string) =>
      warnings(bgp, `limits: [ { family: ipv4, max: 1, action: block${peer} } ]`);
    assert.deepEqual(await limits(''), []);
    assert.deepEqual(await limits(', peer: 10.8.0.1'), []);
    assert.match((await limits(', peer: 10.9.0.3')).join(), /never counts: .*no such peer$/);
  });

  test('a hook that cannot be started, as far as this user can tell', async () => {
    const text = join(directory, 'text');
    await writeFile(text, '', { mode: 0o644 });
    const hook = (program: string) => ({ run: [program] as const, timeout: 1_000 });
    const rows: readonly (readonly [program: string, warning: string | undefined])[] = [
      ['/bin/sh', undefined],
      ['/nowhere/program', 'hooks.after: /nowhere/program is not there'],
      ['/bin', 'hooks.after: /bin is not a file'],
      [text, `hooks.after: ${text} may not be executed`],
      ['/bin/sh/program', 'hooks.after: /bin/sh/program cannot be looked at: ENOTDIR'],
    ];
    for (const [program, warning] of rows) {
      const warnings = await hookWarnings({ before: undefined, after: hook(program) });
      assert.deepEqual(warnings, warning === undefined ? [] : [warning]);
    }
    const missing = await hookWarnings({ before: hook('/nowhere/a'), after: undefined });
    assert.deepEqual(missing, ['hooks.before: /nowhere/a is not there']);
  });
});
