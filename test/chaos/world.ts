/**
 * The running whole: network, daemons, the model's state, and what a step is held
 * to. Faults and changes act on it; {@link World.quiet} is where it must be right.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createNetns, type Netns } from '../support/netns.js';
import { until } from '../support/wait.js';
import { Ballast } from './ballast.js';
import { type BallastLook, lookAtBallast, routesIn } from './ballast-look.js';
import { Bgp, type BgpOptions } from './bgp.js';
import { ChaosFailure, fail } from './chaos-failure.js';
import { type Configuration, daemonConfiguration, FIRST } from './configuration.js';
import { Deeds } from './deeds.js';
import { ballastDifference, differenceFrom, type Leniency, strangersFrom } from './difference.js';
import { Fabric } from './fabric.js';
import { BESIDE_BALLAST, EVERYTHING, FOR_FACTS, type Look, look } from './look.js';
import { type Expected, expect } from './model.js';
import { Parts } from './parts.js';
import { Probe } from './probe.js';
import { settleStrangers } from './strangers.js';
import { Subject } from './subject.js';

export interface Setting extends Pick<BgpOptions, 'version' | 'multipath' | 'gracefulRestart'> {
  /** Of the ballast; 0: there is none. */
  readonly routes: number;
}

/** After a quiet point. */
const REPAIR_MS = 2000;
/**
 * And for each route of a ballast: in one of the two tables each is rewritten by itself. A gobgpd has a
 * change in its table before it tells of it: 3.10 tells one at a time, some 10,000 a second.
 */
const REPAIR_MS_A_ROUTE: Readonly<Record<Setting['version'], number>> = {
  '4.8': 0.03,
  '3.10': 0.12,
};
/** Between two looks for that. */
const LOOK_MS = 20;
/** Beyond the fault itself; and for each route of a ballast: what a link took comes back among all that it took. */
const OUTAGE_MS = 500;
const OUTAGE_MS_A_ROUTE = 0.015;
/** gobgpd's own: it idles after a reset, and retries a connection in its own time. */
const BGP_MS = 180_000;
/** Until the daemon has heard a full feed, once gobgpd has one to offer. */
const FEED_MS = 30_000;

export class World implements AsyncDisposable {
  config: Configuration = FIRST;
  /** What the node's kernel has of others. */
  #strangers: ReadonlySet<string> = new Set();
  /** What {@link robbed} was told of since the last quiet point. */
  readonly #robbed = new Set<string>();
  /** What was done by hand. */
  readonly deeds = new Deeds();
  /** The last looks, which all found the kernel equal to the model. */
  #equalLooks: { readonly from: number; readonly to: number }[] = [];
  /** `hold` has ended: nothing that was learned is to be had. */
  expired = false;

  private constructor(
    readonly setting: Setting,
    readonly fabric: Fabric,
    readonly bgp: Bgp,
    readonly subject: Subject,
    readonly probe: Probe,
    readonly ballast: Ballast | undefined,
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
    const { routes: count } = setting;
    const ballast = count === 0 ? undefined : new Ballast({ ...setting, count });
    const bgp = parts.add(await Bgp.start({ ...setting, ballast, node, fabrics: fabric.routers }));
    const subject = parts.add(await Subject.create(node));
    const probe = parts.add(await Probe.start(node));
    const world = new World(setting, fabric, bgp, subject, probe, ballast, parts);
    world.#strangers = (await world.look()).foreign;
    await world.configure();
    await subject.start();
    return world;
  }

  get node(): Netns {
    return this.fabric.node;
  }

  /** At all but the ballast. */
  look(): Promise<Look> {
    return look(this.node, this.ballast === undefined ? EVERYTHING : BESIDE_BALLAST);
  }

  /** At the ballast; nothing where there is none. */
  async lookAtBallast(): Promise<BallastLook> {
    return this.ballast === undefined ? new Map() : lookAtBallast(this.node, this.ballast);
  }

  /** Writes the configuration in force by the model. */
  async configure(): Promise<void> {
    const source = { gobgp: { address: this.bgp.gobgpd.address } };
    await this.subject.configure({ source, ...daemonConfiguration(this.config) });
  }

  /**
   * These destinations have lost, or may have lost, their route to somebody else than
   * rib2fib: until the next quiet point they are excused while it is away or deaf.
   */
  robbed(destinations: Iterable<string>): void {
    for (const one of destinations) this.#robbed.add(one);
  }

