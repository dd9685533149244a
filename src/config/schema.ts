/**
 * The shape of the configuration file: every key with its meaning and
 * default. docs/configuration.md and docs/rib2fib.schema.json are made from
 * it, in this order. What one key means for another is checked behind it, in
 * tables.ts, filters.ts, rules.ts and discovery.ts.
 */
import * as z from 'zod';
import {
  address,
  durationOr,
  flag,
  fwmark,
  grpcAddress,
  integer,
  interfaceName,
  listen,
  listenAddress,
  listName,
  listOf,
  mapping,
  name,
  oneOf,
  path,
  peer,
  positiveDuration,
  prefix,
  socketPath,
  someOf,
  url,
} from './scalars.js';
import { bgpSchema } from './schema-bgp.js';
import { discoverySchema, ruleDiscoveryList, staticDiscoverySchema } from './schema-discovery.js';
import { family, filterListSchema } from './schema-filter.js';

/** A key of TLS may stand empty: that is the same as not to give it. */
const pemFile = path.nullish().transform((file) => file ?? undefined);

const gobgp = mapping({
  address: grpcAddress.describe('Where gobgpd serves gRPC: `unix:///PATH`, or `HOST:PORT`.'),
  tls: mapping({
    ca: pemFile
      .optional()
      .describe('PEM file of the authorities trusted; without it those of the system.'),
    cert: pemFile.optional().describe('PEM file of our certificate, for mutual TLS; needs `key`.'),
    key: pemFile.optional().describe('PEM file of its private key; needs `cert`.'),
  })
    .optional()
    .describe('Speak TLS to gobgpd. Absent: plain text.'),
  paths: oneOf('best', 'all')
    .prefault('best')
    .describe(
      'Which paths are read. `best`: the best of each prefix, several under ECMP, by gobgpd’s choice. `all`: every path of every peer, past gobgpd’s import policies; each table then chooses among those its filters permit (see `bestPath`), and limits with `count: received` count exactly. What gobgpd originates itself does not take part.',
    ),
})
  .optional()
  .describe('Paths of a GoBGP daemon, over its gRPC API (3.x and 4.x).');

const fpm = mapping({
  listen: listenAddress
    .prefault('127.0.0.1:2620')
    .describe(
      'Where zebra connects to, as `fpm address` in FRR says. Nothing authenticates FPM: leave it on loopback.',
    ),
  tables: someOf(integer(1, 0xffffffff))
    .prefault([254])
    .describe(
      'Kernel numbers of the tables whose routes are taken; 254 is main, others are what `set table` in FRR names. Where a prefix is in several, the first has it.',
    ),
})
  .optional()
  .describe(
    'Routes of BGP that FRR’s zebra tells over FPM (`zebra -M dplane_fpm_nl`, with `no fpm use-next-hop-groups`). It tells prefixes and next hops only: no filter that names a peer, an AS or a community matches.',
  );

const source = mapping({
  gobgp,
  bgp: bgpSchema,
  fpm,
  file: mapping({
    path: path.describe(
      'The YAML file of routes; it must exist, and is watched. At most 16 MiB, some 300,000 routes; above 512 KiB each begins on a line of its own with a dash, or the file is JSON.',
    ),
  })
    .optional()
    .describe('Routes from a file, for hosts without a daemon and for trying filters.'),
})
  .meta({ minProperties: 1, maxProperties: 1 })
  .describe('Where routes come from: exactly one of the keys below.');

const limit = mapping({
  peer: peer
    .optional()
    .describe('Count the routes of this peer only; without it those of all peers together.'),
  family: family.describe('The address family counted.'),
  max: integer(1, 0xffffffff).describe('The most prefixes; one more exceeds the limit.'),
  warnPercent: integer(1, 100).prefault(75).describe('Warn from this share of `max`, in per cent.'),
  count: oneOf('accepted', 'received')
    .prefault('accepted')
    .describe(
      'Count prefixes after the filters (`accepted`) or before them (`received`). While more than `max` are received, no more than `max` are installed.',
    ),
  action: oneOf('warn', 'block', 'freeze', 'flush', 'teardown')
    .prefault('block')
    .describe(
      'What happens when it is exceeded. `warn`: tell only. `block`: keep what is installed, refuse new prefixes. `freeze`: no additions until `rib2fib limit clear`. `flush`: empty the table. `teardown`: end the session of `peer`. Only `teardown` ever touches a session.',
    ),
  restartAfter: durationOr('never')
    .optional()
    .meta({ 'x-default': '15m' })
    .describe(
      'With `teardown` only: when the session may come back; `never` waits for `rib2fib limit clear`.',
    ),
});

