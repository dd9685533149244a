/** Something that listens where gobgpd should, and is not gobgpd. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Netns } from './netns.js';

const SERVER = `
const [port, greeting, answer] = process.argv.slice(1);
require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  if (greeting !== '') socket.write(greeting);
  socket.on('data', () => { if (answer !== '') socket.end(answer); });
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
`;

/** What it says at once, and what it answers and closes on; each may be nothing. */
export interface Manners {
  readonly greeting?: string;
  readonly answer?: string;
}

/** Listens at 127.0.0.1 in the namespace until disposed or the process ends. */
export async function tcpStranger(
  netns: Netns,
  port: number,
  { greeting = '', answer = '' }: Manners,
): Promise<AsyncDisposable> {
  const command = [process.execPath, '-e', SERVER, String(port), greeting, answer];
  const server = netns.spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (server.stdout !== null) await once(createInterface({ input: server.stdout }), 'line');
  return {
    async [Symbol.asyncDispose]() {
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
    },
  };
}
