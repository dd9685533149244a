/** The BGP codec: messages from FRR, BIRD and GoBGP, in sessions that agreed on different things. */
import assert from 'node:assert/strict';
import { familyBits } from '../../src/net/family.js';
import { AttributeCache } from '../../src/source/bgp/message/attribute-set.js';
import { Decoder } from '../../src/source/bgp/message/decode.js';
import { encodeNotification, encodeOpen } from '../../src/source/bgp/message/encode.js';
import { FrameSplitter } from '../../src/source/bgp/message/frame-splitter.js';
import {
  type BgpMessage,
  type DecodeContext,
  type Nlri,
  SessionError,
  type UpdateMessage,
} from '../../src/source/bgp/message/message.js';
import { notificationText } from '../../src/source/bgp/message/notification-text.js';
import type { Random } from '../support/random.js';
import { CORPUS } from '../unit/source/bgp/message/corpus.js';
import { mutated } from './mutate.js';
import { UpdateMutator } from './mutate-update.js';
import { promise, type Target } from './target.js';

const HEADER = 19;
const LONG = 8192;
const BASE: DecodeContext = {
  fourOctetAs: true,
  addPath: new Set(),
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: true,
  maxLength: 65535,
  internal: true,
  interface: 'eth1',
};
const CONTEXTS: readonly DecodeContext[] = [
  BASE,
  { ...BASE, internal: false, extendedNextHop: false, interface: undefined },
  { ...BASE, addPath: new Set(['ipv4', 'ipv6']), internal: false },
  { ...BASE, fourOctetAs: false, families: new Set(['ipv4']) },
  { ...BASE, families: new Set(['ipv6']), addPath: new Set(['ipv6']) },
];

/** Decodes in each context by turns, all of them over one cache as the sessions of a source do. */
export function bgpTarget(): Target {
  const corpus = CORPUS.flatMap(({ messages }) => messages);
  const updates = new UpdateMutator(corpus);
  const cache = new AttributeCache();
  const decoders = CONTEXTS.map((context) => ({ context, decoder: new Decoder(context, cache) }));
  return {
    name: 'bgp',
    draw: (random) =>
      random.chance(0.5) ? updates.draw(random) : frame(mutated(corpus, random), random),
    run(bytes, random) {
      const { context, decoder } = random.pick(decoders);
      const verdict = outcome(() => decodeStream(decoder, bytes));
      // What a cache and a message before have no part in; long ones take long to compare.
      if (bytes.length < LONG && random.chance(0.05)) {
        assert.deepEqual(
          outcome(() => decodeStream(new Decoder(context), bytes)),
          verdict,
        );
      }
      return verdict.name;
    },
  };
}

/** The header right again, in nine of ten; else as it has become. */
function frame(bytes: Buffer, random: Random): Buffer {
  if (random.chance(0.1)) return bytes;
  const whole = bytes.length < HEADER ? Buffer.concat([bytes], HEADER) : bytes.subarray(0, 65535);
  whole.fill(0xff, 0, 16);
  whole.writeUInt16BE(whole.length, 16);
  // Most of what there is to go wrong is in UPDATEs.
  if (random.chance(0.5)) whole[18] = 2;
  return whole;
}

function decodeStream(decoder: Decoder, bytes: Buffer): BgpMessage[] {
  const splitter = new FrameSplitter();
  splitter.maxLength = 65535;
  splitter.push(bytes);
  const found: BgpMessage[] = [];
  for (let next = splitter.next(); next !== undefined; next = splitter.next()) {
    const decoded = decoder.message(next);
    check(decoded, next.length);
    found.push(decoded);
  }
  return found;
}

interface Outcome {
  readonly name: string;
  readonly found: readonly BgpMessage[] | string;
}

function outcome(decode: () => BgpMessage[]): Outcome {
  try {
    const found = decode();
    const [first] = found;
    if (first === undefined) return { name: 'incomplete', found };
    if (first.type !== 'update') return { name: first.type, found };
    const worst = first.faults.some((one) => one.consequence === 'treat-as-withdraw')
      ? 'treat-as-withdraw'
      : first.faults[0]?.consequence;
    return { name: `update, ${worst ?? 'no fault'}`, found };
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    const { code, subcode } = error.notification;
    promise(encodeNotification(error.notification).length <= 4096, 'a NOTIFICATION that fits');
    promise(error.message.length < 300, 'a reason of one line');
    return { name: `reset ${code}/${subcode}`, found: `${error.message} ${code}/${subcode}` };
  }
}

function check(decoded: BgpMessage, length: number): void {
  switch (decoded.type) {
    case 'update':
      checkUpdate(decoded, length);
      return;
    case 'open':
      encodeOpen(decoded);
      promise(decoded.holdTime === 0 || decoded.holdTime >= 3, 'a hold time');
      return;
    case 'notification':
      promise(!/\p{Cc}/u.test(notificationText(decoded)), 'words fit for a log');
      return;
    case 'keepalive':
    case 'route-refresh':
      return;
  }
}

function checkUpdate(update: UpdateMessage, length: number): void {
  let count = update.withdrawn.length;
  for (const one of update.withdrawn) checkPrefix(one);
  for (const { family, nlri, nextHop, attributes } of update.announced) {
    count += nlri.length;
    promise(nlri.length > 0, 'an announcement of something');
    for (const one of nlri) {
      checkPrefix(one);
      promise(one.prefix.family === family, 'a prefix of its family');
    }
    promise(!nextHop.address.isUnspecified, 'a next hop');
    promise(family === 'ipv4' || nextHop.address.family === 'ipv6', 'a next hop of its family');
    for (const { asns } of attributes.asPath) {
      promise(asns.length > 0 && !asns.includes(0), 'AS numbers');
    }
    promise(!(Number(attributes.linkBandwidth ?? 1) <= 0), 'a bandwidth');
  }
  promise(count <= length, 'no more prefixes than octets');
  const costly = update.faults.some((one) => one.consequence === 'treat-as-withdraw');
  promise(!costly || update.announced.length === 0, 'routes withdrawn for a fault');
  for (const { offset } of update.faults) promise(offset > 0 && offset <= length, 'an offset');
}

function checkPrefix({ prefix, pathId }: Nlri): void {
  const { length, family, key } = prefix;
  promise(length >= 0 && length <= familyBits(family), 'a prefix length');
  promise(key.length === (family === 'ipv4' ? 3 : 9), 'a prefix key');
  promise(Number.isInteger(pathId) && pathId >= 0, 'a path identifier');
}
