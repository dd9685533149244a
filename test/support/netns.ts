/**
 * Network namespaces for tests: uniquely named, connected by veth pairs, and
 * removed when disposed, when the process exits, and on SIGINT or SIGTERM.
 */
import {
  type ChildProcess,
  execFile,
  type SpawnOptions,
  spawn,
  spawnSync,
} from 'node:child_process';
import { undoAtExit } from './leftovers.js';

/** One end of a veth pair, or any interface to be given addresses. */
export interface Port {
  readonly name: string;
  /** `10.9.0.1/24`, `2001:db8::1/64`. */
  readonly addresses?: readonly string[];
}

let serial = 0;

/** A network namespace. `name` is what `ip netns` lists; the current one has none. */
export class Netns implements AsyncDisposable {
  #removed = false;

  constructor(
    readonly name: string | undefined,
    private readonly forget: () => void = () => {},
  ) {}

  /** Command and arguments that run `command` in here. `ip netns exec` replaces itself, so the pid is the command's. */
  argv(command: readonly string[]): readonly [string, ...string[]] {
    const [first, ...rest] = command;
    if (first === undefined) throw new Error('an empty command');
    return this.name === undefined
      ? [first, ...rest]
      : ['ip', 'netns', 'exec', this.name, first, ...rest];
  }

  /** Runs to the end; resolves with stdout, rejects with stderr in the message. */
  exec(...command: string[]): Promise<string> {
    const [file, ...args] = this.argv(command);
    return run(file, args);
  }

  /** Runs to the end with this text as its input; rejects with stderr and the text in the message. */
  async feed(command: readonly string[], text: string): Promise<void> {
    const [file, ...args] = this.argv(command);
    await run(file, args, text).catch((cause: Error) => {
      throw new Error(`${cause.message}\n${text}`, { cause });
    });
  }

  /** Starts a process; its pid is that of the command itself. It is killed when this process ends. */
  spawn(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [file, ...args] = this.argv(command);
    const child = spawn(file, args, options);
    child.once(
      'exit',
      undoAtExit(() => child.kill('SIGKILL')),
    );
    return child;
  }

  /** `ip ARGS` in here. */
  ip(...args: string[]): Promise<string> {
    return run('ip', this.name === undefined ? args : ['-n', this.name, ...args]);
  }

  /** `ip -j ARGS` in here; an empty output is an empty list. */
  async ipJson<T>(...args: string[]): Promise<readonly T[]> {
    const text = await this.ip('-j', '-d', ...args);
    return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
  }

  /** Many `ip` commands in one process, the lines without the leading `ip`; stops at the first that fails. */
  ipBatch(lines: readonly string[], family: '-4' | '-6' | undefined = undefined): Promise<string> {
    const where = this.name === undefined ? [] : ['-n', this.name];
    const args = [...where, ...(family === undefined ? [] : [family]), '-batch', '-'];
    return run('ip', args, lines.join('\n'));
  }

  /** Sets a kernel variable of this namespace: `net/ipv4/ip_forward`. */
  async sysctl(name: string, value: string | number): Promise<void> {
    await this.exec('sh', '-c', `echo ${value} > /proc/sys/${name}`);
  }

  /**
   * Adds the addresses without duplicate address detection and sets the
   * interface up. A link-local one among them is the only one there: gobgpd
   * ties a session over the interface to whichever it happens to find first.
   */
  async configure({ name, addresses = [] }: Port): Promise<void> {
    const linkLocal = addresses.some((address) => address.startsWith('fe80:'));
    await this.ipBatch([
      ...(linkLocal ? [`link set ${name} addrgenmode none`] : []),
      ...addresses.map(
        (address) => `address add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`,
      ),
      `link set ${name} up`,
    ]);
  }

  /** Removes the namespace with all that is in it; processes inside are the caller's to stop first. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.name === undefined || this.#removed) return;
    this.#removed = true;
    await run('ip', ['netns', 'delete', this.name]);
    this.forget();
  }
}

/** The namespace this process runs in. */
export const here = new Netns(undefined);

/**
 * A new namespace with `lo` up, IPv6 addresses settled at once (no duplicate
 * address detection) and rp_filter off. Its name holds this process's pid.
 */
export async function createNetns(label: string): Promise<Netns> {
  const name = `r2f-${process.pid}-${++serial}-${label}`;
  await run('ip', ['netns', 'add', name]);
  const forget = undoAtExit(() => spawnSync('ip', ['netns', 'delete', name]));
  const netns = new Netns(name, forget);
  await netns.exec(
    'sh',
    '-c',
    'cd /proc/sys/net; ip link set lo up; echo 0 > ipv4/conf/all/rp_filter; echo 0 > ipv4/conf/default/rp_filter; ' +
      'if [ -d ipv6 ]; then echo 0 > ipv6/conf/all/accept_dad; echo 0 > ipv6/conf/default/accept_dad; fi',
  );
  return netns;
}

/** A veth pair with one end in each namespace, both up with their addresses. */
export async function connect(a: Netns, aPort: Port, b: Netns, bPort: Port): Promise<void> {
  const place = (netns: Netns) => (netns.name === undefined ? [] : ['netns', netns.name]);
  await run('ip', [
    ...['link', 'add', aPort.name, ...place(a), 'type', 'veth'],
    ...['peer', 'name', bPort.name, ...place(b)],
  ]);
  await a.configure(aPort);
  await b.configure(bPort);
}

function run(file: string, args: readonly string[], stdin?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { maxBuffer: 1 << 30 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${[file, ...args].join(' ')}: ${stderr.trim() || error.message}`));
    });
    child.stdin?.on('error', () => {}); // A command that fails early closes its input; its exit status tells.
    child.stdin?.end(stdin);
  });
}