const bestPath = mapping({
  multipathRelax: flag
    .prefault(false)
    .describe(
      'Let paths through different ASes share a route, as FRR’s `bgp bestpath as-path multipath-relax` does. Without it: those of the same peer AS, or, of internal peers, with the same AS path.',
    ),
  alwaysCompareMed: flag
    .prefault(false)
    .describe(
      'Compare MED between paths of different neighbouring ASes too, as FRR’s `bgp always-compare-med` does.',
    ),
  preferOldest: flag
    .prefault(false)
    .describe(
      'Before router ids are compared, prefer the external path that was heard first (RFC 5004). Without it the choice does not depend on history, as with FRR’s `bgp bestpath compare-routerid`.',
    ),
});

const nextHop = mapping({
  resolve: oneOf('recursive', 'connected', 'onlink')
    .prefault('recursive')
    .describe(
      'How a BGP next hop becomes a gateway. `recursive`: through any route of the main table. `connected`: it must be on a connected prefix. `onlink`: as given, unchecked, on the interface the main table has for it.',
    ),
  override: z
    .union([address, someOf(address)], { error: 'must be an address, or a list of addresses' })
    .optional()
    .describe('This gateway (or these) in place of every next hop of its own family.'),
  viaDefault: flag
    .prefault(false)
    .describe('Accept a next hop that only a default route of the main table reaches.'),
  objects: oneOf('auto', 'always', 'never')
    .prefault('auto')
    .describe(
      'Nexthop objects, so that a moved next hop costs one kernel message. `auto`: above 10,000 routes.',
    ),
});

const leg = mapping({
  gateway: address
    .optional()
    .describe('The router’s address; without it the destination is on-link.'),
  interface: interfaceName
    .optional()
    .describe('The interface to leave by; needed without `gateway`, and for a link-local one.'),
  weight: integer(1, 256).prefault(1).describe('Share of the traffic among several.'),
});

const staticRoute = mapping({
  prefix: prefix.describe('The destination; `0.0.0.0/0` and `::/0` need no `acceptDefault` here.'),
  via: someOf(leg)
    .optional()
    .describe('One gateway, or several for ECMP; may be left out beside `discover`.'),
  discover: staticDiscoverySchema
    .optional()
    .describe('More legs, as the cluster says. Needs `discovery.kubernetes`.'),
});

const match = mapping({
  family: family.optional().describe('One family only; without it the rule is made in both.'),
  from: prefix.optional().describe('Source addresses.'),
  to: prefix.optional().describe('Destination addresses.'),
  iif: interfaceName.optional().describe('The interface a packet came in by.'),
  fwmark: fwmark
    .optional()
    .describe(
      'The packet’s mark: `VALUE` or `VALUE/MASK`, decimal or `0x` hexadecimal; without a mask all 32 bits count.',
    ),
});

const sourceRule = z.union(
  [
    prefix,
    mapping({
      interface: interfaceName.describe(
        'In place of a prefix: every global, settled address of this interface.',
      ),
    }),
  ],
  { error: 'must be a prefix, or { interface: NAME }' },
);

const rules = mapping({
  priority: integer(1, 32765).describe(
    'Priority of the rules. It must be behind the `local` rule and before the one of `main` (32766).',
  ),
  from: listOf(sourceRule)
    .prefault([])
    .describe('Traffic from these sources looks the table up: prefixes, or `{ interface: NAME }`.'),
  match: listOf(match).prefault([]).describe('One rule an entry; all keys of an entry must match.'),
  discover: ruleDiscoveryList,
});

