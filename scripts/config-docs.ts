/**
 * Writes docs/configuration.md and docs/rib2fib.schema.json from the schema of
 * the configuration file. With `--check` writes nothing, and ends with 1 when
 * one of them is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { configSchema } from '../src/config/schema.js';

/** The parts of JSON Schema that zod makes of ours. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** A default that depends on other keys, in words. */
  readonly 'x-default'?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

const EXAMPLE = `\
source:
  gobgp: { address: "unix:///run/gobgp/gobgp.sock", paths: best }
hold: 120s
sync: { timeout: 360s }
tables:
  - id: 100
    name: fabric
    metric: 20
    filters:
      - deny: { prefix: 10.42.0.0/16, ge: 16, le: 32 }
      - permit: { prefix: 10.0.0.0/8, ge: 16, le: 24, peer: 10.9.0.2, community: "65000:100" }
      - permit: { family: ipv6, asPath: "^65001_", largeCommunity: "65000:1:2" }
      - permit: { prefixList: customers, originAs: 65010 }
    acceptDefault: false
    limits:
      - { family: ipv4, max: 1000, warnPercent: 75, count: accepted, action: block }
      - { peer: 10.9.0.2, family: ipv4, max: 500, action: teardown, restartAfter: 30m }
    multipath: 16
    bestPath: { multipathRelax: false, alwaysCompareMed: false, preferOldest: false }
    nextHop: { resolve: recursive, viaDefault: false, objects: auto }
    foreign: preserve
    static:
      - prefix: 0.0.0.0/0
        via: [ { gateway: 10.9.0.2, interface: eth1 }, { gateway: 10.9.1.2, interface: eth2 } ]
    onMiss: main
    keepInMain: [ 10.42.0.0/16, 10.43.0.0/16 ]
    rules:
      priority: 10000
      from: [ 203.0.113.0/24, "2001:db8:100::/56", { interface: eth1 } ]
      match: [ { fwmark: 0x14/0xff, iif: eth1 } ]
      discover:
        - ciliumPools: { selector: { matchLabels: { fabric: a } } }
        - metallbPools: { names: [ edge ], advertised: true }
        - services: { class: example.org/lb, namespaces: [ web ], externalIPs: false }
discovery:
  kubernetes: { node: node-a, protect: [ podCidrs, podPools, serviceCidrs, nodeAddresses, apiServer ] }
prefixLists:
  customers:
    - permit 172.16.1.0/24 le 32
    - seq 20 deny 172.16.2.128/25 le 32
    - permit 172.16.2.0/24 le 32
metrics: { listen: "127.0.0.1:9469" }
admin: { socket: /run/rib2fib/admin.sock }
alerts: { alertmanager: "http://127.0.0.1:9093" }
log: { level: info }
`;

const INTRODUCTION = `\
<!-- Made by scripts/config-docs.ts from src/config/schema.ts; do not edit. -->

# Configuration

One YAML file, \`/etc/rib2fib/rib2fib.yaml\` unless \`--config\` names another. Every key is listed
here with its default, where it has one; any other key is refused, with its place in the file and the keys that
are allowed there. [rib2fib.schema.json](rib2fib.schema.json) is the same as a JSON Schema: an
editor with a YAML language server completes and checks with it when the file begins with
\`# yaml-language-server: $schema=rib2fib.schema.json\`.

- A file with any fault is refused whole, and a running daemon keeps its last good one.
  \`rib2fib check\` tells of each fault as \`file:line:column: path: what is wrong\`.
- The file, and those it includes, are watched; so are symbolic links and the swap of a ConfigMap.
  SIGHUP and \`rib2fib reload\` read them too.
- Paths in the file are relative to its directory.
- Durations are one number with a unit: \`500ms\`, \`30s\`, \`5m\`, \`1h\`; at most \`596h\`.
- Prefixes must not have host bits set.
- YAML 1.2, one document, at most 256 KiB. Anchors, aliases, merge keys and duplicate keys are refused.
- Files of filters are at most 512 KiB, some 10,000 rules; files of prefix lists at most 16 MiB, some
  250,000 entries. Long lists of prefixes belong into the latter: they are read without holding the
  daemon up, and a look-up in them costs the same however long they are.
`;

/** docs/configuration.md, whole. */
export function configurationPage(): string {
  const root = jsonSchema();
  const sections = Object.entries(root.properties ?? {}).map(([key, schema]) => {
    const rows = rowsOf(key, schema, root.required?.includes(key) ?? false);
    const table = ['| Key | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...rows];
    return `## ${key}\n\n${table.join('\n')}\n`;
  });
  const example = `## A complete example\n\n\`\`\`yaml\n${EXAMPLE}\`\`\`\n`;
  return [INTRODUCTION, example, ...sections].join('\n');
}

/** docs/rib2fib.schema.json, whole. */
export function schemaFile(): string {
  return `${JSON.stringify({ title: 'rib2fib configuration', ...jsonSchema() }, null, 2)}\n`;
}

function jsonSchema(): Schema {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Schema;
}

function rowsOf(path: string, schema: Schema, required: boolean): readonly string[] {
  const cells = [`\`${path}\``, typeOf(schema), defaultOf(schema, required), schema.description];
  const row = `| ${cells.map((cell) => (cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`;
  // `deny` has the keys of `permit`: once is enough.
  return path.endsWith('.deny') ? [row] : [row, ...rowsBelow(path, schema)];
}

function rowsBelow(path: string, schema: Schema): readonly string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    rowsOf(`${path}.${key}`, value, schema.required?.includes(key) ?? false),
  );
  const { additionalProperties: named, items, anyOf = [] } = schema;
  return [
    ...own,
    ...anyOf.flatMap((branch) => rowsBelow(path, branch)),
    ...(items === undefined ? [] : rowsBelow(`${path}[]`, items)),
    ...(typeof named === 'object' ? rowsBelow(`${path}.NAME`, named) : []),
  ];
}

function typeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) {
    // `null` is a key left empty: allowed here and there, and nothing to learn about.
    const branches = schema.anyOf.filter(({ type }) => type !== 'null');
    return branches.map(typeOf).join(', or ');
  }
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ');
  if (schema.title !== undefined) return schema.title;
  if (schema.items !== undefined) return `list of ${pluralOf(schema.items)}`;
  switch (schema.type) {
    case 'integer':
      return schema.maximum === Number.MAX_SAFE_INTEGER
        ? 'number'
        : `${schema.minimum} to ${schema.maximum}`;
    case 'object':
      return 'mapping';
    case 'boolean':
      return '`true`, `false`';
    default:
      return 'text';
  }
}

function pluralOf(schema: Schema): string {
  const kinds = schema.anyOf ?? [schema];
  return kinds
    .map((kind) => `${typeOf(kind)}${/[xs]$/.test(typeOf(kind)) ? 'es' : 's'}`)
    .join(' and ');
}

function defaultOf(schema: Schema, required: boolean): string {
  if (required) return '*required*';
  const value = schema['x-default'] ?? schema.default;
  if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function main(check: boolean): void {
  const pages = { 'configuration.md': configurationPage(), 'rib2fib.schema.json': schemaFile() };
  for (const [name, text] of Object.entries(pages)) {
    const file = new URL(`../docs/${name}`, import.meta.url);
    if (!check) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      process.stderr.write(
        `docs/${name} is out of date: run node --import tsx scripts/config-docs.ts\n`,
      );
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
