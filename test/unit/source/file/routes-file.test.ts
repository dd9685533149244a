import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFault } from '../../../../src/config/fault.js';
import { type FileRoute, parseRoutesFile } from '../../../../src/config/routes-file.js';
import { asPathText, nextHopText } from '../../../../src/rib/path.js';

async function routes(text: string): Promise<readonly FileRoute[]> {
  const result = await parseRoutesFile('routes.yaml', text);
  assert.ok(result.ok, result.ok ? '' : result.faults.map(formatFault).join('\n'));
  return result.routes;
}

async function faults(text: string): Promise<readonly string[]> {
  const result = await parseRoutesFile('routes.yaml', text);
  assert.ok(!result.ok, text);
  return result.faults.map(formatFault);
}

describe('a file of routes', () => {
  it('needs a prefix and a next hop, and has defaults for the rest', async () => {
    const [route] = await routes('- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2 }');
    assert.equal(route?.prefix.text, '10.1.0.0/16');
    assert.equal(route?.paths.length, 1);
    const path = route?.paths[0];
    assert.equal(path?.peer, 'file');
    assert.equal(path?.peerAs, 0);
    assert.deepEqual(path?.attributes, {
      ...{ origin: 'igp', asPath: [], communities: [], largeCommunities: [] },
      ...{ med: undefined, localPref: undefined, linkBandwidth: undefined },
      ...{ originatorId: undefined, clusterLength: 0 },
    });
  });

  it('takes every attribute', async () => {
    const [route] = await routes(`
- prefix: 2001:db8:1::/48
  nextHop: [ "fe80::2%eth1", 2001:db8::3 ]
  asPath: "65001 65002 {65010,65011} (64512 64513) [1,2]"
  origin: incomplete
  communities: [ "65000:100", no-export ]
  largeCommunities: [ "65000:1:2" ]
  med: 0
  localPref: 200
  peer: 10.9.0.2
  peerAs: 65009`);
    assert.deepEqual(
      route?.paths.map(({ nextHop }) => nextHopText(nextHop)),
      ['fe80::2%eth1', '2001:db8::3'],
    );
    assert.deepEqual(
      route?.paths.map(({ pathId }) => pathId),
      [0, 1],
    );
    const path = route?.paths[0];
    assert.ok(path !== undefined);
    assert.equal(asPathText(path.attributes), '65001 65002 {65010,65011} (64512 64513) [1,2]');
    assert.deepEqual(path.attributes.communities, [0xfde80064, 0xffffff01]);
    assert.equal(path.attributes.med, 0);
    assert.equal(path.peer, '10.9.0.2');
    assert.equal(path.peerAs, 65009);
  });

  it('takes the first AS of the path for the peer', async () => {
    const [route] = await routes('- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2, asPath: 65001 }');
    assert.equal(route?.paths[0]?.peerAs, 65001);
  });

  it('may be an empty list', async () => {
    assert.deepEqual(await routes('[]'), []);
  });

  const rows: readonly [string, RegExp][] = [
    ['', /^routes\.yaml:1:1: must be a list, not empty$/],
    ['prefix: 10.1.0.0/16', /^routes\.yaml:1:1: must be a list/],
    [
      '- { prefix: 10.1.0.1/16, nextHop: 10.9.0.2 }',
      /^routes\.yaml:1:13: \[0\]\.prefix: .*host bits/,
    ],
    ['- { prefix: 10.1.0.0/16 }', /^routes\.yaml:1:3: \[0\]\.nextHop: is missing/],
    ['- { prefix: 10.1.0.0/16, nextHop: router }', /nextHop: must be an address.*not "router"/],
    ['- { prefix: 10.1.0.0/16, nextHop: "fe80::1" }', /link-local and needs its interface/],
    ['- { prefix: 10.1.0.0/16, nextHop: "10.9.0.2%eth1" }', /not link-local; leave %eth1 out/],
    ['- { prefix: 10.1.0.0/16, nextHop: 0.0.0.0 }', /is no next hop/],
    ['- { prefix: 10.1.0.0/16, nextHop: [] }', /nextHop: must have at least one entry/],
    ['- { prefix: 2001:db8::/32, nextHop: 10.9.0.2 }', /an IPv6 prefix needs IPv6 next hops/],
    ['- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2, asPath: "1,2" }', /asPath: must be AS numbers/],
    ['- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2, asPath: "0" }', /asPath: must be AS numbers/],
    ['- { prefix: 10.1.0.0/16, nexthop: 10.9.0.2 }', /unknown key; did you mean nextHop\?/],
    [
      '- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2 }\n- { prefix: 10.1.0.0/16, nextHop: 10.9.0.3 }',
      /^routes\.yaml:2:13: \[1\]\.prefix: 10\.1\.0\.0\/16 stands twice/,
    ],
  ];
  for (const [text, expected] of rows) {
    it(`is refused: ${JSON.stringify(text)}`, async () => {
      const told = await faults(text);
      assert.ok(
        told.some((fault) => expected.test(fault)),
        told.join('\n'),
      );
    });
  }

  it('of many slices: a prefix that stands twice, far apart; the first faults, and how many more', async () => {
    const lines = Array.from(
      { length: 1_000 },
      (_, index) => `- { prefix: 10.${index >> 8}.${index & 255}.0/24, nextHop: 10.9.0.2 }`,
    );
    assert.equal((await routes(lines.join('\n'))).length, 1_000);
    assert.deepEqual(await faults([...lines, lines[3]].join('\n')), [
      'routes.yaml:1001:13: [1000].prefix: 10.0.3.0/24 stands twice; give all its next hops in one entry',
    ]);
    const many = await faults(lines.join('\n').replaceAll('nextHop', 'nexthop'));
    assert.equal(many.length, 21);
    assert.match(many[20] ?? '', /^routes\.yaml:11:3: 1980 more faults from here on$/);
  });
});
