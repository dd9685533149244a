/** UPDATEs changed attribute by attribute, with the lengths around them right: deeper than octets at random get. */
import type { Random } from '../chaos/random.js';
import { mutated } from './mutate.js';

const HEADER = 19;
const UPDATE = 2;

interface Attribute {
  readonly flags: number;
  readonly type: number;
  readonly value: Buffer;
}

interface Parts {
  readonly withdrawn: Buffer;
  readonly attributes: readonly Attribute[];
  readonly nlri: Buffer;
}

/** Builds changed UPDATEs out of the right ones among these messages. */
export class UpdateMutator {
  readonly #updates: readonly Parts[];
  readonly #attributes: readonly Attribute[];

  constructor(corpus: readonly Buffer[]) {
    this.#updates = corpus.filter((bytes) => bytes[HEADER - 1] === UPDATE).map(partsOf);
    this.#attributes = this.#updates.flatMap(({ attributes }) => attributes);
  }

  /** A whole message. */
  draw(random: Random): Buffer {
    const { withdrawn, attributes, nlri } = random.pick(this.#updates);
    let changed = [...attributes];
    for (let left = random.below(4); left > 0; left--) changed = this.#change(changed, random);
    return build({
      withdrawn: random.chance(0.1)
        ? mutated([random.pick(this.#updates).nlri], random)
        : withdrawn,
      attributes: changed,
      nlri: random.chance(0.2) ? mutated([random.pick(this.#updates).nlri], random) : nlri,
    });
  }

  #change(attributes: readonly Attribute[], random: Random): Attribute[] {
    const at = random.below(attributes.length + 1);
    const one = attributes[at] ?? random.pick(this.#attributes);
    const before = attributes.slice(0, at);
    const after = attributes.slice(at + 1);
    switch (random.below(6)) {
      case 0: // Another attribute here.
        return [...before, random.pick(this.#attributes), ...attributes.slice(at)];
      case 1: // None here.
        return [...before, ...after];
      case 2: // The same once more, at the end.
        return [...attributes, one];
      case 3:
        return [...before, { ...one, flags: one.flags ^ (1 << random.below(8)) }, ...after];
      case 4:
        return [...before, { ...one, type: random.below(random.chance(0.8) ? 40 : 256) }, ...after];
      default:
        return [...before, { ...one, value: mutated([one.value], random) }, ...after];
    }
  }
}

function partsOf(bytes: Buffer): Parts {
  const withdrawnEnd = HEADER + 2 + bytes.readUInt16BE(HEADER);
  const end = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd);
  const attributes: Attribute[] = [];
  for (let at = withdrawnEnd + 2; at < end; ) {
    const flags = bytes.readUInt8(at);
    const long = (flags & 0x10) !== 0;
    const from = at + (long ? 4 : 3);
    const next = from + (long ? bytes.readUInt16BE(at + 2) : bytes.readUInt8(at + 2));
    attributes.push({ flags, type: bytes.readUInt8(at + 1), value: bytes.subarray(from, next) });
    at = next;
  }
  return {
    withdrawn: bytes.subarray(HEADER + 2, withdrawnEnd),
    attributes,
    nlri: bytes.subarray(end),
  };
}

function build({ withdrawn, attributes, nlri }: Parts): Buffer {
  const octets = Buffer.concat(attributes.map(octetsOf));
  const body = [word(withdrawn.length), withdrawn, word(octets.length), octets, nlri];
  const length = body.reduce((sum, part) => sum + part.length, HEADER);
  const header = Buffer.concat([Buffer.alloc(16, 0xff), word(length), Buffer.from([UPDATE])]);
  return Buffer.concat([header, ...body]);
}

/** In one of the two forms, whichever the flags say, as far as the length fits. */
function octetsOf({ flags, type, value }: Attribute): Buffer {
  const long = (flags & 0x10) !== 0 || value.length > 255;
  const head = Buffer.from([long ? flags | 0x10 : flags, type]);
  return Buffer.concat([head, long ? word(value.length) : Buffer.from([value.length]), value]);
}

function word(value: number): Buffer {
  return Buffer.from([(value >>> 8) & 255, value & 255]);
}
