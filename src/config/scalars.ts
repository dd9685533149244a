/**
 * The kinds of value the schema is built from, each with one sentence that
 * says what is allowed. A message that starts with "must be" is completed by
 * schema-fault.ts with what was found instead.
 */
import * as z from 'zod';
import { Address } from '../net/address.js';
import { Prefix } from '../net/prefix.js';
import { DURATION_FORM, parseDuration } from './duration.js';
import { hostBitsMessage } from './prefix-text.js';

/**
 * Text of a form of its own. `title` is the form's short name in the
 * documentation; `parse` returns the value, or `undefined`, and may `refuse`
 * for a reason better than the general one.
 */
export function form<T>(
  title: string,
  allowed: string,
  parse: (text: string, refuse: (reason: string) => undefined) => T | undefined,
): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  return z
    .string({ error: `must be ${allowed}` })
    .meta({ title })
    .transform((text, context) => {
      let message = `must be ${allowed}, not ${JSON.stringify(text)}`;
      const value = parse(text, (reason) => {
        message = reason;
        return undefined;
      });
      if (value !== undefined) return value;
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    });
}

/** A whole number from `low` to `high`. */
export function integer(low: number, high: number): z.ZodInt {
  const error = `must be a whole number from ${low} to ${high}`;
  return z.int({ error }).min(low, { error }).max(high, { error });
}

export function oneOf<const T extends readonly [string, ...string[]]>(...words: T) {
  const last = words.at(-1);
  const list = words.length === 1 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
  return z.enum(words, { error: `must be ${list}` });
}

export const flag = z.boolean({ error: 'must be true or false' });

export function listOf<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item, { error: 'must be a list' });
}

/** The same, with one entry at least. */
export function someOf<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return listOf(item).min(1, { error: 'must have at least one entry' });
}

/** A mapping with these keys only. For unknown keys the message is the list of the known ones. */
export function mapping<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? keys : `must be a mapping with ${keys}`),
  });
}

export const prefix = form(
  'prefix',
  'a prefix such as 10.0.0.0/8 or 2001:db8::/32',
  (text, refuse) => {
    const parsed = Prefix.parse(text);
    if (parsed instanceof Prefix) return parsed;
    if (parsed.fault === 'host-bits') return refuse(hostBitsMessage(text, parsed.meant));
    const address = Address.parse(text);
    if (address === undefined) return undefined;
    return refuse(`${text} has no length; ${Prefix.host(address)} is that one address`);
  },
);

export const address = form('address', 'an IPv4 or IPv6 address', Address.parse);

/** Canonical text, as sources name their peers. */
export const peer = form(
  'address',
  'the address of a peer, without zone or port',
  (text) => Address.parse(text)?.text,
);

/** dev_valid_name of the kernel (net/core/dev.c): 1 to 15 bytes, no `/`, `:` or white space. */
export const interfaceName = form(
  'interface',
  'an interface name of 1 to 15 characters without "/", ":" or white space',
  (text) => {
    const valid = /^[^\s/:]+$/.test(text) && Buffer.byteLength(text) <= 15;
    return valid && text !== '.' && text !== '..' ? text : undefined;
  },
);

const NAME_FORM = 'a name of 1 to 64 letters, digits, "-", "_" or "."';
export const name = form('name', NAME_FORM, (text) =>
  /^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined,
);

/** FRR's lists have names of up to 128 characters; no white space, as they are words of a line. */
export const listName = form(
  'name',
  'a list name of 1 to 128 characters without white space',
  (text) => (/^\S{1,128}$/.test(text) ? text : undefined),
);

export const path = form('path', 'the path of a file', (text) =>
  text === '' || text.includes('\0') ? undefined : text,
);

export const positiveDuration = form('duration', `${DURATION_FORM}, and longer than 0`, (text) =>
  parseDuration(text) === 0 ? undefined : parseDuration(text),
);

/** A duration, or `word` for Infinity. */
export function durationOr(word: string) {
  return form('duration', `${DURATION_FORM}, or ${word}`, (text) =>
    text === word ? Number.POSITIVE_INFINITY : parseDuration(text),
  );
}

export const asNumber = integer(1, 0xffffffff);

/** RFC 1997, RFC 3765, RFC 7999 and RFC 8326. */
const WELL_KNOWN_COMMUNITIES: ReadonlyMap<string, number> = new Map([
  ['no-export', 0xffffff01],
  ['no-advertise', 0xffffff02],
  ['no-export-subconfed', 0xffffff03],
  ['blackhole', 0xffff029a],
  ['graceful-shutdown', 0xffff0000],
]);

