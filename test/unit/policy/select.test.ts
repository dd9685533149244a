import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import type { BestPathConfig } from '../../../src/config/config.js';
import {
  explainSelection,
  type PathOutcome,
  SELECTION_STEPS,
  type SelectionOptions,
  type SelectionStep,
  selectPaths,
} from '../../../src/policy/select.js';
import { type AsSegment, nextHopText, type Path } from '../../../src/rib/path.js';
import { attributes, path, sequence } from './build.js';

const hops = (paths: readonly Path[]) => paths.map((each) => nextHopText(each.nextHop));

/** Next hops in 10.66.0.0/16 have no way to them; the last octet of those in 10.7.0.0/16 is the metric. */
function options(given: Partial<BestPathConfig> & { multipath?: number } = {}): SelectionOptions {
  const { multipath = 16, ...choices } = given;
  return {
    multipath,
    bestPath: {
      ...{ multipathRelax: false, alwaysCompareMed: false, preferOldest: false },
      ...choices,
    },
    metricTo: ({ address: { text } }) => {
      if (text.startsWith('10.66.')) return undefined;
      return text.startsWith('10.7.') ? Number(text.split('.')[3]) : 0;
    },
  };
}

interface Heard {
  readonly nextHop?: string;
  readonly peer?: string;
  readonly peerAs?: number;
  readonly pathId?: number;
  readonly receivedAt?: number;
  readonly type?: NonNullable<Path['session']>['type'];
  readonly routerId?: number;
  readonly attributes?: Partial<Path['attributes']>;
}

/** A path of a source that offers all of them: by default external, from AS 65001. */
function heard({ type = 'external', routerId = 1, attributes: of = {}, ...rest }: Heard = {}) {
  const peerAs = rest.peerAs ?? 65001;
  return path({
    ...{ ...rest, peerAs, session: { type, routerId } },
    attributes: attributes({ asPath: sequence(peerAs), ...of }),
  });
}

const STALE = 0xffff0006;

describe("a daemon's best set", () => {
  test('all permitted paths are legs, by next hop in numerical order', () => {
    const paths = ['10.9.0.10', 'fe80::1%eth2', '10.9.0.2', '2001:db8::1', 'fe80::1%eth1'].map(
      (nextHop) => path({ nextHop }),
    );
    assert.deepEqual(hops(selectPaths(paths, options())), [
      '10.9.0.2',
      '10.9.0.10',
      '2001:db8::1',
      'fe80::1%eth1',
      'fe80::1%eth2',
    ]);
  });

  test('whatever their attributes and metrics: the daemon has chosen', () => {
    const better = path({ nextHop: '10.9.0.2', attributes: attributes({ localPref: 200 }) });
    const unreachable = path({ nextHop: '10.66.0.2' });
    assert.deepEqual(selectPaths([better, unreachable], options()), [better, unreachable]);
  });

  test('a next hop is one leg, of the lowest peer and path identifier', () => {
    const paths = [
      path({ peer: '10.9.0.3' }),
      path({ peer: '10.9.0.2', pathId: 2 }),
      path({ peer: '10.9.0.2', pathId: 1 }),
    ];
    assert.deepEqual(selectPaths(paths, options()), [paths[2]]);
    assert.deepEqual(
      explainSelection(paths, options()).map(({ outcome }) => outcome.kind),
      ['same-next-hop', 'same-next-hop', 'best'],
    );
  });

  test('legs beyond multipath are left out', () => {
    const paths = ['10.9.0.4', '10.9.0.3', '10.9.0.2'].map((nextHop) => path({ nextHop }));
    const two = options({ multipath: 2 });
    assert.deepEqual(hops(selectPaths(paths, two)), ['10.9.0.2', '10.9.0.3']);
    assert.deepEqual(
      explainSelection(paths, two).map(({ outcome }) => outcome.kind),
      ['beyond-multipath', 'equal', 'best'],
    );
  });

  test('one path is selected as it is, and none gives none', () => {
    const paths = [path()];
    assert.equal(selectPaths(paths, options({ multipath: 1 })), paths);
    assert.deepEqual(explainSelection(paths, options()), [
      { path: paths[0], outcome: { kind: 'best' } },
    ]);
    assert.deepEqual(selectPaths([], options()), []);
    assert.deepEqual(explainSelection([], options()), []);
  });

  test('the outcome does not depend on the order, and loses no next hop', () => {
    const given = fc.uniqueArray(
      fc.record({
        nextHop: fc.constantFrom('10.9.0.2', '10.9.0.3', '10.9.0.10', 'fe80::1%a', 'fe80::1%b'),
        peer: fc.constantFrom('10.9.0.2', '10.9.0.10', '2001:db8::1'),
        pathId: fc.nat(3),
      }),
      { selector: JSON.stringify, maxLength: 8 },
    );
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 4 }), fc.gen(), (all, multipath, gen) => {
        const paths = all.map(path);
        const shuffled = gen(fc.shuffledSubarray, paths, { minLength: paths.length });
        const one = selectPaths(paths, options({ multipath }));
        assert.deepEqual(selectPaths(shuffled, options({ multipath })), one);
        assert.ok(one.every((each) => paths.includes(each)));
        const distinct = new Set(hops(paths)).size;
        assert.equal(one.length, Math.min(distinct, multipath));
        assert.equal(new Set(hops(one)).size, one.length);
      }),
    );
  });
});

