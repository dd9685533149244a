/** Random changes of a JSON document that leave it one: what a faulty controller or a hostile user may write. */
import type { Random } from '../support/random.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const ODD: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, '', ' ', '0', 'null', '\u0000', '\ud800'],
  ...[
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '10.0.0.1/24',
    '10.0.0.9-10.0.0.1',
    '::-ffff::',
    '::1%eth0',
  ],
  ...['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1', '127.0.0.1/32'],
  ...['::ffff:10.0.0.1', '0.0.0.0-255.255.255.255', '01.2.3.4', '1.2.3', 'fe80::1', '127.0.0.1'],
  ...['x'.repeat(300), '/'.repeat(50), '-', ' 10.0.0.0/8 ', '10.0.0.0/8,', 'In', 'Exists', 'NotIn'],
];

/** Names that every object has, if one looks in the wrong place. */
const ODD_KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', ''];

/** `text` with one to four values, keys or items changed; it must be a JSON document. */
export function mutatedJson(text: string, random: Random): string {
  let document = JSON.parse(text) as Json;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const places = placesIn(document);
    if (places.length === 0) document = random.pick(ODD);
    else change(random.pick(places), random);
  }
  return JSON.stringify(document);
}

/** A value within a document, to be changed in its place. */
interface Place {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: string | number;
}

function placesIn(value: Json): readonly Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return keys.flatMap((key) => {
    const place = { holder: value, key };
    return [place, ...placesIn(valueAt(place))];
  });
}

function valueAt({ holder, key }: Place): Json {
  return (holder as Record<string | number, Json>)[key] ?? null;
}

function change(place: Place, random: Random): void {
  const { holder, key } = place;
  const before = valueAt(place);
  const after = random.weighted<() => Json | undefined>([
    [4, () => random.pick(ODD)],
    [2, () => edited(before, random)],
    [1, () => undefined],
    [1, () => [before]],
    [1, () => ({ [random.pick(ODD_KEYS)]: before })],
    [1, () => (Array.isArray(before) ? [...before, ...before] : {})],
  ])();
  if (Array.isArray(holder)) {
    if (after === undefined) holder.splice(Number(key), 1);
    else holder[Number(key)] = after;
  } else if (after === undefined) delete holder[key];
  else if (random.chance(0.1)) define(holder, random.pick(ODD_KEYS), after);
  else define(holder, String(key), after);
}

/** As JSON.parse does: `__proto__` is a key like others. */
function define(holder: object, key: string, value: Json): void {
  Object.defineProperty(holder, key, {
    ...{ value, enumerable: true, configurable: true, writable: true },
  });
}

/** One character of a text, or a number that is off by little. */
function edited(value: Json, random: Random): Json {
  if (typeof value === 'number') return value + random.below(3) - 1;
  if (typeof value !== 'string' || value === '') return random.pick(ODD);
  const at = random.below(value.length);
  const other = random.pick([...'0159/:-.%afx* ']);
  return value.slice(0, at) + (random.chance(0.3) ? '' : other) + value.slice(at + 1);
}
