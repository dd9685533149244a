/**
 * The file of source `file`: a YAML list of routes, each as a peer might have
 * announced it.
 *
 *     - { prefix: 10.1.0.0/16, nextHop: 10.9.0.2 }
 *     - prefix: 2001:db8:1::/48
 *       nextHop: [ "fe80::2%eth1", "fe80::3%eth2" ]
 *       asPath: "65001 65002 {65010,65011}"
 *       communities: [ "65000:100", no-export ]
 */
import * as z from 'zod';
import { Address } from '../net/address.js';
import type { Prefix } from '../net/prefix.js';
import type { AsSegment, Attributes, NextHop, Path } from '../rib/path.js';
import type { ConfigFault } from './config.js';
import type { YamlDocument } from './document.js';
import { capFaults } from './fault.js';
import { readText } from './files.js';
import { parseListSlices } from './list-slices.js';
import {
  asNumber,
  community,
  integer,
  interfaceName,
  largeCommunity,
  listOf,
  mapping,
  oneOf,
  peer,
  prefix,
  someOf,
} from './scalars.js';
import { faultsOf } from './schema-fault.js';

/** Largest file, in bytes: some 300,000 routes, for which the parser takes a quarter of a minute. */
const LIMIT = 16 * 2 ** 20;

export interface FileRoute {
  readonly prefix: Prefix;
  /** One for each next hop, in the file's order, told apart by `pathId`. */
  readonly paths: readonly Path[];
}

export type RoutesFileResult =
  | { readonly ok: true; readonly routes: readonly FileRoute[] }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

const NEXT_HOP = 'must be an address, a link-local one with its interface such as fe80::2%eth1';
const AS_PATH = 'must be AS numbers such as "65001 65002 {65010,65011}"';

const nextHop = z
  .string({ error: NEXT_HOP })
  .meta({ title: 'next hop' })
  .transform((text, context): NextHop => {
    const refuse = (message: string) => {
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    };
    const [head = '', zone] = text.split('%', 2);
    const address = Address.parse(head);
    if (address === undefined || (zone !== undefined && !interfaceName.safeParse(zone).success)) {
      return refuse(`${NEXT_HOP}, not ${JSON.stringify(text)}`);
    }
    if (address.isUnspecified) return refuse(`${text} is no next hop`);
    if (address.isLinkLocal && zone === undefined) {
      return refuse(`${text} is link-local and needs its interface, such as ${text}%eth1`);
    }
    if (!address.isLinkLocal && zone !== undefined) {
      return refuse(`${head} is not link-local; leave %${zone} out`);
    }
    return { address, interface: zone };
  });

/** One AS number alone is a number to YAML. */
const asPath = z
  .union([z.string(), z.int()], { error: AS_PATH })
  .meta({ title: 'AS path' })
  .transform((input, context): readonly AsSegment[] => {
    const segments = parseAsPath(String(input));
    if (segments !== undefined) return segments;
    const message = `${AS_PATH}, not ${JSON.stringify(input)}`;
    context.issues.push({ code: 'custom', message, input });
    return z.NEVER;
  });

const routeSchema = mapping({
  prefix,
  nextHop: z.union([nextHop.transform((hop) => [hop]), someOf(nextHop)], {
    error: `${NEXT_HOP}, or a list of such`,
  }),
  asPath: asPath.optional(),
  origin: oneOf('igp', 'egp', 'incomplete').optional(),
  communities: listOf(community).optional(),
  largeCommunities: listOf(largeCommunity).optional(),
  med: integer(0, 0xffffffff).optional(),
  localPref: integer(0, 0xffffffff).optional(),
  peer: peer.optional(),
  peerAs: asNumber.optional(),
});

const routesSchema = listOf(routeSchema);

/** Reads the file. Never rejects for what it holds, or that it is missing. */
export async function loadRoutesFile(file: string): Promise<RoutesFileResult> {
  const read = await readText(file, LIMIT);
  if (read.ok) return await parseRoutesFile(file, read.text);
  return { ok: false, faults: [{ file, line: 1, column: 1, path: '', message: read.reason }] };
}

/** `file` is only the name that faults bear. Long lists are read in slices: see {@link parseListSlices}. */
export async function parseRoutesFile(file: string, text: string): Promise<RoutesFileResult> {
  const faults: ConfigFault[] = [];
  const routes = new Map<string, FileRoute>();
  for await (const slice of parseListSlices(file, text)) {
    if (!slice.ok) {
      faults.push(...slice.faults);
      break;
    }
    faults.push(...addRoutes(slice.document, routes));
  }
  if (faults.length > 0) return { ok: false, faults: capFaults(faults) };
  return { ok: true, routes: [...routes.values()] };
}

/** Returns what is wrong; what was added is of use only if nothing is. */
function addRoutes(document: YamlDocument, routes: Map<string, FileRoute>): readonly ConfigFault[] {
  const parsed = routesSchema.safeParse(document.value);
  if (!parsed.success) return faultsOf(document, parsed.error.issues);
  const faults: ConfigFault[] = [];
  for (const [index, route] of parsed.data.entries()) {
    if (routes.has(route.prefix.key)) {
      const message = `${route.prefix} stands twice; give all its next hops in one entry`;
      faults.push(document.fault([index, 'prefix'], message));
    }
    if (
      route.prefix.family === 'ipv6' &&
      route.nextHop.some((hop) => hop.address.family === 'ipv4')
    ) {
      faults.push(document.fault([index, 'nextHop'], 'an IPv6 prefix needs IPv6 next hops'));
    }
    routes.set(route.prefix.key, { prefix: route.prefix, paths: pathsOf(route) });
  }
  return faults;
}

function pathsOf(route: z.output<typeof routeSchema>): readonly Path[] {
  const { peer = 'file', peerAs, asPath = [], origin = 'igp', med, localPref } = route;
  const first = asPath.find(({ type }) => type === 'sequence')?.asns[0];
  const attributes: Attributes = {
    ...{ origin, asPath, med, localPref },
    communities: route.communities ?? [],
    largeCommunities: route.largeCommunities ?? [],
    linkBandwidth: undefined,
    originatorId: undefined,
    clusterLength: 0,
  };
  return route.nextHop.map((nextHop, pathId) => ({
    ...{ peer, pathId, nextHop, attributes },
    peerAs: peerAs ?? first ?? 0,
    session: undefined,
    receivedAt: undefined,
  }));
}

/** Numbers are an AS_SEQUENCE; `{1,2}` is an AS_SET, `(1 2)` and `[1,2]` the confederation's. */
function parseAsPath(text: string): readonly AsSegment[] | undefined {
  const segments: AsSegment[] = [];
  for (const [part, set, confed, confedSet] of text.matchAll(
    /\{([\d, ]*)\}|\(([\d ]*)\)|\[([\d, ]*)\]|[\d ]+|[^\d ]+/g,
  )) {
    const numbers = (set ?? confed ?? confedSet ?? part).match(/\d+/g) ?? [];
    const asns = numbers.map(Number);
    if (asns.length === 0 && part.trim() !== '') return undefined;
    if (asns.some((asn) => asn === 0 || asn > 0xffffffff)) return undefined;
    if (asns.length === 0) continue;
    if (set !== undefined) segments.push({ type: 'set', asns });
    else if (confed !== undefined) segments.push({ type: 'confed-sequence', asns });
    else if (confedSet !== undefined) segments.push({ type: 'confed-set', asns });
    else segments.push({ type: 'sequence', asns });
  }
  return segments;
}
