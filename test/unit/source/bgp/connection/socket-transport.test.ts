/** Connections on real sockets, with other sides that behave badly. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { socketTransport } from '../../../../../src/source/bgp/connection/socket-transport.js';
import type { Transport } from '../../../../../src/source/bgp/connection/transport.js';
import { until } from '../../../../support/wait.js';

/** Both ends of one connection: ours as a transport, the peer's as it comes. */
class Pair implements AsyncDisposable {
  private constructor(
    readonly transport: Transport,
    readonly socket: Socket,
    readonly peer: Socket,
    private readonly close: () => void,
  ) {}

  static async open(host = '127.0.0.1'): Promise<Pair> {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const peer = connect({ port, host, allowHalfOpen: true });
    peer.on('error', () => undefined);
    const [socket] = (await once(server, 'connection')) as [Socket];
    const transport = socketTransport(socket);
    assert.ok(transport !== undefined);
    return new Pair(transport, socket, peer, () => server.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.peer.destroy();
    this.socket.destroy();
    this.close();
  }
}

describe('a connection that we close', () => {
  it('sends what was sent last, and is gone once the peer has closed too', async () => {
    await using pair = await Pair.open();
    const heard: Buffer[] = [];
    pair.peer.on('data', (chunk) => heard.push(chunk));
    pair.peer.on('end', () => pair.peer.end());
    pair.transport.send(Buffer.from('the last word'));
    pair.transport.close();
    pair.transport.close();
    await until(() => pair.socket.destroyed, { what: 'it is gone', deadlineMs: 5_000 });
    assert.equal(Buffer.concat(heard).toString(), 'the last word');
  });

  it('is gone after a second, though the peer never closes, and talks and talks', async () => {
    await using pair = await Pair.open();
    pair.transport.open({ data: () => undefined, closed: () => undefined });
    const talk = setInterval(() => pair.peer.write(Buffer.alloc(64)), 50);
    try {
      pair.transport.close();
      await until(() => pair.socket.destroyed, { what: 'it is gone', deadlineMs: 5_000 });
    } finally {
      clearInterval(talk);
    }
  });

  it('tells its session nothing more', async () => {
    await using pair = await Pair.open();
    const told: string[] = [];
    pair.transport.open({ data: () => void told.push('data'), closed: (why) => told.push(why) });
    pair.transport.close();
    pair.peer.end('too late');
    await until(() => pair.socket.destroyed, { what: 'it is gone', deadlineMs: 5_000 });
    assert.deepEqual(told, []);
  });
});

describe('a connection whose session has no room', () => {
  it('is not read before there is some, and loses nothing', async () => {
    await using pair = await Pair.open();
    const chunk = Buffer.alloc(1 << 20, 'x');
    let heard = 0;
    let room: (() => void) | undefined;
    pair.transport.open({
      data: ({ length }) => {
        assert.equal(room, undefined, 'nothing comes while it waits');
        heard += length;
        return new Promise((resolve) => {
          room = resolve;
        });
      },
      closed: () => undefined,
    });
    pair.peer.write(chunk);
    await until(() => heard > 0, { what: 'the first octets' });
    const first = heard;
    await pause(100);
    assert.equal(heard, first);
    while (heard < chunk.length) {
      const resume = room;
      room = undefined;
      resume?.();
      await until(() => room !== undefined, { what: 'more octets' });
    }
    assert.equal(heard, chunk.length);
  });

  it('can be closed meanwhile', async () => {
    await using pair = await Pair.open();
    let heard = 0;
    pair.transport.open({
      data: () => {
        heard++;
        return new Promise(() => undefined);
      },
      closed: () => undefined,
    });
    pair.peer.write('x');
    await until(() => heard > 0, { what: 'the first octets' });
    pair.transport.close();
    await until(() => pair.socket.destroyed, { what: 'it is gone', deadlineMs: 5_000 });
  });
});

describe('a connection that the peer ends', () => {
  for (const [how, end] of [
    ['closes', (peer: Socket) => void peer.end()],
    ['resets', (peer: Socket) => void peer.resetAndDestroy()],
  ] as const) {
    it(`${how}: its session is told once`, async () => {
      await using pair = await Pair.open();
      const told: string[] = [];
      pair.transport.open({ data: () => undefined, closed: (why) => told.push(why) });
      end(pair.peer);
      await until(() => told.length > 0, { what: 'it is told' });
      await until(() => pair.socket.destroyed, { what: 'it is gone' });
      assert.equal(told.length, 1);
    });

    it(`${how} before its session begins: told all the same, and not within the call`, async () => {
      await using pair = await Pair.open();
      end(pair.peer);
      pair.socket.resume();
      await until(() => pair.socket.destroyed, { what: 'it has ended' });
      const told: string[] = [];
      pair.transport.open({ data: () => undefined, closed: (why) => told.push(why) });
      assert.deepEqual(told, []);
      await until(() => told.length === 1, { what: 'it is told' });
    });
  }
});

describe('a connection that nobody says anything on', () => {
  it('is asked after by the kernel, so that one with no hold time does not outlive the peer’s host', async () => {
    await using pair = await Pair.open();
    await until(async () => (await timerOf(pair.socket)) === KEEPALIVE, {
      what: 'the keepalive timer runs',
    });
  });
});

/** `tr` of proc(5) /proc/net/tcp: what timer runs. */
const KEEPALIVE = '02';

async function timerOf({ localPort, remotePort }: Socket): Promise<string | undefined> {
  const port = (number: number | undefined) =>
    `:${(number ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of (await readFile('/proc/self/net/tcp', 'utf8')).split('\n')) {
    const [, local = '', remote = '', , , timer = ''] = line.trim().split(/\s+/);
    if (local.endsWith(port(localPort)) && remote.endsWith(port(remotePort))) {
      return timer.slice(0, 2);
    }
  }
  return undefined;
}

describe('where a connection is', () => {
  it('its interface is that of our address, none where that is a loopback one', async () => {
    await using loopback = await Pair.open();
    assert.equal(loopback.transport.interface, undefined);
    assert.equal(loopback.transport.remote.text, '127.0.0.1');
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      const own = addresses?.find(({ internal, family }) => !internal && family === 'IPv4');
      if (own === undefined) continue;
      await using pair = await Pair.open(own.address);
      assert.equal(pair.transport.interface, name);
      assert.equal(pair.transport.remote.text, own.address);
    }
  });

  it('an IPv4 peer of an IPv6 socket is an IPv4 address', async () => {
    await using pair = await Pair.open('::ffff:127.0.0.1');
    assert.equal(pair.transport.remote.text, '127.0.0.1');
  });
});
