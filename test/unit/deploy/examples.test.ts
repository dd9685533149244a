/**
 * What the chart repeats is what stands elsewhere: the version, and the gobgpd of its examples, which frr-examples
 * has too, and which is run there between real speakers and routers.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';

const text = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** Without comments, indentation, empty lines, and the addresses of the one node that it is for. */
const lines = (toml: string) =>
  toml
    .replace(/\$\{NODE_IP\}/g, '192.0.2.10')
    .replace(/(router-id = ).*/, '$1"192.0.2.10"')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

const tested = lines(text('frr-examples/beside-speaker-local-gobgp/gobgpd.toml'));

for (const example of ['cilium-gobgpd', 'metallb-gobgpd']) {
  test(`${example}: its gobgpd is that of frr-examples/beside-speaker-local-gobgp`, () => {
    const values = parse(text(`deploy/helm/rib2fib/examples/${example}.yaml`)) as {
      readonly gobgpd: { readonly config: string };
    };
    assert.ok(tested.length > 60);
    assert.deepEqual(lines(values.gobgpd.config), tested);
  });
}

test('the chart is of the version that it installs', () => {
  const { version } = JSON.parse(text('package.json')) as { readonly version: string };
  const chart = parse(text('deploy/helm/rib2fib/Chart.yaml')) as Record<string, unknown>;
  assert.deepEqual([chart['version'], chart['appVersion']], [version, version]);
});
