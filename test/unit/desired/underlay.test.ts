import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NextHopConfig } from '../../../src/config/config.js';
import { legKey } from '../../../src/desired/route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from '../../../src/desired/topology.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { Address } from '../../../src/net/address.js';
import { familyBits } from '../../../src/net/family.js';
import { Prefix } from '../../../src/net/prefix.js';
import { address, NEXT_HOP, nextHop, pathVia, prefix } from './build.js';

const LINKS: readonly Link[] = [
  { index: 1, name: 'lo', up: true, carrier: true },
  { index: 2, name: 'eth0', up: true, carrier: true },
  { index: 3, name: 'eth1', up: true, carrier: true },
  { index: 4, name: 'eth2', up: true, carrier: false },
  { index: 5, name: 'eth3', up: false, carrier: false },
];

/** `10.0.0.0/8 via 10.9.0.2%3*2,%4 metric 5`; `dead`, `blackhole` and `local` behind it. */
function route(text: string): UnderlayRoute {
  const [to = '', ...words] = text.split(' ');
  const value = (key: string) => words[words.indexOf(key) + 1] ?? '';
  const legs = words.includes('via')
    ? value('via')
        .split(',')
        .map((leg) => {
          const [way = '', weight = '1'] = leg.split('*');
          const [gateway = '', oif = ''] = way.split('%');
          return {
            gateway: gateway === '' ? undefined : address(gateway),
            oif: Number(oif),
            onlink: false,
            weight: Number(weight),
          };
        })
    : [];
  return {
    table: words.includes('local') ? 255 : 254,
    prefix: prefix(to),
    metric: words.includes('metric') ? Number(value('metric')) : 0,
    type: words.includes('local') ? 'local' : words.includes('blackhole') ? 'other' : 'unicast',
    legs,
    dead: words.includes('dead'),
  };
}

/** Of the interface; `tentative` and `deprecated` behind it. */
function ownAddress(text: string, index: number): InterfaceAddress {
  const [word = '', state] = text.split(' ');
  const [host = '', length = ''] = word.split('/');
  const at = address(host);
  return {
    ...{ index, address: at, length: Number(length), scope: at.isLinkLocal ? 'link' : 'global' },
    ...{ tentative: state === 'tentative', settled: state === undefined },
  };
}

const LINK_LOCAL = [ownAddress('fe80::99/64', 3)];

function underlay(...routes: string[]): Underlay {
  return new Underlay({ links: LINKS, addresses: LINK_LOCAL, routes: routes.map(route) });
}

/** Legs, or the reason. */
function resolve(of: Underlay, to: string, config: Partial<NextHopConfig> = {}): string {
  const result = of.resolve(pathVia(to).nextHop, { ...NEXT_HOP, ...config });
  return result.ok ? result.legs.map(legKey).join(' + ') : result.reason;
}

const UNREACHABLE = 'next-hop-unreachable';
const VIA_DEFAULT = 'next-hop-via-default';

test('connected, recursive, onlink', () => {
  const node = underlay('10.9.0.0/24 via %3', '172.16.0.0/16 via 10.9.0.7%3');
  assert.equal(resolve(node, '10.9.0.2'), '10.9.0.2%3');
  assert.equal(resolve(node, '172.16.5.5'), '10.9.0.7%3');
  assert.equal(resolve(node, '10.9.0.2', { resolve: 'connected' }), '10.9.0.2%3');
  assert.equal(resolve(node, '172.16.5.5', { resolve: 'connected' }), UNREACHABLE);
  assert.equal(resolve(node, '10.9.0.2', { resolve: 'onlink' }), '10.9.0.2%3');
  assert.equal(resolve(node, '172.16.5.5', { resolve: 'onlink' }), '172.16.5.5%3 onlink');
  assert.equal(resolve(node, '11.0.0.1'), UNREACHABLE);
});

test('a default route only where viaDefault says so', () => {
  const node = underlay('0.0.0.0/0 via 192.0.2.1%2', '::/0 via fe80::1%2');
  for (const hop of ['11.0.0.1', '2001:db8::1']) {
    assert.equal(resolve(node, hop), VIA_DEFAULT);
    assert.equal(resolve(node, hop, { viaDefault: true, resolve: 'connected' }), UNREACHABLE);
  }
  assert.equal(resolve(node, '11.0.0.1', { viaDefault: true }), '192.0.2.1%2');
  assert.equal(resolve(node, '2001:db8::1', { viaDefault: true }), 'fe80::1%2');
});

