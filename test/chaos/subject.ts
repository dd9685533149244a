/** rib2fib as a run treats it: killed, stopped, starved of its disk, its clock set, and started again. */
import { join } from 'node:path';
import { type ConfigValue, Daemon } from '../support/daemon.js';
import { scratchDirectory } from '../support/leftovers.js';
import type { Netns } from '../support/netns.js';
import { fail } from './chaos-failure.js';
import { Disk } from './disk.js';
import { Parts } from './parts.js';
import { WallClock } from './wall-clock.js';

/** `refused`: it was started, and would not with the configuration or the disk as they were. */
type State = 'running' | 'suspended' | 'stopped' | 'refused';

export class Subject implements AsyncDisposable {
  /** It was started again, and has not heard gobgpd since. */
  deaf = false;
  #state: State = 'stopped';
  #configIntact = true;

  private constructor(
    readonly daemon: Daemon,
    /** Of its admin directory. */
    readonly disk: Disk,
    readonly clock: WallClock,
    private readonly parts: Parts,
  ) {}

  /** Not configured and not started yet. */
  static async create(netns: Netns): Promise<Subject> {
    const parts = new Parts();
    const scratch = scratchDirectory('chaos');
    parts.add({ [Symbol.asyncDispose]: async () => scratch.remove() });
    const disk = parts.add(await Disk.mount(join(scratch.path, 'admin')));
    const config = { admin: { socket: join(disk.path, 'admin.sock') } };
    const daemon = parts.add(
      new Daemon({ netns, config, until: 'admin' }, scratchDirectory('daemon')),
    );
    return new Subject(daemon, disk, new WallClock(join(scratch.path, 'clock')), parts);
  }

  /** It neither hears nor writes. */
  get away(): boolean {
    return this.#state !== 'running';
  }

  /** The configuration file holds what the model knows. */
  get configIntact(): boolean {
    return this.#configIntact;
  }

  async configure(config: ConfigValue): Promise<void> {
    await this.daemon.configure(config);
    this.#configIntact = true;
  }

  async misconfigure(text: string): Promise<void> {
    this.#configIntact = false;
    await this.daemon.configure(text);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.daemon.stop(signal);
    this.#state = 'stopped';
  }

  suspend(): void {
    process.kill(this.daemon.pid, 'SIGSTOP');
    this.#state = 'suspended';
  }

  resume(): void {
    process.kill(this.daemon.pid, 'SIGCONT');
    this.#state = 'running';
  }

  /** It may refuse to, while the configuration is broken or the disk of no use; see {@link retry}. */
  async start(): Promise<void> {
    const start = this.daemon.launch({ env: this.clock.environment });
    const error = await start.then(
      () => undefined,
      (reason: Error) => reason,
    );
    this.#state = error === undefined ? 'running' : 'refused';
    this.deaf = true;
    if (error !== undefined && this.#mayStart) fail(error);
  }

  /** Starts it where it refused to, once what kept it from that is over. */
  async retry(): Promise<void> {
    if (this.#state === 'refused' && this.#mayStart) await this.start();
  }

  /** What it last said, for a failure. */
  account(): string {
    const lines = this.daemon.log.slice(-30).map((line) => JSON.stringify(line));
    return ['the last of its log:', ...lines, this.daemon.output].join('\n');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.parts[Symbol.asyncDispose]();
  }

  get #mayStart(): boolean {
    return this.#configIntact && this.disk.usable;
  }
}
