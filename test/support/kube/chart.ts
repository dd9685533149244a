/** The chart, rendered by Helm, as objects. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { scratchDirectory } from '../leftovers.js';
import type { KubeObject } from './client.js';
import { helm } from './helm.js';
import type { PodSpec } from './pod.js';
import { type HelmMajor, KUBERNETES_VERSION } from './programs.js';

export const CHART = fileURLToPath(new URL('../../../deploy/helm/rib2fib', import.meta.url));

/** Names of the files in `examples/`, without their ending. */
export const EXAMPLES: readonly string[] = readdirSync(join(CHART, 'examples'))
  .map((file) => file.replace(/\.yaml$/, ''))
  .sort();

export function exampleFile(name: string): string {
  return join(CHART, 'examples', `${name}.yaml`);
}

export interface RenderOptions {
  readonly major?: HelmMajor;
  /** A file of `examples/`. */
  readonly example?: string;
  /** A file of values. */
  readonly file?: string;
  /** Laid over it; a value as it would be in YAML. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Of the cluster; default: that of the tests' API server. */
  readonly kubeVersion?: string;
}

/** What `helm template rib2fib CHART -n rib2fib` prints. */
export async function renderText(options: RenderOptions): Promise<string> {
  const { kubeVersion = KUBERNETES_VERSION } = options;
  const where = ['--namespace', 'rib2fib', '--kube-version', kubeVersion];
  return chartHelm(options, 'template', 'rib2fib', CHART, ...where, ...valueArgs(options));
}

/** The same, as the objects there are. */
export async function render(options: RenderOptions): Promise<readonly KubeObject[]> {
  return objectsIn(await renderText(options));
}

/** `helm lint --strict`; rejects with what it has against the chart. */
export async function lint(options: RenderOptions): Promise<string> {
  return chartHelm(options, 'lint', CHART, '--strict', ...valueArgs(options));
}

export function objectsIn(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/** The objects of one kind. */
export function ofKind(objects: readonly KubeObject[], kind: string): readonly KubeObject[] {
  return objects.filter((object) => object.kind === kind);
}

/** The pods of the DaemonSet. */
export function podSpec(objects: readonly KubeObject[]): PodSpec {
  const [daemonSet] = ofKind(objects, 'DaemonSet');
  if (daemonSet === undefined) throw new Error('no DaemonSet');
  return (daemonSet['spec'] as { template: { spec: PodSpec } }).template.spec;
}

/** Files of the ConfigMap that rib2fib reads. */
export function configFiles(objects: readonly KubeObject[]): Readonly<Record<string, string>> {
  const found = ofKind(objects, 'ConfigMap').find(({ metadata }) => metadata.name === 'rib2fib');
  return (found?.['data'] ?? {}) as Record<string, string>;
}

function valueArgs({ example, file, values }: RenderOptions): readonly string[] {
  return [
    ...(example === undefined ? [] : ['--values', exampleFile(example)]),
    ...(file === undefined ? [] : ['--values', file]),
    ...Object.entries(values ?? {}).flatMap(([name, value]) => [
      '--set-json',
      `${name}=${JSON.stringify(value)}`,
    ]),
  ];
}

async function chartHelm(options: RenderOptions, ...args: readonly string[]): Promise<string> {
  const home = scratchDirectory('helm');
  try {
    return await helm({ major: options.major ?? '4', home: home.path }, ...args);
  } finally {
    home.remove();
  }
}
