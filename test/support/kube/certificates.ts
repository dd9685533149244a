/** Keys and certificates for a test's cluster, made by openssl; nobody else trusts them. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAYS = '2';

/** Two PEM files. */
interface Files {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with its private key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  readonly files: Files;
}

/** Whom a certificate names. */
export interface Subject {
  /** For Kubernetes the user. */
  readonly name: string;
  /** For Kubernetes the user's group. */
  readonly organization?: string;
  /** `IP:192.0.2.10`, `DNS:kubernetes.default.svc`. */
  readonly names?: readonly string[];
}

export class CertificateAuthority {
  private constructor(
    private readonly directory: string,
    private readonly own: Files,
    /** Its own certificate, in PEM. */
    readonly pem: string,
  ) {}

  /** A new one, all of whose files go into that directory. */
  static async create(directory: string): Promise<CertificateAuthority> {
    const own = filesIn(directory, 'ca');
    await openssl('req', '-x509', ...NEW_KEY, ...out(own), '-days', DAYS, '-subj', '/CN=test');
    return new CertificateAuthority(directory, own, await readFile(own.cert, 'utf8'));
  }

  get file(): string {
    return this.own.cert;
  }

  /** A certificate for servers and clients alike, in files named after its subject. */
  async issue({ name, organization, names = [] }: Subject): Promise<KeyPair> {
    const files = filesIn(this.directory, name);
    const subject = `${organization === undefined ? '' : `/O=${organization}`}/CN=${name}`;
    await openssl(
      ...['req', '-x509', ...NEW_KEY, ...out(files), '-days', DAYS, '-subj', subject],
      ...['-CA', this.own.cert, '-CAkey', this.own.key],
      ...['-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
      ...(names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`]),
    );
    const [cert, key] = await Promise.all([
      readFile(files.cert, 'utf8'),
      readFile(files.key, 'utf8'),
    ]);
    return { cert, key, files };
  }
}

/** A private key in PEM; the file's path. */
export async function createKey(directory: string, name: string): Promise<string> {
  const file = join(directory, `${name}-key.pem`);
  const { stdout } = await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout');
  await writeFile(file, stdout, { mode: 0o600 });
  return file;
}

function filesIn(directory: string, name: string): Files {
  return { cert: join(directory, `${name}.pem`), key: join(directory, `${name}-key.pem`) };
}

function out({ cert, key }: Files): readonly string[] {
  return ['-keyout', key, '-out', cert];
}

function openssl(...args: readonly string[]): Promise<{ stdout: string }> {
  return run('openssl', args);
}
