/** Announcements of any content, as the tests' own speaker writes them, are read as they were meant. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Family } from '../../../../../src/net/family.js';
import type { Prefix } from '../../../../../src/net/prefix.js';
import { asPathText, type Origin } from '../../../../../src/rib/path.js';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import type { Announcement } from '../../../../../src/source/bgp/message/message.js';
import { announcement, type FeedAttributes } from '../../../../support/bgp-wire.js';
import { anyPrefix } from '../../../net/arbitrary.js';
import { EXTERNAL, INTERNAL } from './build.js';

const word = fc.integer({ min: 0, max: 0xffffffff });
const as = fc.integer({ min: 1, max: 0xffffffff });
const given = fc.record(
  {
    origin: fc.constantFrom<Origin>('igp', 'egp', 'incomplete'),
    asPath: fc.array(fc.oneof(as, fc.array(as, { minLength: 1, maxLength: 5 })), { maxLength: 9 }),
    communities: fc.array(word, { minLength: 1, maxLength: 70 }),
    largeCommunities: fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 30 }),
    med: word,
    localPref: word,
  },
  { requiredKeys: ['origin', 'asPath'] },
);
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

const NEXT_HOP: Readonly<Record<Family, string>> = { ipv4: '10.9.0.2', ipv6: '2001:db8::1' };

function feedOf(says: Given, nextHop: string): FeedAttributes {
  const { communities, largeCommunities, ...rest } = says;
  return {
    ...rest,
    nextHop,
    ...(communities && {
      communities: communities.map((one) => `${one >>> 16}:${one & 0xffff}`),
    }),
    ...(largeCommunities && { largeCommunities: largeCommunities.map((one) => one.join(':')) }),
  };
}

/** Compares what was read with what was said. */
function same(found: Announcement, says: Given, family: Family, internal: boolean): void {
  const path = internal ? says.asPath : [65001, ...says.asPath];
  const hops = path.map((hop) => (typeof hop === 'number' ? `${hop}` : `{${hop.join(',')}}`));
  assert.equal(found.family, family);
  assert.equal(found.nextHop.address.text, NEXT_HOP[family]);
  assert.equal(asPathText(found.attributes), hops.join(' '));
  assert.deepEqual(
    { ...found.attributes, asPath: [] },
    {
      origin: says.origin,
      asPath: [],
      communities: says.communities ?? [],
      largeCommunities: says.largeCommunities?.map((one) => one.join(':')) ?? [],
      med: says.med,
      localPref: internal ? (says.localPref ?? 100) : undefined,
      originatorId: undefined,
      clusterLength: 0,
      linkBandwidth: undefined,
    },
  );
}

/** By the text: 0.0.0.0/8 and what is in it, 127.0.0.0/8, multicast, ::, ::1, fe80::/10, ff00::/8. */
function isUnicast({ text, length }: Prefix): boolean {
  if (/^(0|127)\./.test(text) && length >= 8) return false;
  if (/^::1?\/12[78]$/.test(text)) return false;
  return !/^(22[4-9]|23\d)\.|^f(f[\da-f]{2}|e[89ab][\da-f]):/.test(text);
}

describe('any announcement', () => {
  it('is read as it was meant', () => {
    fc.assert(
      fc.property(
        given,
        fc.array(anyPrefix, { maxLength: 60 }),
        fc.boolean(),
        (says, prefixes, internal) => {
          const decoder = new Decoder(internal ? INTERNAL : EXTERNAL);
          for (const family of ['ipv4', 'ipv6'] as const) {
            const ours = prefixes.filter((one) => one.family === family);
            const names = ours.map(({ text }) => text);
            const session = { localAs: 65001, internal };
            const found: string[] = [];
            for (const bytes of announcement(
              family,
              names,
              feedOf(says, NEXT_HOP[family]),
              session,
            )) {
              const decoded = decoder.message(bytes);
              if (decoded.type !== 'update') throw new Error(decoded.type);
              for (const one of decoded.announced) {
                found.push(...one.nlri.map(({ prefix }) => prefix.text));
                same(one, says, family, internal);
              }
            }
            assert.deepEqual(
              found,
              ours.filter(isUnicast).map(({ text }) => text),
            );
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
