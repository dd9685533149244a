/** Random addresses and prefixes of both families, for property tests. */
import fc from 'fast-check';
import { Address } from '../../../src/net/address.js';
import { familyBits } from '../../../src/net/family.js';
import { Prefix } from '../../../src/net/prefix.js';

export const ipv4Address = fc.integer().map((word) => new Address('ipv4', word));

/** Words of zeros often, so that RFC 5952 has runs to compress. */
export const ipv6Address = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => {
    const bytes = Buffer.alloc(16);
    groups.forEach((group, i) => {
      bytes.writeUInt16BE(group, i * 2);
    });
    return Address.fromBytes('ipv6', bytes);
  });

export const anyAddress = fc.oneof(ipv4Address, ipv6Address);

export const anyPrefix = anyAddress.chain((address) =>
  fc
    .integer({ min: 0, max: familyBits(address.family) })
    .map((length) => Prefix.of(address, length)),
);
