/** The shape of filter rules: a part of the main file, or a whole file of their own. */
import * as z from 'zod';
import {
  asNumber,
  community,
  integer,
  largeCommunity,
  listOf,
  mapping,
  oneOf,
  peer,
  prefix,
} from './scalars.js';

export const family = oneOf('ipv4', 'ipv6');

const criteria = mapping({
  family: family.optional().describe('Routes of this address family.'),
  prefix: prefix
    .optional()
    .describe('This prefix itself; with `ge` or `le` also the prefixes inside it.'),
  ge: integer(0, 128)
    .optional()
    .describe('Inside `prefix`, lengths from here (up to `le`, or the family’s longest).'),
  le: integer(0, 128)
    .optional()
    .describe('Inside `prefix`, lengths up to here (from `ge`, or its own).'),
  prefixList: z
    .string({ error: 'must be the name of a list in prefixLists' })
    .optional()
    .describe('Prefixes that this list of `prefixLists` permits.'),
  peer: peer.optional().describe('Paths heard from this peer.'),
  peerAs: asNumber.optional().describe('Paths heard from a peer of this AS.'),
  originAs: asNumber.optional().describe('Paths that this AS originated, the last of the AS path.'),
  asPath: z
    .string({ error: 'must be a regular expression in quotes, such as "^65001_"' })
    .min(1, { error: 'must not be empty; "^$" is the empty AS path' })
    .meta({ title: 'AS-path pattern' })
    .optional()
    .describe(
      'Paths whose AS path this regular expression finds; `_` is a delimiter or either end, as in FRR and Cisco IOS.',
    ),
  community: community
    .optional()
    .describe(
      'Paths that bear this community: `ASN:VALUE`, or a well-known name (`no-export`, `no-advertise`, `no-export-subconfed`, `blackhole`, `graceful-shutdown`).',
    ),
  largeCommunity: largeCommunity
    .optional()
    .describe('Paths that bear this large community: `GLOBAL:DATA1:DATA2`.'),
});

const rule = mapping({
  permit: criteria
    .optional()
    .describe('Accept what all of these match; `permit: {}` accepts everything.'),
  deny: criteria.optional().describe('Reject what all of these match. The same keys as `permit`.'),
})
  .meta({ minProperties: 1, maxProperties: 1 })
  .describe('One rule: `permit` or `deny`.');

/** Also the whole of a file that `filters: { file: … }` names. */
export const filterListSchema = listOf(rule);

export type ParsedRules = z.output<typeof filterListSchema>;
export type ParsedCriteria = z.output<typeof criteria>;
