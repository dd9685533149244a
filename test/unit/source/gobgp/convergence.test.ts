import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerMessage } from '../../../../src/source/gobgp/api.js';
import { apiV4 } from '../../../../src/source/gobgp/api-v4.js';
import { waitingFor } from '../../../../src/source/gobgp/convergence.js';
import { PeerTable } from '../../../../src/source/gobgp/peer-table.js';

const IPV4 = { afi: 1, safi: 1 };
const IPV6 = { afi: 2, safi: 1 };
const EPOCH = 1_700_000_000;

interface PeerSketch {
  readonly address?: string;
  readonly routerId?: string;
  readonly session?: number;
  readonly admin?: number;
  readonly gracefulRestart?: boolean;
  /** Families the peer offers. */
  readonly offers?: readonly (typeof IPV4)[];
  readonly configured?: readonly (typeof IPV4)[];
  readonly endOfRib?: boolean;
  readonly updates?: number;
  readonly uptime?: number;
}

function message(sketch: PeerSketch = {}): PeerMessage {
  const { address = '10.9.0.2', session = 6, admin = 1, endOfRib = false, updates = 0 } = sketch;
  const { offers = [IPV4, IPV6], configured = [IPV4, IPV6], uptime = EPOCH } = sketch;
  const { routerId = '10.255.0.1' } = sketch;
  const restart = sketch.gracefulRestart ? [{ gracefulRestart: {} }] : [];
  return {
    conf: { localAsn: 65000, neighborAddress: address, peerAsn: 65001, neighborInterface: '' },
    state: {
      ...{ localAsn: 65000, neighborAddress: address, peerAsn: 65001 },
      ...{ sessionState: session, adminState: admin },
      messages: { received: { update: updates } },
      remoteCap: [...restart, ...offers.map((family) => ({ multiProtocol: { family } }))],
      localCap: restart,
      routerId,
    },
    timers: { state: { uptime: { seconds: uptime } } },
    afiSafis: configured.map((family) => ({
      mpGracefulRestart: { state: { endOfRibReceived: endOfRib } },
      config: { family, enabled: true },
      state: { received: 7 },
    })),
  };
}

/** What is missing for IPv4 and IPv6, `later` milliseconds after the last answer. */
function missing(messages: readonly PeerMessage[], later = 0): readonly (string | undefined)[] {
  const peers = new PeerTable(apiV4);
  peers.update(messages, 1000);
  const moment = { now: EPOCH * 1000 + later, monotonic: 1000 + later };
  return (['ipv4', 'ipv6'] as const).map((family) => waitingFor(family, peers.views, moment));
}

const NOTHING = [undefined, undefined];

describe('waitingFor', () => {
  it('waits for a peer to be configured', () => {
    assert.deepEqual(missing([]), ['a peer', 'a peer']);
  });

  it('waits for every peer that is meant to be up', () => {
    const waits = 'peer 10.9.0.3 to establish';
    const peers = [message({ endOfRib: true }), message({ address: '10.9.0.3', session: 3 })];
    assert.deepEqual(missing(peers), [waits, waits]);
  });

  it('does not wait for a peer that is down by will or by its prefix limit', () => {
    for (const admin of [2, 3])
      assert.deepEqual(missing([message({ session: 1, admin })]), NOTHING);
  });

  it('waits for End-of-RIB where graceful restart promises it', () => {
    assert.deepEqual(missing([message({ gracefulRestart: true })], 10_000), [
      'End-of-RIB of 10.9.0.2 ipv4',
      'End-of-RIB of 10.9.0.2 ipv6',
    ]);
    assert.deepEqual(missing([message({ gracefulRestart: true, endOfRib: true })]), NOTHING);
  });

  it('takes an End-of-RIB that nobody promised', () => {
    assert.deepEqual(missing([message({ endOfRib: true })]), NOTHING);
  });

  it('without the promise waits for silence', () => {
    const talking = message({ updates: 5 });
    assert.equal(missing([talking], 1000)[0], 'the updates of 10.9.0.2 to end');
    assert.deepEqual(missing([talking], 2000), NOTHING);
  });

  it('waits longer for a peer that has said nothing yet', () => {
    assert.notDeepEqual(missing([message()], 2000), NOTHING);
    assert.deepEqual(missing([message()], 5000), NOTHING);
  });

  it('does not wait for silence of a peer that has been up for a minute', () => {
    assert.deepEqual(missing([message({ updates: 5, uptime: EPOCH - 60 })]), NOTHING);
  });

  it('asks of each peer only the families both sides have', () => {
    const promised = { gracefulRestart: true };
    const [ipv4, ipv6] = missing([message({ ...promised, offers: [IPV4] })]);
    assert.equal(ipv4, 'End-of-RIB of 10.9.0.2 ipv4');
    assert.equal(ipv6, undefined);
    const [first, second] = missing([message({ ...promised, configured: [IPV6] })]);
    assert.equal(first, undefined);
    assert.equal(second, 'End-of-RIB of 10.9.0.2 ipv6');
  });
});

