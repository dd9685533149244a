/** Starts `bare-client.mjs` and hands on what it heard. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../test/support/netns.js';

/** A message of the stream, so far the last. */
export interface Heard {
  /** When the connection stood, in milliseconds of the epoch. */
  readonly connectedAt: number;
  /** Milliseconds of the epoch. */
  readonly at: number;
  readonly messages: number;
  readonly bytes: number;
}

const PROGRAM = fileURLToPath(new URL('./bare-client.mjs', import.meta.url));

/**
 * `prefix`: changes of prefixes with that text only, until killed; without it the
 * dump, once. gobgpd does not say when a stream begins: the first message does.
 */
export function startBareClient(
  netns: Netns,
  { address, prefix }: { readonly address: string; readonly prefix?: string },
  onHeard: (heard: Heard) => void,
): ChildProcess {
  const args = prefix === undefined ? [address] : [address, prefix];
  const child = netns.spawn([process.execPath, PROGRAM, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', onHeard);
  return child;
}
