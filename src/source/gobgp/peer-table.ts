/** The daemon's peers as ListPeer last told them: for people, and for knowing when a feed is complete. */
import type { Family } from '../../net/family.js';
import type { PeerStatus } from '../source.js';
import { ESTABLISHED, familyOf, type GobgpApi, type PeerMessage, SESSION_STATES } from './api.js';

export interface PeerView {
  readonly status: PeerStatus;
  /** As the daemon itself names the peer in its calls, zone included. */
  readonly daemonAddress: string;
  /** The interface of a peer with a link-local address. */
  readonly interface: string | undefined;
  /** BGP identifier, as the daemon writes it; '' before the first session. */
  readonly routerId: string;
  readonly localAs: number;
  /** What is configured; of it, what both sides negotiated once the session is up. */
  readonly families: ReadonlyMap<
    Family,
    { readonly negotiated: boolean; readonly endOfRib: boolean }
  >;
  /** Both sides have graceful restart: an End-of-RIB will come (RFC 4724 section 2). */
  readonly willMarkEndOfRib: boolean;
  /** UPDATE messages heard in this session, and since when (monotonic) there were no more. */
  readonly updates: number;
  readonly quietSince: number;
}

/** In the place of a BGP identifier. */
const NOT_HEARD_YET = '';

export class PeerTable {
  /** By the daemon's own name: the same link-local address may be a peer on several interfaces. */
  #views = new Map<string, PeerView>();
  #statuses: readonly PeerStatus[] = [];

  constructor(private readonly api: GobgpApi) {}

  get views(): readonly PeerView[] {
    return [...this.#views.values()];
  }

  get statuses(): readonly PeerStatus[] {
    return this.#statuses;
  }

  get anyEstablished(): boolean {
    return this.#statuses.some(({ established }) => established);
  }

  /** By address without zone. */
  get(peer: string): PeerView | undefined {
    return this.#views.get(peer) ?? this.views.find(({ status }) => status.peer === peer);
  }

  /**
   * The interface behind a peer of a path. gobgpd 3 leaves the zone out of a
   * path's peer: where several peers have the address it is the BGP identifier
   * that tells them apart, as it does in gobgpd itself; `undefined` where that
   * does not either.
   */
  interfaceOf(peer: string, routerId: string): string | undefined {
    const zoned = this.#views.get(peer);
    if (zoned !== undefined) return zoned.interface;
    const named = this.views.filter(({ status }) => status.peer === peer);
    for (const id of [routerId, NOT_HEARD_YET]) {
      const behind = named.length < 2 ? named : named.filter((view) => view.routerId === id);
      if (behind.length > 0) return behind.length === 1 ? behind[0]?.interface : undefined;
    }
    return undefined;
  }

  /** Takes a new answer, at monotonic time `now`. True when a peer is new, behind another interface, has another BGP identifier, or sees us in another AS. */
  update(messages: readonly PeerMessage[], now: number): boolean {
    const before = this.#views;
    this.#views = new Map();
    let moved = false;
    for (const message of messages) {
      const view = this.#view(message, before, now);
      this.#views.set(view.daemonAddress, view);
      const known = before.get(view.daemonAddress);
      moved ||= known?.interface !== view.interface || known?.localAs !== view.localAs;
      moved ||= known === undefined || known.routerId !== view.routerId;
    }
    this.#statuses = this.views.map(({ status }) => status);
    return moved;
  }

  #view(message: PeerMessage, before: ReadonlyMap<string, PeerView>, now: number): PeerView {
    const { conf, state, timers } = message;
    const daemonAddress = state?.neighborAddress || conf?.neighborAddress || '';
    const [peer = '', zone] = daemonAddress.split('%');
    const established = state?.sessionState === ESTABLISHED;
    const admin = this.api.adminStates[state?.adminState ?? 0] ?? 'up';
    const session = SESSION_STATES[state?.sessionState ?? 0] ?? 'unknown';
    const remote = (state?.remoteCap ?? []).map(this.api.capability);
    const local = (state?.localCap ?? []).map(this.api.capability);
    const updates = state?.messages?.received?.update ?? 0;
    const known = before.get(daemonAddress);
    const quiet =
      known !== undefined && known.updates === updates && known.status.established === established;

    const families: [Family, { negotiated: boolean; endOfRib: boolean }][] = [];
    const received = { ipv4: 0, ipv6: 0 };
    for (const { config, state: counts, mpGracefulRestart } of message.afiSafis) {
      const family = familyOf(config?.family?.afi ?? 0, config?.family?.safi ?? 0);
      if (family === undefined || config?.enabled !== true) continue;
      received[family] = counts?.received ?? 0;
      families.push([
        family,
        {
          // Without any multiprotocol capability a peer speaks IPv4 unicast (RFC 4760 section 8).
          negotiated: remote.includes(family) || (family === 'ipv4' && !remote.includes('ipv6')),
          endOfRib: mpGracefulRestart?.state?.endOfRibReceived === true,
        },
      ]);
    }
    const uptime = timers?.state?.uptime?.seconds ?? 0;
    return {
      status: {
        peer,
        as: state?.peerAsn || conf?.peerAsn || 0,
        established,
        sessionState:
          admin === 'up' ? session : `${session} (${admin === 'down' ? 'admin down' : admin})`,
        adminDown: admin !== 'up',
        received,
        since: established && uptime > 0 ? uptime * 1000 : undefined,
        // gobgpd does not tell.
        lastError: undefined,
      },
      daemonAddress,
      interface: zone ?? (conf?.neighborInterface || undefined),
      routerId: state?.routerId || known?.routerId || NOT_HEARD_YET,
      localAs: conf?.localAsn || state?.localAsn || 0,
      families: new Map(families),
      willMarkEndOfRib: remote.includes('graceful-restart') && local.includes('graceful-restart'),
      updates,
      quietSince: quiet ? known.quietSince : now,
    };
  }
}
