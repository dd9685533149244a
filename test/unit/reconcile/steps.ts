/** Random configurations, and random steps of a story, for the property test. */
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.js';
import { config, nextHop, prefix, rulesFrom, staticRoute, table } from '../desired/build.js';
import { rule } from '../policy/build.js';

const PREFIXES = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.9.0.0/25',
  '10.9.1.0/24',
  '11.0.0.0/8',
  '12.0.0.0/8',
];
const NEXT_HOPS = ['10.9.0.2', '10.9.0.3', '10.9.1.2', '172.16.0.9', '192.0.3.1'];
const GATEWAYS = ['10.9.0.2', '10.9.0.3', '10.9.1.2'];
const REFUSALS = [
  'route add',
  'route replace',
  'route del',
  'rule add',
  'rule del',
  'nexthop add',
  'nexthop replace',
  'nexthop del',
];

export type Step =
  | { do: 'hear'; prefixes: string[]; nextHops: string[] }
  | { do: 'withdraw'; prefixes: string[] }
  | { do: 'lose' | 'synced' | 'resync' | 'restart' | 'overrun' | 'dropRule' | 'dropNexthop' }
  | { do: 'wait'; ms: number }
  | { do: 'link'; name: string; up: boolean; carrier: boolean; quick: boolean }
  | { do: 'main'; via: string | undefined }
  | { do: 'reload'; config: Config }
  | { do: 'foreign'; add: boolean; prefix: string; metric: number; table: number }
  | { do: 'alter'; prefix: string; metric: number; table: number }
  | { do: 'dropOwn'; at: number; silent: boolean }
  | { do: 'refuse'; pattern: string; errno: string; times: number }
  | { do: 'loseAnswers'; from: number }
  | { do: 'meanwhile'; prefix: string; nextHops: string[]; config: Config | undefined };

export const anyConfig: fc.Arbitrary<Config> = fc
  .record({
    id: fc.constantFrom(100, 200),
    metric: fc.constantFrom(20, 30),
    objects: fc.constantFrom('always', 'never'),
    foreign: fc.constantFrom('preserve', 'evict'),
    multipath: fc.constantFrom(1, 2, 16),
    keepInMain: fc.boolean(),
    statics: fc.boolean(),
    unreachable: fc.boolean(),
    filtered: fc.boolean(),
    rules: fc.constantFrom(undefined, 500, 600),
    second: fc.boolean(),
  })
  .map((given) => {
    const { id, metric, objects, foreign, multipath } = given;
    const one = table({
      id,
      metric,
      foreign,
      multipath,
      nextHop: nextHop({ objects }),
      keepInMain: given.keepInMain ? [prefix('10.1.0.0/16')] : [],
      static: given.statics ? [staticRoute('0.0.0.0/0', '10.9.0.254%eth1')] : [],
      onMiss: given.unreachable ? 'unreachable' : 'main',
      filters: given.filtered
        ? [rule('deny', 'd', { prefix: '11.0.0.0/8' }), rule('permit', 'p')]
        : [rule('permit', 'p')],
      rules: given.rules && { ...rulesFrom('203.0.113.0/24'), priority: given.rules },
    });
    return given.second ? config(one, table({ id: 300, name: 'second' })) : config(one);
  });

const somePrefixes = fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1 });

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('hear' as const),
      prefixes: somePrefixes,
      nextHops: fc.uniqueArray(fc.constantFrom(...NEXT_HOPS), { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('withdraw' as const), prefixes: somePrefixes }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'lose' as const,
        'synced' as const,
        'resync' as const,
        'restart' as const,
        'overrun' as const,
        'dropRule' as const,
        'dropNexthop' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(500, 5_000, 130_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      name: fc.constantFrom('eth1', 'eth2'),
      up: fc.boolean(),
      carrier: fc.boolean(),
      quick: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('main' as const),
      via: fc.constantFrom(undefined, ...GATEWAYS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reload' as const), config: anyConfig }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('foreign' as const),
      add: fc.boolean(),
      prefix: fc.constantFrom(...PREFIXES),
      metric: fc.constantFrom(20, 30, 5),
      table: fc.constantFrom(100, 200, 300, 400),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('alter' as const),
      prefix: fc.constantFrom(...PREFIXES),
      metric: fc.constantFrom(20, 30),
      table: fc.constantFrom(100, 200, 300, 400),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('dropOwn' as const),
      at: fc.nat(20),
      silent: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('refuse' as const),
      pattern: fc.constantFrom(...REFUSALS),
      errno: fc.constantFrom('ENOMEM', 'EINVAL', 'EEXIST', 'ENOENT'),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('loseAnswers' as const), from: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('meanwhile' as const),
      prefix: fc.constantFrom(...PREFIXES),
      nextHops: fc.uniqueArray(fc.constantFrom(...NEXT_HOPS)),
      config: fc.option(anyConfig, { nil: undefined }),
    }),
  },
);

/** What the source says while the loop is at work. */
export const anyInterjection = fc.record({
  prefix: fc.constantFrom(...PREFIXES),
  nextHops: fc.uniqueArray(fc.constantFrom(...NEXT_HOPS), { maxLength: 2 }),
});
