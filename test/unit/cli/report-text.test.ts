import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExplainReport, RouteReport } from '../../../src/admin/command-report.js';
import { agoText, countText, durationText } from '../../../src/cli/amount.js';
import { explainText } from '../../../src/cli/explain-text.js';
import { applyText, cleanupText, reloadText } from '../../../src/cli/outcome-text.js';
import { planText } from '../../../src/cli/plan-text.js';
import { progressBar } from '../../../src/cli/progress-bar.js';
import { routeLines } from '../../../src/cli/routes-text.js';
import { PLAIN } from '../../../src/cli/style.js';

test('explain: an address, a table that has it and one that refuses it', () => {
  const report: ExplainReport = {
    query: '10.1.2.3',
    prefix: '10.1.0.0/16',
    tables: [
      {
        table: 'fabric',
        id: 100,
        steps: [
          { stage: 'heard', outcome: 'ok', text: 'from 10.9.0.2 AS 65001\nfrom 10.9.1.2 AS 65002' },
          { stage: 'filter', outcome: 'ok', text: 'permitted by filters[1]' },
          { stage: 'limit', outcome: 'info', text: 'no limit applies' },
          { stage: 'next hop', outcome: 'ok', text: '10.9.0.2 is on-link on eth1' },
        ],
        conclusion: 'installed',
      },
      {
        table: '200',
        id: 200,
        steps: [{ stage: 'selection', outcome: 'no', text: 'nothing was permitted' }],
        conclusion: 'not in the table: denied by filters[0]',
      },
    ],
  };
  assert.equal(
    explainText(report, PLAIN),
    `\
10.1.2.3 is in 10.1.0.0/16

table fabric (100)
  ✓ heard      from 10.9.0.2 AS 65001
               from 10.9.1.2 AS 65002
  ✓ filter     permitted by filters[1]
  · limit      no limit applies
  ✓ next hop   10.9.0.2 is on-link on eth1
  => installed

table 200
  ✗ selection  nothing was permitted
  => not in the table: denied by filters[0]`,
  );
});

test('plan: a diff that counts itself', () => {
  assert.equal(
    planText(
      {
        evaluatedBy: 'daemon',
        notes: ['the feed is not synced'],
        changes: [
          { op: '+', kind: 'nexthop', text: 'id 1073741824 via 10.9.0.2 dev eth1' },
          { op: '+', kind: 'route', text: '10.1.0.0/16 nhid 1073741824 table 100 metric 20' },
          { op: '~', kind: 'route', text: '10.2.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20' },
          { op: '-', kind: 'rule', text: '10000: from 203.0.113.0/24 lookup 100' },
        ],
      },
      PLAIN,
    ),
    `\
+ nexthop id 1073741824 via 10.9.0.2 dev eth1
+ 10.1.0.0/16 nhid 1073741824 table 100 metric 20
~ 10.2.0.0/16 via 10.9.0.2 dev eth1 table 100 metric 20
- rule 10000: from 203.0.113.0/24 lookup 100
note: the feed is not synced
2 to add, 1 to replace, 1 to remove, by the running daemon's feed.`,
  );
});

test('plan: nothing to do', () => {
  assert.equal(
    planText({ evaluatedBy: 'command', notes: [], changes: [] }, PLAIN),
    'No changes, by a feed read for this plan.',
  );
});

const ROUTE: RouteReport = {
  table: 'fabric',
  prefix: '10.1.0.0/16',
  state: 'installed',
  route: '10.1.0.0/16 via 10.9.0.2 dev eth1 proto 178 metric 20',
  peer: '10.9.0.2',
  asPath: '65001 65010',
  reason: undefined,
};

async function* arriving(routes: readonly RouteReport[]): AsyncGenerator<RouteReport> {
  yield* routes;
}

