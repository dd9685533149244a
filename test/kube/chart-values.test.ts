/** What becomes of the chart's values: refused by Helm of either version, or rendered as they are meant. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { rib2fib } from '../support/daemon.js';
import {
  configFiles,
  objectsIn,
  ofKind,
  podSpec,
  render,
  renderText,
} from '../support/kube/chart.js';
import type { PodSpec } from '../support/kube/pod.js';
import { HELM_MAJORS } from '../support/kube/programs.js';
import { scratchDirectory } from '../support/leftovers.js';
import { here } from '../support/netns.js';

describe('values', () => {
  const good = {
    'config.source': { gobgp: { address: '127.0.0.1:50051' } },
    'config.tables': [{ id: 100 }],
  };

  for (const [what, values, message] of [
    ['no configuration', {}, /config: is empty/],
    ['a key that there is not', { ...good, podmonitor: { enabled: true } }, /podmonitor/],
    ['admin of the configuration', { ...good, 'config.admin': { socket: '/x' } }, /config/],
    ['root', { ...good, user: 0 }, /user/],
    ['a relative directory', { ...good, 'state.hostPath': 'var/lib' }, /hostPath/],
    ['an address without a port', { ...good, 'config.metrics': { listen: '127.0.0.1' } }, /listen/],
    ['a digest that is none', { ...good, 'image.digest': 'latest' }, /digest/],
    ['nobody to be updated', { ...good, maxUnavailable: 0 }, /maxUnavailable/],
    ['a gobgpd without configuration', { ...good, 'gobgpd.enabled': true }, /gobgpd\.config/],
    [
      'two affinities for nodes',
      { ...good, perNode: { a: {} }, affinity: { nodeAffinity: {} } },
      undefined,
    ],
    [
      'two affinities for nodes, both said',
      {
        ...good,
        perNode: { a: {} },
        affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      },
      /perNode names the nodes/,
    ],
    ['a file in the configuration’s place', { ...good, files: { 'rib2fib.yaml': '' } }, /files/],
    [
      'a file in the place of a node’s',
      { ...good, perNode: { a: {} }, files: { 'a.yaml': '' } },
      /a\.yaml is the configuration of node a/,
    ],
  ] as const) {
    it(`${message === undefined ? 'takes' : 'refuses'} ${what}`, async () => {
      for (const major of HELM_MAJORS) {
        const rendered = renderText({ major, values });
        if (message === undefined) await rendered;
        else await assert.rejects(rendered, message);
      }
    });
  }

  it('names each node’s own file, runs there only, and lays its part over the rest', async () => {
    const perNode = { a: {}, b: { hold: '5m', source: { gobgp: { address: '127.0.0.1:1' } } } };
    const objects = await render({ values: { ...good, perNode } });
    const files = configFiles(objects);
    assert.deepEqual(Object.keys(files), ['a.yaml', 'b.yaml']);
    assert.deepEqual(parse(files['b.yaml'] ?? ''), {
      ...{ hold: '5m', metrics: { listen: '127.0.0.1:9469' }, tables: [{ id: 100 }] },
      source: { gobgp: { address: '127.0.0.1:1' } },
    });
    const spec = podSpec(objects);
    assert.equal(spec.containers[0]?.args?.at(-1), '/etc/rib2fib/$(NODE_NAME).yaml');
    const { affinity } = spec as unknown as { affinity: object };
    assert.deepEqual(
      [...JSON.stringify(affinity).matchAll(/"values":\["(.)"\]/g)].map(([, n]) => n),
      ['a', 'b'],
    );
  });

  it('keeps what YAML might make something else of: numbers, texts, files', async () => {
    const filters = '  # indented\n- permit: { prefix: 10.0.0.0/8, le: 24 }\n';
    const peers = [{ address: '2001:db8::1', as: 4_200_000_000, connect: true }];
    const objects = await render({
      values: {
        config: {
          source: { bgp: { listen: 'off', as: 4_200_000_001, routerId: '10.0.0.1', peers } },
          tables: [
            {
              ...{ id: 4_000_000_000, filters: { file: 'filters.yaml' } },
              limits: [{ family: 'ipv4', max: 1_000_000 }],
              rules: { priority: 10_000, match: [{ fwmark: '0x14/0xff' }] },
            },
          ],
        },
        files: { 'filters.yaml': filters },
      },
    });
    const scratch = scratchDirectory('yaml');
    const files = configFiles(objects);
    assert.equal(files['filters.yaml'], filters);
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(scratch.path, name), text);
    }
    const file = join(scratch.path, 'rib2fib.yaml');
    const { code, stdout, stderr } = await rib2fib(here, ['check', '--config', file]);
    assert.equal(code, 0, stdout + stderr);
    const config = parse(await readFile(file, 'utf8')) as { tables: { id: number }[] };
    assert.equal(config.tables[0]?.id, 4_000_000_000);
    scratch.remove();
  });

  it('writes numbers of a file of values as whole ones, however large', async () => {
    const scratch = scratchDirectory('values');
    const file = join(scratch.path, 'values.yaml');
    const tables = [{ id: 4_000_000_000, foreign: 'fail' }];
    const source = { gobgp: { address: '127.0.0.1:50051' } };
    const large = { user: 1_000_650_000, terminationGracePeriodSeconds: 2_000_000 };
    const values = { ...large, prometheusRule: { enabled: true }, config: { source, tables } };
    await writeFile(file, JSON.stringify(values)); // JSON is YAML.
    for (const major of HELM_MAJORS) {
      const text = await renderText({ major, file });
      assert.doesNotMatch(text, /\de\+\d/);
      const spec = podSpec(objectsIn(text)) as PodSpec & Record<string, unknown>;
      const { runAsUser, runAsGroup, fsGroup } = spec.securityContext ?? {};
      assert.deepEqual(new Set([runAsUser, runAsGroup, fsGroup]), new Set([large.user]));
      assert.equal(spec['terminationGracePeriodSeconds'], large.terminationGracePeriodSeconds);
      assert.equal(spec.initContainers?.[0]?.command?.[1], '1000650000:1000650000');
      assert.match(text, /table=~"table4000000000"/);
    }
    scratch.remove();
  });

  it('takes away by null: another source on one node, no discovery on another', async () => {
    const perNode = {
      a: { source: { gobgp: null, file: { path: '/etc/routes.yaml' } } },
      b: { discovery: { kubernetes: null } },
    };
    for (const major of HELM_MAJORS) {
      const values = { ...good, 'config.discovery': { kubernetes: {} }, perNode };
      const files = configFiles(await render({ major, values }));
      const [a, b] = ['a.yaml', 'b.yaml'].map((name) => parse(files[name] ?? '') as object);
      assert.deepEqual(a, {
        ...{ metrics: { listen: '127.0.0.1:9469' }, tables: [{ id: 100 }] },
        ...{ discovery: { kubernetes: {} }, source: { file: { path: '/etc/routes.yaml' } } },
      });
      assert.deepEqual((b as { discovery: object }).discovery, {});
    }
    const nowhere = { a: { discovery: { kubernetes: null } } };
    const off = { ...good, 'config.discovery': { kubernetes: {} }, perNode: nowhere };
    const objects = await render({ values: off });
    assert.equal(podSpec(objects).automountServiceAccountToken, false);
    assert.deepEqual(ofKind(objects, 'ClusterRole'), []);
  });

  it('takes `off` as it is meant, though YAML 1.1 makes false of it', async () => {
    const scratch = scratchDirectory('off');
    const file = join(scratch.path, 'values.yaml');
    const peers = [{ address: '10.9.0.2', as: 65001, connect: true }];
    const bgp = `{ as: 65000, routerId: 10.9.0.1, listen: off, peers: ${JSON.stringify(peers)} }`;
    const text = `config:\n  source: { bgp: ${bgp} }\n  metrics: { listen: off }\n  tables: [ { id: 100 } ]\n`;
    await writeFile(file, text);
    for (const major of HELM_MAJORS) {
      const objects = await render({ major, file });
      const config = parse(configFiles(objects)['rib2fib.yaml'] ?? '') as Record<string, object>;
      assert.deepEqual(config['metrics'], { listen: 'off' });
      assert.equal((config['source'] as { bgp: { listen: unknown } }).bgp.listen, 'off');
      assert.equal(podSpec(objects).containers[0]?.ports, undefined);
    }
    scratch.remove();
  });

  it('labels every object as Helm’s conventions have it, and pods without the chart’s version', async () => {
    const objects = await render({ example: 'cilium-gobgpd' });
    for (const { kind, metadata } of objects) {
      if (kind === 'CustomResourceDefinition') continue; // One for all releases.
      assert.deepEqual((metadata as { labels?: object }).labels, {
        ...{ 'app.kubernetes.io/name': 'rib2fib', 'app.kubernetes.io/instance': 'rib2fib' },
        ...{ 'app.kubernetes.io/version': '0.1.0', 'app.kubernetes.io/managed-by': 'Helm' },
        'helm.sh/chart': 'rib2fib-0.1.0',
      });
    }
    const [daemonSet] = ofKind(objects, 'DaemonSet');
    const spec = daemonSet?.['spec'] as { template: { metadata: { labels: object } } } | undefined;
    assert.deepEqual(Object.keys(spec?.template.metadata.labels ?? {}), [
      'app.kubernetes.io/name',
      'app.kubernetes.io/instance',
      'app.kubernetes.io/version',
    ]);
  });

  it('probes where the metrics are', async () => {
    for (const [listen, host, port] of [
      ['127.0.0.1:9469', '127.0.0.1', 9469],
      ['0.0.0.0:9500', '127.0.0.1', 9500],
      ['[::]:9500', '127.0.0.1', 9500],
      ['[::1]:9500', '::1', 9500],
      ['10.9.0.1:9500', '10.9.0.1', 9500],
    ] as const) {
      const spec = podSpec(await render({ values: { ...good, 'config.metrics': { listen } } }));
      const [rib] = spec.containers;
      assert.equal(rib?.readinessProbe?.httpGet.host, host, listen);
      assert.equal(rib?.ports?.[0]?.containerPort, port, listen);
    }
    const off = podSpec(await render({ values: { ...good, 'config.metrics': { listen: 'off' } } }));
    assert.equal(off.containers[0]?.readinessProbe, undefined);
    const scraped = await render({ values: { ...good, 'podMonitor.enabled': true } });
    assert.match(configFiles(scraped)['rib2fib.yaml'] ?? '', /listen: 0\.0\.0\.0:9469/);
  });
});
