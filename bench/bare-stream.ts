/** Starts `bare-client.mjs` and hands on what it heard. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../test/support/netns.js';

/** The last message of the stream. */
export interface Heard {
  /** Milliseconds of the epoch. */
  readonly at: number;
  readonly messages: number;
  readonly bytes: number;
}

const PROGRAM = fileURLToPath(new URL('./bare-client.mjs', import.meta.url));

/** Reads the dump of the gobgpd at `address`, once. */
export function startBareClient(
  netns: Netns,
  address: string,
  onHeard: (heard: Heard) => void,
): ChildProcess {
  const child = netns.spawn([process.execPath, PROGRAM, address], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', onHeard);
  return child;
}