async function collected(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

test('routes: columns in the words of ip route', async () => {
  const lines = await collected(
    routeLines(
      arriving([
        ROUTE,
        {
          ...ROUTE,
          prefix: '10.42.0.0/24',
          route: '',
          state: 'rejected',
          asPath: '',
          reason: 'denied',
        },
        {
          ...ROUTE,
          state: 'static',
          route: 'default via 10.9.0.2 dev eth1 proto 178 metric 1020',
          peer: undefined,
          asPath: undefined,
        },
      ]),
      PLAIN,
    ),
  );
  assert.deepEqual(lines, [
    'STATE      TABLE   ROUTE                                                  PEER      AS PATH      REASON',
    'installed  fabric  10.1.0.0/16 via 10.9.0.2 dev eth1 proto 178 metric 20  10.9.0.2  65001 65010',
    'rejected   fabric  10.42.0.0/24                                           10.9.0.2  -            denied',
    'static     fabric  default via 10.9.0.2 dev eth1 proto 178 metric 1020    -         -',
  ]);
});

test('routes: no route, no header', async () => {
  assert.deepEqual(await collected(routeLines(arriving([]), PLAIN)), []);
});

test('routes: a long list goes out while it comes in', async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<RouteReport> {
    for (;;) {
      asked++;
      yield ROUTE;
    }
  }
  let lines = 0;
  for await (const _ of routeLines(endless(), PLAIN)) if (++lines === 1_000) break;
  assert.equal(asked, 999);
});

test('what apply, cleanup and reload say', () => {
  const failed = [{ what: '10.1.0.0/16 table 100', errno: 'ENETUNREACH', message: 'unreachable' }];
  assert.equal(
    applyText(
      { added: 12345, replaced: 0, removed: 2, unchanged: 7, failed: [], notes: [] },
      PLAIN,
    ),
    '12,345 added, 0 replaced, 2 removed, 7 unchanged',
  );
  assert.equal(
    applyText(
      {
        added: 0,
        replaced: 0,
        removed: 0,
        unchanged: 7,
        failed,
        notes: ['static[0]: eth9 is absent'],
      },
      PLAIN,
    ),
    'note: static[0]: eth9 is absent\n10.1.0.0/16 table 100: ENETUNREACH: unreachable\n0 added, 0 replaced, 0 removed, 7 unchanged, 1 failed',
  );
  assert.equal(
    cleanupText({ rules: 1, routes: 812, nexthops: 2, connmark: false, failed: [] }, PLAIN),
    'removed 1 rule, 812 routes and 2 nexthop objects',
  );
  assert.equal(
    cleanupText({ rules: 0, routes: 0, nexthops: 0, connmark: false, failed: [] }, PLAIN),
    'nothing of rib2fib was in the kernel',
  );
  assert.equal(
    reloadText({ applied: true, changes: ['hold: 120s -> 60s'] }, PLAIN),
    'hold: 120s -> 60s\nreloaded',
  );
  assert.equal(
    reloadText({ applied: false, faults: ['a.yaml:1:1: nothing in it'] }, PLAIN),
    'a.yaml:1:1: nothing in it\nrefused: the configuration before this one stays in force',
  );
});

test('numbers and times', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(countText), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual(
    [0, 999, 119_999, 120_000, 7_199_999, 7_200_000, 172_799_999, 172_800_000].map(durationText),
    ['0 s', '0 s', '119 s', '2 min', '119 min', '2 h', '47 h', '2 d'],
  );
  assert.equal(agoText(1_000, 1_500), 'just now');
  assert.equal(agoText(1_000, 241_000), '4 min ago');
  assert.equal(agoText(9_000, 1_000), 'in 8 s');
});

test('progress: silent for a small table, a line a percent for a large one, none at the end', () => {
  const drawn: string[] = [];
  const bar = progressBar((line) => drawn.push(line));
  bar(500, 1_000);
  assert.deepEqual(drawn, []);
  for (let done = 0; done <= 100_000; done += 100) bar(done, 100_000);
  assert.equal(drawn.length, 101);
  assert.equal(drawn[50], '[###############...............] 50 %  50,000 of 100,000');
  assert.equal(drawn.at(-1), '');
});
