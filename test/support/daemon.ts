/** The built rib2fib (`dist/cli/main.js`) as a daemon in a namespace, and its commands. */
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExplainReport, RouteReport } from '../../src/admin/command-report.js';
import type { StatusReport } from '../../src/admin/report.js';
import { DEFAULT_ADMIN_SOCKET } from '../../src/admin/socket.js';
import { scratchDirectory } from './leftovers.js';
import { here, type Netns } from './netns.js';
import { until } from './wait.js';

/** The built program: `scripts/test` builds it first. */
export const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A configuration file's value, as it would be written in YAML. */
export interface ConfigValue {
  readonly admin?: { readonly socket: string };
  readonly [key: string]: unknown;
}

export interface DaemonOptions {
  readonly netns?: Netns;
  /**
   * The configuration: text as it stands, or a value to which `admin.socket` (in
   * the temporary directory) and `metrics.listen` are added where they are missing.
   */
  readonly config: string | ConfigValue;
  /** Arguments behind `run --config FILE`. */
  readonly args?: readonly string[];
  /** Turns the command line into another: `setpriv` before it, another node. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What to wait for. Default `ready`; `admin`: its socket answers; `nothing`: it was started. */
  readonly until?: 'ready' | 'admin' | 'nothing';
  /** Milliseconds for that. Default 30 s. */
  readonly deadlineMs?: number;
  /** Milliseconds between two looks. Default 20; every look takes time of the processor. */
  readonly everyMs?: number;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

export class Daemon implements AsyncDisposable {
  readonly netns: Netns;
  /** The configuration file it runs with. */
  readonly configFile: string;
  /** Where it is asked: as the configuration says. */
  readonly adminSocket: string;
  readonly #log: LogLine[] = [];
  #output = '';
  #child: ChildProcess | undefined;
  #exitCode: number | null = null;

