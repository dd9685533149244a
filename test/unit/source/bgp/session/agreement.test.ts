import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BgpPeerConfig } from '../../../../../src/config/config.js';
import {
  type Capability,
  type OpenMessage,
  SessionError,
} from '../../../../../src/source/bgp/message/message.js';
import { agree, offerTo } from '../../../../../src/source/bgp/session/agreement.js';
import { BOTH, FOUR_OCTET, peerOpen, restarts } from '../memory-transport.js';
import { OWN, peerConfig } from '../peer-config.js';

function refusal(config: BgpPeerConfig, open: OpenMessage): string {
  try {
    agree(OWN, config, open);
  } catch (error) {
    assert.ok(error instanceof SessionError);
    const { code, subcode, data } = error.notification;
    const rest = data.length === 0 ? '' : ` ${data.toString('hex')}`;
    return `${code}/${subcode}${rest}: ${error.message}`;
  }
  return 'agreed';
}

const with_ = (...more: readonly Capability[]) =>
  peerOpen({ capabilities: [...BOTH, FOUR_OCTET, ...more] });
const role = (code: number): Capability => ({ type: 'role', role: code });

describe('an OPEN that is refused, and why', () => {
  const rows: readonly [string, Partial<BgpPeerConfig>, OpenMessage, string][] = [
    ['as it should be', {}, peerOpen(), 'agreed'],
    ['another AS', { as: 65002 }, peerOpen(), '2/2: OPEN: AS number 65001, must be 65002'],
    [
      'another AS in four octets',
      { as: 65001 },
      peerOpen({ capabilities: [{ type: 'four-octet-as', as: 4200000000 }] }),
      '2/2: OPEN: AS number 4200000000, must be 65001',
    ],
    [
      'AS_TRANS with the real one beside it',
      { as: 4200000000 },
      peerOpen({ as: 23456, capabilities: [{ type: 'four-octet-as', as: 4200000000 }] }),
      'agreed',
    ],
    [
      'AS_TRANS alone',
      { as: 4200000000 },
      peerOpen({ as: 23456, capabilities: [] }),
      '2/2: OPEN: AS number 23456, must be 4200000000',
    ],
    [
      'a router id that is not the one it should have',
      { routerId: 1 },
      peerOpen(),
      '2/3: OPEN: router id 10.255.0.2, must be 0.0.0.1',
    ],
    [
      'our own router id, of an internal peer',
      { as: 65000 },
      peerOpen({ as: 65000, routerId: OWN.routerId, capabilities: [] }),
      '2/3: OPEN: router id 10.255.0.1 is our own',
    ],
    ['our own router id, of an external peer', {}, peerOpen({ routerId: OWN.routerId }), 'agreed'],
    [
      'no family of ours',
      { families: ['ipv6'] },
      peerOpen({ capabilities: [FOUR_OCTET] }),
      '2/7 010400020001: OPEN: no ipv6 unicast among its address families',
    ],
    ['the role that goes with ours', { bgpRole: 'customer' }, with_(role(0)), 'agreed'],
    [
      'a role that does not',
      { bgpRole: 'customer' },
      with_(role(3)),
      '2/11: OPEN: role customer, must be provider as we are customer',
    ],
    [
      'two roles',
      { bgpRole: 'peer' },
      with_(role(4), role(1)),
      '2/11: OPEN: role rs, must be peer as we are peer',
    ],
    ['no role, where we have one', { bgpRole: 'rs' }, peerOpen(), 'agreed'],
    ['a role, where we have none', {}, with_(role(3)), 'agreed'],
  ];
  for (const [name, change, open, expected] of rows) {
    it(name, () => assert.equal(refusal(peerConfig(change), open), expected));
  }

  it('roles go together as RFC 9234 4.2 has them, and in no other way', () => {
    const names = ['provider', 'rs', 'rs-client', 'customer', 'peer'] as const;
    const pairs = names.flatMap((bgpRole) =>
      names.flatMap((_, code) =>
        refusal(peerConfig({ bgpRole }), with_(role(code))) === 'agreed'
          ? [`${bgpRole} ${names[code]}`]
          : [],
      ),
    );
    assert.deepEqual(pairs, [
      'provider customer',
      'rs rs-client',
      'rs-client rs',
      'customer provider',
      'peer peer',
    ]);
  });
});

