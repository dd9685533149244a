import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asPathText, nextHopText } from '../../../../src/rib/path.js';
import type { KnownPath } from '../../../../src/source/gobgp/known-path.js';
import type { MessageFormat } from '../../../../src/source/gobgp/message-format.js';
import { type DecodedEvent, PathDecoder } from '../../../../src/source/gobgp/path-decoder.js';
import { DecodeError } from '../../../../src/source/gobgp/wire.js';
import { CAPTURES } from './captured.js';

/** All that a run of messages says. */
function decode(
  format: MessageFormat,
  messages: { readonly watch?: readonly Buffer[]; readonly list?: readonly Buffer[] },
) {
  const decoder = new PathDecoder({ format, interfaceOf: () => 'eth9' });
  const told: string[] = [];
  const known = new Map<string, KnownPath>();
  const errors: string[] = [];
  const events: DecodedEvent[] = [];
  const sink = {
    path(prefix: { text: string }, path: KnownPath, withdrawn: boolean) {
      const [first] = path.set;
      known.set(prefix.text, path);
      const sign = withdrawn ? '-' : '+';
      told.push(
        `${sign} ${prefix.text} ${first === undefined ? 'local' : nextHopText(first.nextHop)}`,
      );
    },
    undecodable(error: DecodeError, prefix: { text: string } | undefined) {
      errors.push(`${prefix?.text}: ${error.message}`);
    },
  };
  for (const message of messages.watch ?? []) events.push(decoder.event(message, sink));
  for (const message of messages.list ?? []) decoder.destination(message, sink);
  return { told, known, errors, events };
}

for (const { version, format, watch, list } of CAPTURES) {
  describe(`PathDecoder, GoBGP ${version}`, () => {
    it('reads events as the daemon meant them', () => {
      const { told, errors } = decode(format, { watch });
      assert.deepEqual(errors, []);
      assert.deepEqual(told.toSorted(), [
        '+ 10.1.0.0/16 10.9.0.2',
        '+ 10.2.0.0/16 10.9.0.2',
        '+ 10.3.0.0/16 2001:db8::2',
        '+ 10.4.0.0/16 10.9.0.9',
        '+ 10.5.0.0/16 local',
        '+ 10.6.0.0/16 local',
        '+ 2001:db8:1::/48 2001:db8::2',
        '+ 2001:db8:2::/48 2001:db8::2',
        '- 10.2.0.0/16 10.9.0.2',
      ]);
    });

    it('tells sessions and the subscription from routes, and counts paths', () => {
      const { events } = decode(format, { watch });
      assert.deepEqual(events.slice(0, 3), [
        { type: 'peer', initial: true },
        { type: 'peer', initial: true },
        { type: 'subscribed' },
      ]);
      const paths = events.flatMap((event) => (event.type === 'table' ? [event.paths] : []));
      assert.equal(
        paths.reduce((sum, count) => sum + count, 0),
        9,
      );
    });

    it('reads every attribute', () => {
      const { known } = decode(format, { list });
      const path = known.get('10.1.0.0/16')?.set[0];
      assert.ok(path !== undefined);
      assert.equal(path.peer, '10.9.0.2');
      assert.equal(path.peerAs, 65001);
      assert.equal(asPathText(path.attributes), '65001 65010 {65011,65012}');
      assert.deepEqual(path.attributes, {
        origin: 'igp',
        asPath: path.attributes.asPath,
        communities: [65000 * 0x10000 + 100, 0xffffff01],
        largeCommunities: ['65000:1:2'],
        med: 50,
        localPref: undefined,
        linkBandwidth: 1.25e6,
        originatorId: undefined,
        clusterLength: 0,
      });
      // The daemon has chosen: nothing that selection asks for, and one object whenever it was heard.
      assert.equal(path.session, undefined);
      assert.equal(path.receivedAt, undefined);
      const internal = known.get('10.4.0.0/16')?.set[0];
      assert.equal(internal?.attributes.localPref, 200);
      assert.equal(internal?.attributes.origin, 'incomplete');
      assert.deepEqual(internal?.attributes.asPath, []);
    });

    it('gives prefixes with the same attributes the same objects', () => {
      const { known } = decode(format, { watch, list });
      assert.equal(known.get('2001:db8:1::/48'), known.get('2001:db8:2::/48'));
      assert.notEqual(known.get('10.3.0.0/16'), known.get('2001:db8:2::/48'));
    });

    it('leaves local routes without a path', () => {
      const { known } = decode(format, { list });
      for (const text of ['10.5.0.0/16', '10.6.0.0/16']) {
        assert.equal(known.get(text)?.local, true);
        assert.deepEqual(known.get(text)?.set, []);
      }
    });

    it('loses one route to a path that does not decode, and says where', () => {
      const message = list.find((bytes) => bytes.includes('10.1.0.0'));
      assert.ok(message !== undefined);
      const broken = Buffer.from(message);
      // The first time that address stands there is in NEXT_HOP.
      broken.write('x', broken.indexOf('10.9.0.2'));
      const { errors, known } = decode(format, { list: [broken, ...list] });
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? '', /^10\.1\.0\.0\/16: not an IP address at byte \d+$/);
      assert.equal(known.size, 7);
    });

    it('throws nothing but DecodeError at bytes of any kind', () => {
      const messages = [...watch, ...list];
      const mutated = fc
        .record({
          message: fc.constantFrom(...messages),
          edits: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
          cut: fc.option(fc.nat(), { freq: 3 }),
        })
        .map(({ message, edits, cut }) => {
          const bytes = Buffer.from(message);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          return cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        });
      const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
      fc.assert(
        fc.property(fc.oneof(mutated, noise), (bytes) => {
          for (const messages of [{ watch: [bytes] }, { list: [bytes] }]) {
            try {
              decode(format, messages);
            } catch (error) {
              assert.ok(error instanceof DecodeError, String(error));
            }
          }
        }),
        { numRuns: 5000 },
      );
    });
  });
}