test('the longest prefix, then the lowest metric; what is dead or down is passed over', () => {
  const node = underlay(
    '172.16.0.0/16 via 10.9.0.7%3',
    '172.16.1.0/24 via 10.9.0.8%3 metric 20',
    '172.16.1.0/24 via 10.9.0.9%3 metric 10',
    '172.16.2.0/24 via 10.9.0.8%3 metric 20',
    '172.16.2.0/24 via 10.9.0.9%3 metric 10 dead',
    '172.16.3.0/24 via 10.9.1.8%4',
    '172.16.4.0/24 via 10.9.2.8%5',
    '172.16.5.0/24 via 10.9.0.9%3 dead',
  );
  assert.equal(resolve(node, '172.16.0.1'), '10.9.0.7%3');
  assert.equal(resolve(node, '172.16.1.1'), '10.9.0.9%3');
  assert.equal(resolve(node, '172.16.2.1'), '10.9.0.8%3');
  for (const hop of ['172.16.3.1', '172.16.4.1', '172.16.5.1']) {
    assert.equal(resolve(node, hop), '10.9.0.7%3');
  }
});

test('blackhole and the like end the look-up, as in the kernel', () => {
  const node = underlay('172.16.0.0/16 via 10.9.0.7%3', '172.16.1.0/24 blackhole');
  assert.equal(resolve(node, '172.16.1.1'), UNREACHABLE);
  assert.equal(resolve(node, '172.16.2.1'), '10.9.0.7%3');
  assert.equal(resolve(underlay('0.0.0.0/0 blackhole'), '1.1.1.1'), UNREACHABLE);
});

test('a multipath underlay gives its legs, those that are up, with their weights', () => {
  const node = underlay('172.16.0.0/16 via 10.9.0.7%3*3,10.9.1.7%4,192.0.2.1%2*2');
  assert.equal(resolve(node, '172.16.1.1'), '10.9.0.7%3 w3 + 192.0.2.1%2 w2');
});

test('IPv6, link-local with its interface, and an IPv4 underlay over an IPv6 gateway', () => {
  const node = underlay('2001:db8:9::/64 via %3', '172.16.0.0/16 via fe80::7%3');
  assert.equal(resolve(node, '2001:db8:9::2'), '2001:db8:9::2%3');
  assert.equal(resolve(node, 'fe80::2%eth1'), 'fe80::2%3');
  for (const hop of ['fe80::2', 'fe80::2%eth2', 'fe80::2%eth3', 'fe80::2%eth9']) {
    assert.equal(resolve(node, hop), UNREACHABLE, hop);
  }
  assert.equal(resolve(node, '172.16.0.1'), 'fe80::7%3');
});

test('a next hop that comes with its interface is on-link there, whatever main says', () => {
  const node = underlay('10.9.0.0/24 via %3');
  assert.equal(resolve(node, '172.16.9.9%eth1'), '172.16.9.9%3 onlink');
  assert.equal(resolve(node, '2001:db8:f::1%eth1'), '2001:db8:f::1%3 onlink');
  assert.equal(resolve(node, '172.16.9.9%eth9'), UNREACHABLE);
});

test('an IPv6 neighbour is reached once an address to ask from is in use', () => {
  const over = (...addresses: InterfaceAddress[]) =>
    new Underlay({
      links: LINKS,
      addresses,
      routes: ['2001:db8:9::/64 via %3', '172.16.0.0/16 via fe80::7%3', '10.9.0.0/24 via %3'].map(
        route,
      ),
    });
  const resolved = (node: Underlay) =>
    ['2001:db8:9::2', 'fe80::2%eth1', '172.16.0.1', '10.9.0.2'].map((hop) => resolve(node, hop));
  const all = ['2001:db8:9::2%3', 'fe80::2%3', 'fe80::7%3', '10.9.0.2%3'];
  const tentative = ['2001:db8:9::1/64 tentative', 'fe80::99/64 tentative'].map((text) =>
    ownAddress(text, 3),
  );
  assert.deepEqual(resolved(over(...tentative)), [
    UNREACHABLE,
    UNREACHABLE,
    UNREACHABLE,
    '10.9.0.2%3',
  ]);
  assert.deepEqual(resolved(over(...tentative, ...LINK_LOCAL)), all);
  // Not round about meanwhile, either.
  const around = new Underlay({
    links: LINKS,
    addresses: tentative,
    routes: ['2001:db8:9::/64 via %3', '::/0 via 2001:db8:2::1%2'].map(route),
  });
  assert.equal(resolve(around, '2001:db8:9::2', { viaDefault: true }), UNREACHABLE);
  assert.deepEqual(resolved(over(ownAddress('2001:db8:9::1/64 deprecated', 3))), all);
  // Without any address IPv6 may be off, or not asked for as on a tunnel: who learned a link-local next hop had one.
  assert.deepEqual(resolved(over()), [all[0], UNREACHABLE, all[2], all[3]]);
  assert.deepEqual(resolved(over(ownAddress('fe80::99/64', 2))), [
    all[0],
    UNREACHABLE,
    all[2],
    all[3],
  ]);
});

