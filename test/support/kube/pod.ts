/** One pod of a DaemonSet on a node that is a network namespace: what the kubelet does for it, as far as ours asks. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../leftovers.js';
import type { Netns } from '../netns.js';
import type { KubeObject } from './client.js';
import { type Mount, runContainer, type SecurityContext } from './container.js';
import type { Image } from './image.js';

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: 'Always';
  readonly env?: readonly EnvVar[];
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
}

interface Probe {
  readonly httpGet: { readonly host: string; readonly port: string; readonly path: string };
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly emptyDir?: object;
  readonly hostPath?: { readonly path: string; readonly type: string };
}

/** `spec.template.spec` of a DaemonSet. */
export interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly securityContext?: SecurityContext;
  readonly initContainers?: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes?: readonly Volume[];
}

export interface PodOptions {
  readonly netns: Netns;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly spec: PodSpec;
  /** The release's, for its volumes. */
  readonly configMaps: readonly KubeObject[];
  /** By the references that the spec has. */
  readonly images: ReadonlyMap<string, Image>;
}

export class Pod implements AsyncDisposable {
  readonly #scratch = scratchDirectory('pod');
  readonly #running = new Map<string, ChildProcess>();
  readonly #output = new Map<string, string>();
  #serial = 0;

  private constructor(private readonly options: PodOptions) {
    chmodSync(this.#scratch.path, 0o755);
    for (const volume of options.spec.volumes ?? []) this.#makeVolume(volume);
  }

  /** Init containers in their order, native sidecars among them, then the others. */
  static async start(options: PodOptions): Promise<Pod> {
    assert.equal(options.spec.hostNetwork, true, 'the pod is in the network of the node');
    const pod = new Pod(options);
    try {
      for (const container of options.spec.initContainers ?? []) {
        const child = pod.#start(container);
        if (container.restartPolicy === 'Always') continue;
        await once(child, 'exit');
        assert.equal(child.exitCode, 0, `${container.name}: ${pod.output(container.name)}`);
      }
      for (const container of options.spec.containers) pod.#start(container);
      return pod;
    } catch (error) {
      await pod[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The container's first process. */
  pid(name: string): number {
    const pid = this.#running.get(name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run: ${this.output(name)}`);
    return pid;
  }

  /** All it has written. */
  output(name: string): string {
    return this.#output.get(name) ?? '';
  }

  /** A directory of this machine: that of an `emptyDir`, a `hostPath` or a ConfigMap. */
  directory(volume: string): string {
    return join(this.#scratch.path, volume);
  }

  /** Another program in the image, volumes, user and rights of a container, as `kubectl exec` starts one. */
  async exec(
    name: string,
    ...argv: readonly string[]
  ): Promise<{ code: number | null; output: string }> {
    const as = `${name}-exec-${++this.#serial}`;
    const child = this.#start(this.#container(name), argv, as);
    await once(child, 'close');
    return { code: child.exitCode, output: this.output(as) };
  }

  /** Writes a ConfigMap's volume anew, as the kubelet does: one symlink is exchanged. */
  update(volume: string, data: Readonly<Record<string, string>>): void {
    const directory = this.directory(volume);
    const version = `..${++this.#serial}`;
    mkdirSync(join(directory, version));
    for (const [name, text] of Object.entries(data)) {
      writeFileSync(join(directory, version, name), text);
      rmSync(join(directory, name), { force: true });
      symlinkSync(join('..data', name), join(directory, name));
    }
    symlinkSync(version, join(directory, '..new'));
    renameSync(join(directory, '..new'), join(directory, '..data'));
  }

  /** Ends a container as the kubelet does; resolves with its exit code. */
  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    return child.exitCode;
  }

  /** Starts a container that has ended, as the kubelet does. */
  restart(name: string): void {
    assert.ok(!this.#running.has(name), `${name} runs`);
    this.#start(this.#container(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#running.keys()) await this.stop(name, 'SIGKILL');
    this.#scratch.remove();
  }

  #container(name: string): ContainerSpec {
    const { initContainers = [], containers } = this.options.spec;
    const found = [...initContainers, ...containers].find((one) => one.name === name);
    if (found === undefined) throw new Error(`the pod has no container ${name}`);
    return found;
  }

  #start(container: ContainerSpec, argv?: readonly string[], as = container.name): ChildProcess {
    const { netns, images, spec } = this.options;
    const image = images.get(container.image);
    if (image === undefined) throw new Error(`ErrImagePull: ${container.image}`);
    const env = this.#environment(container.env ?? []);
    const { entrypoint, cmd } = image.stage;
    const { command, args } = container;
    const own = [...(command ?? entrypoint), ...(args ?? (command === undefined ? cmd : []))].map(
      (word) => word.replace(/\$\((\w+)\)/g, (all, name: string) => env[name] ?? all),
    );
    const security = { ...spec.securityContext, ...container.securityContext };
    const mounts = (container.volumeMounts ?? []).map(
      ({ name, mountPath, readOnly = false }): Mount => {
        const source = this.directory(name);
        return { source, target: mountPath, readOnly };
      },
    );
    const options = { netns, image, argv: argv ?? own, env, security, mounts };
    const child = runContainer(options, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.set(as, child);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => this.#output.set(as, `${this.output(as)}${chunk}`));
    }
    child.once('exit', () => this.#running.delete(as));
    return child;
  }

  #environment(vars: readonly EnvVar[]): Record<string, string> {
    const fields: Readonly<Record<string, string>> = {
      'spec.nodeName': this.options.nodeName,
      'status.hostIP': this.options.nodeIp,
    };
    const env: Record<string, string> = {};
    for (const { name, value, valueFrom } of vars) {
      const found = value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''];
      if (found === undefined) throw new Error(`the test knows no value of ${name}`);
      env[name] = found;
    }
    return env;
  }

  #makeVolume({ name, configMap, emptyDir, hostPath }: Volume): void {
    const directory = this.directory(name);
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    if (configMap !== undefined) {
      const found = this.options.configMaps.find(
        ({ metadata }) => metadata.name === configMap.name,
      );
      if (found === undefined) throw new Error(`FailedMount: no ConfigMap ${configMap.name}`);
      this.update(name, found['data'] as Record<string, string>);
    } else if (emptyDir !== undefined) {
      const { fsGroup } = this.options.spec.securityContext ?? {};
      if (fsGroup !== undefined) chownSync(directory, 0, fsGroup);
      chmodSync(directory, 0o2777);
    } else if (hostPath?.type !== 'DirectoryOrCreate') {
      throw new Error(`a volume that the test does not know: ${name}`);
    }
  }
}
