/** Helm, of either major version, before a cluster or before none. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Netns } from '../netns.js';
import { type HelmMajor, helmProgram } from './programs.js';

export interface HelmOptions {
  readonly major: HelmMajor;
  /** Where the cluster is to be reached; not needed for `lint` and `template`. */
  readonly netns?: Netns;
  /** A kubeconfig; without one Helm knows of no cluster. */
  readonly kubeconfig?: string;
  /** A directory for what Helm keeps. */
  readonly home: string;
}

/** `helm ARGS`; resolves with stdout, rejects with all that it said. */
export function helm(options: HelmOptions, ...args: readonly string[]): Promise<string> {
  const { major, netns, home, kubeconfig = '/dev/null' } = options;
  const command = [helmProgram(major), ...args];
  const [file = '', ...rest] = netns === undefined ? command : netns.argv(command);
  const own = {
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
  };
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...own };
    execFile(file, rest, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`helm ${args.join(' ')}: ${stdout}${stderr}`.trim()));
    });
  });
}
