import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainAnswer } from '../../../src/admin/explain-answer.js';
import { AdminFault } from '../../../src/admin/service.js';
import { config, limit, prefix, rulesFrom, staticRoute, table } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { FakeNode, runningNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';
import { STATUS } from './sample-status.js';

/** `stage outcome: text`, one a line, and the conclusion last. */
function explain(node: FakeNode, query: string): string[] {
  const [report] = explainAnswer(fakeFacts(node), query).tables;
  assert.ok(report);
  const steps = report.steps.map(({ stage, outcome, text }) => `${stage} ${outcome}: ${text}`);
  return [...steps, report.conclusion];
}

const HEARD = 'from 10.9.0.2 AS 65001, next hop 10.9.0.2, AS path 65001';
const NO_RULE = 'rule info: no ipv4 rule of ours sends traffic to this table';

const KEPT_IN_MAIN = 'kept in main: a throw route sends it on to the next rules';

test('an installed prefix, stage by stage', async () => {
  const node = await runningNode(
    config(table({ rules: rulesFrom('203.0.113.0/24'), limits: [limit('block', 5)] })),
    '10.0.0.0/8 via 10.9.0.2',
  );
  const route = '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20';
  assert.deepEqual(explain(node, '10.0.0.0/8'), [
    `heard ok: ${HEARD}`,
    'filter ok: filters[0] filters[0]',
    'limit ok: fabric/all/ipv4: 1 of 5',
    'selection ok: 1 of the permitted paths, multipath 16',
    'next hop ok: 10.9.0.2 resolves',
    `route ok: ${route}`,
    `kernel ok: has it: ${route}`,
    'rule ok: from 203.0.113.0/24 lookup 100 pref 10000 proto 178',
    'installed',
  ]);
  await node.stop();
});

test('each way not to be installed has its step and its sentence', async () => {
  const node = await runningNode(
    config(
      table({
        filters: [
          rule('deny', 'filters[0]', { prefix: '11.0.0.0/8', text: 'deny 11.0.0.0/8' }),
          rule('permit', 'filters[1]', {
            prefix: '0.0.0.0/0 le 16',
            text: 'permit 0.0.0.0/0 le 16',
          }),
        ],
        acceptDefault: false,
        keepInMain: [prefix('10.42.0.0/16')],
        limits: [limit('block', 2)],
      }),
    ),
    '11.0.0.0/8 via 10.9.0.2',
    '12.1.1.0/24 via 10.9.0.2',
    '0.0.0.0/0 via 10.9.0.2',
    '10.42.0.0/16 via 10.9.0.2',
    '13.0.0.0/8 via 10.9.0.1',
    '14.0.0.0/8 via 192.0.3.1',
    '15.0.0.0/8 via 10.9.0.2',
    '16.0.0.0/8 via 10.9.0.2',
  );
  const conclusions = [
    '11.0.0.0/8',
    '12.1.1.0/24',
    '0.0.0.0/0',
    '10.42.0.0/16',
    '13.0.0.0/8',
    '14.0.0.0/8',
    '16.0.0.0/8',
    '99.0.0.0/8',
  ].map((query) => explain(node, query).at(-1));
  assert.deepEqual(conclusions, [
    'not installed: filters[0] deny 11.0.0.0/8',
    'not installed: no rule matches: denied by default',
    'not installed: a default route needs acceptDefault: true besides a permit',
    KEPT_IN_MAIN,
    'not installed: 10.9.0.1 is an address of this node',
    'not installed: 192.0.3.1: 192.0.3.1 is reached through the default route only (viaDefault: false)',
    'not installed: limit-blocked: fabric/all/ipv4: 3 of 2, action block',
    'not installed: gobgp offers no path to 99.0.0.0/8',
  ]);
  await node.stop();
});

test('the kernel’s part: foreign, refused, changed in its place', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  node.kernel.refuse('route replace 10.0.0.0/8', 'ENOMEM');
  await node.outside('route add 10.3.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20');
  await node.hears('10.0.0.0/8 via 10.9.0.3', '10.3.0.0/16 via 10.9.0.2');
  const refused = explain(node, '10.0.0.0/8');
  assert.ok(
    refused.includes(
      'kernel no: kernel-error: ENOMEM no: ENOMEM, retried; until then: 10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20',
    ),
    refused.join('\n'),
  );
  assert.deepEqual(explain(node, '10.3.0.0/16').slice(-5), [
    'route ok: 10.3.0.0/16 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20',
    'kernel no: foreign-route: a route of somebody else stands there, and foreign is preserve',
    'kernel info: foreign: 10.3.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20',
    NO_RULE,
    'not installed: foreign-route: a route of somebody else stands there, and foreign is preserve',
  ]);
  await node.stop();
});

