/** What runs in the namespaces of a ReturnLab: scripts for `node -e`. */

/** Arguments: targets as JSON, port, patience in milliseconds. Connects to all at once; prints one line of JSON. */
export const CLIENT = `
const [targets, port, patience] = [JSON.parse(process.argv[1]), ...process.argv.slice(2).map(Number)];
const answers = {};
let left = targets.length;
const done = () => { if (--left === 0) { console.log(JSON.stringify(answers)); process.exit(); } };
for (const { to, from, name } of targets) {
  const socket = require('node:net').connect({ host: to, port, localAddress: from });
  const end = (what) => { if (answers[name] === undefined) { answers[name] = what; done(); } socket.destroy(); };
  socket.setEncoding('utf8').on('data', end).on('error', (error) => end(error.code)).setTimeout(patience, () => end('silence'));
}
`;

/** Echoes datagrams from this address of its own. */
export const echo = (address: string, port: number) => `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
socket.bind(${port}, '${address}', () => console.log('listening'));
`;

/** Always of one port: for the node one connection, wherever it comes from. */
export const roam = (from: string, to: string, port: number) => `
const socket = require('node:dgram').createSocket('udp4');
const end = (what) => { console.log(what); process.exit(); };
socket.on('error', (error) => end(error.code)).on('message', (bytes) => end(String(bytes)));
socket.bind(4000, '${from}', () => socket.send('echo', ${port}, '${to}'));
setTimeout(() => end('silence'), 1500);
`;

/** Arguments: socket type, target, own address, port. Prints the error that a datagram brings back, or `silence`. */
export const KNOCK = `
const [type, to, from, port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(type);
const end = (what) => { console.log(what); process.exit(); };
socket.on('error', (error) => end(error.code));
socket.bind(0, from, () => socket.connect(Number(port), to, () => socket.send('knock')));
setTimeout(() => end('silence'), 1500);
`;
