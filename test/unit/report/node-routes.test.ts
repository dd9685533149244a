import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { ResourceStatus } from '../../../src/discover/discovered.js';
import { nodeRoutesStatus, sameReport } from '../../../src/report/node-routes.js';
import { NOW, STATUS } from '../admin/sample-status.js';

const DISCOVERY = { address: 'https://10.96.0.1', node: 'node-a', settled: true, kept: {} };
const RESOURCE: ResourceStatus = {
  ...{ resource: 'nodes', since: NOW, objects: 3, faulty: 0, lastError: undefined },
  state: 'stale',
};
const CRD = new URL('../../../deploy/helm/rib2fib/files/noderoutes-crd.yaml', import.meta.url);

test('counts are sums over families and tables, but for what every table hears', () => {
  const [table] = STATUS.tables;
  assert.ok(table !== undefined);
  const tables = [table, { ...table, id: 200, name: 'storage' }];
  const { routes, rules, tables: summaries } = nodeRoutesStatus({ ...STATUS, tables }, []);
  assert.deepEqual(routes, {
    ...{ heard: 1_274, desired: 2 * 853, installed: 2 * 853, stale: 0, rejected: 2 * 422 },
  });
  assert.equal(rules, 8);
  assert.deepEqual(summaries[0], {
    ...{ id: 100, name: 'fabric', heard: 1_274, accepted: 852, desired: 853, installed: 853 },
    ...{ stale: 0, foreign: 1, rules: 4, rejected: { denied: 300, 'no-match': 122 } },
    limitsExceeded: ['fabric/10.9.1.2/ipv4'],
  });
});

test('times are told as Kubernetes takes them, and hold only where it ends', () => {
  const feed = { state: 'stale', since: NOW, until: NOW + 120_000, reason: 'reset' } as const;
  const held = nodeRoutesStatus({ ...STATUS, source: { ...STATUS.source, feed } }, []);
  assert.equal(held.source.holdUntil, '2026-03-01T12:02:00Z');
  assert.equal(held.lastChange, '2026-03-01T11:59:55Z');
  const ever = { ...feed, until: null };
  const forever = nodeRoutesStatus({ ...STATUS, source: { ...STATUS.source, feed: ever } }, []);
  assert.ok(!('holdUntil' in forever.source));
});

test('a report differs from another by all but its time', () => {
  const report = nodeRoutesStatus(STATUS, []);
  const later = nodeRoutesStatus({ ...STATUS, now: NOW + 1_000 }, report.conditions);
  assert.ok(sameReport(report, later));
  const kernel = { ...STATUS.kernel, lastChangeAt: NOW };
  assert.ok(!sameReport(report, nodeRoutesStatus({ ...STATUS, kernel }, report.conditions)));
});

test('however much there is to tell, the definition takes it', () => {
  const [peer] = STATUS.source.peers;
  const [table] = STATUS.tables;
  const [limit] = table?.limits ?? [];
  assert.ok(peer !== undefined && table !== undefined && limit !== undefined);
  const many = <T>(one: T): T[] => Array.from({ length: 500 }, () => one);
  const latched = { ...limit, latched: true };
  const report = nodeRoutesStatus(
    {
      ...STATUS,
      source: { ...STATUS.source, peers: many({ ...peer, lastError: 'x'.repeat(9_999) }) },
      tables: [{ ...table, limits: many(latched) }],
      discovery: { ...DISCOVERY, resources: many({ ...RESOURCE, lastError: 'x'.repeat(9_999) }) },
    },
    [],
  );
  assert.equal(report.source.peersEstablished, 500);
  assert.deepEqual(faults(report, statusSchema()), []);
  assert.ok(JSON.stringify(report).length < 100_000);
});

test('the definition knows every field that is written', () => {
  const feed = { state: 'stale', since: NOW, until: NOW + 1, reason: 'reset' } as const;
  const discovery = { ...DISCOVERY, resources: [{ ...RESOURCE, lastError: 'gone' }] };
  const source = { ...STATUS.source, feed };
  const report = nodeRoutesStatus({ ...STATUS, source, discovery }, []);
  assert.deepEqual(faults(report, statusSchema()), []);
  assert.deepEqual(faults({ ...report, unknown: 1 }, statusSchema()), ['unknown: not known']);
});

interface Schema {
  readonly type: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly required?: readonly string[];
}

function statusSchema(): Schema {
  const crd = parse(readFileSync(CRD, 'utf8')) as {
    spec: { versions: [{ schema: { openAPIV3Schema: { properties: { status: Schema } } } }] };
  };
  return crd.spec.versions[0].schema.openAPIV3Schema.properties.status;
}

/** What the API server would drop or refuse. */
function faults(value: unknown, schema: Schema, path = ''): readonly string[] {
  if (Array.isArray(value)) {
    const { items, maxItems = Infinity } = schema;
    if (items === undefined) return [`${path}: no list`];
    const long = value.length > maxItems ? [`${path}: too many`] : [];
    return [...long, ...value.flatMap((one) => faults(one, items, `${path}[]`))];
  }
  if (typeof value === 'object' && value !== null) {
    const missing = (schema.required ?? []).filter((key) => !(key in value));
    return [
      ...missing.map((key) => `${path}${key}: missing`),
      ...Object.entries(value).flatMap(([key, one]) => {
        const known = schema.properties?.[key] ?? schema.additionalProperties;
        const at = path === '' ? key : `${path}.${key}`;
        return known === undefined ? [`${at}: not known`] : faults(one, known, at);
      }),
    ];
  }
  const type = typeof value === 'number' ? 'integer' : typeof value;
  if (type !== schema.type) return [`${path}: ${type}, not ${schema.type}`];
  return String(value).length > (schema.maxLength ?? Infinity) ? [`${path}: too long`] : [];
}
