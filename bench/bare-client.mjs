/**
 * The least a Node program can do with gobgpd's stream: subscribes to best paths
 * as rib2fib does, and throws the bytes away. Ends after half a second of silence
 * and says over IPC when the last message came, as `{ at, messages, bytes }` with
 * the time in milliseconds of the epoch.
 *
 *   bare-client.mjs ADDRESS
 */
import { Client, credentials } from '@grpc/grpc-js';

const METHOD = '/api.GoBgpService/WatchEvent';
/** WatchEventRequest { table { filters { type: BEST, init } }, batch_size: 1000 }. */
const WITH_DUMP = Buffer.from('12060a040801100118e807', 'hex');
const SILENCE_MS = 500;
const CONNECT_MS = 5000;

const [address = ''] = process.argv.slice(2);
const client = new Client(address, credentials.createInsecure(), {
  'grpc.max_receive_message_length': -1,
});
const asItIs = (bytes) => bytes;
const now = () => performance.timeOrigin + performance.now();
await new Promise((done, fail) => {
  client.waitForReady(Date.now() + CONNECT_MS, (error) => (error ? fail(error) : done()));
});
const stream = client.makeServerStreamRequest(METHOD, asItIs, asItIs, WITH_DUMP);

let heard = { at: 0, messages: 0, bytes: 0 };
let silence;
stream.on('error', ({ message }) => {
  process.stderr.write(`bare client: ${message}\n`);
  process.exit(1);
});
stream.on('data', (message) => {
  heard = { at: now(), messages: heard.messages + 1, bytes: heard.bytes + message.length };
  silence ??= setTimeout(finish, SILENCE_MS);
  silence.refresh();
});
process.on('disconnect', () => process.exit());

function finish() {
  process.send(heard, () => process.exit());
}
