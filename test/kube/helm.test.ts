/** Helm, of both majors, renders a chart and installs it on the API server, and takes it away. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KubeCluster } from '../support/kube/cluster.js';
import { helm } from '../support/kube/helm.js';
import { HELM_MAJORS, helmVersion, KUBERNETES_VERSION } from '../support/kube/programs.js';
import { refusal } from '../support/kube/refusals.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns } from '../support/netns.js';

const CHART = `
apiVersion: v2
name: probe
version: 1.0.0
icon: https://example.invalid/icon.svg
kubeVersion: '>=1.30.0-0'
`;
const TEMPLATE = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-probe
data:
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  pools: {{ .Capabilities.APIVersions.Has "cilium.io/v2/CiliumLoadBalancerIPPool" | quote }}
  words: {{ .Values.words | quote }}
`;
const SCHEMA = { type: 'object', properties: { words: { type: 'string' } } };

const scratch = scratchDirectory('helm');
const chart = join(scratch.path, 'probe');
let cluster: KubeCluster;

before(async () => {
  await mkdir(join(chart, 'templates'), { recursive: true });
  await writeFile(join(chart, 'Chart.yaml'), CHART);
  await writeFile(join(chart, 'values.yaml'), 'words: plain\n');
  await writeFile(join(chart, 'values.schema.json'), JSON.stringify(SCHEMA));
  await writeFile(join(chart, 'templates', 'configmap.yaml'), TEMPLATE);
  cluster = await KubeCluster.start();
  await cluster.define('ciliumloadbalancerippools');
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  scratch.remove();
});

for (const major of HELM_MAJORS) {
  describe(`Helm ${major}`, () => {
    const home = join(scratch.path, `home-${major}`);
    const minor = KUBERNETES_VERSION.replace(/\.\d+$/, '');

    it('is the version that is pinned, and knows the Kubernetes it is run with', async () => {
      assert.ok((await helm({ major, home }, 'version')).includes(`"${helmVersion(major)}"`));
      const text = await helm({ major, home }, 'template', 'a', chart);
      assert.match(text, new RegExp(`kubernetes: "${minor}\\.`));
      assert.match(text, /pools: "false"/);
    });

    it('lints, and refuses values that the schema refuses', async () => {
      const lint = (...args: string[]) => helm({ major, home }, 'lint', '--strict', chart, ...args);
      assert.match(await lint(), /1 chart\(s\) linted, 0 chart\(s\) failed/);
      await assert.rejects(lint('--set', 'words=1'), /words/);
    });

    it('installs as admin from where the cluster is reached, and takes all away', async () => {
      await using node = await createNetns('helm');
      await cluster.join(node);
      const options = { major, netns: node, home, kubeconfig: await cluster.kubeconfig() };
      await helm(options, 'install', `by-${major}`, chart, '--set', 'words=installed');
      const path = `/api/v1/namespaces/default/configmaps/by-${major}-probe`;
      const { data } = await cluster.admin.get<{ data: object }>(path);
      assert.deepEqual(data, { kubernetes: KUBERNETES_VERSION, pools: 'true', words: 'installed' });
      await helm(options, 'uninstall', `by-${major}`);
      await assert.rejects(cluster.admin.get(path), refusal(404));
    });

    it('may do no more than its account may', async () => {
      const account = await cluster.account(`helm-${major}`, []);
      const kubeconfig = await cluster.kubeconfig({ token: account.token });
      const options = { major, netns: cluster.netns, home, kubeconfig };
      await assert.rejects(helm(options, 'install', 'no', chart), /forbidden/i);
    });
  });
}