test('the node’s own addresses, and all of a local route, are no next hops', () => {
  const addresses = [ownAddress('10.9.0.1/24', 3)];
  const routes = ['10.9.0.0/24 via %3', '127.0.0.0/8 via %1 local', '203.0.113.0/24 via %1 local'];
  const node = new Underlay({ links: LINKS, addresses, routes: routes.map(route) });
  for (const hop of ['10.9.0.1', '127.1.2.3', '203.0.113.99']) {
    assert.equal(resolve(node, hop), 'next-hop-local', hop);
    assert.ok(node.isLocal(address(hop)));
  }
  assert.ok(!node.isLocal(address('10.9.0.2')));
});

test('connected prefixes of an interface: on-link ones of main, without the default', () => {
  const node = underlay(
    '10.9.0.0/24 via %3',
    '10.9.0.0/24 via %3 metric 100',
    '10.8.0.0/24 via %3,%4',
    '10.7.0.0/24 via 10.9.0.7%3',
    '0.0.0.0/0 via %3',
    '10.6.0.0/24 via %2',
    '10.5.0.5/32 via %3 local',
  );
  assert.deepEqual(node.connected(3).map(String), ['10.9.0.0/24', '10.8.0.0/24']);
});

test('addresses that a source rule may follow', () => {
  const addresses: InterfaceAddress[] = [
    ownAddress('10.9.0.1/24', 3),
    ownAddress('2001:db8::2/64 tentative', 3),
    ownAddress('2001:db8::3/64 deprecated', 3),
    { ...ownAddress('169.254.1.1/24', 3), scope: 'link' },
    ownAddress('10.9.1.1/24', 4),
    ownAddress('2001:db8::1/64', 3),
  ];
  const node = new Underlay({ links: LINKS, addresses, routes: [] });
  assert.deepEqual(node.globalAddresses(3).map(String), ['10.9.0.1', '2001:db8::1']);
  assert.equal(node.linkNamed('eth1')?.index, 3);
  assert.equal(node.linkName(3), 'eth1');
  assert.equal(node.linkName(9), 'if9');
});

test('detail says what stands in the way', () => {
  const node = underlay('0.0.0.0/0 via 192.0.2.1%2');
  const result = node.resolve(pathVia('172.16.9.9').nextHop, nextHop({}));
  assert.equal(
    result.ok ? '' : result.detail,
    '172.16.9.9 is reached through the default route only (viaDefault: false)',
  );
});

test('the look-up is the longest match that a walk over all routes finds', () => {
  const anyPrefix = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 16 }))
    .map(([octet, length]) => Prefix.of(new Address('ipv4', (10 << 24) | (octet << 16)), length));
  fc.assert(
    fc.property(
      fc.uniqueArray(anyPrefix, { selector: (p) => p.key }),
      fc.nat(0xffffff),
      (all, low) => {
        const to = new Address('ipv4', (10 << 24) | low);
        const routes = all.map((of, i) => route(`${of} via 10.255.0.${(i % 200) + 1}%3`));
        const node = new Underlay({ links: LINKS, addresses: [], routes });
        const [best] = routes
          .filter((one) => one.prefix.contains(to))
          .sort((a, b) => b.prefix.length - a.prefix.length);
        const result = node.resolve({ address: to, interface: undefined }, NEXT_HOP);
        assert.deepEqual(result.ok ? result.legs : [], best?.legs ?? []);
        assert.equal(familyBits(to.family), 32);
      },
    ),
  );
});