/** For each step a path that wins there, one that loses, and what is to be asked for besides. */
const STEPS: Readonly<
  Record<SelectionStep, { better: Heard; worse: Heard; asked?: Partial<BestPathConfig> }>
> = {
  'next-hop': { better: {}, worse: { nextHop: '10.66.0.2' } },
  'llgr-stale': { better: {}, worse: { attributes: { communities: [STALE] } } },
  'local-pref': {
    better: { attributes: { localPref: 101 } },
    worse: { attributes: { localPref: undefined } },
  },
  'as-path-length': {
    better: { attributes: { asPath: sequence(65001, 65010) } },
    worse: { attributes: { asPath: sequence(65001, 65010, 65010) } },
  },
  origin: {
    better: { attributes: { origin: 'egp' } },
    worse: { attributes: { origin: 'incomplete' } },
  },
  med: { better: { attributes: { med: undefined } }, worse: { attributes: { med: 1 } } },
  'session-type': { better: {}, worse: { type: 'internal' } },
  'igp-metric': { better: { nextHop: '10.7.0.10' }, worse: { nextHop: '10.7.0.11' } },
  oldest: { better: { receivedAt: 1 }, worse: { receivedAt: 2 }, asked: { preferOldest: true } },
  'router-id': { better: { routerId: 9 }, worse: { routerId: 0xfffffff0 } },
  'cluster-length': {
    better: { attributes: { clusterLength: 1 } },
    worse: { attributes: { clusterLength: 2 } },
  },
  'peer-address': { better: { peer: '10.9.0.9' }, worse: { peer: '10.9.0.10' } },
  'path-id': { better: { pathId: 9 }, worse: { pathId: 10 } },
};

const TIE_BREAKS: readonly SelectionStep[] = SELECTION_STEPS.slice(
  SELECTION_STEPS.indexOf('igp-metric') + 1,
);

