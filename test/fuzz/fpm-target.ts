/** Source `fpm`: frames, netlink messages and what becomes of their legs. */
import { decodeFrame, type RouteChange } from '../../src/source/fpm/decoder.js';
import { FrameError, FrameReader } from '../../src/source/fpm/frame.js';
import { PathSets } from '../../src/source/fpm/path-sets.js';
import type { Random } from '../chaos/random.js';
import { CAPTURES } from '../unit/source/fpm/captured.js';
import { mutated } from './mutate.js';
import { promise, type Target } from './target.js';

export function fpmTarget(): Target {
  const corpus = CAPTURES.flatMap(({ stream, names }) => names.map(stream));
  const interfaceName = (index: number) => (index < 100 ? `if${index}` : undefined);
  return {
    name: 'fpm',
    draw: (random) => mutated(corpus, random),
    run(bytes, random) {
      const sets = new PathSets(interfaceName);
      let changes = 0;
      let undecodable = 0;
      let groups = 0;
      const sink = {
        change(change: RouteChange) {
          changes++;
          if (change.type !== 'new') return;
          promise(change.legs.length > 0, 'a new route has a leg');
          const paths = sets.of(change.legs);
          promise(paths === undefined || paths.length === change.legs.length, 'a path a leg');
          promise(sets.of(change.legs) === paths, 'equal legs give the same set');
        },
        nexthopGroups: () => void groups++,
        undecodable: () => void undecodable++,
      };
      try {
        read(bytes, random, (payload) => decodeFrame(payload, sink));
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        return 'a broken frame';
      }
      promise(changes + undecodable + groups <= bytes.length, 'no more changes than octets');
      if (undecodable > 0) return 'an undecodable message';
      return changes > 0 ? 'changes' : 'nothing';
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
