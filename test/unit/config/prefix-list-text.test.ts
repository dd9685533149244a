import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PrefixListConfig } from '../../../src/config/config.js';
import { formatFault } from '../../../src/config/fault.js';
import {
  parseInlinePrefixList,
  parsePrefixListFile,
} from '../../../src/config/prefix-list-text.js';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';

/** `5 permit 10.0.0.0/8 0 24`, IPv4 before IPv6. */
function entriesOf(list: PrefixListConfig | undefined): readonly string[] {
  return [...(list?.ipv4 ?? []), ...(list?.ipv6 ?? [])].map(
    ({ seq, action, prefix, ge, le }) => `${seq} ${action} ${prefix} ${ge} ${le}`,
  );
}

function inline(...lines: string[]): readonly string[] {
  const list = parseInlinePrefixList(lines, (index, message) => {
    assert.fail(`${index}: ${message}`);
  });
  return entriesOf(list);
}

async function inFile(text: string, name = 'l'): Promise<readonly string[]> {
  const { lists, faults } = await parsePrefixListFile('lists.conf', text);
  assert.deepEqual(faults.map(formatFault), []);
  return entriesOf(lists.get(name));
}

describe('an inline prefix list', () => {
  it('numbers entries as FRR does, five behind the highest', () => {
    assert.deepEqual(
      inline('permit 10.0.0.0/8', 'seq 7 deny 10.1.0.0/16', 'permit 10.2.0.0/16', 'seq 1 deny any'),
      [
        '1 deny 0.0.0.0/0 0 32',
        '5 permit 10.0.0.0/8 0 0',
        '7 deny 10.1.0.0/16 0 0',
        '12 permit 10.2.0.0/16 0 0',
        '1 deny ::/0 0 128',
      ],
    );
  });

  it('numbers the two families apart', () => {
    assert.deepEqual(inline('permit 10.0.0.0/8', 'permit 2001:db8::/32', 'permit 11.0.0.0/8'), [
      '5 permit 10.0.0.0/8 0 0',
      '10 permit 11.0.0.0/8 0 0',
      '5 permit 2001:db8::/32 0 0',
    ]);
  });

  it('takes ge and le in either order, and ge equal to the length', () => {
    assert.deepEqual(
      inline('permit 10.0.0.0/8 le 24 ge 16', 'permit 10.0.0.0/8 ge 8 le 8', 'permit ::/0 ge 48'),
      ['5 permit 10.0.0.0/8 16 24', '10 permit 10.0.0.0/8 8 8', '5 permit ::/0 48 0'],
    );
  });

  it('takes ge 0 for none given, which FRR does too', () => {
    assert.deepEqual(inline('permit 0.0.0.0/0 ge 0'), ['5 permit 0.0.0.0/0 0 0']);
  });

  it('lets an entry with the seq of another take its place', () => {
    assert.deepEqual(inline('seq 5 permit 10.0.0.0/8', 'seq 5 deny 11.0.0.0/8'), [
      '5 deny 11.0.0.0/8 0 0',
    ]);
  });

  it('ignores an entry without seq that stands there already', () => {
    assert.deepEqual(
      inline('permit 10.0.0.0/8', 'permit 11.0.0.0/8', 'permit 10.0.0.0/8', 'permit 12.0.0.0/8'),
      ['5 permit 10.0.0.0/8 0 0', '10 permit 11.0.0.0/8 0 0', '15 permit 12.0.0.0/8 0 0'],
    );
  });

  it('forgets an entry that was replaced', () => {
    assert.deepEqual(
      inline('seq 5 permit 10.0.0.0/8', 'seq 5 deny any', 'permit 10.0.0.0/8').slice(0, 2),
      ['5 deny 0.0.0.0/0 0 32', '10 permit 10.0.0.0/8 0 0'],
    );
  });

  it('is read as it is printed', () => {
    const entry = fc
      .record({
        permit: fc.boolean(),
        word: fc.integer(),
        length: fc.integer({ min: 0, max: 32 }),
        ge: fc.option(fc.integer({ min: 1, max: 32 })),
        le: fc.option(fc.integer({ min: 1, max: 32 })),
      })
      .filter(({ length, ge, le }) => length <= (ge ?? length) && (ge ?? length) <= (le ?? 32));
    fc.assert(
      fc.property(entry, ({ permit, word, length, ge, le }) => {
        const prefix = Prefix.of(new Address('ipv4', word), length);
        const action = permit ? 'permit' : 'deny';
        const words = `${action} ${prefix}${ge ? ` ge ${ge}` : ''}${le ? ` le ${le}` : ''}`;
        assert.deepEqual(inline(words), [`5 ${action} ${prefix} ${ge ?? 0} ${le ?? 0}`]);
      }),
    );
  });
});

describe('a prefix-list file', () => {
  it('holds several lists, IPv4 and IPv6 of one name together', async () => {
    const text = `! made by a script
frr version 10.3
hostname leaf1
# customers
ip prefix-list l description what they announce
ip prefix-list l seq 20 permit 10.0.0.0/8 ge 16 le 24\r
  ip prefix-list  l  deny any
ip prefix-list other permit 192.0.2.0/24
ipv6 prefix-list l permit 2001:db8::/32 le 48
end
`;
    assert.deepEqual(await inFile(text), [
      '20 permit 10.0.0.0/8 16 24',
      '25 deny 0.0.0.0/0 0 32',
      '5 permit 2001:db8::/32 0 48',
    ]);
    assert.deepEqual(await inFile(text, 'other'), ['5 permit 192.0.2.0/24 0 0']);
  });

  it('is sorted by seq, whatever the order of its lines', async () => {
    const lines = [30, 10, 20].map((seq) => `ip prefix-list l seq ${seq} permit 10.${seq}.0.0/16`);
    assert.deepEqual(await inFile(lines.join('\n')), [
      '10 permit 10.10.0.0/16 0 0',
      '20 permit 10.20.0.0/16 0 0',
      '30 permit 10.30.0.0/16 0 0',
    ]);
  });

  it('leaves the event loop its turns', async () => {
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    const lines = Array.from({ length: 20_000 }, (_, i) => `ip prefix-list l permit ::/${i % 128}`);
    await parsePrefixListFile('lists.conf', lines.join('\n'));
    clearImmediate(next);
    assert.ok(turns >= 9, `${turns} turns`);
  });

  it('of 100,000 entries is read in under a second of CPU time', async () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => {
      const prefix = `${10 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`;
      return `ip prefix-list l seq ${5 * (index + 1)} permit ${prefix} le 32`;
    });
    const begin = process.cpuUsage();
    const { lists } = await parsePrefixListFile('lists.conf', lines.join('\n'));
    assert.equal(lists.get('l')?.ipv4.length, 100_000);
    const { user } = process.cpuUsage(begin);
    assert.ok(user < 1_000_000, `${user} µs`);
  });
});