  /** Excuses those destinations that have no route by the model, or that the daemon cannot help. */
  async assess(at?: number): Promise<void> {
    const { facts } = await this.#glance();
    if (this.subject.deaf && (await this.#listening())) this.subject.deaf = false;
    const helpless = this.subject.away || this.subject.deaf;
    if (this.bgp.returning.size > 0) await this.bgp.converged();
    const offers = this.expired ? new Map() : this.bgp.steadyOffers;
    const { learned } = expect(offers, this.config, facts);
    const { ledger } = this.probe;
    const missing = ledger.destinations.filter((one) => !learned.has(one));
    ledger.excuse(
      new Set(helpless ? [...missing, ...this.#robbed] : missing),
      at ?? performance.now(),
    );
  }

  /** Waits for gobgpd's own table, which takes its own time. */
  async converged(): Promise<void> {
    await until(() => this.bgp.converged(), {
      what: 'gobgpd has the routes that were announced',
      deadlineMs: BGP_MS,
      everyMs: this.ballast === undefined ? 40 : 250,
    }).catch(async (error: Error) => {
      throw new ChaosFailure(`${error.message}\n${await this.bgp.account()}`);
    });
  }

  /** Waits until the daemon has heard a full feed. */
  async synced(): Promise<void> {
    await until(async () => (await this.#feed()) === 'synced', {
      what: 'rib2fib has heard a full feed',
      deadlineMs: FEED_MS,
    }).catch(fail);
  }

  /**
   * Waits until the kernel is what the model says, and nothing else has changed.
   * Returns the milliseconds it took from `since`, or from when gobgpd had its
   * routes and the daemon a full feed, where those took time.
   */
  async quiet(since: number): Promise<number> {
    if (this.subject.away || !this.subject.daemon.running)
      throw new ChaosFailure('rib2fib does not run');
    let ready = await this.#converged(since);
    await this.assess();
    if (this.bgp.serving && !this.expired && (await this.#feed()) !== 'synced') {
      await this.synced();
      ready = performance.now();
      await this.assess();
    }
    const repaired = await this.#equal(ready);
    this.#robbed.clear();
    await this.#honest();
    this.#equalLooks = [];
    const strangers = strangersFrom(this.#strangers, await this.look());
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
    if (worst > this.#outageMs) {
      const lines = outages
        .filter(({ unexcused }) => unexcused > this.#outageMs)
        .map(
          ({ destination, from, to, unexcused }) =>
            `${destination}: no route for ${Math.round(to - from)} ms, ${Math.round(unexcused)} ms of them without an excuse; ${this.probe.shown.get(destination)}`,
        );
      throw new ChaosFailure(`destinations were lost\n${lines.join('\n')}`);
    }
    return worst;
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

  /** A look for its facts; over a large table no more than that. */
  async #glance(): Promise<Look> {
    if (this.ballast !== undefined) return look(this.node, FOR_FACTS);
    const from = performance.now();
    const seen = await this.look();
    this.#note(from, seen);
    return seen;
  }

  get #repairMs(): number {
    return REPAIR_MS + REPAIR_MS_A_ROUTE[this.setting.version] * this.setting.routes;
  }

  get #outageMs(): number {
    return OUTAGE_MS + OUTAGE_MS_A_ROUTE * this.setting.routes;
  }

  #expected(facts: Look['facts']): Expected {
    return expect(this.expired ? new Map() : this.bgp.offers, this.config, facts);
  }

  async #feed(): Promise<string> {
    const { source } = await this.subject.daemon.status();
    return source.feed.state;
  }

  async #listening(): Promise<boolean> {
    if (this.subject.away || !this.bgp.serving) return false;
    const feed = await this.#feed().catch(() => 'none');
    return (feed === 'syncing' || feed === 'synced') && (await this.bgp.converged());
  }

  /** What the daemon says of itself is what the kernel has. */
  async #honest(): Promise<void> {
    await until(
      async () => {
        const { own } = await this.look();
        const ballast = await this.lookAtBallast();
        const { ready, unready, tables } = await this.subject.daemon.status();
        if (!ready) throw new Error(`not ready: ${unready}`);
        for (const { id, routes } of tables) {
          const told = routes.ipv4.installed + routes.ipv6.installed;
          const there = routesIn(id, own, ballast);
          if (told !== there) throw new Error(`${told} routes told in table ${id}, ${there} there`);
        }
        return true;
      },
      { what: 'rib2fib says what the kernel has', deadlineMs: this.#repairMs },
    ).catch(fail);
  }

  /** Milliseconds from `since` to the end of the first look that found the kernel equal to the model. */
  async #equal(since: number): Promise<number> {
    for (;;) {
      const at = performance.now();
      const seen = await this.look();
      const beside = this.#note(at, seen);
      const difference = beside.length > 0 ? beside : await this.#ballastDifference(seen);
      if (difference.length === 0) {
        if (this.ballast !== undefined) return performance.now() - since;
        const equal = this.#equalLooks.find(({ from }) => from >= since);
        if (equal !== undefined) return equal.to - since;
      }
      if (at - since > this.#repairMs) {
        const lines = difference.join('\n');
        throw new ChaosFailure(
          `the kernel is not what it should be (- missing, + too much)\n${lines}`,
        );
      }
      await pause(LOOK_MS);
    }
  }

  /** The difference that a look shows beside the ballast; kept in {@link #equalLooks}. */
  #note(from: number, seen: Look): readonly string[] {
    const { lines, ...rest } = this.#expected(seen.facts);
    const beside = [...lines].filter((line) => this.ballast?.classOf(line) === undefined);
    const difference = differenceFrom({ lines: new Set(beside), ...rest }, seen, this.#leniency);
    const span = { from, to: performance.now() };
    this.#equalLooks = difference.length === 0 ? [...this.#equalLooks, span] : [];
    return difference;
  }

  async #ballastDifference({ facts }: Look): Promise<readonly string[]> {
    if (this.ballast === undefined) return [];
    const seen = await lookAtBallast(this.node, this.ballast);
    return ballastDifference(this.#expected(facts), seen, this.ballast, this.#leniency);
  }

  get #leniency(): Leniency {
    const { objects, keeps } = this.config;
    return { objects, keeps, anyLegs: this.bgp.rearranged };
  }
}
