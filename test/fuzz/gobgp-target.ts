/** Source `gobgp`'s decoder of protobuf messages, of both APIs. */

import { PathDecoder } from '../../src/source/gobgp/path-decoder.js';
import { DecodeError } from '../../src/source/gobgp/wire.js';
import { CAPTURES } from '../unit/source/gobgp/captured.js';
import { mutated } from './mutate.js';
import { promise, type Target } from './target.js';

export function gobgpTargets(): Target[] {
  return CAPTURES.map(({ version, format, watch, list }) => {
    const decoder = new PathDecoder({ format, interfaceOf: () => 'eth1' });
    const corpus = [...watch, ...list];
    let paths = 0;
    let undecodable = 0;
    const sink = {
      path() {
        paths++;
      },
      undecodable(error: DecodeError) {
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
