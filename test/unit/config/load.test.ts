import assert from 'node:assert/strict';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { formatFault } from '../../../src/config/fault.js';
import { identityOf } from '../../../src/config/file-identity.js';
import { loadConfig } from '../../../src/config/load.js';
import { faultsOf, inTable, SOURCE, TABLE } from './fault-rows.js';
import { withFiles } from './files-in-directory.js';

const DESIGN = `
source:
  gobgp: { address: "unix:///run/gobgp/gobgp.sock", tls: { ca: , cert: , key: }, paths: best }
hold: 120s
sync: { timeout: 360s }
tables:
  - id: 100
    name: fabric
    metric: 20
    filters:
      - deny: { prefix: 10.42.0.0/16, ge: 16, le: 32 }
      - permit: { prefix: 10.0.0.0/8, ge: 16, le: 24, peer: 10.9.0.2, community: "65000:100" }
      - permit: { prefixList: customers }
    acceptDefault: false
    limits:
      - { family: ipv4, max: 1000, warnPercent: 75, count: accepted, action: block }
      - { peer: 10.9.0.2, family: ipv4, max: 500, action: warn }
    multipath: 16
    nextHop: { resolve: recursive, viaDefault: false, objects: auto }
    foreign: preserve
    static: [ { prefix: 0.0.0.0/0, via: [ { gateway: 10.9.0.2, interface: eth1, weight: 1 } ] } ]
    onMiss: main
    keepInMain: [ 10.42.0.0/16, 10.43.0.0/16 ]
    rules:
      priority: 10000
      from: [ 203.0.113.0/24, "2001:db8:100::/56", { interface: eth1 } ]
      match: [ { fwmark: 0x14/0xff, iif: eth1 } ]
prefixLists:
  customers: [ "permit 172.16.1.0/24 le 32", "permit 172.16.2.0/24 le 32" ]
metrics: { listen: "127.0.0.1:9469" }
admin: { socket: /run/rib2fib/admin.sock }
alerts: { alertmanager: "http://127.0.0.1:9093" }
log: { level: info }
`;

async function load(text: string, files: Readonly<Record<string, string>> = {}): Promise<Config> {
  return withFiles({ ...files, 'c.yaml': text }, async (directory) => {
    const result = await loadConfig(join(directory, 'c.yaml'));
    assert.ok(result.ok, result.ok ? '' : result.faults.map(formatFault).join('\n'));
    return result.config;
  });
}

