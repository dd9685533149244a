/** TCP signatures and TTL security on real sockets of this kernel, over loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { tcpSockets } from '../../src/kernel/tcp-options.js';
import { Address } from '../../src/net/address.js';
import { Prefix } from '../../src/net/prefix.js';
import type { TcpOptions } from '../../src/source/tcp.js';

const PLAIN = { local: undefined, passwords: [], fullTtl: false, leastTtl: 0 };

function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert.ok(parsed instanceof Prefix);
  return parsed;
}

function place(text: string): NonNullable<TcpOptions['local']> {
  const address = Address.parse(text);
  assert.ok(address !== undefined);
  return { address, port: 0, interface: undefined };
}

/** The passwords of whoever comes from where. */
const keys = (...rows: readonly (readonly [string, string])[]) =>
  rows.map(([from, password]) => ({ from: prefix(from), password }));

async function listen(at: string, options: Partial<TcpOptions> = {}): Promise<Server> {
  const local = place(at);
  const fd = tcpSockets.open({ ...PLAIN, family: local.address.family, local, ...options });
  const server = createServer((socket) => socket.end('hello'));
  server.listen({ fd });
  await once(server, 'listening');
  return server;
}

/** What a call from there hears: `hello`, or nothing. */
async function call(
  server: Server,
  to: string,
  from: string,
  options: Partial<TcpOptions> = {},
): Promise<string> {
  const local = place(from);
  const fd = tcpSockets.open({ ...PLAIN, family: local.address.family, local, ...options });
  const start = { manualStart: true };
  const socket = new Socket({ fd, readable: true, writable: true, ...start });
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  socket.on('error', () => {}); // Then nothing is heard.
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const closed = once(socket, 'close');
  socket.connect({ host: to, port: address.port });
  await Promise.race([closed, pause(700)]);
  socket.destroy();
  return heard;
}

describe('TCP signatures (RFC 2385)', () => {
  const rows: readonly [
    name: string,
    at: string,
    wanted: readonly (readonly [string, string])[],
    to: string,
    from: string,
    given: readonly (readonly [string, string])[],
    heard: string,
  ][] = [
    [
      'the right one',
      '127.0.0.2',
      [['127.0.0.3/32', 'a']],
      '127.0.0.2',
      '127.0.0.3',
      [['127.0.0.2/32', 'a']],
      'hello',
    ],
    [
      'a wrong one',
      '127.0.0.2',
      [['127.0.0.3/32', 'a']],
      '127.0.0.2',
      '127.0.0.3',
      [['127.0.0.2/32', 'b']],
      '',
    ],
    ['none', '127.0.0.2', [['127.0.0.3/32', 'a']], '127.0.0.2', '127.0.0.3', [], ''],
    [
      'one that nobody wants',
      '127.0.0.2',
      [],
      '127.0.0.2',
      '127.0.0.3',
      [['127.0.0.2/32', 'a']],
      '',
    ],
    [
      'none, from elsewhere',
      '127.0.0.2',
      [['127.0.0.3/32', 'a']],
      '127.0.0.2',
      '127.0.0.4',
      [],
      'hello',
    ],
    [
      'of a prefix',
      '127.0.0.2',
      [['127.0.1.0/24', 'a']],
      '127.0.0.2',
      '127.0.1.9',
      [['127.0.0.2/32', 'a']],
      'hello',
    ],
    ['none, of a prefix', '127.0.0.2', [['127.0.1.0/24', 'a']], '127.0.0.2', '127.0.1.9', [], ''],
    [
      'of the longest prefix',
      '127.0.0.2',
      [
        ['127.0.0.0/8', 'a'],
        ['127.0.1.9/32', 'b'],
      ],
      '127.0.0.2',
      '127.0.1.9',
      [['127.0.0.2/32', 'b']],
      'hello',
    ],
    ['IPv6', '::1', [['::1/128', 'a']], '::1', '::1', [['::1/128', 'a']], 'hello'],
    ['IPv6, none', '::1', [['::1/128', 'a']], '::1', '::1', [], ''],
    [
      'IPv4 at a socket of both',
      '::',
      [['127.0.0.3/32', 'a']],
      '127.0.0.2',
      '127.0.0.3',
      [['127.0.0.2/32', 'a']],
      'hello',
    ],
    [
      'IPv4 at a socket of both, of a prefix',
      '::',
      [['127.0.1.0/24', 'a']],
      '127.0.0.2',
      '127.0.1.3',
      [['127.0.0.2/32', 'a']],
      'hello',
    ],
    [
      'IPv4 at a socket of both, none',
      '::',
      [['127.0.0.3/32', 'a']],
      '127.0.0.2',
      '127.0.0.3',
      [],
      '',
    ],
    [
      '80 bytes',
      '127.0.0.2',
      [['127.0.0.3/32', 'x'.repeat(80)]],
      '127.0.0.2',
      '127.0.0.3',
      [['127.0.0.2/32', 'x'.repeat(80)]],
      'hello',
    ],
  ];
  for (const [name, at, wanted, to, from, given, heard] of rows) {
    it(`${name}: ${heard === '' ? 'nothing is heard' : 'heard'}`, async () => {
      const server = await listen(at, { passwords: keys(...wanted) });
      assert.equal(await call(server, to, from, { passwords: keys(...given) }), heard);
      server.close();
    });
  }
});

describe('TTL security (RFC 5082)', () => {
  for (const [to, from] of [
    ['127.0.0.2', '127.0.0.3'],
    ['::1', '::1'],
  ] as const) {
    it(`${to}: what is sent with less than 255 is not heard, by either side`, async () => {
      const bounded = await listen(to, { leastTtl: 255, fullTtl: true });
      assert.equal(await call(bounded, to, from, { fullTtl: true }), 'hello');
      assert.equal(await call(bounded, to, from), '');
      bounded.close();
      const plain = await listen(to);
      assert.equal(await call(plain, to, from, { leastTtl: 255 }), '');
      assert.equal(await call(plain, to, from, { leastTtl: 64 }), 'hello');
      plain.close();
    });
  }
});

describe('what cannot be had', () => {
  it('is told in words', () => {
    const nowhere = { ...PLAIN, family: 'ipv4', local: place('192.0.2.1') } as const;
    assert.throws(() => tcpSockets.open(nowhere), /bind: EADDRNOTAVAIL: 192\.0\.2\.1/);
    const long = {
      ...PLAIN,
      family: 'ipv4',
      passwords: keys(['10.0.0.1/32', 'x'.repeat(81)]),
    } as const;
    assert.throws(() => tcpSockets.try(long), /TCP MD5 signatures \(CONFIG_TCP_MD5SIG\)/);
    assert.throws(() => tcpSockets.requireTtl(999_999, 'ipv4', 255), /IP_MINTTL .*EBADF/);
  });

  it('leaves no descriptor behind', () => {
    const next = () => {
      const fd = tcpSockets.open({ ...PLAIN, family: 'ipv4' });
      closeSync(fd);
      return fd;
    };
    const before = next();
    const long = keys(['10.0.0.1/32', 'x'.repeat(81)]);
    for (let i = 0; i < 20; i++) {
      assert.throws(() => tcpSockets.open({ ...PLAIN, family: 'ipv4', passwords: long }));
      tcpSockets.try({ ...PLAIN, family: 'ipv4' });
    }
    assert.equal(next(), before);
  });
});
