import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatRoute } from '../../../src/desired/format.js';
import type { Leg, Route, RouteTarget } from '../../../src/desired/route.js';
import {
  decodeRoute,
  decodeUnderlayRoute,
  encodeRoute,
  encodeRouteKey,
} from '../../../src/kernel/codec-route.js';
import { MessageWriter } from '../../../src/kernel/message-writer.js';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import { NLMSG_HEADER, walkMessages } from '../../../src/netlink/walk.js';
import { type Captured, ROUTES, VA } from './captured.js';

const linkName = (index: number) => (index === VA ? 'va' : `if${index}`);

function decoded({ hex }: Captured) {
  const bytes = Buffer.from(hex, 'hex');
  return decodeRoute(bytes, NLMSG_HEADER, bytes.length);
}

function encoded(route: Route): Buffer {
  const writer = new MessageWriter(64 * 1024);
  writer.begin(24, 1, 1);
  encodeRoute(writer, route);
  writer.end();
  return writer.written();
}

const address = (text: string): Address => {
  const parsed = Address.parse(text);
  assert.ok(parsed);
  return parsed;
};

describe('routes as a real kernel tells them', () => {
  const cases: readonly (readonly [keyof typeof ROUTES, string])[] = [
    ['gateway', '10.1.0.0/16 via 10.9.0.2 dev va table 100 proto 178 metric 20'],
    ['onlink', '10.2.0.0/16 via 10.77.0.2 dev va table 100 proto 178 metric 20 onlink'],
    ['connected', '10.3.0.0/16 dev va table 100 proto 178 metric 20'],
    ['highTable', 'default via 10.9.0.2 dev va table 1000 proto 178 metric 20'],
    ['inet6Gateway', '10.4.0.0/16 via inet6 2001:db8::2 dev va table 100 proto 178 metric 20'],
    [
      'multipath',
      '10.5.0.0/16 table 100 proto 178 metric 20 nexthop via 10.9.0.2 dev va weight 1 ' +
        'nexthop via inet6 2001:db8::2 dev va weight 256 nexthop via 10.9.0.3 dev va weight 3 onlink',
    ],
    ['throwing', 'throw 10.6.0.0/16 table 100 proto 178 metric 20'],
    ['unreachable', 'unreachable 10.7.0.0/16 table 100 proto 178 metric 20'],
    ['blackhole', 'blackhole 10.8.0.0/16 table 100 proto 4'],
    ['nexthopObject', '10.10.0.0/16 nhid 1073741824 table 100 proto 178 metric 20'],
    ['encapsulated', 'encap 10.12.0.0/16 table 100 proto 3'],
    ['ipv6Gateway', '2001:db8:1::/48 via 2001:db8::2 dev va table 100 proto 178 metric 20'],
    ['ipv6LinkLocal', '2001:db8:2::/48 via fe80::2 dev va table 100 proto 178 metric 20'],
    [
      'ipv6Multipath',
      '2001:db8:3::/48 table 100 proto 178 metric 20 nexthop via 2001:db8::2 dev va weight 1 ' +
        'nexthop via 2001:db8::3 dev va weight 4',
    ],
    ['ipv6Throw', 'throw 2001:db8:4::/48 dev lo table 100 proto 178 metric 20'],
    ['ipv6Default', 'default via 2001:db8::2 dev va table 1000 proto 178 metric 20'],
  ];
  for (const [name, text] of cases) {
    test(ROUTES[name].command, () => {
      const route = decoded(ROUTES[name]);
      assert.ok(route);
      assert.equal(formatRoute(route, linkName), text);
      assert.equal(route.dead, false);
    });
  }

  test('a route with a TOS has another key and is left out', () => {
    assert.equal(decoded(ROUTES.tos), undefined);
  });

  test('cloned, broadcast, anycast and multicast entries are left out', () => {
    for (const type of [3, 4, 5]) {
      const bytes = Buffer.from(ROUTES.gateway.hex, 'hex');
      bytes.writeUInt8(type, NLMSG_HEADER + 7);
      assert.equal(decodeRoute(bytes, NLMSG_HEADER, bytes.length), undefined);
    }
    const cloned = Buffer.from(ROUTES.gateway.hex, 'hex');
    cloned.writeUInt32LE(0x200, NLMSG_HEADER + 8);
    assert.equal(decodeRoute(cloned, NLMSG_HEADER, cloned.length), undefined);
  });

  test('dead is a route none of whose legs is usable', () => {
    const single = Buffer.from(ROUTES.gateway.hex, 'hex');
    single.writeUInt32LE(0x10, NLMSG_HEADER + 8);
    assert.equal(decodeRoute(single, NLMSG_HEADER, single.length)?.dead, true);

    const multipath = Buffer.from(ROUTES.ipv6Multipath.hex, 'hex');
    const first = multipath.indexOf(Buffer.from('1c0000000b000000', 'hex'));
    const second = multipath.indexOf(Buffer.from('1c0000030b000000', 'hex'));
    multipath.writeUInt8(1, first + 2);
    assert.equal(decodeRoute(multipath, NLMSG_HEADER, multipath.length)?.dead, false);
    multipath.writeUInt8(0x11, second + 2);
    assert.equal(decodeRoute(multipath, NLMSG_HEADER, multipath.length)?.dead, true);
  });

  test('for next-hop resolution a nexthop object shows its legs', () => {
    const bytes = Buffer.from(ROUTES.nexthopObject.hex, 'hex');
    const route = decodeUnderlayRoute(bytes, NLMSG_HEADER, bytes.length);
    assert.deepEqual(
      route?.legs.map(({ gateway, weight }) => [gateway?.text, weight]),
      [
        ['10.9.0.2', 3],
        ['2001:db8::2', 1],
      ],
    );
    assert.equal(route?.nexthopId, undefined);
    assert.equal(route?.type, 'unicast');
  });
});

