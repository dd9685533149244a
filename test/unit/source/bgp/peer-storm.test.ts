/** A peer, and whoever calls in its name, in any order of events: what must hold after each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  encodeKeepalive,
  encodeOpen,
  encodeRouteRefresh,
} from '../../../../src/source/bgp/message/encode.js';
import { CEASE, ERROR_CODE, sessionError } from '../../../../src/source/bgp/message/error-code.js';
import { settled } from '../fake-clock.js';
import {
  BOTH,
  ends,
  FOUR_OCTET,
  MemoryTransport,
  notification,
  peerOpen,
  restarts,
} from './memory-transport.js';
import { announce, PeerFixture, withdraw } from './peer-fixture.js';

const PREFIXES = ['10.1.0.0/16', '10.2.0.0/16', '2001:db8::/32'];
const WHY = sessionError(ERROR_CODE.cease, CEASE.administrativeShutdown, 'shutdown');
const KNOWN = [{ type: 'route-refresh' }, { type: 'enhanced-route-refresh' }] as const;

const SAYS: Readonly<Record<string, Buffer>> = {
  open: encodeOpen(peerOpen()),
  'open, restarts': encodeOpen(
    peerOpen({
      capabilities: [...BOTH, FOUR_OCTET, ...KNOWN, restarts(20, { notification: true })],
    }),
  ),
  'open, wrong': encodeOpen(peerOpen({ as: 65009, capabilities: [] })),
  keepalive: encodeKeepalive(),
  announce: Buffer.concat([announce(PREFIXES.slice(0, 2)), announce(PREFIXES.slice(2))]),
  withdraw: withdraw(PREFIXES.slice(0, 1)),
  ends: Buffer.concat(ends),
  'refresh begins': encodeRouteRefresh({ kind: 'begin', afi: 1, safi: 1 }),
  'refresh ends': encodeRouteRefresh({ kind: 'end', afi: 1, safi: 1 }),
  notification: notification(6, 4),
  garbage: Buffer.alloc(30, 7),
  'half a message': encodeKeepalive().subarray(0, 10),
};

type Step =
  | { readonly do: 'call' | 'answer' | 'fail' | 'disable' | 'enable' }
  | { readonly do: 'say'; readonly what: string; readonly on: number }
  | { readonly do: 'break'; readonly on: number }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('call' as const) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      ...{ do: fc.constant('say' as const), on: fc.nat(3) },
      what: fc.constantFrom(...Object.keys(SAYS)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('break' as const), on: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 250, 1_000, 5_000, 30_000, 100_000),
    }),
  },
  fc.record({
    do: fc.constantFrom('answer' as const, 'fail' as const, 'disable' as const, 'enable' as const),
  }),
);

/** The usual way first, then anything: most storms begin in a session. */
const storm = fc.tuple(fc.boolean(), fc.array(step, { maxLength: 40 })).map(([up, steps]) => {
  const begin: Step[] = [
    { do: 'call' },
    { do: 'say', what: 'open, restarts', on: 0 },
    { do: 'say', what: 'keepalive', on: 0 },
    { do: 'say', what: 'announce', on: 0 },
  ];
  return up ? [...begin, ...steps] : steps;
});

describe('a peer in a storm', () => {
  for (const role of ['neighbour', 'feed'] as const) {
    it(`as a ${role}: whatever happens in whatever order`, async () => {
      await fc.assert(
        fc.asyncProperty(storm, fc.boolean(), async (steps, connect) => {
          const fixture = new PeerFixture({ role, connect });
          const { peer, clock } = fixture;
          const transports: MemoryTransport[] = [];
          /** The newest first: what is said is mostly said there. */
          const open = () => transports.filter(({ closed }) => !closed).reverse();
          peer.start();
          for (const one of steps) {
            switch (one.do) {
              case 'call':
                transports.push(fixture.call());
                break;
              case 'answer': {
                const transport = new MemoryTransport();
                transports.push(transport);
                const call = fixture.calls.pop();
                // A call that was called off has no other side.
                if (call === undefined || call.signal.aborted) transport.close();
                else call.answer(transport);
                break;
              }
              case 'fail':
                fixture.calls.pop()?.fail(new Error('ECONNREFUSED'));
                break;
              case 'say':
                open()[one.on]?.hear(SAYS[one.what] as Buffer);
                break;
              case 'break':
                open()[one.on]?.break();
                break;
              case 'wait':
                await clock.advance(one.ms);
                break;
              case 'disable':
                peer.disable(WHY);
                break;
              case 'enable':
                peer.enable();
                break;
            }
            await settled();
            const { established, sessionState, adminDown, received } = peer.status();
            assert.equal(established, sessionState === 'established');
            // One each way, and one that waits.
            assert.ok(open().length <= 3, `${open().length} connections`);
            if (adminDown) {
              assert.equal(open().length, 0);
              assert.equal(fixture.offered.size, 0);
            }
            for (const prefix of fixture.offered.keys()) assert.ok(PREFIXES.includes(prefix));
            assert.equal(fixture.offered.size, received.ipv4 + received.ipv6);
            if (!established && !peer.keeps) assert.equal(fixture.offered.size, 0);
          }
          peer.stop(WHY);
          for (const call of fixture.calls) call.fail(new Error('called off'));
          await settled();
          assert.equal(open().length, 0);
          assert.equal(clock.waiting, 0, 'timers are left');
        }),
        { numRuns: 400 },
      );
    });
  }
});
