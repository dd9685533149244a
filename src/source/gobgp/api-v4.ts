/** GoBGP 4.x. */
import { API_FAMILY, familyOf, type GobgpApi } from './api.js';
import { formatV4 } from './format-v4.js';

const GLOBAL = 1;
const EXACT = 1;
const BEST = 1;
const POST_POLICY = 3;
/** What is asked for. gobgpd, off by one, puts one path more into a full message of a dump. */
const BATCH_SIZE = 1000;

export const apiV4: GobgpApi = {
  version: 'v4',
  service: 'api.GoBgpService',
  proto: 'gobgp-v4.proto',
  format: formatV4,
  adminStates: [undefined, 'up', 'down', 'prefix limit'],

  capability({ multiProtocol, gracefulRestart }) {
    if (gracefulRestart) return 'graceful-restart';
    const family = multiProtocol?.family;
    return family ? familyOf(family.afi, family.safi) : undefined;
  },

  dumpBatch: BATCH_SIZE + 1,
  watchRequest: (paths) => ({
    peer: {},
    table: {
      filters: [paths === 'best' ? { type: BEST, init: true } : { type: POST_POLICY, init: false }],
    },
    batchSize: BATCH_SIZE,
  }),
  listRequest: (family, prefixes = []) => ({
    tableType: GLOBAL,
    family: API_FAMILY[family],
    prefixes: prefixes.map(({ text }) => ({ prefix: text, type: EXACT })),
  }),
};
