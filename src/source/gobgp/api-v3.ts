/** GoBGP 2.x and 3.x. */
import { API_FAMILY, type GobgpApi } from './api.js';
import { formatV3 } from './format-v3.js';
import { readFamily } from './path-decoder.js';
import { LENGTH, tagOf, WireReader } from './wire.js';

const CAPABILITY_PREFIX = 'type.googleapis.com/apipb.';
const FAMILY = tagOf(1, LENGTH);
const GLOBAL = 0;
const EXACT = 0;
const BEST = 0;
const POST_POLICY = 2;

export const apiV3: GobgpApi = {
  version: 'v3',
  service: 'apipb.GobgpApi',
  proto: 'gobgp-v3.proto',
  format: formatV3,
  adminStates: ['up', 'down', 'prefix limit'],

  capability({ typeUrl = '', value = Buffer.alloc(0) }) {
    switch (typeUrl.slice(CAPABILITY_PREFIX.length)) {
      case 'GracefulRestartCapability':
        return 'graceful-restart';
      case 'MultiProtocolCapability': {
        const wire = new WireReader().load(value);
        return wire.more && wire.tag() === FAMILY ? readFamily(wire) : undefined;
      }
      default:
        return undefined;
    }
  },

  // Batches came with 3.27; an older server ignores the wish, and nothing tells which it is.
  dumpBatch: undefined,
  watchRequest: (paths) => ({
    peer: {},
    table: { filters: [{ type: paths === 'best' ? BEST : POST_POLICY, init: false }] },
  }),
  listRequest: (family, prefixes = []) => ({
    tableType: GLOBAL,
    family: API_FAMILY[family],
    prefixes: prefixes.map(({ text }) => ({ prefix: text, type: EXACT })),
  }),
};
