/**
 * The running whole: network, daemons, the model's state, and what a step is held
 * to. Faults and changes act on it; {@link World.quiet} is where it must be right.
 */
import { join } from 'node:path';
import { Daemon } from '../support/daemon.js';
import { scratchDirectory } from '../support/leftovers.js';
import { createNetns, type Netns } from '../support/netns.js';
import { until } from '../support/wait.js';
import { Bgp, type BgpOptions } from './bgp.js';
import { type Configuration, daemonConfiguration, FIRST } from './configuration.js';
import { differenceFrom, strangersFrom } from './difference.js';
import { Disk } from './disk.js';
import { Fabric } from './fabric.js';
import { type Look, look } from './look.js';
import { type Expected, expect } from './model.js';
import { Probe } from './probe.js';
import { settleStrangers } from './strangers.js';
import { WallClock } from './wall-clock.js';

export type Setting = Pick<BgpOptions, 'version' | 'multipath' | 'gracefulRestart'>;

/** After a quiet point. */
const REPAIR_MS = 2000;
/** Beyond the fault itself. */
const OUTAGE_MS = 500;
/** gobgpd's own: it idles after a reset, and retries a connection in its own time. */
const BGP_MS = 90_000;
/** Until the daemon has heard a full feed, once gobgpd has one to offer. */
const FEED_MS = 30_000;

export class ChaosFailure extends Error {}

export class World implements AsyncDisposable {
  config: Configuration = FIRST;
  /** The configuration file holds {@link config}, not something broken. */
  configIntact = true;
  /** What the node's kernel has of others. */
  #strangers: ReadonlySet<string> = new Set();
  /** The daemon neither hears nor writes. */
  #away = false;
  /** It is to run: somebody starts it again as soon as that may work. */
  #wanted = true;
  /** It was started again, and has not heard gobgpd since. */
  #deaf = false;
  /** Something was taken out of the kernel meanwhile. */
  #robbed = false;
  /** Number of destinations that are excused now. */
  #excused = 0;
  /** `hold` has ended: nothing that was learned is to be had. */
  expired = false;

  private constructor(
    readonly setting: Setting,
    readonly fabric: Fabric,
    readonly bgp: Bgp,
    readonly daemon: Daemon,
    readonly disk: Disk,
    readonly clock: WallClock,
    readonly probe: Probe,
    private readonly parts: Parts,
  ) {}

