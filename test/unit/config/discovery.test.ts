import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { discoveryFaults, sameCluster } from '../../../src/discover/create.js';
import { inTable } from './fault-rows.js';
import { withFiles } from './files-in-directory.js';

const CLUSTER = 'discovery: { kubernetes: {} }\n';
const PLACE = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
const KEYS = ['NODE_NAME', ...Object.keys(PLACE)];

/** With these variables of the environment, and no others of a pod's. */
async function load(text: string, env: Readonly<Record<string, string>> = {}): Promise<Config> {
  const before = KEYS.map((key) => [key, process.env[key]] as const);
  for (const key of KEYS) delete process.env[key];
  Object.assign(process.env, env);
  try {
    return await withFiles({ 'c.yaml': text, kubeconfig: '' }, async (directory) => {
      const result = await loadConfig(join(directory, 'c.yaml'));
      assert.ok(result.ok, JSON.stringify(result));
      return result.config;
    });
  } finally {
    for (const [key, value] of before) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
  }
}

describe('discovery, loaded', () => {
  it('is off without a word, and with none about Kubernetes', async () => {
    for (const text of ['', 'discovery: {}\n']) {
      const config = await load(inTable('') + text);
      assert.deepEqual(config.discovery, { kubernetes: undefined });
      assert.deepEqual(discoveryFaults(config), []);
    }
  });

  it('protects all there is, and takes from a pod’s environment what the file does not say', async () => {
    const text = `${inTable('')}${CLUSTER}`;
    const { discovery } = await load(text, { ...PLACE, NODE_NAME: 'node-a' });
    assert.deepEqual(discovery.kubernetes, {
      kubeconfig: undefined,
      inCluster: { host: '10.96.0.1', port: 443 },
      node: 'node-a',
      protect: ['podCidrs', 'podPools', 'serviceCidrs', 'nodeAddresses', 'apiServer'],
      status: true,
    });
    const named = `${inTable('')}discovery: { kubernetes: { node: other, kubeconfig: kubeconfig, protect: [], status: false } }\n`;
    const said = (await load(named, { NODE_NAME: 'node-a' })).discovery.kubernetes;
    assert.match(said?.kubeconfig ?? '', /^\/.*\/kubeconfig$/);
    assert.deepEqual(
      [said?.node, said?.protect, said?.status, said?.inCluster],
      ['other', [], false, undefined],
    );
  });

  it('loads anywhere, and says what is missing where it is to run', async () => {
    const text = `${inTable('')}${CLUSTER}`;
    assert.equal(discoveryFaults(await load(text)).length, 2);
    assert.match(
      discoveryFaults(await load(text, PLACE)).join(),
      /^discovery.kubernetes.node is missing/,
    );
    assert.match(discoveryFaults(await load(text, { NODE_NAME: 'a' })).join(), /no pod/);
    assert.deepEqual(discoveryFaults(await load(text, { ...PLACE, NODE_NAME: 'a' })), []);
    const wrong = { ...PLACE, NODE_NAME: 'a', KUBERNETES_SERVICE_PORT: 'tcp://10.96.0.1:443' };
    assert.equal(discoveryFaults(await load(text, wrong)).length, 1);
  });

  it('knows another cluster from another question to the same', async () => {
    const of = async (keys: string, env = {}) =>
      await load(`${inTable('')}discovery: { kubernetes: { ${keys} } }\n`, env);
    const one = await of('node: a', PLACE);
    assert.ok(sameCluster(one, await of('node: a, protect: [], status: false', PLACE)));
    assert.ok(!sameCluster(one, await of('node: b', PLACE)));
    assert.ok(!sameCluster(one, await of('node: a')));
    assert.ok(!sameCluster(one, await load(inTable(''))));
    assert.ok(sameCluster(await load(inTable('')), await load(inTable(''))));
  });

  it('takes every kind of what a table may ask for, with its defaults', async () => {
    const text = inTable(`rules:
  priority: 10000
  discover:
    - ciliumPools: {}
    - metallbPools: {}
    - services: {}
    - ciliumPools: { names: [ a ], selector: { matchLabels: { tier: "" } } }
    - metallbPools: { names: [ b ], advertised: false }
    - services: { class: example.org/lb, namespaces: [ n ], externalIPs: true, selector: { matchExpressions: [ { key: a, operator: NotIn, values: [ b ] } ] } }
static: [ { prefix: "::/0", discover: { metallbPeers: {} }, via: [ { gateway: "2001:db8::1" } ] } ]
`);
    const [table] = (await load(text + CLUSTER)).tables;
    assert.deepEqual(table?.rules?.discover, [
      { kind: 'ciliumPools', names: [], selector: undefined },
      { kind: 'metallbPools', names: [], advertised: true },
      {
        ...{ kind: 'services', class: undefined, selector: undefined, namespaces: [] },
        externalIPs: false,
      },
      {
        ...{ kind: 'ciliumPools', names: ['a'] },
        selector: { matchLabels: { tier: '' }, matchExpressions: [] },
      },
      { kind: 'metallbPools', names: ['b'], advertised: false },
      {
        ...{ kind: 'services', class: 'example.org/lb', namespaces: ['n'], externalIPs: true },
        selector: {
          matchLabels: {},
          matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }],
        },
      },
    ]);
    assert.deepEqual([table.static[0]?.discover, table.static[0]?.via.length], ['metallbPeers', 1]);
  });
});