describe('every path', () => {
  /** Of two ASes, so that without relax only one is a leg; their MED still compares. */
  const pair = (better: Heard, worse: Heard) => {
    const of = ({ attributes: given, ...rest }: Heard, peerAs: number) =>
      heard({ peerAs, ...rest, attributes: { asPath: sequence(65001), ...given } });
    return [of(better, 65001), of(worse, 65002)] as const;
  };

  for (const step of SELECTION_STEPS) {
    const { better, worse, asked = {} } = STEPS[step];
    it(`is told apart by ${step}`, () => {
      const [best, lost] = pair(better, worse);
      const equalCost = TIE_BREAKS.includes(step);
      for (const paths of [
        [best, lost],
        [lost, best],
      ]) {
        assert.deepEqual(selectPaths(paths, options(asked)), [best]);
        assert.deepEqual(
          new Map(explainSelection(paths, options(asked)).map((one) => [one.path, one.outcome])),
          new Map<Path, PathOutcome>([
            [best, { kind: 'best' }],
            [lost, { kind: 'lost', step, equalCost }],
          ]),
        );
        if (step !== 'path-id' && step !== 'next-hop') {
          const one = options({ ...asked, multipathRelax: true, multipath: 1 });
          assert.deepEqual(selectPaths(paths, one), [best]);
        }
      }
    });
  }

  it('takes each step before those behind it', () => {
    const merged = (a: Heard, b: Heard): Heard => ({
      ...{ ...a, ...b },
      attributes: { ...a.attributes, ...b.attributes },
    });
    let pairs = 0;
    for (const [i, earlier] of SELECTION_STEPS.entries()) {
      for (const later of SELECTION_STEPS.slice(i + 1)) {
        // A next hop has a metric only where there is a way to it.
        if (earlier === 'next-hop' && later === 'igp-metric') continue;
        // Two paths of different session types are past what is asked of external ones only.
        const first = STEPS[earlier];
        const second = STEPS[later];
        const [best, lost] = pair(
          merged(second.worse, first.better),
          merged(second.better, first.worse),
        );
        const asked = options({ ...first.asked, ...second.asked });
        const outcome = explainSelection([lost, best], asked)[0]?.outcome;
        const equalCost = TIE_BREAKS.includes(earlier);
        assert.deepEqual(
          outcome,
          { kind: 'lost', step: earlier, equalCost },
          `${earlier}, ${later}`,
        );
        pairs++;
      }
    }
    assert.equal(pairs, (SELECTION_STEPS.length * (SELECTION_STEPS.length - 1)) / 2 - 1);
  });

  it('counts a set once and a confederation not at all', () => {
    const long: AsSegment[] = [
      { type: 'confed-sequence', asns: [64512, 64513, 64514] },
      { type: 'sequence', asns: [65001] },
      { type: 'set', asns: [65010, 65011, 65012] },
      { type: 'confed-set', asns: [64515] },
    ];
    const paths = [
      heard({ attributes: { asPath: long }, nextHop: '10.9.0.2' }),
      heard({ attributes: { asPath: sequence(65001, 65010) }, nextHop: '10.9.0.3' }),
      heard({ attributes: { asPath: sequence(65001, 65010, 65011) }, nextHop: '10.9.0.4' }),
    ];
    assert.deepEqual(hops(selectPaths(paths, options())), ['10.9.0.2', '10.9.0.3']);
  });

  const med = (nextHop: string, value: number, asPath: readonly AsSegment[]) =>
    heard({ nextHop, attributes: { med: value, asPath } });

  it('compares MED among paths of one neighbouring AS only, unless asked to', () => {
    const relaxed = { multipathRelax: true };
    const paths = [
      med('10.9.0.2', 20, sequence(65001)),
      med('10.9.0.3', 10, sequence(65001)),
      med('10.9.0.4', 30, sequence(65002)),
    ];
    assert.deepEqual(hops(selectPaths(paths, options(relaxed))), ['10.9.0.3', '10.9.0.4']);
    const always = options({ ...relaxed, alwaysCompareMed: true });
    assert.deepEqual(hops(selectPaths(paths, always)), ['10.9.0.3']);
  });

  it('looks for the neighbouring AS behind confederations, and knows none before a set', () => {
    const confed: AsSegment = { type: 'confed-sequence', asns: [64512] };
    const set: AsSegment[] = [{ type: 'set', asns: [65001] }];
    const all = options({ multipathRelax: true });
    const behind = [
      med('10.9.0.2', 20, [confed, ...sequence(65001)]),
      med('10.9.0.3', 10, sequence(65001)),
    ];
    assert.deepEqual(hops(selectPaths(behind, all)), ['10.9.0.3']);
    const sets = [med('10.9.0.2', 20, set), med('10.9.0.3', 10, set)];
    assert.equal(selectPaths(sets, all).length, 2);
    const within = [med('10.9.0.2', 20, []), med('10.9.0.3', 10, [confed])];
    assert.deepEqual(hops(selectPaths(within, all)), ['10.9.0.3']);
  });

  it('chooses alike in any order where MED goes in circles', () => {
    // By pairs: b over a by router id, c over b by router id, a over c by MED.
    const a = heard({ nextHop: '10.9.0.2', routerId: 3, attributes: { med: 10 } });
    const b = heard({ nextHop: '10.9.0.3', routerId: 2, peerAs: 65002, attributes: { med: 0 } });
    const c = heard({ nextHop: '10.9.0.4', routerId: 1, attributes: { med: 20 } });
    for (const paths of [
      [a, b, c],
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a],
    ]) {
      assert.deepEqual(selectPaths(paths, options()), [b]);
    }
  });

  it('takes all paths for the route that are of equal cost and one AS, the best first', () => {
    const paths = [
      heard({ nextHop: '10.9.0.4', routerId: 3 }),
      heard({ nextHop: '10.9.0.3', routerId: 2, peerAs: 65002 }),
      heard({ nextHop: '10.9.0.2', routerId: 4 }),
      heard({ nextHop: '10.9.0.4', routerId: 5 }),
    ];
    const kinds = (asked: SelectionOptions) =>
      explainSelection(paths, asked).map(({ outcome }) => outcome.kind);
    assert.deepEqual(hops(selectPaths(paths, options())), ['10.9.0.3']);
    assert.deepEqual(kinds(options()), ['lost', 'best', 'lost', 'lost']);
    const relaxed = { multipathRelax: true };
    assert.deepEqual(hops(selectPaths(paths, options(relaxed))), [
      '10.9.0.3',
      '10.9.0.4',
      '10.9.0.2',
    ]);
    assert.deepEqual(kinds(options(relaxed)), ['equal', 'best', 'equal', 'same-next-hop']);
    const two = options({ ...relaxed, multipath: 2 });
    assert.deepEqual(hops(selectPaths(paths, two)), ['10.9.0.3', '10.9.0.4']);
    assert.deepEqual(kinds(two), ['equal', 'best', 'beyond-multipath', 'same-next-hop']);
  });

  it('takes internal paths together where their AS paths are the same', () => {
    const internal = (nextHop: string, routerId: number, ...asns: number[]) =>
      heard({
        ...{ nextHop, routerId, type: 'internal', peerAs: 65000 },
        attributes: { asPath: sequence(...asns) },
      });
    const paths = [
      internal('10.9.0.2', 1, 65001, 65010),
      internal('10.9.0.3', 2, 65001, 65011),
      internal('10.9.0.4', 3, 65001, 65010),
    ];
    assert.deepEqual(hops(selectPaths(paths, options())), ['10.9.0.2', '10.9.0.4']);
    const relaxed = options({ multipathRelax: true });
    assert.equal(selectPaths(paths, relaxed).length, 3);
  });

  it('goes by ORIGINATOR_ID where a route reflector gave one, and by age between external paths only', () => {
    const reflected = heard({
      ...{ nextHop: '10.9.0.2', routerId: 1, type: 'internal', receivedAt: 1 },
      attributes: { originatorId: 9 },
    });
    const direct = heard({ nextHop: '10.9.0.3', routerId: 5, type: 'internal', receivedAt: 2 });
    const asked = options({ preferOldest: true, multipath: 1 });
    assert.deepEqual(selectPaths([reflected, direct], asked), [direct]);
    const external = [
      heard({ nextHop: '10.9.0.2', routerId: 1 }),
      heard({ nextHop: '10.9.0.3', routerId: 2, receivedAt: 7 }),
    ];
    assert.deepEqual(hops(selectPaths(external, asked)), ['10.9.0.3']);
    assert.deepEqual(hops(selectPaths(external, options({ multipath: 1 }))), ['10.9.0.2']);
  });

  it('holds confederation peers for internal ones', () => {
    const paths = [
      heard({ nextHop: '10.9.0.2', type: 'confederation' }),
      heard({ nextHop: '10.9.0.3', type: 'external', routerId: 9 }),
      heard({ nextHop: '10.9.0.4', type: 'internal' }),
    ];
    assert.deepEqual(hops(selectPaths(paths, options())), ['10.9.0.3']);
  });

  it('takes confederation paths of one member AS together, whatever their AS paths', () => {
    const member = (nextHop: string, routerId: number, peerAs: number, beyond: number) =>
      heard({
        ...{ nextHop, routerId, peerAs, type: 'confederation' },
        attributes: {
          asPath: [{ type: 'confed-sequence', asns: [peerAs] }, ...sequence(65001, beyond)],
        },
      });
    const paths = [
      member('10.9.0.2', 1, 64512, 65010),
      member('10.9.0.3', 2, 64512, 65011),
      member('10.9.0.4', 3, 64513, 65010),
    ];
    assert.deepEqual(hops(selectPaths(paths, options())), ['10.9.0.2', '10.9.0.3']);
  });

  it('takes peers that are no addresses by their names, in any order', () => {
    const paths = ['b', 'a', '10.9.0.2'].map((peer) => heard({ peer, nextHop: '10.9.0.2' }));
    for (const some of [paths.slice(0, 2), paths.slice(0, 2).toReversed()]) {
      assert.deepEqual(
        selectPaths(some, options()).map(({ peer }) => peer),
        ['a'],
      );
    }
  });

  it('names a best path where no next hop can be reached, so that it is said why', () => {
    const paths = [
      heard({ nextHop: '10.66.0.2', attributes: { localPref: 50 } }),
      heard({ nextHop: '10.66.0.3' }),
    ];
    assert.deepEqual(hops(selectPaths(paths, options())), ['10.66.0.3']);
  });
});