  static async create(setting: Setting): Promise<World> {
    const parts = new Parts();
    try {
      return await World.#build(setting, parts);
    } catch (error) {
      await parts[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #build(setting: Setting, parts: Parts): Promise<World> {
    const netns = async (label: string) => parts.add(await createNetns(label));
    const node = await netns('node');
    const fabric = new Fabric(node, await netns('mgmt'), {
      a: await netns('router-a'),
      b: await netns('router-b'),
    });
    await fabric.create();
    await settleStrangers(node);
    const bgp = parts.add(await Bgp.start({ ...setting, node, fabrics: fabric.routers }));
    const scratch = scratchDirectory('chaos');
    parts.add({ [Symbol.asyncDispose]: async () => scratch.remove() });
    const disk = parts.add(await Disk.mount(join(scratch.path, 'admin')));
    const clock = new WallClock(join(scratch.path, 'clock'));
    const daemon = parts.add(
      new Daemon(
        {
          netns: node,
          config: { admin: { socket: join(disk.path, 'admin.sock') } },
          until: 'admin',
        },
        scratchDirectory('daemon'),
      ),
    );
    const probe = parts.add(await Probe.start(node));
    const world = new World(setting, fabric, bgp, daemon, disk, clock, probe, parts);
    world.#strangers = (await look(node)).foreign;
    await world.configure();
    world.stopped();
    await world.startDaemon();
    return world;
  }

  get node(): Netns {
    return this.fabric.node;
  }

  get away(): boolean {
    return this.#away;
  }

  /** The daemon is dead, and what kept it from starting is over. */
  get mayStart(): boolean {
    return !this.daemon.running && this.#wanted && this.configIntact && this.disk.usable;
  }

  /** Writes the configuration in force by the model. */
  async configure(): Promise<void> {
    const source = { gobgp: { address: this.bgp.gobgpd.address } };
    await this.daemon.configure({ source, ...daemonConfiguration(this.config) });
    this.configIntact = true;
  }

  /** Something that others may not touch, or cannot keep, was taken out of the kernel by hand. */
  robbed(): void {
    this.#robbed = true;
  }

  /** The daemon is dead or suspended. */
  stopped(): void {
    this.#wanted = false;
    this.#away = true;
    this.#robbed = this.#excused > 0;
  }

  resumed(): void {
    this.#away = false;
  }

  /** False where the daemon refuses to start, which a broken configuration and a bad disk allow. */
  async startDaemon(): Promise<boolean> {
    this.#wanted = true;
    await this.daemon.launch({ env: this.clock.environment }).catch(() => undefined);
    if (!this.daemon.running) return false;
    this.#away = false;
    this.#deaf = true;
    return true;
  }

  /** Excuses those destinations that have no route by the model, or that the daemon cannot help. */
  async assess(at?: number): Promise<void> {
    const { facts } = await look(this.node);
    if (this.#deaf) this.#deaf = !(await this.#listening());
    const helpless = (this.#away || this.#deaf) && this.#robbed;
    if (!this.#away && !this.#deaf) this.#robbed = false;
    if (this.bgp.returning.size > 0) await this.bgp.converged();
    const offers = this.expired ? new Map() : this.bgp.steadyOffers;
    const { learned } = expect(offers, this.config, facts);
    const { ledger } = this.probe;
    const excused = ledger.destinations.filter((one) => helpless || !learned.has(one));
    this.#excused = excused.length;
    ledger.excuse(new Set(excused), at ?? performance.now());
  }

  /** Waits for gobgpd's own table, which takes its own time. */
  async converged(): Promise<void> {
    await until(() => this.bgp.converged(), {
      what: 'gobgpd has the routes that were announced',
      deadlineMs: BGP_MS,
      everyMs: 40,
    }).catch(async (error: Error) => {
      throw new ChaosFailure(`${error.message}\n${await this.bgp.account()}`);
    });
  }

  /**
   * Waits until the kernel is what the model says, and nothing else has changed.
   * Returns the milliseconds it took from `since`, or from when gobgpd had its
   * routes and the daemon a full feed, where those took time.
   */
  async quiet(since: number): Promise<number> {
    let ready = await this.#converged(since);
    await this.assess();
    if (this.bgp.state === 'serving' && !this.expired && (await this.#feed()) !== 'synced') {
      await until(async () => (await this.#feed()) === 'synced', {
        what: 'rib2fib has heard a full feed',
        deadlineMs: FEED_MS,
      }).catch(fail);
      ready = performance.now();
      await this.assess();
    }
    const repaired = await this.#equal(ready);
    const strangers = strangersFrom(this.#strangers, await look(this.node));
    if (strangers.length > 0)
      throw new ChaosFailure(`what is not rib2fib's has changed\n${strangers.join('\n')}`);
    return repaired;
  }

  /** As {@link quiet}, while a fault lasts. */
  async during(since: number): Promise<void> {
    const ready = await this.#converged(since);
    await this.assess();
    await this.#equal(ready);
  }

  /** Worst time out of a destination beyond what was excused. */
  async outages(): Promise<number> {
    const outages = await this.probe.settle();
    const worst = Math.max(0, ...outages.map(({ unexcused }) => unexcused));
    if (worst > OUTAGE_MS) {
      const lines = outages
        .filter(({ unexcused }) => unexcused > OUTAGE_MS)
        .map(
          ({ destination, from, to, unexcused }) =>
            `${destination}: no route for ${Math.round(to - from)} ms, ${Math.round(unexcused)} ms of them without an excuse; ${this.probe.shown.get(destination)}`,
        );
      throw new ChaosFailure(`destinations were lost\n${lines.join('\n')}`);
    }
    return worst;
  }

  /** What the daemon last said, for a failure. */
  account(): string {
    const lines = this.daemon.log.slice(-30).map((line) => JSON.stringify(line));
    return ['the last of its log:', ...lines, this.daemon.output].join('\n');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.parts[Symbol.asyncDispose]();
  }

  /** Since when gobgpd has what was announced: it takes its own time. */
  async #converged(since: number): Promise<number> {
    if (await this.bgp.converged()) return since;
    await this.converged();
    return performance.now();
  }

  #expected(facts: Look['facts']): Expected {
    return expect(this.expired ? new Map() : this.bgp.offers, this.config, facts);
  }

  async #feed(): Promise<string> {
    const { source } = await this.daemon.status();
    return source.feed.state;
  }

  async #listening(): Promise<boolean> {
    if (this.#away || this.bgp.state !== 'serving') return false;
    const feed = await this.#feed().catch(() => 'none');
    return (feed === 'syncing' || feed === 'synced') && (await this.bgp.converged());
  }

  /** Milliseconds from `since` until the kernel was equal to the model. */
  async #equal(since: number): Promise<number> {
    for (;;) {
      const at = performance.now();
      const seen = await look(this.node);
      const difference = differenceFrom(this.#expected(seen.facts), seen, {
        objects: this.config.objects,
        keeps: this.config.keeps,
        anyLegs: this.bgp.rearranged,
      });
      if (difference.length === 0) return at - since;
      if (at - since > REPAIR_MS) {
        const lines = difference.join('\n');
        throw new ChaosFailure(
          `the kernel is not what it should be (- missing, + too much)\n${lines}`,
        );
      }
    }
  }
}

/** Disposed of in the reverse order. */
class Parts implements AsyncDisposable {
  readonly #parts: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  }
}

function fail(error: Error): never {
  throw new ChaosFailure(error.message);
}
