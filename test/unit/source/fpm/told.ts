/** What a stream of frames says, in words. */
import { decodeFrame, type RouteChange } from '../../../../src/source/fpm/decoder.js';
import { FrameReader } from '../../../../src/source/fpm/frame.js';

/** Reads the stream in pieces of these sizes, over and over; by default at once. */
export function told(stream: Buffer, pieces: readonly number[] = [stream.length]): string[] {
  const words: string[] = [];
  const reader = new FrameReader();
  let turn = 0;
  for (let at = 0; at < stream.length; ) {
    const size = Math.max(1, pieces[turn++ % pieces.length] ?? 1);
    reader.push(stream.subarray(at, at + size), (payload) => {
      decodeFrame(payload, {
        change: (change) => words.push(changeText(change)),
        nexthopGroups: () => words.push('nexthop groups'),
        undecodable: ({ offset, reason }) => words.push(`undecodable at ${offset}: ${reason}`),
      });
    });
    at += size;
  }
  return words;
}

function changeText(change: RouteChange): string {
  const head = `${change.type} ${change.prefix} table ${change.table}`;
  switch (change.type) {
    case 'gone':
    case 'others':
      return head;
    case 'refused':
      return `${head} ${change.reason}`;
    case 'new':
      return [
        head,
        ...change.legs.map(
          ({ gateway, oif, onlink, weight }) =>
            `via ${gateway} if${oif}${onlink ? ' onlink' : ''}${weight === 1 ? '' : ` weight ${weight}`}`,
        ),
      ].join(' ');
  }
}
