import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatNexthop, formatRoute, formatRule } from '../../../src/desired/format.js';
import type { Leg, RouteTarget } from '../../../src/desired/route.js';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';

const prefix = (text: string): Prefix => {
  const parsed = Prefix.parse(text);
  assert.ok(parsed instanceof Prefix);
  return parsed;
};
const leg = (gateway: string | undefined, more: Partial<Leg> = {}): Leg => ({
  gateway: gateway === undefined ? undefined : Address.parse(gateway),
  oif: 3,
  onlink: false,
  weight: 1,
  ...more,
});
const linkName = (index: number) => (index === 3 ? 'eth1' : String(index));
const route = (destination: string, target: RouteTarget) =>
  formatRoute({ table: 100, prefix: prefix(destination), metric: 20, target }, linkName);

test('routes in the words of ip route', () => {
  assert.equal(
    route('10.0.0.0/8', { type: 'legs', legs: [leg('10.9.0.2')] }),
    '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20',
  );
  assert.equal(
    route('10.0.0.0/8', { type: 'legs', legs: [leg('10.9.0.2', { onlink: true, weight: 7 })] }),
    '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20 onlink',
  );
  assert.equal(
    route('10.9.0.0/24', { type: 'legs', legs: [leg(undefined)] }),
    '10.9.0.0/24 dev eth1 table 100 proto 178 metric 20',
  );
  assert.equal(
    route('10.0.0.0/8', { type: 'legs', legs: [leg('fe80::1')] }),
    '10.0.0.0/8 via inet6 fe80::1 dev eth1 table 100 proto 178 metric 20',
  );
  assert.equal(
    route('2001:db8::/32', {
      type: 'legs',
      legs: [leg('fe80::1'), leg('fe80::2', { weight: 3, oif: 4 })],
    }),
    '2001:db8::/32 table 100 proto 178 metric 20 ' +
      'nexthop via fe80::1 dev eth1 weight 1 nexthop via fe80::2 dev 4 weight 3',
  );
  assert.equal(
    route('10.0.0.0/8', { type: 'nexthop', id: 0x40000000 }),
    '10.0.0.0/8 nhid 1073741824 table 100 proto 178 metric 20',
  );
  assert.equal(
    route('10.42.0.0/16', { type: 'throw' }),
    'throw 10.42.0.0/16 table 100 proto 178 metric 20',
  );
  assert.equal(
    route('::/0', { type: 'unreachable' }),
    'unreachable default dev lo table 100 proto 178 metric 20',
  );
});

test('a route that carries a protocol shows it', () => {
  assert.equal(
    formatRoute(
      {
        table: 254,
        prefix: prefix('10.0.0.0/8'),
        metric: 0,
        target: { type: 'other', kind: 'blackhole' },
        protocol: 4,
      },
      linkName,
    ),
    'blackhole 10.0.0.0/8 table 254 proto 4',
  );
});

test('rules in the words of ip rule', () => {
  const rule = {
    family: 'ipv4',
    priority: 10000,
    table: 100,
    from: undefined,
    to: undefined,
    iif: undefined,
    fwmark: undefined,
  } as const;
  assert.equal(
    formatRule({ ...rule, from: prefix('203.0.113.0/24') }),
    'from 203.0.113.0/24 lookup 100 pref 10000 proto 178',
  );
  assert.equal(
    formatRule({
      ...rule,
      to: prefix('10.0.0.0/8'),
      iif: 'eth1',
      fwmark: { value: 0x14, mask: 0xff },
    }),
    'from all to 10.0.0.0/8 fwmark 0x14/0xff iif eth1 lookup 100 pref 10000 proto 178',
  );
  assert.equal(
    formatRule({ ...rule, fwmark: { value: 0x14, mask: 0xffffffff }, protocol: 3 } as const),
    'from all fwmark 0x14 lookup 100 pref 10000 proto 3',
  );
  assert.equal(
    formatRule({ ...rule, family: 'ipv6', iif: 'eth1' }),
    'from ::/0 iif eth1 lookup 100 pref 10000 proto 178',
  );
});

test('nexthop objects in the words of ip nexthop', () => {
  const single = { type: 'single', id: 1, family: 'ipv4', leg: leg('fe80::1') } as const;
  assert.equal(formatNexthop(single, linkName), 'id 1 via fe80::1 dev eth1 proto 178');
  const members = [
    { id: 1, weight: 3 },
    { id: 2, weight: 1 },
  ];
  assert.equal(
    formatNexthop({ type: 'group', id: 9, members }, linkName),
    'id 9 group 1,3/2 proto 178',
  );
});
