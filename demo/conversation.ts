/** A real TCP service and a real client, each a process in its own namespace. */
import { once } from 'node:events';
import type { Netns } from '../test/support/netns.js';

const PORT = 8080;

const SERVER = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {});
    socket.end('hello ' + socket.remoteAddress + ', this is the service\\n');
  });
  server.listen(${PORT}, process.argv[1], () => process.send('listening'));
  process.on('disconnect', () => process.exit());
`;

const CLIENT = `
  const [host, patience] = process.argv.slice(1);
  const start = performance.now();
  const end = (answer) => {
    process.stdout.write(JSON.stringify({ answer, ms: performance.now() - start }));
    process.exit();
  };
  const socket = require('node:net').connect(${PORT}, host);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  socket.on('end', () => end(answer.trim()));
  socket.on('error', () => end(undefined));
  setTimeout(() => end(undefined), Number(patience));
`;

/** What came of one connection; `answer` is absent when none came in time. */
export interface Conversation {
  readonly answer?: string;
  readonly ms: number;
}

/** Listens until disposed. */
export async function serve(netns: Netns, address: string): Promise<AsyncDisposable> {
  const child = netns.spawn([process.execPath, '-e', SERVER, address], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return {
    async [Symbol.asyncDispose]() {
      const exit = once(child, 'exit');
      child.kill();
      await exit;
    },
  };
}

/** Connects, reads the answer to its end, and gives up after `patienceMs`. */
export async function converse(
  netns: Netns,
  address: string,
  patienceMs: number,
): Promise<Conversation> {
  const text = await netns.exec(process.execPath, '-e', CLIENT, address, String(patienceMs));
  return JSON.parse(text) as Conversation;
}
