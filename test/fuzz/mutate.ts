/** Random changes of bytes, as faulty peers and hostile ones make them. */
import type { Random } from '../chaos/random.js';

/** Where lengths, counts and flags turn over. */
const INTERESTING = [
  0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 254, 255,
] as const;
const MOST_OCTETS = 70_000;

type Mutation = (bytes: Buffer, random: Random, corpus: readonly Buffer[]) => Buffer;

const flipBit: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  return bytes;
};

const setOctet: Mutation = (bytes, random) => {
  bytes[random.below(bytes.length)] = random.chance(0.5)
    ? random.pick(INTERESTING)
    : random.below(256);
  return bytes;
};

/** A length that is off by little, wherever it may stand. */
const nudge: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] as number) + 1 + random.below(4) - 2;
  return bytes;
};

const setWord: Mutation = (bytes, random) => {
  if (bytes.length < 2) return bytes;
  bytes.writeUInt16BE(random.below(65536), random.below(bytes.length - 1));
  return bytes;
};

const cut: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

const remove: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};

const repeat: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
};

const insert: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  const more = Buffer.alloc(1 + random.below(40), random.below(256));
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
};

/** The front of one message and the back of another. */
const splice: Mutation = (bytes, random, corpus) => {
  const other = random.pick(corpus);
  return Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
};

/** Octets of another message over those here. */
const overwrite: Mutation = (bytes, random, corpus) => {
  const other = random.pick(corpus);
  const [from, to] = range(other, random);
  other.copy(bytes, random.below(bytes.length), from, to);
  return bytes;
};

/** Up to whole messages of 65535 octets. */
const grow: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  const block = bytes.subarray(from, to);
  const times = Math.floor(random.below(MOST_OCTETS) / block.length);
  return Buffer.concat([bytes, Buffer.alloc(times * block.length, block)]);
};

const MUTATIONS: readonly (readonly [weight: number, mutation: Mutation])[] = [
  [20, flipBit],
  [20, setOctet],
  [15, nudge],
  [8, setWord],
  [6, cut],
  [8, remove],
  [6, repeat],
  [5, insert],
  [6, splice],
  [6, overwrite],
  [0.1, grow],
];

/** What can be done to no octets at all. */
const EMPTY: typeof MUTATIONS = [
  [1, insert],
  [1, cut],
];

/** A message of the corpus changed one to six times; the corpus stays as it is. */
export function mutated(corpus: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(corpus));
  for (let left = 1 + random.below(6); left > 0; left--) {
    bytes = random.weighted(bytes.length === 0 ? EMPTY : MUTATIONS)(bytes, random, corpus);
  }
  return bytes;
}

/** Some octets, one at least. */
function range(bytes: Buffer, random: Random): [from: number, to: number] {
  const from = random.below(bytes.length);
  return [from, from + 1 + random.below(Math.min(bytes.length - from, 64))];
}