  constructor(
    private readonly options: DaemonOptions,
    private readonly scratch: ReturnType<typeof scratchDirectory>,
  ) {
    this.netns = options.netns ?? here;
    this.configFile = join(scratch.path, 'rib2fib.yaml');
    const { config } = options;
    this.adminSocket =
      typeof config === 'string'
        ? (/socket:\s*"?([^\s"}]+)/.exec(config)?.[1] ?? DEFAULT_ADMIN_SOCKET)
        : (config.admin?.socket ?? join(scratch.path, 'admin.sock'));
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('rib2fib does not run');
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Exit code of the last run; `null` while it runs or when a signal ended it. */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Log lines so far, of every run, parsed. */
  get log(): readonly LogLine[] {
    return this.#log;
  }

  /** What it printed besides its JSON log. */
  get output(): string {
    return this.#output;
  }

  /** Writes a new configuration file in place; the daemon watches it. */
  async configure(config: DaemonOptions['config']): Promise<void> {
    await writeFile(this.configFile, this.#text(config));
  }

  /** Starts it, at first or again after a stop, and waits as the options say. */
  async launch(change: Partial<DaemonOptions> = {}): Promise<void> {
    if (this.#child !== undefined) throw new Error('rib2fib runs already');
    const {
      args = [],
      wrap = (argv: readonly string[]) => argv,
      env,
      ...options
    } = { ...this.options, ...change };
    const argv = [process.execPath, PROGRAM, 'run', '--config', this.configFile, ...args];
    const child = this.netns.spawn(wrap(argv), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    this.#exitCode = null;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
    child.once('exit', (code) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#exitCode = code;
    });
    const wanted = options.until ?? 'ready';
    if (wanted === 'nothing') return;
    await until(
      async () => {
        if (!this.running) return true;
        const status = await this.status();
        return wanted === 'admin' || status.ready;
      },
      {
        what: `rib2fib is ${wanted === 'ready' ? 'ready' : 'up'}`,
        deadlineMs: options.deadlineMs ?? 30_000,
        everyMs: options.everyMs ?? 20,
      },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#tail()}`);
    });
    if (!this.running) throw new Error(`rib2fib ended with ${this.#exitCode}\n${this.#tail()}`);
  }

  /** Signals it and resolves with its exit code once it has ended. Idempotent. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return this.#exitCode;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    return this.#exitCode;
  }

  /** A command of rib2fib with this daemon's configuration; never rejects for its exit code. */
  cli(...args: string[]): Promise<CommandResult> {
    return rib2fib(this.netns, [...args, '--config', this.configFile]);
  }

  /** A command with `--json`; rejects when it failed. */
  async cliJson<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli(...args, '--json');
    if (code !== 0) throw new Error(`rib2fib ${args.join(' ')}: exit ${code}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as T;
  }

  /** Asked straight at the admin socket: costs no process. */
  async status(): Promise<StatusReport> {
    return JSON.parse(await this.#ask('/status')) as StatusReport;
  }

  async explain(query: string): Promise<ExplainReport> {
    return JSON.parse(
      await this.#ask(`/explain?${new URLSearchParams({ query })}`),
    ) as ExplainReport;
  }

  /** Every route it reports; `query` as the admin socket takes it: `{ state: 'rejected' }`. */
  async routes(query: Readonly<Record<string, string>> = {}): Promise<readonly RouteReport[]> {
    const text = await this.#ask(`/routes?${new URLSearchParams(query)}`);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RouteReport);
  }

  /** Body and status of `/metrics`, `/healthz`, `/readyz`, fetched from within the namespace. */
  async http(path: string, listen = '127.0.0.1:9469'): Promise<{ status: number; body: string }> {
    const script =
      'fetch(process.argv[1]).then(async (r) => console.log(JSON.stringify({ status: r.status, body: await r.text() })))';
    const out = await this.netns.exec(process.execPath, '-e', script, `http://${listen}${path}`);
    return JSON.parse(out) as { status: number; body: string };
  }

  /** A metric of rib2fib without its prefix, summed over its labels: 0 where it has no value yet. Rejects for one that there is not. */
  async metric(name: string): Promise<number> {
    const { body } = await this.http('/metrics');
    if (!body.includes(`# TYPE rib2fib_${name} `)) throw new Error(`no metric rib2fib_${name}`);
    return body
      .split('\n')
      .filter((line) => line.split(/[{ ]/)[0] === `rib2fib_${name}`)
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Resolves with the first log line that passes, past ones included. */
  logged(test: (line: LogLine) => boolean, what: string, deadlineMs?: number): Promise<LogLine> {
    return until(() => this.#log.find(test), {
      what: `rib2fib logs ${what}`,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  }

  /** Kills it and removes its directory; what it wrote into the kernel stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    this.scratch.remove();
  }

  #text(config: DaemonOptions['config']): string {
    if (typeof config === 'string') return config;
    const defaults = { admin: { socket: this.adminSocket }, metrics: { listen: '127.0.0.1:9469' } };
    return JSON.stringify({ ...defaults, ...config }, null, 2); // JSON is YAML.
  }

  #hear(line: string): void {
    try {
      this.#log.push(JSON.parse(line) as LogLine);
    } catch {
      this.#output += `${line}\n`; // Not every line is of the log.
    }
  }

  #tail(): string {
    const lines = this.#log.slice(-15).map((line) => JSON.stringify(line));
    return [...lines, this.#output.slice(-2000)].join('\n');
  }

  #ask(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.adminSocket, path, timeout: 20_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(body);
          else reject(new Error(`${path}: ${response.statusCode}: ${body}`));
        });
      });
      asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer`)));
      asked.on('error', reject);
      asked.end();
    });
  }
}

/** Starts rib2fib and resolves once it is ready (or as `until` says). */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const daemon = new Daemon(options, scratchDirectory('daemon'));
  try {
    await daemon.configure(options.config);
    await daemon.launch();
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return daemon;
}

/** Any rib2fib command in a namespace; never rejects for its exit code. */
export function rib2fib(netns: Netns, args: readonly string[]): Promise<CommandResult> {
  const [file, ...rest] = netns.argv([process.execPath, PROGRAM, ...args]);
  return new Promise((resolve) => {
    const child = execFile(file, rest, { maxBuffer: 1 << 30 }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}
