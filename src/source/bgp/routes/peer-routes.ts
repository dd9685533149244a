/** What a peer's sessions do to its routes: told, told anew, kept while it is away, gone. */
import type { Clock } from '../../../clock.js';
import type { BgpPeerConfig } from '../../../config/config.js';
import { FAMILIES, type Family } from '../../../net/family.js';
import type { Nlri, RouteRefreshMessage, UpdateMessage } from '../message/message.js';
import { type Agreement, familyOf, type OwnSide } from '../session/agreement.js';
import type { SessionEnd } from '../session/session-owner.js';
import { AdjRibIn } from './adj-rib-in.js';
import { DoubtedWithdrawals } from './doubted-withdrawals.js';
import { REFUSAL_TEXT, type Refusal, refusalOf } from './eligibility.js';
import { FirstTable } from './first-table.js';
import { type HeardRoutes, MOST_PATHS } from './heard-routes.js';
import { Refresh } from './refresh.js';
import { Retention } from './retention.js';

export interface PeerRoutesOptions {
  readonly config: BgpPeerConfig;
  readonly own: OwnSide;
  /** Address without zone. */
  readonly peer: string;
  readonly routes: HeardRoutes;
  /** Of a feed, milliseconds; a reload may change it. */
  readonly hold: () => number;
  readonly clock: Clock;
  /** False while what peers say is not read. */
  readonly listening: () => boolean;
  /** A family has been told in full, or a timer has ended something. */
  readonly progress: () => void;
  /** What did not decode, or may not be believed: for people. */
  readonly fault: (reason: string) => void;
  /** Routes that are not taken, and why, for people: each reason once a session. */
  readonly refused: (reason: string) => void;
}

export class PeerRoutes {
  readonly #options: PeerRoutesOptions;
  readonly #rib: AdjRibIn;
  readonly #retention: Retention;
  readonly #first: FirstTable;
  readonly #refresh: Refresh;
  /** Of a feed only: a router that takes a route back is believed. */
  readonly #doubted: DoubtedWithdrawals | undefined;
  /** Reasons that have been told in this session. */
  readonly #told = new Set<string>();

  constructor(options: PeerRoutesOptions) {
    const { config, peer, routes, hold, clock, listening, progress } = options;
    this.#options = options;
    const now = () => clock.now();
    const full = () => this.#refused(`more than ${MOST_PATHS} paths of one prefix`);
    const rib = new AdjRibIn({ routes, peer, peerAs: config.as, now, full });
    this.#rib = rib;
    this.#retention = new Retention({ rib, config, hold, clock, onChange: progress });
    this.#refresh = new Refresh(rib, clock, config.gracefulRestart.staleTime);
    if (config.role === 'feed') this.#doubted = new DoubtedWithdrawals(rib, clock, listening);
    this.#first = new FirstTable({
      ...{ clock, role: config.role, listening },
      complete: (family) => {
        this.#retention.complete(family);
        progress();
      },
    });
  }

  /** Prefixes, before any policy. */
  get received(): Readonly<Record<Family, number>> {
    return { ...this.#rib.received };
  }

  get isEmpty(): boolean {
    return this.#rib.isEmpty;
  }

  /** Some are kept while the peer is away. */
  get kept(): boolean {
    return this.#retention.keeps;
  }

  /** Up to when, monotonic milliseconds; `undefined` where there are none. */
  get keptUntil(): number | undefined {
    return this.isEmpty ? undefined : this.#retention.keptUntil;
  }

  /** Of a feed that is away: all it had of the family is held, by a clock of its own. */
  holds(family: Family): boolean {
    return this.#retention.holds(family);
  }

  /** What is missing of a family before it has been told in full, for people. */
  waitingFor(family: Family): string | undefined {
    return this.#first.pending.has(family)
      ? this.#first.waitingFor(this.#options.peer, family)
      : undefined;
  }

  /** A session is established. */
  begin(agreement: Agreement): void {
    const { routerId, sessionType: type } = agreement;
    this.#told.clear();
    const before = new Set(FAMILIES.filter((family) => this.#rib.received[family] > 0));
    this.#rib.begin({ type, routerId });
    this.#retention.returned(agreement);
    this.#first.begin(agreement, before);
  }

  update(message: UpdateMessage): void {
    for (const { reason } of message.faults) this.#options.fault(reason);
    const { withdrawn, announced } = this.#eligible(message);
    this.#rib.withdraw(this.#doubted === undefined ? withdrawn : this.#doubted.hear(withdrawn));
    this.#doubted?.announced(announced);
    this.#rib.announce(announced);
    if (message.endOfRib === undefined) this.#first.heard(announced.map(({ family }) => family));
    else this.#first.endOfRib(message.endOfRib);
  }

  /** The beginning or the end of a refresh (RFC 7313). */
  refresh(message: RouteRefreshMessage, { families, enhancedRefresh }: Agreement): void {
    const family = familyOf(message);
    if (family === undefined || !families.has(family) || !enhancedRefresh) return;
    // RFC 7313 4: neither comes before the first table has been told.
    if (this.#first.pending.has(family)) return;
    if (message.kind === 'begin') this.#refresh.begin(family);
    if (message.kind === 'end') this.#refresh.end(family);
  }

  /** The session is over. */
  lost(agreement: Agreement, end: SessionEnd): void {
    this.#first.end();
    this.#refresh.stop();
    this.#doubted?.undo();
    this.#retention.lost(agreement, end);
  }

  /** All go, whatever was promised. */
  drop(): void {
    this.#first.end();
    this.#refresh.stop();
    this.#doubted?.forget();
    this.#retention.drop();
  }

  /** What a peer that is back has not repeated of the family goes, though it has not told all. */
  endStale(family: Family): void {
    this.#retention.endStale(family);
  }

  /** Those of a feed that is away are held from then on, in monotonic milliseconds. */
  holdSince(since: number): void {
    this.#retention.holdSince(since);
  }

  /** Nothing ends by itself any more. */
  stop(): void {
    this.#first.end();
    this.#refresh.stop();
    this.#doubted?.forget();
    this.#retention.stop();
  }

  /** A route that is not eligible is as if it had been withdrawn (RFC 4271 9.1.2, RFC 9234 5). */
  #eligible(message: UpdateMessage): UpdateMessage {
    const { config, own } = this.#options;
    const refused: Nlri[] = [];
    const announced = message.announced.filter((announcement) => {
      const refusal = refusalOf(announcement, config, own);
      if (refusal === undefined) return true;
      for (const one of announcement.nlri) refused.push(one);
      this.#tell(refusal);
      return false;
    });
    if (refused.length === 0) return message;
    return { ...message, announced, withdrawn: [...message.withdrawn, ...refused] };
  }

  /** A leak is a fault of somebody's; that a route comes back to where it has been is how BGP works. */
  #tell(refusal: Refusal): void {
    if (refusal === 'leak') this.#options.fault(REFUSAL_TEXT[refusal]);
    else this.#refused(REFUSAL_TEXT[refusal]);
  }

  #refused(reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#options.refused(reason);
  }
}
