/** Source `gobgp`'s decoder of protobuf messages, of both APIs. */
import { familyBits } from '../../src/net/family.js';
import { PathDecoder, type PathSink } from '../../src/source/gobgp/path-decoder.js';
import { DecodeError } from '../../src/source/gobgp/wire.js';
import { CAPTURES } from '../unit/source/gobgp/captured.js';
import { mutated } from './mutate.js';
import { promise, type Target } from './target.js';

export function gobgpTargets(): Target[] {
  return CAPTURES.map(({ version, format, watch, list }) => {
    const options = { format, interfaceOf: () => 'eth1' };
    // As it reads under `paths: best`, and under `all`.
    const decoders = [
      new PathDecoder(options),
      new PathDecoder({ ...options, sessionTypeOf: () => 'external' }),
    ];
    const corpus = [...watch, ...list];
    let paths = 0;
    let undecodable = 0;
    const sink: PathSink = {
      path(prefix, { source, pathId, set }) {
        paths++;
        promise(prefix.length <= familyBits(prefix.family), 'a prefix length');
        promise(Number.isInteger(pathId) && pathId >= 0, 'a path identifier');
        for (const { peer, nextHop } of set) {
          promise(peer !== '' && source.startsWith(peer), 'a peer');
          promise(!nextHop.address.isUnspecified, 'a next hop');
        }
      },
      undecodable(error) {
        promise(error instanceof DecodeError, 'a DecodeError');
        undecodable++;
      },
    };
    return {
      name: `gobgp-${version}`,
      draw: (random) => mutated(corpus, random),
      run(bytes, random) {
        paths = 0;
        undecodable = 0;
        try {
          const decoder = random.pick(decoders);
          if (random.chance(0.5)) decoder.event(bytes, sink);
          else decoder.destination(bytes, sink);
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
          return 'a broken message';
        }
        promise(paths + undecodable <= bytes.length, 'no more paths than octets');
        if (undecodable > 0) return 'an undecodable path';
        return paths > 0 ? 'paths' : 'nothing';
      },
    };
  });
}
