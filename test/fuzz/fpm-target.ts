/** Source `fpm`: frames, netlink messages and what becomes of their legs, over frames of FRR 8.4 and 10.3. */
import { familyBits } from '../../src/net/family.js';
import { type ChangeSink, decodeFrame } from '../../src/source/fpm/decoder.js';
import { FrameError, FrameReader } from '../../src/source/fpm/frame.js';
import { PathSets } from '../../src/source/fpm/path-sets.js';
import type { Random } from '../support/random.js';
import { CAPTURES } from '../unit/source/fpm/captured.js';
import { mutated } from './mutate.js';
import { promise, type Target } from './target.js';

/** FPM's header; a netlink message's length stands behind it. */
const HEADER = 4;
const LONGEST = 65535;

export function fpmTarget(): Target {
  const corpus = CAPTURES.flatMap(({ names, stream }) => names.map(stream).flatMap(framesOf));
  const interfaceName = (index: number) => (index < 100 ? `if${index}` : undefined);
  return {
    name: 'fpm',
    draw: (random) => framed(mutated(corpus, random), random),
    run(bytes, random) {
      const sets = new PathSets(interfaceName);
      let told = 0;
      const seen = new Set<string>();
      const sink: ChangeSink = {
        change(change) {
          told++;
          seen.add(change.type);
          promise(change.prefix.length <= familyBits(change.prefix.family), 'a prefix length');
          promise(Number.isInteger(change.table) && change.table >= 0, 'a table');
          if (change.type !== 'new') return;
          promise(change.legs.length > 0, 'a new route has a leg');
          const paths = sets.of(change.legs);
          promise(paths === undefined || paths.length === change.legs.length, 'a path a leg');
          promise(sets.of(change.legs) === paths, 'equal legs give the same set');
        },
        nexthopGroups() {
          told++;
          seen.add('nexthop groups');
        },
        undecodable({ reason, bytes: hex, offset }) {
          told++;
          seen.add('undecodable');
          promise(reason.length < 200 && hex.length <= 128 && offset >= 0, 'a fault for a log');
        },
      };
      try {
        read(bytes, random, (payload) => decodeFrame(payload, sink));
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        return 'no FPM';
      }
      promise(told <= bytes.length, 'no more to tell than octets');
      return seen.size === 0 ? 'nothing' : [...seen].toSorted().join(', ');
    },
  };
}

/** As TCP may cut it. */
function read(bytes: Buffer, random: Random, frame: (payload: Buffer) => void): void {
  const reader = new FrameReader();
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(bytes.length);
    reader.push(bytes.subarray(at, at + size), frame);
    at += size;
  }
}

/** The frames of a stream, one by one and all in one piece. */
function framesOf(stream: Buffer): Buffer[] {
  const frames: Buffer[] = [stream];
  for (let at = 0; at < stream.length; ) {
    const end = at + stream.readUInt16BE(at + 2);
    frames.push(stream.subarray(at, end));
    at = end;
  }
  return frames;
}

/** One frame of the right length in nine of ten, its first message as long as the frame in half of them. */
function framed(bytes: Buffer, random: Random): Buffer {
  if (random.chance(0.1)) return bytes;
  const whole = bytes.length < HEADER ? Buffer.concat([bytes], HEADER) : bytes.subarray(0, LONGEST);
  whole.writeUInt8(1, 0);
  whole.writeUInt8(1, 1);
  whole.writeUInt16BE(whole.length, 2);
  if (whole.length >= 2 * HEADER && random.chance(0.5)) {
    whole.writeUInt32LE(whole.length - HEADER, HEADER);
  }
  return whole;
}
