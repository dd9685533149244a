/** The configured address of gobgpd's API, taken apart, and the TLS files read. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { GobgpApiConfig } from '../../config/config.js';
import { GobgpError } from './gobgp-error.js';

export interface TlsFiles {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

export interface Endpoint {
  /** As gRPC takes it, and as people know it. */
  readonly address: string;
  readonly dial: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly tls: TlsFiles | undefined;
}

/** Reads the TLS files anew, so that a renewed certificate is met at the next connection. Throws GobgpError `tls-files`. */
export async function resolveEndpoint({ address, tls }: GobgpApiConfig): Promise<Endpoint> {
  return {
    address,
    dial: dialTarget(address),
    tls:
      tls === undefined
        ? undefined
        : {
            ca: await readPem('ca', tls.ca),
            cert: await readPem('cert', tls.cert),
            key: await readPem('key', tls.key),
          },
  };
}

/** The same endpoint for node:tls, without the connection's own options. */
export function tlsOptions({ dial, tls }: Endpoint): ConnectionOptions {
  return {
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    // RFC 6066 section 3 has no addresses in SNI; the certificate is checked against `host` then.
    ...('host' in dial && isIP(dial.host) === 0 ? { servername: dial.host } : {}),
    ALPNProtocols: ['h2'],
  };
}

function dialTarget(address: string): Endpoint['dial'] {
  const path = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  if (path !== undefined) return { path };
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}

async function readPem(name: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    throw new GobgpError('tls-files', `source.gobgp.tls.${name}: ${path}: ${code}`, { cause });
  }
}