export const community = form(
  'community',
  `a community ASN:VALUE, each from 0 to 65535, or one of ${[...WELL_KNOWN_COMMUNITIES.keys()].join(', ')}`,
  (text) => {
    const known = WELL_KNOWN_COMMUNITIES.get(text);
    const [asn, value] = known === undefined ? decimals(text, 2, 0xffff) : [];
    return asn === undefined || value === undefined ? known : asn * 0x10000 + value;
  },
);

/** Canonical, without leading zeros (RFC 8092 section 5). */
export const largeCommunity = form(
  'large community',
  'a large community GLOBAL:DATA1:DATA2, each from 0 to 4294967295',
  (text) => (decimals(text, 3, 0xffffffff).length === 3 ? text : undefined),
);

function decimals(text: string, count: number, highest: number): readonly number[] {
  const parts = text.split(':');
  const numbers = parts.filter((part) => /^(0|[1-9][0-9]{0,9})$/.test(part)).map(Number);
  const whole = parts.length === count && numbers.length === count;
  return whole && numbers.every((number) => number <= highest) ? numbers : [];
}

const FWMARK_FORM = 'must be a mark such as 0x14, 20 or 0x14/0xff, of 32 bits';

/** VALUE or VALUE/MASK, decimal or hexadecimal; no mask is all ones. YAML reads 0x14 as a number. */
export const fwmark = z
  .union(
    [z.int({ error: FWMARK_FORM }), z.string({ error: FWMARK_FORM }).meta({ title: 'mark' })],
    {
      error: FWMARK_FORM,
    },
  )
  .transform((input, context): { value: number; mask: number } => {
    const [value, mask = 0xffffffff, ...rest] = String(input).split('/').map(parseWord);
    if (value === undefined || Number.isNaN(value + mask) || rest.length > 0) {
      const message = `${FWMARK_FORM}, not ${JSON.stringify(input)}`;
      context.issues.push({ code: 'custom', message, input });
      return z.NEVER;
    }
    if (mask === 0 || (value & ~mask) !== 0) {
      const message = `${input} never matches; the value must lie within the mask, and the mask not be 0`;
      context.issues.push({ code: 'custom', message, input });
      return z.NEVER;
    }
    return { value, mask };
  });

/** Unsigned, up to 32 bits; NaN for anything else. */
function parseWord(text: string): number {
  return /^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(text) && Number(text) <= 0xffffffff
    ? Number(text)
    : Number.NaN;
}

const LISTEN_FORM = 'ADDRESS:PORT such as 127.0.0.1:9469 or [::1]:9469, or off';

/** `off` is a `listen` of `undefined`. */
export const listen = form('listen address', LISTEN_FORM, (text) => {
  if (text === 'off') return { listen: undefined };
  const at = splitPort(text);
  if (at === undefined || (Address.parse(at.host) === undefined && at.host !== 'localhost')) {
    return undefined;
  }
  return { listen: at };
});

/** An address and a port of a listener that cannot be off. */
export const listenAddress = form(
  'listen address',
  'ADDRESS:PORT such as 127.0.0.1:2620 or [::1]:2620',
  (text) => {
    const at = splitPort(text);
    return at !== undefined && Address.parse(at.host) !== undefined ? at : undefined;
  },
);

/** `unix:///path` or `host:port`, the two forms of gRPC's that need no resolver of their own. */
export const grpcAddress = form('gRPC address', 'unix:///PATH or HOST:PORT', (text) => {
  if (text.startsWith('unix:')) return /^unix:\/\/\/[^\0]+$/.test(text) ? text : undefined;
  const at = splitPort(text);
  return at !== undefined && at.port > 0 ? text : undefined;
});

/** Port 0, of a listener, is any free one. */
function splitPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  return host !== undefined && port <= 0xffff ? { host, port } : undefined;
}

/** Without a slash at its end. */
export const url = form('URL', 'an http:// or https:// URL', (text) => {
  if (!/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/.test(text) || !URL.canParse(text)) return undefined;
  return text.replace(/\/+$/, '');
});

/** sun_path of unix(7) holds 108 bytes with its final zero. */
export const socketPath = form(
  'path',
  'the absolute path of a socket, at most 107 bytes',
  (text) =>
    text.startsWith('/') && !text.includes('\0') && Buffer.byteLength(text) <= 107
      ? text
      : undefined,
);
