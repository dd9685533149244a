/**
 * Why gobgpd cannot be spoken with, in one line for people. gRPC's own errors
 * tell little ("No connection established"), so the address is dialled once
 * more by hand and asked what it is.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Endpoint, tlsOptions } from './endpoint.js';

const PATIENCE_MS = 3000;

/** HTTP/2's connection preface and an empty SETTINGS frame (RFC 9113 section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
const SETTINGS = 4;

/** What came back for an HTTP/2 preface. */
type Answer =
  | { readonly is: 'http2' }
  | { readonly is: 'other'; readonly bytes: Buffer }
  | { readonly is: 'error'; readonly code: string; readonly message: string };

/** `undefined` when the endpoint, by now, answers as it should. Rejects with the signal's reason only. */
export async function diagnose(
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ask = (open: () => Socket) => askAt(open, signal);
  const { address, dial, tls } = endpoint;
  const plain = await ask(() => connect(dial));
  if (plain.is === 'error') {
    const problem = connectProblem(address, 'path' in dial, plain.code);
    if (problem !== undefined) return problem;
  }
  if (plain.is === 'http2') {
    return tls === undefined
      ? undefined
      : `${address} answers gRPC without TLS, but source.gobgp.tls is set: remove it, or start gobgpd with --tls`;
  }
  if (tls === undefined) {
    const withTls = await ask(() =>
      connectTls({ ...dial, ...tlsOptions(endpoint), rejectUnauthorized: false }),
    );
    if (withTls.is === 'http2' || speaksTls(withTls)) {
      return `${address} speaks TLS, but source.gobgp.tls is not set`;
    }
    return `${address} answers, but not gRPC${excerpt(plain)}: is it gobgpd's --api-hosts?`;
  }
  const withTls = await ask(() => connectTls({ ...dial, ...tlsOptions(endpoint) }));
  if (withTls.is === 'http2') return undefined;
  if (withTls.is === 'error' && NOT_TLS.test(withTls.code)) {
    return `${address} answers, but neither TLS nor gRPC${excerpt(plain)}`;
  }
  if (withTls.is === 'error') {
    const wantsCertificate = tls.cert === undefined && /CERTIFICATE/.test(withTls.code);
    return wantsCertificate
      ? `${address} asks for a client certificate: set source.gobgp.tls.cert and key`
      : `TLS with ${address} failed: ${withTls.message} (${withTls.code})`;
  }
  return `${address} speaks TLS, but not gRPC${excerpt(withTls)}`;
}

/** The peer's first bytes were no TLS record. */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|ECONNRESET|CLOSED/;

function connectProblem(address: string, unix: boolean, code: string): string | undefined {
  switch (code) {
    case 'ENOENT':
      return `${address}: no such socket: is gobgpd running?`;
    case 'ECONNREFUSED':
      return unix
        ? `${address}: nobody listens on this socket: a stale file makes gobgpd start without an API, remove it and restart gobgpd`
        : `${address}: connection refused: is gobgpd running, with this --api-hosts?`;
    case 'EACCES':
      return `${address}: permission denied`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${address}: host name not found`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${address}: no route to host`;
    case 'ETIMEDOUT':
      return `${address}: no answer`;
    default:
      return undefined;
  }
}

function speaksTls(answer: Answer): boolean {
  return answer.is === 'error' && answer.code.startsWith('ERR_SSL') && !NOT_TLS.test(answer.code);
}

function excerpt(answer: Answer): string {
  if (answer.is !== 'other') return '';
  const line = answer.bytes.toString('latin1').split(/[\r\n]/, 1)[0] ?? '';
  return ` ("${line.replaceAll(/[^ -~]/g, '.').slice(0, 40)}")`;
}

/** Sends the preface as soon as the connection stands, and takes the first bytes that come. */
function askAt(open: () => Socket, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = open();
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    const settle = (answer: Answer) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(answer);
    };
    let connected = false;
    const onConnect = () => {
      connected = true;
      socket.write(PREFACE);
    };
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', onConnect);
    socket.once('data', (bytes: Buffer) => {
      settle(bytes[3] === SETTINGS ? { is: 'http2' } : { is: 'other', bytes });
    });
    socket.on('error', ({ code = '', message }: NodeJS.ErrnoException) => {
      settle({ is: 'error', code, message });
    });
    socket.once('end', () => settle({ is: 'error', code: 'CLOSED', message: 'closed at once' }));
    socket.setTimeout(PATIENCE_MS, () => {
      const code = connected ? 'SILENT' : 'ETIMEDOUT';
      settle({ is: 'error', code, message: 'no answer' });
    });
  });
}
