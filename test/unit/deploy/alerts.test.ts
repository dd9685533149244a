/** The alert rules and the dashboard of the chart name what there is: alerts, metrics, runbooks. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Metrics } from '../../../src/observe/metrics.js';
import { STATUS } from '../admin/sample-status.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

const text = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const CHART = 'deploy/helm/rib2fib';
const { rules } = parse(text(`${CHART}/files/alerts.yaml`)) as { rules: readonly Rule[] };

/** As the type has them. */
const RAISED = [...text('src/observe/alerts.ts').matchAll(/^ {2}\| '(Rib2fib\w+)'/gm)].map(
  ([, name]) => name ?? '',
);
/** Of Prometheus alone: who is gone raises nothing. */
const OWN = ['Rib2fibDown'];

test('every alert that rib2fib raises has a rule, and no rule another name', () => {
  assert.ok(RAISED.length >= 10);
  const named = new Set(rules.map(({ alert }) => alert));
  assert.deepEqual([...named].sort(), [...RAISED, ...OWN].sort());
});

test('every rule has its section in the operating guide, whose anchor is the runbook', () => {
  const guide = text('docs/operating.md');
  for (const { alert } of rules) assert.match(guide, new RegExp(`^### ${alert}$`, 'm'));
});

test('every rule has a severity and says what it is about', () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(warning|critical)$/, alert);
    assert.match(annotations['summary'] ?? '', /\$labels\.node/, alert);
    assert.ok(annotations['description'], alert);
  }
});

test('rules and dashboard ask for metrics that there are', async () => {
  const metrics = new Metrics({ collect: () => STATUS });
  const exposed = [...(await metrics.render()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const names = new Set(
    exposed.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  const panels = (
    JSON.parse(text(`${CHART}/files/dashboard.json`)) as {
      panels: readonly { targets: readonly { expr: string }[] }[];
    }
  ).panels;
  const asked = [
    ...rules.map(({ expr }) => expr),
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  assert.ok(asked.length > 20);
  for (const expr of asked) {
    for (const [name] of expr.matchAll(/\b(rib2fib|process)_\w+/g)) {
      assert.ok(names.has(name), `${name} in ${expr}`);
    }
  }
});