/** Addresses and prefixes as text, so that a whole value can be compared. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, inner) =>
      typeof inner?.text === 'string' && 'equals' in inner
        ? inner.text
        : inner?.address?.text
          ? String(inner)
          : inner,
    ),
  );
}

describe('loadConfig', () => {
  it('reads the example of the design', async () => {
    const { tables, prefixLists, source, metrics, alerts } = await load(DESIGN);
    assert.deepEqual(source, {
      kind: 'gobgp',
      gobgp: {
        address: 'unix:///run/gobgp/gobgp.sock',
        tls: { ca: undefined, cert: undefined, key: undefined },
        paths: 'best',
      },
    });
    assert.deepEqual(plain(tables[0]?.filters), [
      {
        action: 'deny',
        id: 'filters[0]',
        text: 'deny: { prefix: 10.42.0.0/16, ge: 16, le: 32 }',
        prefix: { prefix: '10.42.0.0/16', minLength: 16, maxLength: 32 },
      },
      {
        action: 'permit',
        id: 'filters[1]',
        text: 'permit: { prefix: 10.0.0.0/8, ge: 16, le: 24, peer: 10.9.0.2, community: 65000:100 }',
        prefix: { prefix: '10.0.0.0/8', minLength: 16, maxLength: 24 },
        peer: '10.9.0.2',
        community: 65000 * 65536 + 100,
      },
      {
        action: 'permit',
        id: 'filters[2]',
        text: 'permit: { prefixList: customers }',
        prefixList: 'customers',
      },
    ]);
    assert.deepEqual(
      tables[0]?.limits.map(({ id, action, max, warnPercent }) => ({
        id,
        action,
        max,
        warnPercent,
      })),
      [
        { id: 'fabric/all/ipv4', action: 'block', max: 1000, warnPercent: 75 },
        { id: 'fabric/10.9.0.2/ipv4', action: 'warn', max: 500, warnPercent: 75 },
      ],
    );
    assert.deepEqual(plain(tables[0]?.static), [
      { prefix: '0.0.0.0/0', via: [{ gateway: '10.9.0.2', interface: 'eth1', weight: 1 }] },
    ]);
    assert.deepEqual(plain(tables[0]?.keepInMain), ['10.42.0.0/16', '10.43.0.0/16']);
    assert.deepEqual(plain(tables[0]?.rules), {
      priority: 10000,
      from: [
        { kind: 'prefix', prefix: '203.0.113.0/24' },
        { kind: 'prefix', prefix: '2001:db8:100::/56' },
        { kind: 'interface', interface: 'eth1' },
      ],
      match: [{ iif: 'eth1', fwmark: { value: 0x14, mask: 0xff } }],
      discover: [],
      returnPath: { by: 'source' },
    });
    assert.deepEqual(plain(prefixLists.get('customers')), {
      ipv4: [
        { seq: 5, action: 'permit', prefix: '172.16.1.0/24', ge: 0, le: 32 },
        { seq: 10, action: 'permit', prefix: '172.16.2.0/24', ge: 0, le: 32 },
      ],
      ipv6: [],
    });
    assert.deepEqual(metrics.listen, { host: '127.0.0.1', port: 9469 });
    assert.equal(alerts.alertmanager, 'http://127.0.0.1:9093');
  });

  it('fills in every default', async () => {
    const { files, ...config } = await load(TABLE);
    assert.equal(files.length, 1);
    assert.deepEqual(config, {
      source: {
        kind: 'gobgp',
        gobgp: { address: '127.0.0.1:50051', tls: undefined, paths: 'best' },
      },
      hold: 120_000,
      sync: { timeout: 360_000 },
      tables: [
        {
          id: 100,
          name: 'table100',
          metric: 20,
          filters: [],
          acceptDefault: false,
          limits: [],
          multipath: 16,
          bestPath: { multipathRelax: false, alwaysCompareMed: false, preferOldest: false },
          nextHop: { resolve: 'recursive', viaDefault: false, override: [], objects: 'auto' },
          foreign: 'preserve',
          static: [],
          onMiss: 'main',
          keepInMain: [],
          rules: undefined,
        },
      ],
      prefixLists: new Map(),
      discovery: { kubernetes: undefined },
      metrics: { listen: { host: '127.0.0.1', port: 9469 } },
      admin: { socket: '/run/rib2fib/admin.sock' },
      alerts: { alertmanager: undefined },
      hooks: { before: undefined, after: undefined },
      log: { level: 'info' },
    });
  });

  it('takes every way of a reply', async () => {
    const rules = async (text: string) =>
      (
        await load(
          `${inTable(`rules: { priority: 1, from: [ 10.0.0.0/8 ], ${text} }`)}\ndiscovery: { kubernetes: { kubeconfig: c.yaml } }\n`,
        )
      ).tables[0]?.rules?.returnPath;
    assert.deepEqual(await rules('returnPath: source'), { by: 'source' });
    assert.deepEqual(await rules('returnPath: endpoints'), { by: 'endpoints' });
    const standard = { by: 'connmark', mark: { value: 0x1000, mask: 0x1000 }, interfaces: [] };
    assert.deepEqual(await rules('returnPath: connmark'), standard);
    assert.deepEqual(await rules('returnPath: connmark, connmark: {}'), standard);
    assert.deepEqual(
      await rules(
        'returnPath: connmark, connmark: { mark: 0x80000000/0xf0000000, interfaces: [ eth1, bond0.7 ] }',
      ),
      {
        by: 'connmark',
        mark: { value: 0x80000000, mask: 0xf0000000 },
        interfaces: ['eth1', 'bond0.7'],
      },
    );
  });

  it('takes every other form of a value', async () => {
    const config = await load(
      `hold: forever\nmetrics: { listen: off }\nalerts: { alertmanager: "https://a.example/am/" }\n${inTable(
        `nextHop: { override: 10.9.0.254 }
limits: [ { family: ipv6, max: 1, peer: "2001:DB8::1", action: teardown, restartAfter: never }, { family: ipv4, max: 1, peer: 10.9.0.2, action: teardown } ]
filters: [ { permit: {} }, { permit: { prefix: 10.0.0.0/8 } }, { permit: { prefix: 10.0.0.0/8, ge: 9 } }, { permit: { prefix: 10.0.0.0/8, le: 9 } }, { permit: { community: graceful-shutdown, asPath: "^65001, 2" } } ]
static: [ { prefix: 10.0.0.0/8, via: [ { gateway: "fe80::1", interface: eth1 } ] } ]
rules: { priority: 1, match: [ { fwmark: 0x14 }, { fwmark: 21 }, { fwmark: 0x16/0x00FF } ] }`,
      )}`,
    );
    const [table] = config.tables;
    assert.equal(config.hold, Number.POSITIVE_INFINITY);
    assert.equal(config.metrics.listen, undefined);
    assert.equal(config.alerts.alertmanager, 'https://a.example/am');
    assert.deepEqual(plain(table?.nextHop.override), ['10.9.0.254']);
    assert.deepEqual(
      table?.limits.map(({ id, restartAfter }) => [id, restartAfter]),
      [
        ['table100/2001:db8::1/ipv6', Number.POSITIVE_INFINITY],
        ['table100/10.9.0.2/ipv4', 900_000],
      ],
    );
    assert.deepEqual(
      table?.filters.map(({ text, prefix }) => [text, prefix?.minLength, prefix?.maxLength]),
      [
        ['permit: {}', undefined, undefined],
        ['permit: { prefix: 10.0.0.0/8 }', 8, 8],
        ['permit: { prefix: 10.0.0.0/8, ge: 9 }', 9, 32],
        ['permit: { prefix: 10.0.0.0/8, le: 9 }', 8, 9],
        ['permit: { community: graceful-shutdown, asPath: "^65001, 2" }', undefined, undefined],
      ],
    );
    assert.equal(table?.filters[4]?.community, 0xffff0000);
    assert.deepEqual(
      table?.rules?.match.map(({ fwmark }) => fwmark),
      [
        { value: 20, mask: 0xffffffff },
        { value: 21, mask: 0xffffffff },
        { value: 22, mask: 255 },
      ],
    );
  });

  it('reads included files beside the main one, and lists all it read', async () => {
    const lists = '{ a: { file: lists.conf }, b: { file: lists.conf } }';
    const text = `${inTable('filters: { file: filters.yaml }\n')}prefixLists: ${lists}\n`;
    await withFiles(
      {
        'c.yaml': text,
        'filters.yaml': '- permit: { prefixList: a }\n- deny: {}\n',
        'lists.conf': 'ip prefix-list a permit any\nipv6 prefix-list b permit any\n',
      },
      async (directory) => {
        const result = await loadConfig(join(directory, 'c.yaml'));
        assert.ok(result.ok);
        const { tables, prefixLists, files } = result.config;
        assert.deepEqual(
          tables[0]?.filters.map(({ id }) => id),
          ['filters.yaml[0]', 'filters.yaml[1]'],
        );
        assert.deepEqual(plain([...prefixLists]), [
          [
            'a',
            { ipv4: [{ seq: 5, action: 'permit', prefix: '0.0.0.0/0', ge: 0, le: 32 }], ipv6: [] },
          ],
          ['b', { ipv4: [], ipv6: [{ seq: 5, action: 'permit', prefix: '::/0', ge: 0, le: 128 }] }],
        ]);
        const names = ['c.yaml', 'lists.conf', 'filters.yaml'];
        assert.deepEqual(
          files,
          names.map((name) => join(directory, name)),
        );
        assert.equal(result.identity, identityOf(files));
      },
    );
  });

  it('names source and TLS files by absolute paths', async () => {
    await withFiles(
      {
        'c.yaml': 'source: { file: { path: routes.yaml } }\ntables: [ { id: 100 } ]\n',
        'tls.yaml':
          'source: { gobgp: { address: "[::1]:50051", tls: { ca: ca.pem, cert: ca.pem, key: ca.pem } } }\ntables: [ { id: 100 } ]\n',
        'routes.yaml': '',
        'ca.pem': '',
      },
      async (directory) => {
        const file = await loadConfig(join(directory, 'c.yaml'));
        assert.ok(file.ok);
        const path = join(directory, 'routes.yaml');
        assert.deepEqual(file.config.source, { kind: 'file', file: { path } });
        const gobgp = await loadConfig(join(directory, 'tls.yaml'));
        assert.ok(gobgp.ok && gobgp.config.source.kind === 'gobgp');
        assert.equal(gobgp.config.source.gobgp.tls?.key, join(directory, 'ca.pem'));
      },
    );
  });

  it('reads how the best of all paths is chosen, for each table', async () => {
    const all = await load(
      'source: { gobgp: { address: "127.0.0.1:50051", paths: all } }\n' +
        'tables: [ { id: 100, bestPath: { multipathRelax: true, preferOldest: true } }, { id: 101, bestPath: { alwaysCompareMed: true } } ]\n',
    );
    assert.ok(all.source.kind === 'gobgp' && all.source.gobgp.paths === 'all');
    assert.deepEqual(
      all.tables.map(({ bestPath }) => bestPath),
      [
        { multipathRelax: true, alwaysCompareMed: false, preferOldest: true },
        { multipathRelax: false, alwaysCompareMed: true, preferOldest: false },
      ],
    );
  });

  it('is frozen all the way down', async () => {
    const config = await load(DESIGN);
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const isPlain = Object.getPrototypeOf(value) === Object.prototype || Array.isArray(value);
      if (isPlain) assert.ok(Object.isFrozen(value), JSON.stringify(value));
      for (const inner of value instanceof Map ? value.values() : Object.values(value))
        check(inner);
    };
    check(config);
  });
});

describe('files that are too much', () => {
  it('refuses a main file above 256 KiB in one line, without parsing it', async () => {
    const text = Buffer.alloc(10_000_000, 'a: [\n');
    const begin = performance.now();
    assert.deepEqual(await faultsOf(text), ['c.yaml:1:1: is larger than the 256 KiB allowed']);
    assert.ok(performance.now() - begin < 500);
  });

  it('takes a main file of 256 KiB', async () => {
    const text = TABLE.padEnd(2 ** 18, '#');
    assert.deepEqual(await faultsOf(text), []);
  });

  it('refuses a file of prefix lists above 16 MiB', async () => {
    const text = `${TABLE}prefixLists: { a: { file: a.conf } }\n`;
    await withFiles({ 'c.yaml': text, 'a.conf': '' }, async (directory) => {
      await truncate(join(directory, 'a.conf'), 16 * 2 ** 20 + 1);
      const result = await loadConfig(join(directory, 'c.yaml'));
      assert.ok(!result.ok);
      assert.match(
        result.faults.map(formatFault).join(),
        /a\.conf is larger than the 16 MiB allowed$/,
      );
    });
  });

  it('refuses a YAML file of filters above 512 KiB, and says where long lists belong', async () => {
    const text =
      'source: { gobgp: { address: "unix:///g" } }\ntables: [ { id: 100, filters: { file: f.yaml } } ]\n';
    await withFiles({ 'c.yaml': text, 'f.yaml': '' }, async (directory) => {
      await truncate(join(directory, 'f.yaml'), 512 * 2 ** 10 + 1);
      const result = await loadConfig(join(directory, 'c.yaml'));
      assert.ok(!result.ok);
      assert.match(
        result.faults.map(formatFault).join(),
        /f\.yaml is larger than the 512 KiB allowed; put long lists of prefixes into prefixLists, and name them in a filter$/,
      );
    });
  });

  it('names the rules of a long file of filters by their place in the whole', async () => {
    const rule = (index: number) => `- permit: { prefix: 10.${index >> 8}.${index & 255}.0/24 }`;
    const rules = Array.from({ length: 1_000 }, (_, index) => rule(index));
    const text = `${TABLE}    filters: { file: f.yaml }\n`;
    const { tables } = await load(text, { 'f.yaml': rules.join('\n') });
    assert.deepEqual(
      tables[0]?.filters.map(({ id }) => id),
      rules.map((_, index) => `f.yaml[${index}]`),
    );
    rules[900] = '- permit: { prefix: 10.0.0.0/8, le: 4 }';
    assert.deepEqual(await faultsOf(text, { 'f.yaml': rules.join('\n') }), [
      'f.yaml:901:37: [900].permit.le: le 4 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ]);
  });

  it('refuses what is not text', async () => {
    const faults = await faultsOf(Buffer.from([0x6c, 0xff, 0xfe]));
    assert.deepEqual(faults, ['c.yaml:1:1: is not UTF-8 text']);
  });

  it('refuses half a million open brackets without falling over', async () => {
    const faults = await faultsOf(`log: ${'['.repeat(200_000)}`);
    assert.deepEqual(faults, ['c.yaml:1:68: nested deeper than 64 levels']);
  });

  it('tells of twenty faults of a file, and counts the rest', async () => {
    const prefixes = Array.from({ length: 23 }, (_, index) => `10.0.0.${index + 1}/8`);
    const faults = await faultsOf(inTable(`keepInMain: [ ${prefixes.join(', ')} ]\n`));
    assert.equal(faults.length, 21);
    assert.match(faults[20] ?? '', /: 3 more faults from here on$/);
  });

  it('tells of a missing main file', async () => {
    const result = await loadConfig('/nonexistent/rib2fib.yaml');
    assert.ok(!result.ok);
    assert.deepEqual(result.faults.map(formatFault), [
      '/nonexistent/rib2fib.yaml:1:1: cannot be read: no such file or directory',
    ]);
  });

  it('tells of a directory in place of the main file', async () => {
    const result = await loadConfig('/');
    assert.ok(!result.ok);
    assert.deepEqual(result.faults.map(formatFault), ['/:1:1: cannot be read: is a directory']);
  });

  it('keeps prototypes out of the reach of keys', async () => {
    assert.match(
      (await faultsOf(`${TABLE}__proto__: {}\n`)).join(),
      /:4:1: __proto__: unknown key/,
    );
    const faults = await faultsOf(`${SOURCE}tables: [ { __proto__: { id: 100 } } ]\n`);
    assert.match(faults.join(), /tables\[0\]\.id: is missing/);
  });
});