/** Few values each, so that every step is reached. */
const arbitraryPath = fc.record({
  nextHop: fc.constantFrom('10.9.0.2', '10.9.0.3', '10.66.0.2', '10.7.0.10', '10.7.0.20'),
  peer: fc.constantFrom('10.9.0.2', '10.9.0.10', '2001:db8::1'),
  peerAs: fc.constantFrom(65001, 65002),
  pathId: fc.nat(3),
  receivedAt: fc.constantFrom(1, 2),
  type: fc.constantFrom('external' as const, 'internal' as const, 'confederation' as const),
  routerId: fc.constantFrom(1, 0xffffffff),
  attributes: fc.record({
    asPath: fc.constantFrom(
      sequence(65001),
      sequence(65002),
      sequence(65001, 65002),
      [],
      [{ type: 'set' as const, asns: [65001, 65002] }],
    ),
    med: fc.constantFrom(undefined, 0, 10, 20),
    localPref: fc.constantFrom(undefined, 100, 200),
    origin: fc.constantFrom('igp' as const, 'incomplete' as const),
    communities: fc.constantFrom([], [], [STALE]),
    clusterLength: fc.constantFrom(0, 1),
    originatorId: fc.constantFrom(undefined, 7),
  }),
});

const arbitraryPaths = fc
  .uniqueArray(arbitraryPath, { selector: ({ peer, pathId }) => `${peer} ${pathId}`, maxLength: 8 })
  .map((all) => all.map((given) => heard(given as Heard)));

