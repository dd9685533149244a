/** struct fib_rule_hdr and its attributes (linux/fib_rules.h). Pure. */
import type { Rule } from '../desired/route.js';
import type { Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { AF_INET, AF_INET6 } from '../netlink/route-message.js';
import { AttributeTable, walkAttributes } from '../netlink/walk.js';
import { type KernelRule, OWN_PROTOCOL } from './kernel.js';
import type { MessageWriter } from './message-writer.js';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

const FR_ACT_TO_TBL = 1;
/** RT_TABLE_UNSPEC: the table is in FRA_TABLE. */
const TABLE_UNSPEC = 0;
const NO_SUPPRESSION = 0xffffffff;

/** Not one of: FIB_RULE_PERMANENT, _IIF_DETACHED, _OIF_DETACHED. So `not` (INVERT) and unresolved gotos. */
const SELECTING_FLAGS = ~(0x1 | 0x8 | 0x10);

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_PAD = 18;
const FRA_PROTOCOL = 21;

/** What {@link Rule} can say, and what says nothing. */
const SAYABLE = new Set([
  FRA_DST,
  FRA_SRC,
  FRA_IIFNAME,
  FRA_PRIORITY,
  FRA_FWMARK,
  FRA_TABLE,
  FRA_FWMASK,
  FRA_PAD,
  FRA_PROTOCOL,
]);

/** A rule as RTM_NEWRULE and RTM_DELRULE take it. A /0 `from` or `to` selects nothing and is left out. */
export function encodeRule(writer: MessageWriter, rule: Rule): void {
  const from = rule.from?.isDefault === true ? undefined : rule.from;
  const to = rule.to?.isDefault === true ? undefined : rule.to;
  const family = rule.family === 'ipv4' ? AF_INET : AF_INET6;
  writer.octets(family, to?.length ?? 0, from?.length ?? 0, 0);
  writer.octets(TABLE_UNSPEC, 0, 0, FR_ACT_TO_TBL);
  writer.word(0);
  writer.u32(FRA_PRIORITY, rule.priority);
  writer.u32(FRA_TABLE, rule.table);
  writer.u8(FRA_PROTOCOL, OWN_PROTOCOL);
  if (to !== undefined) writer.address(FRA_DST, to.address);
  if (from !== undefined) writer.address(FRA_SRC, from.address);
  if (rule.iif !== undefined) writer.text(FRA_IIFNAME, rule.iif);
  if (rule.fwmark !== undefined) {
    writer.u32(FRA_FWMARK, rule.fwmark.value);
    writer.u32(FRA_FWMASK, rule.fwmark.mask);
  }
}

export function encodeRuleDump(writer: MessageWriter, family: Family): void {
  writer.octets(family === 'ipv4' ? AF_INET : AF_INET6, 0, 0, 0);
  writer.word(0);
  writer.word(0);
}

const attributes = new AttributeTable(FRA_PROTOCOL);

/** `undefined` for families other than IPv4 and IPv6. @throws RangeError when malformed. */
export function decodeRule(bytes: Buffer, body: number, end: number): KernelRule | undefined {
  const header = bytes.readUInt8(body);
  if (header !== AF_INET && header !== AF_INET6) return undefined;
  const family = header === AF_INET ? 'ipv4' : 'ipv6';
  const tos = bytes.readUInt8(body + 3);
  const action = bytes.readUInt8(body + 7);
  const flags = bytes.readUInt32LE(body + 8);
  attributes.read(bytes, body + 12, end);

  let opaque = tos !== 0 || (flags & SELECTING_FLAGS) !== 0;
  walkAttributes(bytes, body + 12, end, (type, offset) => {
    if (type === FRA_SUPPRESS_IFGROUP || type === FRA_SUPPRESS_PREFIXLEN) {
      opaque ||= bytes.readUInt32LE(offset) !== NO_SUPPRESSION;
    } else {
      opaque ||= !SAYABLE.has(type);
    }
  });

  // A mark of 0 is left out by the kernel, its mask is not.
  const mask = attributes.u32(FRA_FWMASK);
  const value = attributes.u32(FRA_FWMARK) ?? 0;
  return {
    family,
    priority: attributes.u32(FRA_PRIORITY) ?? 0,
    table: attributes.u32(FRA_TABLE) ?? bytes.readUInt8(body + 4),
    from: decodePrefix(FRA_SRC, family, bytes.readUInt8(body + 2)),
    to: decodePrefix(FRA_DST, family, bytes.readUInt8(body + 1)),
    iif: attributes.text(FRA_IIFNAME),
    fwmark: mask === undefined ? undefined : { value, mask },
    protocol: attributes.u8(FRA_PROTOCOL) ?? 0,
    action: action === FR_ACT_TO_TBL ? 'lookup' : 'other',
    opaque,
  };
}

function decodePrefix(type: number, family: Family, length: number): Prefix | undefined {
  const address = attributes.address(type, family);
  return address === undefined ? undefined : Prefix.of(address, length);
}
