/**
 * The program nft(8), which speaks nf_tables for us: a child process with JSON on its standard input
 * and output, one transaction a call. It is looked for where distributions put it, whatever PATH says.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { KernelError } from '../kernel/kernel.js';
import { withMemoryFile } from '../kernel/memory-file.js';
import { TABLE } from './ruleset.js';

/**
 * `missing`: there is no nft here. `forbidden`: it may not, as without CAP_NET_ADMIN. `refused`: it, or
 * the kernel, does not do it. `foreign`: a table of our name is another's. `timeout`: no answer.
 */
export type NftFailure = 'missing' | 'forbidden' | 'refused' | 'foreign' | 'timeout';

/** The one error of nft, in its own words where it had any. */
export class NftError extends Error {
  override readonly name = 'NftError';
  constructor(
    readonly kind: NftFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Every call rejects with {@link NftError}. */
export interface Nft {
  /** The JSON of our table as it stands; `undefined` where it does not. */
  list(): Promise<string | undefined>;
  /** Carries out a transaction: all of it or nothing. */
  write(transaction: object): Promise<void>;
  /** Whether it would: the kernel is asked, and nothing is changed. */
  try(transaction: object): Promise<void>;
  /** Resolves where nft is there and speaks JSON; takes no right. */
  find(): Promise<void>;
}

const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** nft answers in milliseconds; on a node with very many rules in some hundred. */
const TIMEOUT_MS = 10_000;

export const systemNft: Nft = {
  async list() {
    try {
      return await run(['--json', 'list', 'table', TABLE.family, TABLE.name]);
    } catch (error) {
      if (error instanceof NftError && /No such file or directory/.test(error.message))
        return undefined;
      throw error;
    }
  },
  async write(transaction) {
    await run(['--json', '--file', '-'], transaction);
  },
  async try(transaction) {
    await run(['--check', '--json', '--file', '-'], transaction);
  },
  async find() {
    const features = await run(['-V']);
    if (/json:\s*no/.test(features)) {
      throw new NftError('refused', 'nft is built without JSON support');
    }
  },
};

async function run(args: readonly string[], input?: object): Promise<string> {
  if (input === undefined) return await started(args, 'ignore');
  try {
    return await withMemoryFile(JSON.stringify(input), (fd) => started(args, fd));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new NftError('refused', error.message, { cause: error });
  }
}

/** Killed for its time, and still there: one that sleeps in the kernel cannot be. No other is started beside it. */
let stuck: ChildProcess | undefined;

function started(args: readonly string[], stdin: 'ignore' | number): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stuck !== undefined) {
      reject(
        new NftError('timeout', `nft (process ${stuck.pid}) was killed, and has not ended yet`),
      );
      return;
    }
    const child = spawned(args, stdin);
    const [out, said]: [Buffer[], Buffer[]] = [[], []];
    const timer = setTimeout(() => {
      if (child.exitCode === null && child.signalCode === null) stuck = child;
      child.kill('SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
      reject(new NftError('timeout', `nft gave no answer within ${TIMEOUT_MS / 1000} s`));
    }, TIMEOUT_MS);
    child.on('exit', () => {
      if (stuck === child) stuck = undefined;
    });
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(notStarted(error));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(failed(code, signal, Buffer.concat(said).toString()));
    });
  });
}

/** Some of what may keep it from starting is thrown, some told later. */
function spawned(args: readonly string[], stdin: 'ignore' | number): ChildProcess {
  try {
    return spawn('nft', args, {
      // The words of its errors are looked at.
      env: { LC_ALL: 'C', PATH: SEARCH_PATH },
      stdio: [stdin, 'pipe', 'pipe'],
    });
  } catch (error) {
    throw notStarted(error instanceof Error ? error : new Error(String(error)));
  }
}

function notStarted(error: Error & { code?: unknown }): NftError {
  const cause = { cause: error };
  if (error.code === 'ENOENT') {
    return new NftError('missing', `nft is not installed (no nft in ${SEARCH_PATH})`, cause);
  }
  const kind = error.code === 'EACCES' || error.code === 'EPERM' ? 'forbidden' : 'refused';
  return new NftError(kind, `nft cannot be run: ${error.message}`, cause);
}

function failed(code: number | null, signal: string | null, stderr: string): NftError {
  if (/Operation not permitted/.test(stderr)) {
    return new NftError(
      'forbidden',
      'nft may not change the kernel: run as root, or give nft the file capability cap_net_admin+ep',
    );
  }
  // Behind the first line it repeats the input.
  const said =
    stderr
      .trim()
      .split('\n')[0]
      ?.replace(/^(.*: )?Error: /, '') ?? '';
  return new NftError('refused', `nft: ${said === '' ? `ended with ${code ?? signal}` : said}`);
}
