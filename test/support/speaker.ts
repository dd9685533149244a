/**
 * One BGP session, seen from a router that announces: connects, keeps what it
 * announces (its Adj-RIB-Out), and says all of it again in every new session.
 * What it hears is counted and forgotten.
 */
import { connect, type Socket } from 'node:net';
import type { Family } from '../../src/net/family.js';
import {
  addPathReceived,
  announcement,
  endOfRib,
  type FeedAttributes,
  keepalive,
  MESSAGE,
  MessageReader,
  notification,
  offeredFamilies,
  open,
  prefixFamily,
  withdrawal,
} from './bgp-wire.js';
import type { Sent, SpeakerOptions, SpeakerState } from './feeder-protocol.js';
import type { RouteSet } from './routes.js';

const RECONNECT_MS = 200;
const CHUNK = 256 * 1024;

export class Speaker {
  readonly #ribOut = new Map<string, FeedAttributes>();
  #socket: Socket | undefined;
  #established = false;
  /** Of this session: what both sides offered. */
  #families: readonly Family[] = [];
  /** Of these it takes several paths of a prefix, told apart by identifiers. */
  #addPath: readonly Family[] = [];
  #away = false;
  #keepalive: NodeJS.Timeout | undefined;
  #sessions = 0;
  #updatesReceived = 0;
  #lastNotification: readonly [number, number] | undefined;
  /** Writes go out one after the other, never interleaved. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SpeakerOptions) {}

  state(): SpeakerState {
    return {
      established: this.#established,
      sessions: this.#sessions,
      announced: this.#ribOut.size,
      updatesReceived: this.#updatesReceived,
      lastNotification: this.#lastNotification,
    };
  }

  /** Opens the session, now and again whenever it ends, until {@link leave}. */
  connect(): void {
    this.#away = false;
    if (this.#socket !== undefined) return;
    const { localAddress, peerAddress, peerPort } = this.options;
    const socket = connect({ host: peerAddress, port: peerPort, localAddress, noDelay: true });
    const reader = new MessageReader();
    this.#socket = socket;
    socket.on('connect', () => socket.write(this.#openMessage()));
    socket.on('data', (chunk) => {
      for (const { type, body } of reader.push(chunk)) this.#hear(type, body);
    });
    socket.on('error', () => {}); // `close` follows and opens the next connection.
    socket.on('close', () => {
      clearInterval(this.#keepalive);
      this.#socket = undefined;
      this.#established = false;
      if (!this.#away) setTimeout(() => this.#away || this.connect(), RECONNECT_MS);
    });
  }

  /** Ends the session and stays away: with a NOTIFICATION (cease, administrative shutdown), or by silence. */
  async leave(how: 'notify' | 'silent'): Promise<void> {
    this.#away = true;
    const socket = this.#socket;
    if (socket === undefined) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    if (how === 'notify') socket.end(notification(6, 2));
    else socket.destroy();
    await closed;
  }

  announce(sets: readonly RouteSet[]): Promise<Sent> {
    for (const { prefixes, attributes } of sets) {
      for (const prefix of prefixes) this.#ribOut.set(prefix, attributes);
    }
    return this.#send(this.#encode(sets));
  }

  withdraw(prefixes: readonly string[] | 'all'): Promise<Sent> {
    const gone = prefixes === 'all' ? [...this.#ribOut.keys()] : prefixes;
    for (const prefix of gone) this.#ribOut.delete(prefix);
    const of = (family: Family) => gone.filter((prefix) => prefixFamily(prefix) === family);
    return this.#send(
      this.#families.flatMap((family) =>
        withdrawal(family, of(family), this.#addPath.includes(family)),
      ),
    );
  }

  endOfRib(): Promise<Sent> {
    return this.#send(this.#families.map(endOfRib));
  }

  #openMessage(): Buffer {
    const { localAs, holdTime, routerId, families, addPath, gracefulRestart } = this.options;
    return open({
      as: localAs,
      holdTime,
      routerId,
      families,
      addPath,
      gracefulRestart: gracefulRestart && { ...gracefulRestart, restarting: this.#sessions > 0 },
    });
  }

  #hear(type: number, body: Buffer): void {
    switch (type) {
      case MESSAGE.open:
        this.#families = offeredFamilies(body).filter((f) => this.options.families.includes(f));
        this.#addPath = this.options.addPath ? addPathReceived(body) : [];
        this.#socket?.write(keepalive());
        break;
      case MESSAGE.keepalive:
        if (!this.#established) this.#begin();
        break;
      case MESSAGE.update:
        this.#updatesReceived++;
        break;
      case MESSAGE.notification:
        this.#lastNotification = [body.readUInt8(0), body.readUInt8(1)];
        this.#socket?.destroy();
        break;
    }
  }

  #begin(): void {
    this.#established = true;
    this.#sessions++;
    const { holdTime, endOfRib: mark } = this.options;
    if (holdTime > 0) {
      this.#keepalive = setInterval(() => void this.#send([keepalive()]), (holdTime * 1000) / 3);
    }
    const sets = this.#announced();
    void this.#send([
      ...this.#encode(sets),
      ...(mark === 'auto' ? this.#families.map(endOfRib) : []),
    ]);
  }

  /** Everything announced, by attributes and family. */
  #announced(): RouteSet[] {
    const sets = new Map<FeedAttributes, Record<Family, string[]>>();
    for (const [prefix, attributes] of this.#ribOut) {
      const known = sets.get(attributes);
      const byFamily = known ?? { ipv4: [], ipv6: [] };
      if (known === undefined) sets.set(attributes, byFamily);
      byFamily[prefixFamily(prefix)].push(prefix);
    }
    return [...sets].flatMap(([attributes, { ipv4, ipv6 }]) => [
      { attributes, prefixes: ipv4 },
      { attributes, prefixes: ipv6 },
    ]);
  }

  #encode(sets: readonly RouteSet[]): Buffer[] {
    const { localAs, peerAs } = this.options;
    const session = { localAs, internal: localAs === peerAs };
    return sets.flatMap(({ attributes, prefixes }) => {
      const family = prefixFamily(prefixes[0] ?? '');
      if (!this.#families.includes(family)) return [];
      const addPath = this.#addPath.includes(family);
      return announcement(family, prefixes, attributes, { ...session, addPath });
    });
  }

  /** Resolves once the kernel has taken the bytes; at once while no session is up. */
  #send(messages: readonly Buffer[]): Promise<Sent> {
    const sending = this.#writing.then(async () => {
      const socket = this.#socket;
      const at = String(process.hrtime.bigint());
      if (!this.#established || socket === undefined) return { messages: 0, at };
      for (let from = 0; from < messages.length && !socket.destroyed; ) {
        let to = from;
        for (let size = 0; to < messages.length && size < CHUNK; to++) {
          size += messages[to]?.length ?? 0;
        }
        const chunk = Buffer.concat(messages.slice(from, to));
        await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
        from = to;
      }
      return { messages: messages.length, at };
    });
    this.#writing = sending;
    return sending;
  }
}
