/** What `scripts/setup kube` and `scripts/kube-programs` have put into `.cache`. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Both that charts are written for; the versions are in `programs/go.mod`. */
export const HELM_MAJORS = ['3', '4'] as const;
export type HelmMajor = (typeof HELM_MAJORS)[number];

const PINNED = readFileSync(new URL('./programs/go.mod', import.meta.url), 'utf8');

/** Version of a module, as `programs/go.mod` pins it: `v1.35.4`. */
function version(module: string): string {
  const [, found] = new RegExp(`^(?:require)?\\s+${module} (v\\S+)`, 'm').exec(PINNED) ?? [];
  if (found === undefined) throw new Error(`programs/go.mod has no ${module}`);
  return found;
}

const cached = (path: string) => fileURLToPath(new URL(`../../../.cache/${path}`, import.meta.url));

/** What the API server says that it is: `v1.35.4`. */
export const KUBERNETES_VERSION = version('k8s.io/kubernetes');

/** `v3.20.2` of `3`. */
export function helmVersion(major: HelmMajor): string {
  return version(`helm.sh/helm/v${major}`);
}

/** Debian's etcd. */
export const ETCD = cached('peers/etcd-3/usr/bin/etcd');

export const KUBE_APISERVER = cached(`kube/kube-apiserver-${KUBERNETES_VERSION}`);

export function helmProgram(major: HelmMajor): string {
  return cached(`kube/helm-${helmVersion(major)}`);
}
