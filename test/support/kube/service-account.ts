/** Service accounts with the rights that a test gives them, and no others. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeClient, KubeObject } from './client.js';

/** As in a Role. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What is to be read to watch a resource as an informer does. */
export function mayWatch(group: string, ...resources: readonly string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs: ['get', 'list', 'watch'] };
}

export class ServiceAccount {
  private constructor(
    private readonly admin: KubeClient,
    readonly name: string,
    readonly namespace: string,
    /** Signed by the API server, for an hour. */
    readonly token: string,
  ) {}

  /** Makes it, in a namespace that is there, and asks for a token as a kubelet does (TokenRequest). */
  static async create(
    admin: KubeClient,
    name: string,
    rules: readonly PolicyRule[],
    namespace = 'default',
  ): Promise<ServiceAccount> {
    const [account] = await admin.apply({
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    });
    if (account === undefined) throw new Error('no service account');
    const { status } = await admin.send<{ status: { token: string } }>(
      'POST',
      `${await admin.path(account)}/token`,
      { body: { spec: { expirationSeconds: 3600 } } },
    );
    const made = new ServiceAccount(admin, name, namespace, status.token);
    await made.setRules(rules);
    return made;
  }

  /** From now on these are its rights, in the whole cluster; the API server knows within a second. */
  async setRules(rules: readonly PolicyRule[]): Promise<void> {
    const apiGroup = 'rbac.authorization.k8s.io';
    const name = `${this.namespace}-${this.name}`;
    const object = (kind: string, body: object): KubeObject => ({
      ...{ apiVersion: `${apiGroup}/v1`, kind, metadata: { name }, ...body },
    });
    await this.admin.apply([
      object('ClusterRole', { rules }),
      object('ClusterRoleBinding', {
        roleRef: { apiGroup, kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: this.name, namespace: this.namespace }],
      }),
    ]);
  }

  /** `token`, `ca.crt` and `namespace` in a directory, as a pod finds them. */
  async mount(directory: string, ca: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'token'), this.token, { mode: 0o600 });
    await writeFile(join(directory, 'ca.crt'), ca);
    await writeFile(join(directory, 'namespace'), this.namespace);
  }
}
