/** Messages of GoBGP's v4 API as bytes, written here and not by the code under test. */

export interface WirePath {
  readonly prefix: string;
  /** With its zone, as gobgpd writes it. */
  readonly peer: string;
  readonly peerAs?: number;
  readonly routerId?: string;
  readonly nextHop?: string;
  readonly med?: number;
  readonly pathId?: number;
  /** Epoch seconds. */
  readonly age?: number;
  readonly withdrawn?: boolean;
  /** Octets of a field that rib2fib does not read. */
  readonly unread?: number;
}

/** WatchEventResponse of a table event. */
export function tableEvent(...paths: readonly WirePath[]): Buffer {
  return field(3, Buffer.concat(paths.map((path) => field(2, pathBytes(path)))));
}

/** ListPathResponse: one prefix with its paths. */
export function destination(prefix: string, ...paths: readonly Buffer[]): Buffer {
  return field(1, Buffer.concat([field(1, text(prefix)), ...paths.map((path) => field(2, path))]));
}

export function pathBytes(path: WirePath): Buffer {
  const { nextHop, med, age, pathId = 0, unread } = path;
  const [address = '', length = '0'] = path.prefix.split('/');
  const family = address.includes(':') ? 2 : 1;
  const nlri = Buffer.concat([number(1, Number(length)), field(2, text(address))]);
  const attributes = [
    ...(nextHop === undefined ? [] : [field(4, field(1, text(nextHop)))]),
    ...(med === undefined ? [] : [field(5, number(1, med))]),
  ];
  return Buffer.concat([
    field(1, field(1, nlri)),
    ...attributes.map((attribute) => field(2, attribute)),
    ...(age === undefined ? [] : [field(3, Buffer.concat([number(1, age), number(2, 5)]))]),
    number(5, path.withdrawn === true ? 1 : 0),
    field(9, Buffer.concat([number(1, family), number(2, 1)])),
    number(10, path.peerAs ?? 65001),
    field(11, text(path.routerId ?? '10.255.0.1')),
    field(15, text(path.peer)),
    number(18, pathId),
    ...(unread === undefined ? [] : [field(8, Buffer.alloc(unread))]),
  ]);
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}

function field(id: number, content: Buffer): Buffer {
  return Buffer.concat([varint((id << 3) | 2), varint(content.length), content]);
}

/** proto3 leaves a 0 out. */
function number(id: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([varint(id << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}
