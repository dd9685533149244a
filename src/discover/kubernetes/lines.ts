/** A stream of octets -> its lines, without their ends: one JSON document each, in a watch. */

/** No object of the API comes near: etcd takes 1.5 MiB at most. */
const LONGEST = 16 * 2 ** 20;

/** What stands behind the last line end is no line. @throws RangeError for one that is too long */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  longest = LONGEST,
): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(NEWLINE);
      if (end < 0) break;
      parts.push(rest.subarray(0, end));
      yield Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      rest = rest.subarray(end + 1);
    }
    parts.push(rest);
    length += rest.length;
    if (length > longest) throw new RangeError(`a line of more than ${longest} octets`);
  }
}

const NEWLINE = 0x0a;
