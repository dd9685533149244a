/**
 * The chart by Helm itself, of both major versions: every example lints, renders, is taken by a real
 * API server with no field unknown, and has a configuration that `rib2fib check` accepts.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { rib2fib } from '../support/daemon.js';
import {
  CHART,
  configFiles,
  EXAMPLES,
  exampleFile,
  lint,
  ofKind,
  podSpec,
  render,
  renderText,
} from '../support/kube/chart.js';
import type { KubeObject } from '../support/kube/client.js';
import { KubeCluster } from '../support/kube/cluster.js';
import { helm } from '../support/kube/helm.js';
import { MANIFESTS, manifestFile, manifestText } from '../support/kube/manifests.js';
import { HELM_MAJORS } from '../support/kube/programs.js';
import { refusal } from '../support/kube/refusals.js';
import { scratchDirectory } from '../support/leftovers.js';
import { here } from '../support/netns.js';

const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rib2fib' } };
const IN_NAMESPACE = '/api/v1/namespaces/rib2fib';
const DAEMON_SET = '/apis/apps/v1/namespaces/rib2fib/daemonsets/rib2fib';
const ALL_ON = {
  'podMonitor.enabled': true,
  'prometheusRule.enabled': true,
  'dashboard.enabled': true,
  'nodeRoutes.admissionPolicy': true,
};

describe('every example', () => {
  let cluster: KubeCluster;
  before(async () => {
    cluster = await KubeCluster.start();
    await cluster.define('prometheus-operator');
    await cluster.apply(NAMESPACE);
  });
  after(() => cluster[Symbol.asyncDispose]());

  it('is there for each way to run it', () => {
    assert.deepEqual(EXAMPLES, [
      ...['cilium-gobgpd', 'cilium-second-address', 'frr', 'gobgpd'],
      ...['metallb-frr', 'metallb-gobgpd', 'metallb-second-address'],
    ]);
  });

  for (const example of EXAMPLES) {
    it(`${example}: lints, and renders the same with either Helm`, async () => {
      for (const major of HELM_MAJORS) {
        assert.match(await lint({ major, example }), /0 chart\(s\) failed/);
      }
      const [three, four] = HELM_MAJORS.map((major) => renderText({ major, example }));
      assert.equal(await three, await four);
    });

    it(`${example}: is taken by the API server, with all that is optional too`, async () => {
      for (const values of [{}, ALL_ON]) {
        const objects = await render({ example, values });
        const applied = await cluster.apply(objects);
        assert.equal(applied.length, objects.length);
        for (const object of objects.toReversed()) await cluster.admin.delete(object);
      }
    });

    it(`${example}: has a configuration that rib2fib accepts, on every node`, async () => {
      const scratch = scratchDirectory('check');
      const files = configFiles(await render({ example }));
      assert.ok(Object.keys(files).length > 0);
      for (const [name, text] of Object.entries(files)) {
        const file = join(scratch.path, name);
        await writeFile(file, text);
        const { code, stderr, stdout } = await rib2fib(here, ['check', '--config', file]);
        assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
      }
      scratch.remove();
    });

    it(`${example}: gives the pod one right, no root, and a token only with discovery`, async () => {
      const values = parse(await readFile(exampleFile(example), 'utf8')) as {
        config: { discovery?: object };
      };
      const objects = await render({ example });
      const discovers = values.config.discovery !== undefined;
      const spec = podSpec(objects);
      assert.equal(spec.automountServiceAccountToken, discovers);
      for (const kind of ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']) {
        assert.equal(ofKind(objects, kind).length, discovers ? 1 : 0, kind);
      }
      for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
        const security = { ...spec.securityContext, ...container.securityContext };
        assert.equal(security.allowPrivilegeEscalation, false, container.name);
        assert.equal(security.readOnlyRootFilesystem, true, container.name);
        assert.deepEqual(security.capabilities?.drop, ['ALL'], container.name);
        assert.deepEqual(security.seccompProfile, { type: 'RuntimeDefault' }, container.name);
      }
      const [rib] = spec.containers;
      assert.deepEqual(rib?.securityContext?.capabilities?.add, ['NET_ADMIN']);
      assert.equal(rib?.command, undefined, 'the entrypoint is the image’s: node itself');
    });
  }
});

describe('Pod Security', () => {
  it('takes the pod in a namespace that is privileged, and only what is told of keeps it from another', async () => {
    await using cluster = await KubeCluster.start();
    const objects = await render({ example: 'gobgpd' });
    const [account] = ofKind(objects, 'ServiceAccount');
    const make = async (level: string): Promise<unknown> => {
      const labels = { 'pod-security.kubernetes.io/enforce': level };
      const metadata = { name: level, labels };
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
      const namespaced = { name: 'rib2fib', namespace: level };
      await cluster.apply({ ...(account as KubeObject), metadata: namespaced });
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: namespaced, spec: podSpec(objects) };
      return cluster.apply(pod as KubeObject);
    };
    await make('privileged');
    const all = [
      /non-default capabilities \(container "rib2fib" must not include "NET_ADMIN" .*\)/,
      /host namespaces \(hostNetwork=true\)/,
      /hostPath volumes \(volume "state"\)/,
      /hostPort \(container "rib2fib" uses hostPort 9469\)/,
      /probe or lifecycle host \(container "rib2fib" uses probe or lifecycle host "127\.0\.0\.1"\)/,
    ].map(({ source }) => source);
    const refused = new RegExp(`violates PodSecurity "baseline:latest": ${all.join(', ')}$`);
    await assert.rejects(make('baseline'), refusal(403, refused));
  });
});

for (const major of HELM_MAJORS) {
  describe(`a release, by Helm ${major}`, () => {
    const home = scratchDirectory('helm');
    let cluster: KubeCluster;
    before(async () => {
      cluster = await KubeCluster.start();
    });
    after(async () => {
      await cluster[Symbol.asyncDispose]();
      home.remove();
    });

    it('is installed, changed without a pod ending, rolled out anew, and taken away', async () => {
      const kubeconfig = await cluster.kubeconfig();
      const run = (...args: readonly string[]) =>
        helm(
          { major, netns: cluster.netns, kubeconfig, home: home.path },
          ...[...args, '--namespace', 'rib2fib'],
        );
      const values = ['rib2fib', CHART, '--values', exampleFile('metallb-gobgpd')];
      await run('install', ...values, '--create-namespace');
      const first = await template();
      await run('upgrade', ...values, '--set', 'config.hold=5m');
      assert.deepEqual(await template(), first, 'a configuration is taken by the pods that run');
      assert.match(await configuration(), /^hold: 5m$/m);
      await run('upgrade', ...values, '--set', 'gobgpd.perNode.node-a=[global.config]');
      assert.notDeepEqual(await template(), first, 'that of gobgpd is not');
      await run('rollback', 'rib2fib', '1');
      assert.deepEqual(await template(), first);
      assert.doesNotMatch(await configuration(), /^hold:/m);
      await run('uninstall', 'rib2fib');
      await assert.rejects(cluster.admin.get(DAEMON_SET), refusal(404));
      const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      await cluster.admin.get(`${definition}/noderoutes.rib2fib.io`);

      // The definition is there, and is this release's again.
      await run('install', ...values);
      assert.deepEqual(await template(), first);

      async function configuration(): Promise<string> {
        const map = await cluster.admin.get(`${IN_NAMESPACE}/configmaps/rib2fib`);
        return (map['data'] as Record<string, string>)['rib2fib.yaml'] ?? '';
      }
      async function template(): Promise<unknown> {
        const { spec } = await cluster.admin.get<{ spec: { template: unknown } }>(DAEMON_SET);
        return spec.template;
      }
    });

    it('is one of several, where only one has the definition', async () => {
      const kubeconfig = await cluster.kubeconfig();
      const other = (...args: readonly string[]) =>
        helm(
          { major, netns: cluster.netns, kubeconfig, home: home.path },
          ...['install', 'rib2fib', CHART, '--values', exampleFile('cilium-second-address')],
          ...['--namespace', 'rack-b', '--create-namespace', ...args],
        );
      await assert.rejects(
        other(),
        /noderoutes\.rib2fib\.io.*cannot be (imported|adopted)|invalid ownership/s,
      );
      await other('--set', 'nodeRoutes.crd=false');
      const roles = await cluster.admin.list('/apis/rbac.authorization.k8s.io/v1/clusterroles');
      const names = roles.items.map(({ metadata: { name } }) => name);
      for (const name of ['rib2fib', 'rack-b-rib2fib']) assert.ok(names.includes(name), name);
    });
  });
}

describe('deploy/manifests', () => {
  it('is what the chart renders', async () => {
    for (const name of MANIFESTS) {
      assert.equal(
        await readFile(manifestFile(name), 'utf8').catch(() => ''),
        await manifestText(name),
        `${name}: scripts/manifests writes it anew`,
      );
    }
  });
});
