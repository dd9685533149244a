/** The shape of `source.bgp`; what its keys mean for one another is checked in bgp.ts. */
import * as z from 'zod';
import { Address } from '../net/address.js';
import { DURATION_FORM, parseDuration } from './duration.js';
import {
  address,
  asNumber,
  durationOr,
  flag,
  form,
  integer,
  interfaceName,
  listen,
  mapping,
  oneOf,
  path,
  peer,
  prefix,
  someOf,
} from './scalars.js';
import { family } from './schema-filter.js';

/** RFC 6286: any but 0. Unsigned 32 bits. */
const routerId = form('router id', 'a router id such as 10.255.0.1, not 0.0.0.0', (text) => {
  const parsed = Address.parse(text);
  return parsed?.family === 'ipv4' && !parsed.isUnspecified ? parsed.w0 >>> 0 : undefined;
});

/** RFC 4271 4.2: 0, or whole seconds from 3 to 65535. */
const holdTime = form('duration', '0s, or whole seconds from 3s to 65535s', (text) => {
  const time = parseDuration(text);
  if (time === undefined || time % 1000 !== 0 || time > 65_535_000) return undefined;
  return time === 0 || time >= 3000 ? time : undefined;
});

const duration = form('duration', DURATION_FORM, parseDuration);

/** For messages. */
export const PASSWORD_FORM = 'a password of 1 to 80 bytes';

/** TCP_MD5SIG_MAXKEYLEN of linux/tcp.h is 80. */
export const bgpPassword = form('password', PASSWORD_FORM, (text, refuse) => {
  const length = Buffer.byteLength(text);
  const valid = length >= 1 && length <= 80 && !text.includes('\0');
  // A fault is printed and logged: not with the password.
  return valid ? text : refuse(`must be ${PASSWORD_FORM}`);
});

const gracefulRestart = mapping({
  restartTime: duration
    .prefault('10m')
    .describe(
      'The longest wait for a peer that has gone to come back, where it asks for one; `0s`: its routes go at once.',
    ),
  staleTime: duration
    .prefault('6m')
    .describe(
      'The longest wait for its End-of-RIB once it is back; then what it did not repeat goes.',
    ),
  longLivedTime: durationOr('forever')
    .prefault('0s')
    .describe(
      'How much longer its routes may stay, as the last resort, where the peer asks for that (RFC 9494); `0s`: not offered.',
    ),
});

const bgpPeer = mapping({
  address: peer.optional().describe('Its address; this or `prefix`.'),
  prefix: prefix
    .optional()
    .describe('Whoever calls from here, each a peer of its own; this or `address`.'),
  interface: interfaceName
    .optional()
    .describe('The interface that a link-local `address`, or callers from `prefix`, are on.'),
  as: asNumber.describe('Its AS number; that of ours makes it an internal peer.'),
  routerId: routerId
    .optional()
    .describe(
      'Its router id: needed to tell apart peers of one address. To filters, limits, metrics and `teardown` these are one peer: give a daemon another loopback address to name it apart.',
    ),
  connect: flag
    .prefault(false)
    .describe('Call the peer as well as wait for its call; it must have an address.'),
  port: integer(1, 65535).prefault(179).describe('The port to call at.'),
  localAddress: address.optional().describe('The address to call from.'),
  role: oneOf('neighbour', 'feed')
    .prefault('neighbour')
    .describe(
      'What its loss means. `neighbour`, a router: its routes go, unless graceful restart says otherwise. `feed`, a routing daemon beside us: its routes are held for `hold`.',
    ),
  password: bgpPassword
    .optional()
    .describe('TCP MD5 password (RFC 2385), if the kernel has that; or `passwordFile`.'),
  passwordFile: path
    .optional()
    .describe(
      'In place of `password`: a file with it, a line end behind it not counted, watched too.',
    ),
  ttlSecurity: integer(1, 254)
    .optional()
    .describe(
      'Take nothing from more hops away than so many (RFC 5082); 1 is the same link. The peer must do the same.',
    ),
  holdTime: holdTime
    .prefault('90s')
    .describe('Hold time offered; the smaller of both sides’ counts. `0s`: no limit.'),
  families: someOf(family).prefault(['ipv4', 'ipv6']).describe('Address families offered.'),
  addPath: flag
    .prefault(false)
    .describe('Take several paths of a prefix from this peer (ADD-PATH, RFC 7911).'),
  bgpRole: oneOf('provider', 'rs', 'rs-client', 'customer', 'peer')
    .optional()
    .describe('What we are to an external peer (RFC 9234): a peer that says otherwise is refused.'),
  confederation: flag
    .prefault(false)
    .describe(
      'It is in another member AS of our confederation (RFC 5065): `as` of both sides are those of the members.',
    ),
  allowOwnAs: integer(0, 10)
    .optional()
    .describe(
      'How often our AS number may be in the path of its routes; those with more are not taken. Default 0; of a `feed` it is not looked at unless given.',
    ),
  gracefulRestart: gracefulRestart
    .prefault({})
    .describe('What becomes of its routes while it restarts (RFC 4724, 8538, 9494).'),
});

/** `bgp` of the source. */
export const bgpSchema = mapping({
  listen: z
    .union([listen, someOf(listen)], {
      error: 'must be ADDRESS:PORT such as 127.0.0.2:1790 or [::]:179, a list of them, or off',
    })
    .prefault('0.0.0.0:179')
    .describe('Where peers may call: `ADDRESS:PORT`, or a list; `off`: nowhere.'),
  as: asNumber.describe('Our AS number.'),
  routerId: routerId.describe('Our router id, another than every peer’s.'),
  peers: someOf(bgpPeer).describe('Whom we talk to; nobody else may.'),
})
  .optional()
  .describe(
    'A BGP session of our own, to any BGP daemon or router: it listens, and announces nothing.',
  );

export type ParsedBgp = NonNullable<z.output<typeof bgpSchema>>;