const table = mapping({
  id: integer(1, 0xffffffff).describe(
    'The kernel’s number of the table, one of its own: not 253, 254 or 255 (default, main, local).',
  ),
  name: name
    .optional()
    .meta({ 'x-default': 'table<ID>' })
    .describe('Its label in logs and metrics.'),
  metric: integer(1, 4294966295)
    .prefault(20)
    .describe('Metric of the learned routes; `static` ones get 1000 more.'),
  filters: z
    .union(
      [
        filterListSchema,
        mapping({ file: path.describe('In place of a list: a YAML file of one, watched too.') }),
      ],
      {
        error: 'must be a list of rules, or { file: PATH }',
      },
    )
    .prefault([])
    .describe('The first rule that matches a path decides; what none matches is denied.'),
  acceptDefault: flag
    .prefault(false)
    .describe('Let `0.0.0.0/0` and `::/0` in, where the filters permit them too.'),
  limits: listOf(limit)
    .prefault([])
    .describe('Most prefixes, in total or of a peer; one limit for each peer and family.'),
  multipath: integer(1, 64).prefault(16).describe('Most next hops of one route.'),
  bestPath: bestPath
    .prefault({})
    .describe(
      'How the best path is chosen where the source offers every path (`bgp`, and `gobgp` with `paths: all`). The order: next hop reachable, not LLGR_STALE, highest local preference, shortest AS path, origin, lowest MED of the same neighbouring AS, external before internal, lowest metric of the main table’s route to the next hop (0 where it is on-link); what is equal so far shares the route, within `multipath`. Ties: lowest router id (ORIGINATOR_ID), shortest cluster list, lowest peer address, lowest path id.',
    ),
  nextHop: nextHop.prefault({}).describe('How next hops are resolved and written.'),
  foreign: oneOf('preserve', 'evict', 'fail')
    .prefault('preserve')
    .describe(
      'Routes of others in this table. `preserve`: left alone, and ours of the same prefix and metric waits. `evict`: removed. `fail`: the table is not touched while there are any.',
    ),
  static: listOf(staticRoute)
    .prefault([])
    .describe('Always installed, at `metric` + 1000: the kernel itself falls back to them.'),
  onMiss: oneOf('main', 'unreachable')
    .prefault('main')
    .describe(
      'What the table has no route for: goes on to the next rules, usually `main`, or is `unreachable`.',
    ),
  keepInMain: listOf(prefix)
    .prefault([])
    .describe(
      'Never routed by this table, nor learned into it, as the connected prefixes of its interfaces are not: `throw` routes send them on to the next rules.',
    ),
  rules: rules
    .optional()
    .describe('The policy rules that send traffic to the table; without it, none.'),
});

/** The main configuration file. */
export const configSchema = mapping({
  source,
  hold: durationOr('forever')
    .prefault('120s')
    .describe('How long routes outlive a lost source; `forever` is allowed.'),
  sync: mapping({
    timeout: positiveDuration
      .prefault('360s')
      .describe('The longest wait for sessions and End-of-RIB before stale routes are swept.'),
  })
    .prefault({})
    .describe('When a full feed counts as complete.'),
  tables: someOf(table).describe('The routing tables kept, at least one.'),
  prefixLists: z
    .record(
      listName,
      z.union(
        [
          someOf(z.string({ error: 'must be text such as "permit 10.0.0.0/8 le 24"' })),
          mapping({
            file: path.describe(
              'In place of a list: a file with `ip prefix-list NAME …` and `ipv6 prefix-list NAME …` lines of that name, watched too.',
            ),
          }),
        ],
        { error: 'must be a list of entries, or { file: PATH }' },
      ),
      { error: 'must be a mapping of names to lists' },
    )
    .prefault({})
    .describe(
      'Lists that filters name, in FRR’s words and with FRR’s meaning: `[seq N] permit|deny any|PREFIX [ge N] [le N]`.',
    ),
  discovery: discoverySchema,
  metrics: mapping({
    listen: listen
      .prefault('127.0.0.1:9469')
      .describe('Where `/metrics`, `/healthz` and `/readyz` are served; `off` serves none.'),
  })
    .prefault({})
    .describe('The HTTP listener.'),
  admin: mapping({
    socket: socketPath
      .prefault('/run/rib2fib/admin.sock')
      .describe(
        'Unix socket of the running daemon, for the other commands; its directory also holds the state file.',
      ),
  })
    .prefault({})
    .describe('The way commands reach the daemon.'),
  alerts: mapping({
    alertmanager: url.optional().describe('Base URL of an Alertmanager (its v2 API).'),
  })
    .prefault({})
    .describe('Where alerts are sent besides logs and metrics.'),
  log: mapping({
    level: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal')
      .prefault('info')
      .describe('The least severe level written.'),
  })
    .prefault({})
    .describe('Logging.'),
});

export type ParsedConfig = z.output<typeof configSchema>;
export type ParsedTable = ParsedConfig['tables'][number];