describe('PeerTable', () => {
  it('tells of peers in words for people', () => {
    const peers = new PeerTable(apiV4);
    peers.update([message({ address: 'fe80::2%eth1' }), message({ session: 1, admin: 2 })], 0);
    const [first, second] = peers.statuses;
    assert.deepEqual(first, {
      ...{ peer: 'fe80::2', as: 65001, established: true, sessionState: 'established' },
      ...{ adminDown: false, received: { ipv4: 7, ipv6: 7 }, since: EPOCH * 1000 },
      lastError: undefined,
    });
    assert.equal(second?.sessionState, 'idle (admin down)');
    assert.equal(second?.adminDown, true);
    assert.equal(peers.get('fe80::2')?.interface, 'eth1');
    assert.equal(peers.get('fe80::2')?.daemonAddress, 'fe80::2%eth1');
  });

  it('tells interfaces apart by BGP identifier where gobgpd leaves the zone out', () => {
    const peers = new PeerTable(apiV4);
    const on = (name: string, routerId: string) =>
      message({ address: `fe80::2%${name}`, routerId });
    const told = (...messages: PeerMessage[]) => {
      peers.update([message(), ...messages], 0);
      return ['192.0.2.1', '192.0.2.2'].map((id) => peers.interfaceOf('fe80::2', id));
    };
    // One alone needs no telling apart, nor what comes with its zone.
    assert.deepEqual(told(on('eth1', '192.0.2.9')), ['eth1', 'eth1']);
    assert.equal(peers.interfaceOf('fe80::2%eth1', ''), 'eth1');
    assert.deepEqual(told(on('eth1', '192.0.2.1'), on('eth2', '')), ['eth1', 'eth2']);
    assert.deepEqual(told(on('eth1', '192.0.2.1'), on('eth2', '192.0.2.2')), ['eth1', 'eth2']);
    // A session that is down says nothing, and has no other identifier for that.
    assert.deepEqual(told(on('eth1', ''), on('eth2', '')), ['eth1', 'eth2']);
    assert.deepEqual(told(on('eth1', '192.0.2.1'), on('eth2', '192.0.2.1')), [
      undefined,
      undefined,
    ]);
    assert.equal(peers.interfaceOf('10.9.0.2', '10.255.0.1'), undefined);
    assert.equal(peers.interfaceOf('10.9.0.99', '10.255.0.1'), undefined);
  });

  it('counts silence from the last UPDATE and anew in every session', () => {
    const peers = new PeerTable(apiV4);
    const since = (now: number, sketch: PeerSketch) => {
      peers.update([message(sketch)], now);
      return peers.views[0]?.quietSince;
    };
    assert.equal(since(1000, { updates: 5 }), 1000);
    assert.equal(since(2000, { updates: 5 }), 1000);
    assert.equal(since(3000, { updates: 6 }), 3000);
    assert.equal(since(4000, { updates: 6, session: 3 }), 4000);
    assert.equal(since(5000, { updates: 6 }), 5000);
  });

  it('says when a peer is new, or behind another interface than before', () => {
    const peers = new PeerTable(apiV4);
    assert.equal(peers.update([message()], 0), true);
    assert.equal(peers.update([message()], 0), false);
    assert.equal(peers.update([message(), message({ address: 'fe80::2%eth1' })], 0), true);
    assert.equal(peers.update([message({ address: 'fe80::2%eth1' })], 0), false);
    const other = message({ address: 'fe80::2%eth1', routerId: '10.255.0.7' });
    assert.equal(peers.update([other], 0), true);
  });
});