describe('what is agreed on', () => {
  it('the smaller hold time, and none where one side wants none', () => {
    const agreed = (ours: number, theirs: number) =>
      agree(OWN, peerConfig({ holdTime: ours }), peerOpen({ holdTime: theirs })).holdTime;
    assert.deepEqual(
      [agreed(90_000, 30), agreed(9_000, 30), agreed(0, 30), agreed(9_000, 0)],
      [30_000, 9_000, 0, 0],
    );
  });

  it('families that both offer; IPv4 of a peer that speaks of none', () => {
    const agreed = (config: Partial<BgpPeerConfig>, capabilities: readonly Capability[]) => [
      ...agree(OWN, peerConfig(config), peerOpen({ capabilities })).families,
    ];
    assert.deepEqual(agreed({}, BOTH), ['ipv4', 'ipv6']);
    assert.deepEqual(agreed({}, []), ['ipv4']);
    assert.deepEqual(agreed({ families: ['ipv6'] }, BOTH), ['ipv6']);
    const vpn: Capability = { type: 'multiprotocol', afi: 1, safi: 128 };
    assert.deepEqual(agreed({}, [vpn, ...BOTH.slice(1)]), ['ipv6']);
  });

  it('path identifiers where the peer sends them and we asked', () => {
    const entries = [
      { afi: 1, safi: 1, mode: 2 },
      { afi: 2, safi: 1, mode: 1 },
    ] as const;
    const open = with_({ type: 'add-path', entries });
    const agreed = (addPath: boolean) => [
      ...agree(OWN, peerConfig({ addPath }), open).context.addPath,
    ];
    assert.deepEqual([agreed(true), agreed(false)], [['ipv4'], []]);
  });

  it('long messages, IPv6 next hops, four octets and refreshes of a peer that has them', () => {
    const plain = agree(OWN, peerConfig(), peerOpen({ capabilities: BOTH }));
    const { maxLength, extendedNextHop, fourOctetAs } = plain.context;
    assert.deepEqual(
      [maxLength, extendedNextHop, fourOctetAs, plain.enhancedRefresh],
      [4096, false, false, false],
    );
    const all = agree(
      OWN,
      peerConfig(),
      with_(
        { type: 'route-refresh' },
        { type: 'extended-message' },
        { type: 'extended-next-hop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
        { type: 'enhanced-route-refresh' },
      ),
    );
    assert.deepEqual(
      [all.context.maxLength, all.context.extendedNextHop, all.context.fourOctetAs],
      [65535, true, true],
    );
    assert.ok(all.enhancedRefresh);
  });

  it('graceful restart in families that are agreed on; long-lived only beside it', () => {
    const longLived: Capability = {
      type: 'long-lived-graceful-restart',
      families: [{ afi: 2, safi: 1, forwarding: true, time: 3600 }],
    };
    const config = peerConfig({
      families: ['ipv6'],
      gracefulRestart: { restartTime: 1, staleTime: 1, longLivedTime: 1 },
    });
    const both = agree(OWN, config, with_(restarts(120, { notification: true }), longLived));
    assert.equal(both.restart?.time, 120_000);
    assert.equal(both.restart.notification, true);
    assert.deepEqual([...both.restart.families], [['ipv6', true]]);
    assert.deepEqual([...both.longLived], [['ipv6', { time: 3_600_000, forwarding: true }]]);
    assert.equal(agree(OWN, config, with_(longLived)).longLived.size, 0);
    assert.equal(agree(OWN, peerConfig(), with_(restarts(1), longLived)).longLived.size, 0);
    assert.equal(agree(OWN, config, peerOpen()).restart, undefined);
  });
});

describe('our OPEN', () => {
  const types = (change: Partial<BgpPeerConfig>) =>
    offerTo(OWN, peerConfig(change)).capabilities.map(({ type }) => type);

  it('offers what is asked for, and no more', () => {
    const always = ['route-refresh', 'extended-message', 'graceful-restart', 'four-octet-as'];
    assert.deepEqual(types({ families: ['ipv6'] }), [
      'multiprotocol',
      ...always,
      'enhanced-route-refresh',
    ]);
    const gracefulRestart = { restartTime: 0, staleTime: 0, longLivedTime: 1 };
    assert.deepEqual(types({ addPath: true, bgpRole: 'peer', gracefulRestart }), [
      ...['multiprotocol', 'multiprotocol', 'route-refresh', 'extended-next-hop'],
      ...['extended-message', 'role', 'graceful-restart', 'four-octet-as', 'add-path'],
      ...['enhanced-route-refresh', 'long-lived-graceful-restart'],
    ]);
  });

  it('receives paths, and sends none; keeps nothing of ours', () => {
    const { capabilities } = offerTo(OWN, peerConfig({ addPath: true }));
    const addPath = capabilities.find(({ type }) => type === 'add-path');
    assert.ok(addPath?.type === 'add-path' && addPath.entries.every(({ mode }) => mode === 1));
    const restart = capabilities.find(({ type }) => type === 'graceful-restart');
    assert.ok(restart?.type === 'graceful-restart');
    assert.deepEqual([restart.time, restart.families, restart.restarting], [0, [], false]);
  });

  it('says AS_TRANS for an AS number that two octets do not hold', () => {
    const { as, capabilities } = offerTo({ as: 4200000000, routerId: 1 }, peerConfig());
    assert.equal(as, 23456);
    assert.ok(capabilities.some((one) => one.type === 'four-octet-as' && one.as === 4200000000));
  });
});
