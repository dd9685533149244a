/** The API as a program in another namespace meets it: a plain process with a kubeconfig. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import type { Netns } from '../netns.js';

const ASK = `
const [file, path] = process.argv.slice(1);
const { clusters: [{ cluster }], users: [{ user }] } = JSON.parse(require('node:fs').readFileSync(file));
const pem = (text) => Buffer.from(text, 'base64');
const told = (word) => { console.log(word); };
require('node:https').get(cluster.server + path, {
  ca: pem(cluster['certificate-authority-data']),
  cert: pem(user['client-certificate-data']),
  key: pem(user['client-key-data']),
}, (response) => {
  told(response.statusCode);
  response.resume().on('end', () => told('end')).on('error', ({ code }) => told(code));
}).on('error', ({ code }) => told(code));
`;

/** HTTP's status, and how the answer ended: `end`, or the error's code, which is both where there was no answer. */
interface Asked {
  readonly status: Promise<string>;
  readonly end: Promise<string>;
}

/** A GET by a program in that namespace, with the certificate of that kubeconfig. */
export function ask(netns: Netns, kubeconfig: string, path: string): Asked {
  const command = [process.execPath, '-e', ASK, kubeconfig, path];
  const { stdout } = netns.spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(stdout !== null);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const status = lines.next().then(({ value }) => value as string);
  const end = status.then(async () => ((await lines.next()).value as string | undefined) ?? '');
  return { status, end };
}