const arbitraryOptions = fc
  .record({
    multipath: fc.integer({ min: 1, max: 4 }),
    multipathRelax: fc.boolean(),
    alwaysCompareMed: fc.boolean(),
    preferOldest: fc.boolean(),
  })
  .map(options);

describe('any set of paths', () => {
  test('the legs do not depend on the order, and every path has one outcome that agrees', () => {
    fc.assert(
      fc.property(arbitraryPaths, arbitraryOptions, fc.gen(), (paths, asked, gen) => {
        const shuffled = gen(fc.shuffledSubarray, paths, { minLength: paths.length });
        const legs = selectPaths(paths, asked);
        assert.deepEqual(selectPaths(shuffled, asked), legs);
        const outcomes = explainSelection(paths, asked);
        assert.deepEqual(
          outcomes.map((one) => one.path),
          paths,
        );
        const of = (...kinds: string[]) =>
          outcomes.filter(({ outcome }) => kinds.includes(outcome.kind)).map((one) => one.path);
        assert.deepEqual(of('best'), legs.slice(0, 1));
        assert.deepEqual(new Set(of('best', 'equal')), new Set(legs));
        assert.equal(new Set(hops(legs)).size, legs.length);
        assert.ok(legs.length <= asked.multipath);
      }),
      { numRuns: 1000 },
    );
  });

  test('without MED of one neighbour only, a path that lost changes nothing by going', () => {
    fc.assert(
      fc.property(arbitraryPaths, arbitraryOptions, (paths, given) => {
        const asked = { ...given, bestPath: { ...given.bestPath, alwaysCompareMed: true } };
        const legs = selectPaths(paths, asked);
        for (const { path: gone, outcome } of explainSelection(paths, asked)) {
          if (outcome.kind !== 'lost') continue;
          assert.deepEqual(selectPaths(without(paths, gone), asked), legs);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a path that lost before MED is compared changes nothing by going, or by coming', () => {
    const beforeMed = SELECTION_STEPS.slice(0, SELECTION_STEPS.indexOf('med'));
    fc.assert(
      fc.property(arbitraryPaths, arbitraryOptions, (paths, asked) => {
        const legs = selectPaths(paths, asked);
        for (const { path: gone, outcome } of explainSelection(paths, asked)) {
          if (outcome.kind !== 'lost' || !beforeMed.includes(outcome.step)) continue;
          assert.deepEqual(selectPaths(without(paths, gone), asked), legs);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('by pairs it is an order, where MED is one: of two the one or the other, of three no circle', () => {
    const three = fc
      .uniqueArray(arbitraryPath, {
        ...{ selector: ({ peer, pathId }) => `${peer} ${pathId}`, minLength: 3, maxLength: 3 },
      })
      .map((all) => all.map((given) => heard(given as Heard)));
    fc.assert(
      fc.property(three, arbitraryOptions, (paths, given) => {
        const asked = { ...given, bestPath: { ...given.bestPath, alwaysCompareMed: true } };
        const wins = (a: Path, b: Path) => selectPaths([a, b], asked)[0] === a;
        for (const a of paths) {
          for (const b of without(paths, a)) {
            assert.notEqual(wins(a, b), wins(b, a));
            for (const c of without(without(paths, a), b)) {
              assert.ok(!(wins(a, b) && wins(b, c)) || wins(a, c));
            }
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('more legs are the same legs and more, and relax takes none away', () => {
    fc.assert(
      fc.property(arbitraryPaths, arbitraryOptions, (paths, asked) => {
        const legs = (multipath: number, multipathRelax: boolean) =>
          selectPaths(paths, {
            ...{ ...asked, multipath },
            bestPath: { ...asked.bestPath, multipathRelax },
          });
        for (const relax of [false, true]) {
          for (let most = 1; most < paths.length; most++) {
            assert.deepEqual(legs(most, relax), legs(most + 1, relax).slice(0, most));
          }
        }
        const all = new Set(hops(legs(64, true)));
        assert.equal(legs(64, true)[0], legs(64, false)[0]);
        assert.ok(hops(legs(64, false)).every((hop) => all.has(hop)));
      }),
      { numRuns: 1000 },
    );
  });

  test('the best path stays the best as it gets better, and another wins that is preferred to it', () => {
    fc.assert(
      fc.property(arbitraryPaths, arbitraryOptions, fc.nat(), (paths, asked, at) => {
        const [best] = selectPaths(paths, asked);
        const reached = best !== undefined && asked.metricTo(best.nextHop) !== undefined;
        if (best === undefined || !reached) return;
        const preferred = (path: Path, localPref: number) => ({
          ...path,
          attributes: { ...path.attributes, localPref, communities: [] },
        });
        const better = preferred(best, 300);
        const others = without(paths, best);
        assert.equal(selectPaths([...others, better], asked)[0], better);
        const other = others[at % others.length];
        if (other === undefined || asked.metricTo(other.nextHop) === undefined) return;
        const rival = preferred(other, 301);
        assert.deepEqual(selectPaths([...without(others, other), better, rival], asked), [rival]);
      }),
      { numRuns: 1000 },
    );
  });

  test("the best path is the one of FRR's way: the best of each neighbouring AS, then by pairs", () => {
    fc.assert(
      fc.property(arbitraryPaths, arbitraryOptions, (paths, asked) => {
        assert.equal(selectPaths(paths, asked)[0], bestByGroups(paths, asked));
      }),
      { numRuns: 2000 },
    );
  });
});

function without(paths: readonly Path[], gone: Path): readonly Path[] {
  return paths.filter((each) => each !== gone);
}

/** FRR with `deterministic-med`, written by pairs and independently: what it is checked against. */
function bestByGroups(paths: readonly Path[], asked: SelectionOptions): Path | undefined {
  const groups = new Map<string, Path[]>();
  paths.forEach((each, i) => {
    const first = each.attributes.asPath[0];
    const key =
      first === undefined ? 'own' : first.type === 'set' ? `set ${i}` : `${first.asns[0]}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  });
  const better = (a: Path | undefined, b: Path) => (a === undefined || beats(b, a, asked) ? b : a);
  const best = (of: readonly Path[]) => of.reduce<Path | undefined>(better, undefined);
  return best([...groups.values()].flatMap((group) => best(group) ?? []));
}

function beats(a: Path, b: Path, { bestPath, metricTo }: SelectionOptions): boolean {
  const sameNeighbour = () => {
    const [one, other] = [a.attributes.asPath[0], b.attributes.asPath[0]];
    if (one === undefined || other === undefined) return one === other;
    return one.type === 'sequence' && other.type === 'sequence' && one.asns[0] === other.asns[0];
  };
  const external = a.session?.type === 'external';
  const keys = (p: Path): (number | bigint)[] => [
    metricTo(p.nextHop) === undefined ? 1 : 0,
    p.attributes.communities.length,
    -(p.attributes.localPref ?? 100),
    p.attributes.asPath.reduce((n, { type, asns }) => n + (type === 'set' ? 1 : asns.length), 0),
    p.attributes.origin === 'igp' ? 0 : 2,
    bestPath.alwaysCompareMed || sameNeighbour() ? (p.attributes.med ?? 0) : 0,
    p.session?.type === 'external' ? 0 : 1,
    metricTo(p.nextHop) ?? 0,
    bestPath.preferOldest && external ? (p.receivedAt ?? 0) : 0,
    p.attributes.originatorId ?? p.session?.routerId ?? 0,
    p.attributes.clusterLength,
    ['10.9.0.2', '10.9.0.10', '2001:db8::1'].indexOf(p.peer),
    p.pathId,
  ];
  const [mine, theirs] = [keys(a), keys(b)];
  const at = mine.findIndex((key, i) => key !== theirs[i]);
  return at >= 0 && (mine[at] ?? 0) < (theirs[at] ?? 0);
}