test('an address is explained by its longest match; a configured route needs no path', async () => {
  const node = await runningNode(
    config(table({ static: [staticRoute('10.7.0.0/16', '10.9.0.254')] })),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  const facts = fakeFacts(node);
  const matched = (query: string) => explainAnswer(facts, query).prefix;
  assert.equal(matched('10.1.2.3'), '10.1.0.0/16');
  assert.equal(matched('10.2.2.3'), '10.0.0.0/8');
  assert.equal(matched('10.7.2.3'), '10.7.0.0/16');
  assert.equal(matched('10.9.0.9'), '10.9.0.0/24');
  assert.equal(matched('172.16.0.1'), '172.16.0.1/32');
  assert.equal(matched('2001:db8::1'), '2001:db8::1/128');
  assert.equal(explain(node, '10.7.2.3').at(-1), 'installed');
  assert.equal(explain(node, '10.9.0.9').at(-1), KEPT_IN_MAIN);
  await node.stop();
});

test('an address goes where the kernel’s look-up sends it, be a longer prefix heard', async () => {
  const node = await runningNode(
    config(
      table({
        filters: [
          rule('deny', 'd', { prefix: '10.1.0.0/16', text: 'deny 10.1.0.0/16' }),
          rule('permit', 'p', { text: 'permit' }),
        ],
      }),
    ),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
    '11.1.0.0/16 via 10.9.0.1',
  );
  const facts = fakeFacts(node);
  assert.equal(explainAnswer(facts, '10.1.2.3').prefix, '10.0.0.0/8');
  const steps = explain(node, '10.1.2.3');
  assert.equal(
    steps[0],
    'heard info: 10.1.0.0/16 is longer, but not installed: d deny 10.1.0.0/16',
  );
  assert.equal(steps.at(-1), 'installed');
  assert.ok(!explain(node, '10.0.0.0/8').some((step) => step.includes('is longer')));
  assert.equal(explainAnswer(facts, '11.1.2.3').prefix, '11.1.0.0/16');
  assert.equal(
    explain(node, '11.1.2.3').at(-1),
    'not installed: 10.9.0.1 is an address of this node',
  );
  await node.stop();
});

test('kept from before until its family is fed, and then only while the kernel refuses', async () => {
  const before = await runningNode(
    config(table()),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.0.2',
  );
  await before.stop();
  const node = await new FakeNode(config(table()), before.kernel, before.clock).start();
  const route = '11.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20';
  assert.deepEqual(explain(node, '11.2.3.4'), [
    'heard no: gobgp offers no path to 11.0.0.0/8',
    `kernel info: still has, kept as stale until the feed is complete: ${route}`,
    NO_RULE,
    'installed, kept from before',
  ]);
  node.kernel.refuse('route del 11.0.0.0/8', 'EBUSY');
  await node.feed('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(explain(node, '11.0.0.0/8'), [
    'heard no: gobgp offers no path to 11.0.0.0/8',
    `kernel info: still has, though unwanted (EBUSY no: EBUSY, retried): ${route}`,
    NO_RULE,
    'installed, though unwanted: gobgp offers no path to 11.0.0.0/8',
  ]);
  await node.stop();
});

test('a prefix that nobody offers: who has no session, and could have', async () => {
  const node = await runningNode(config(table()));
  const facts = fakeFacts(node);
  facts.peers = STATUS.source.peers;
  const [report] = explainAnswer(facts, '99.0.0.0/8').tables;
  assert.equal(
    report?.conclusion,
    'not installed: gobgp offers no path to 99.0.0.0/8; no session with 10.9.1.2 (active)',
  );
  await node.stop();
});

test('a refusal names the limits of its own family only', async () => {
  const ipv6 = limit('block', 0, { family: 'ipv6' });
  const node = await runningNode(
    config(table({ limits: [limit('block', 1), ipv6] })),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.0.2',
    '2001:db8::/32 via 10.9.0.2',
  );
  assert.equal(
    explain(node, '11.0.0.0/8').at(-1),
    'not installed: limit-blocked: fabric/all/ipv4: 2 of 1, action block',
  );
  assert.equal(
    explain(node, '2001:db8::/32').at(-1),
    'not installed: limit-blocked: fabric/all/ipv6: 1 of 0, action block',
  );
  await node.stop();
});

test('limits of peers that do not offer the prefix are left out', async () => {
  const node = await runningNode(
    config(
      table({
        limits: [
          limit('block', 1, { peer: '10.9.0.2' }),
          limit('block', 7, { peer: '10.9.1.2' }),
          limit('block', 9),
        ],
      }),
    ),
    '10.0.0.0/8 via 10.9.0.2',
    '11.0.0.0/8 via 10.9.0.2',
    '12.0.0.0/8 via 10.9.1.2',
  );
  const limits = (query: string) => explain(node, query).filter((line) => /^limit/.test(line));
  assert.deepEqual(limits('10.0.0.0/8'), [
    'limit ok: fabric/10.9.0.2/ipv4: 2 of 1; fabric/all/ipv4: 2 of 9',
  ]);
  assert.deepEqual(limits('11.0.0.0/8'), [
    'limit no: limit-blocked: fabric/10.9.0.2/ipv4: 2 of 1, action block',
  ]);
  assert.deepEqual(limits('12.0.0.0/8'), [
    'limit ok: fabric/10.9.1.2/ipv4: 1 of 7; fabric/all/ipv4: 2 of 9',
  ]);
  await node.stop();
});

