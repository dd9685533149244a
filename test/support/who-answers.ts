/** Real TCP that tells which way a packet took: every host answers with its own name. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Netns } from './netns.js';

const SERVER = `
require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.end(process.argv[1]);
}).listen(7, '::', () => console.log('listening'));
`;

const CLIENT = `
const [host, localAddress, patience] = process.argv.slice(1);
const socket = require('node:net').connect({ host, port: 7, localAddress });
socket.setEncoding('utf8').on('data', (name) => console.log(name));
socket.on('error', (error) => console.log(error.code)).on('close', () => process.exit());
setTimeout(() => { console.log('silence'); process.exit(); }, Number(patience));
`;

/** Has the namespace answer on every address it has, until disposed or the process ends. */
export async function answerAs(name: string, netns: Netns): Promise<AsyncDisposable> {
  const server = netns.spawn([process.execPath, '-e', SERVER, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (server.stdout !== null) await once(createInterface({ input: server.stdout }), 'line');
  return {
    async [Symbol.asyncDispose]() {
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
    },
  };
}

/**
 * The name of the host that a connection reaches; else the error's code, or `silence`. Patience,
 * in milliseconds, is for a neighbour solicitation that is lost: the next one follows after a second.
 */
export async function whoAnswers(
  netns: Netns,
  to: string,
  from: string,
  patience = 3000,
): Promise<string> {
  const command = [process.execPath, '-e', CLIENT, to, from, String(patience)];
  return (await netns.exec(...command)).trim();
}
