/** The file by which kubectl, helm and client libraries find a cluster and say who they are. */
import type { Credentials } from './client.js';

export interface KubeconfigOptions {
  /** `https://192.0.2.10:6443`. */
  readonly server: string;
  /** PEM of who has signed the server's certificate. */
  readonly ca: string;
  readonly credentials: Credentials;
}

/** Text of a kubeconfig with one context; JSON, which is YAML too. */
export function kubeconfig({ server, ca, credentials }: KubeconfigOptions): string {
  const { cert, key, token } = credentials;
  const cluster = { server, 'certificate-authority-data': base64(ca) };
  const user = {
    ...(cert === undefined ? {} : { 'client-certificate-data': base64(cert) }),
    ...(key === undefined ? {} : { 'client-key-data': base64(key) }),
    ...(token === undefined ? {} : { token }),
  };
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
