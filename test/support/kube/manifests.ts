/** deploy/manifests: each example of the chart, rendered, for those without Helm. */
import { fileURLToPath } from 'node:url';
import { EXAMPLES, renderText } from './chart.js';

/** One for each example of the chart. */
export const MANIFESTS = EXAMPLES;

export function manifestFile(name: string): string {
  return fileURLToPath(new URL(`../../../deploy/manifests/${name}.yaml`, import.meta.url));
}

/** What stands in that file. */
export async function manifestText(name: string): Promise<string> {
  const rendered = await renderText({ example: name });
  const body = rendered
    .replace(/^# Source: .*\n/gm, '')
    // Helm's, which has no part in them.
    .replace(/^ *(app\.kubernetes\.io\/managed-by|helm\.sh\/chart): .*\n/gm, '')
    .replace(/^---\n/, '');
  return `${head(name)}---\n${NAMESPACE}---\n${body}`;
}

function head(name: string): string {
  return `\
# Made by scripts/manifests from deploy/helm/rib2fib with examples/${name}.yaml, which tells what it is
# for; do not edit. Put your own addresses and images in their place: kubectl apply --server-side -f ${name}.yaml
`;
}

/** Host network, a hostPath and NET_ADMIN are what Pod Security calls privileged. */
const NAMESPACE = `\
apiVersion: v1
kind: Namespace
metadata:
  name: rib2fib
  labels:
    pod-security.kubernetes.io/enforce: privileged
`;
