import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatRule } from '../../../src/desired/format.js';
import { decodeRule, encodeRule } from '../../../src/kernel/codec-rule.js';
import type { KernelRule } from '../../../src/kernel/kernel.js';
import { MessageWriter } from '../../../src/kernel/message-writer.js';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import { NLMSG_HEADER } from '../../../src/netlink/walk.js';
import { type Captured, RULES } from './captured.js';

function decoded({ hex }: Captured): KernelRule {
  const bytes = Buffer.from(hex, 'hex');
  const rule = decodeRule(bytes, NLMSG_HEADER, bytes.length);
  assert.ok(rule);
  return rule;
}

describe('rules as a real kernel tells them', () => {
  const cases: readonly (readonly [keyof typeof RULES, string])[] = [
    ['from', 'from 203.0.113.0/24 lookup 100 pref 10000 proto 178'],
    ['fwmark', 'from all fwmark 0x14/0xff iif va lookup 1000 pref 10001 proto 178'],
    ['zeroMark', 'from all to 10.0.0.0/8 fwmark 0x0/0xff lookup 100 pref 10002 proto 178'],
    ['ipv6From', 'from 2001:db8:100::/56 lookup 100 pref 10000 proto 178'],
  ];
  for (const [name, text] of cases) {
    test(RULES[name].command, () => {
      const rule = decoded(RULES[name]);
      assert.equal(formatRule(rule), text);
      assert.equal(rule.opaque, false);
      assert.equal(rule.action, 'lookup');
    });

    test(`${RULES[name].command}: decodes the same when we have written it`, () => {
      const writer = new MessageWriter(512);
      writer.begin(32, 1, 1);
      encodeRule(writer, decoded(RULES[name]));
      writer.end();
      const bytes = writer.written();
      assert.deepEqual(decodeRule(bytes, NLMSG_HEADER, bytes.length), decoded(RULES[name]));
    });
  }

  for (const name of ['inverted', 'ports', 'suppressed'] as const) {
    test(`${RULES[name].command}: says more than we can, so it is opaque`, () => {
      assert.equal(decoded(RULES[name]).opaque, true);
    });
  }

  test(RULES.unreachable.command, () => {
    assert.equal(decoded(RULES.unreachable).action, 'other');
  });
});

test('a selector of length 0 selects nothing and is not sent', () => {
  const writer = new MessageWriter(512);
  writer.begin(32, 1, 1);
  const all = Prefix.of(new Address('ipv4', 0), 0);
  encodeRule(writer, {
    family: 'ipv4',
    priority: 10000,
    table: 100,
    from: all,
    to: all,
    iif: undefined,
    fwmark: undefined,
  });
  writer.end();
  const bytes = writer.written();
  const rule = decodeRule(bytes, NLMSG_HEADER, bytes.length);
  assert.equal(rule?.from, undefined);
  assert.equal(rule?.to, undefined);
});