test('what is no prefix or address is said so', async () => {
  const node = await runningNode(config(table()));
  const message = (query: string) => {
    try {
      explainAnswer(fakeFacts(node), query);
    } catch (error) {
      assert.ok(error instanceof AdminFault);
      return error.message;
    }
    return assert.fail(query);
  };
  assert.equal(
    message('10.0.0.1/8'),
    '10.0.0.1/8 has host bits set; 10.0.0.0/8 was probably meant',
  );
  assert.equal(message('nonsense'), 'nonsense is neither a prefix nor an address');
  assert.equal(message('10.0.0.0/33'), '10.0.0.0/33 is neither a prefix nor an address');
  await node.stop();
});

test('several paths: which the filter lets through', async () => {
  const node = await runningNode(
    config(
      table({
        filters: [rule('permit', 'filters[0]', { peer: '10.9.1.2', text: 'permit peer 10.9.1.2' })],
      }),
    ),
    '10.0.0.0/8 via 10.9.0.2 + 10.9.1.2',
  );
  const steps = explain(node, '10.0.0.0/8');
  assert.ok(steps.includes('filter info: path of 10.9.0.2: no rule matches: denied by default'));
  assert.ok(steps.includes('filter ok: path of 10.9.1.2: filters[0] permit peer 10.9.1.2'));
  assert.equal(steps.at(-1), 'installed');
  await node.stop();
});

test('rules that are taken out: installed, and not in use', async () => {
  const node = await runningNode(
    config(table({ rules: rulesFrom('203.0.113.0/24'), keepInMain: [prefix('10.42.0.0/16')] })),
    '10.0.0.0/8 via 10.9.0.2',
  );
  await node.outside(
    'rule add from all lookup 255 pref 20000 proto 2',
    'rule del from all lookup 255 pref 0 proto 2',
  );
  const why = 'priority 10000 is not behind the ipv4 rule of table local (20000)';
  assert.deepEqual(explain(node, '10.0.0.0/8').slice(-2), [
    `rule no: from 203.0.113.0/24 lookup 100 pref 10000 proto 178 is not installed: ${why}`,
    `installed, but not in use: its rules are taken out: ${why}`,
  ]);
  assert.equal(
    explain(node, '10.42.1.1').at(-1),
    `${KEPT_IN_MAIN}, but not in use: its rules are taken out: ${why}`,
  );
  await node.stop();
});

test('a static route that cannot be installed says why, and one that can takes the place of a refused one', async () => {
  const node = await runningNode(
    config(
      table({
        acceptDefault: false,
        static: [
          staticRoute('0.0.0.0/0', '10.9.0.254'),
          staticRoute('10.7.0.0/16', '10.9.0.254%eth9'),
          staticRoute('10.8.0.0/16', '10.9.0.254%eth9'),
        ],
        onMiss: 'unreachable',
      }),
    ),
    '0.0.0.0/0 via 10.9.0.2',
    '10.8.0.0/16 via 10.9.0.2',
  );
  assert.deepEqual(explain(node, '10.7.0.0/16'), [
    'heard info: gobgp offers no path to 10.7.0.0/16',
    'next hop no: static 10.7.0.0/16: there is no interface eth9',
    NO_RULE,
    'not installed: static 10.7.0.0/16: there is no interface eth9',
  ]);
  assert.equal(
    explain(node, '10.7.1.1')[0],
    'heard info: 10.7.0.0/16 is longer, but not installed: static 10.7.0.0/16: there is no interface eth9',
  );
  assert.equal(explain(node, '10.8.0.0/16').at(-1), 'installed');
  assert.equal(
    explain(node, '0.0.0.0/0').at(-1),
    'installed, the static route alone: a default route needs acceptDefault: true besides a permit',
  );
  await node.link('eth1', { up: false, carrier: false });
  assert.equal(
    explain(node, '0.0.0.0/0').at(-1),
    'unreachable: onMiss refuses what the table has no other route for',
  );
  await node.stop();
});

test('a foreign route of a lower metric goes first', async () => {
  const node = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  await node.outside('route add 10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 5');
  assert.equal(
    explain(node, '10.0.0.0/8').at(-1),
    'installed, but a route of somebody else goes first, with metric 5',
  );
  await node.stop();
});