describe('routes as we write them', () => {
  const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
  const ipv4 = word.map((w) => new Address('ipv4', w));
  const ipv6 = fc
    .tuple(word, word, word, word)
    .filter(([w]) => w >>> 24 !== 0xff)
    .map(([a, b, c, d]) => new Address('ipv6', a, b, c, d));
  const leg = (gateway: fc.Arbitrary<Address>): fc.Arbitrary<Leg> =>
    fc.record(
      {
        gateway: fc.option(gateway, { nil: undefined }),
        oif: fc.integer({ min: 1, max: 0x7fffffff }),
        onlink: fc.boolean(),
        weight: fc.integer({ min: 1, max: 256 }),
      },
      { noNullPrototype: true },
    );
  const target = (gateway: fc.Arbitrary<Address>): fc.Arbitrary<RouteTarget> =>
    fc.oneof(
      leg(gateway).map((one): RouteTarget => ({ type: 'legs', legs: [{ ...one, weight: 1 }] })),
      fc
        .array(leg(gateway), { minLength: 2, maxLength: 40 })
        .map((legs): RouteTarget => ({ type: 'legs', legs })),
      fc.integer({ min: 1, max: 0xffffffff }).map((id): RouteTarget => ({ type: 'nexthop', id })),
      fc.constantFrom<RouteTarget>({ type: 'throw' }, { type: 'unreachable' }),
    );
  const route = fc.oneof(
    fc.record({
      table: fc.integer({ min: 1, max: 0xffffffff }),
      prefix: fc
        .tuple(ipv4, fc.integer({ min: 0, max: 32 }))
        .map(([from, length]) => Prefix.of(from, length)),
      metric: fc.integer({ min: 0, max: 0xffffffff }),
      target: target(fc.oneof(ipv4, ipv6)),
    }),
    fc.record({
      table: fc.integer({ min: 1, max: 0xffffffff }),
      prefix: fc
        .tuple(ipv6, fc.integer({ min: 9, max: 128 }))
        .map(([from, length]) => Prefix.of(from, length)),
      metric: fc.integer({ min: 1, max: 0xffffffff }),
      target: target(ipv6),
    }),
  );

  test('decoding gives back what was encoded, with our protocol', () => {
    fc.assert(
      fc.property(route, (original) => {
        const bytes = encoded(original);
        assert.equal(bytes.readUInt32LE(0), bytes.length);
        assert.deepEqual(decodeRoute(bytes, NLMSG_HEADER, bytes.length), {
          ...original,
          protocol: 178,
          dead: false,
        });
      }),
    );
  });

  test('scope is link only where no leg has a gateway, and for IPv4 alone it matters', () => {
    const connected: Leg = { gateway: undefined, oif: 3, onlink: false, weight: 1 };
    const routed: Leg = { gateway: address('10.9.0.2'), oif: 3, onlink: false, weight: 1 };
    const scope = (...legs: Leg[]) =>
      encoded({
        table: 100,
        prefix: Prefix.of(address('10.0.0.0'), 8),
        metric: 20,
        target: { type: 'legs', legs },
      }).readUInt8(NLMSG_HEADER + 6);
    assert.equal(scope(connected), 253);
    assert.equal(scope(routed), 0);
    assert.equal(scope(connected, connected), 253);
    assert.equal(scope(connected, routed), 0);
  });

  test('a deletion names table, prefix, metric and protocol, and no way out', () => {
    const writer = new MessageWriter(256);
    writer.begin(25, 1, 1);
    encodeRouteKey(writer, {
      table: 100,
      prefix: Prefix.of(address('10.0.0.0'), 8),
      metric: 20,
      target: { type: 'nexthop', id: 5 },
    });
    writer.end();
    assert.equal(
      writer.written().toString('hex', NLMSG_HEADER),
      '0208000064b2ff0000000000080001000a0000000800060014000000',
    );
  });

  test('a route of more legs than an attribute holds is a RangeError, and the batch goes on', () => {
    const writer = new MessageWriter(256 * 1024);
    const wide: Leg = { gateway: address('2001:db8::2'), oif: 3, onlink: false, weight: 1 };
    const prefix = Prefix.of(address('2001:db8::'), 32);
    const route = (legs: Leg[]): Route => ({
      table: 100,
      prefix,
      metric: 20,
      target: { type: 'legs', legs },
    });
    writer.begin(24, 1, 1);
    encodeRoute(writer, route([wide]));
    writer.end();
    const length = writer.length;
    writer.begin(24, 1, 2);
    assert.throws(() => encodeRoute(writer, route(Array(3000).fill(wide))), RangeError);
    writer.abandon();
    assert.equal(writer.length, length);
    assert.equal(writer.markLast(4), 1);
  });
});

describe('bytes that make no sense', () => {
  const messages = Object.values(ROUTES).map(({ hex }) => Buffer.from(hex, 'hex'));

  test('a mutated chunk is decoded or skipped, and never more', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...messages),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(200),
        (message, changes, length) => {
          const bytes = Buffer.from(message).subarray(0, Math.max(length, NLMSG_HEADER));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          walkMessages(bytes, (_type, _flags, _seq, body, end) => {
            decodeRoute(bytes, body, end);
            decodeUnderlayRoute(bytes, body, end);
          });
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('one bad message of a chunk costs that message', () => {
    const [good, , other] = messages;
    assert.ok(good && other);
    const bad = Buffer.from(good);
    bad.writeUInt16LE(200, NLMSG_HEADER + 12);
    const chunk = Buffer.concat([good, bad, other]);
    const prefixes: (string | undefined)[] = [];
    const skipped = walkMessages(chunk, (_type, _flags, _seq, body, end) => {
      prefixes.push(decodeRoute(chunk, body, end)?.prefix.text);
    });
    assert.equal(skipped, 1);
    assert.deepEqual(prefixes, ['10.1.0.0/16', '10.3.0.0/16']);
  });
});
