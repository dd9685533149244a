import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoutesQuery } from '../../../src/admin/command-report.js';
import { routesAnswer } from '../../../src/admin/routes-answer.js';
import { AdminFault } from '../../../src/admin/service.js';
import { config, limit, nextHop, prefix, staticRoute, table } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { FakeNode, runningNode } from '../reconcile/node.js';
import { fakeFacts } from './fake-facts.js';

const ALL: RoutesQuery = {
  table: undefined,
  family: undefined,
  state: undefined,
  reason: undefined,
  peer: undefined,
  limit: undefined,
};

/** `prefix state reason`, one a line. */
function lines(node: FakeNode, query: Partial<RoutesQuery> = {}): string[] {
  return [...routesAnswer(fakeFacts(node), { ...ALL, ...query })].map(
    ({ prefix: of, state, reason }) => `${of} ${state}${reason === undefined ? '' : ` ${reason}`}`,
  );
}

async function mixedNode(): Promise<FakeNode> {
  const node = await runningNode(
    config(
      table({
        filters: [rule('deny', 'd', { prefix: '11.0.0.0/8' }), rule('permit', 'p')],
        static: [staticRoute('0.0.0.0/0', '10.9.0.254')],
        keepInMain: [prefix('10.42.0.0/16')],
        onMiss: 'unreachable',
      }),
      table({ id: 200, name: 'other', filters: [] }),
    ),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2 + 10.9.1.2',
    '11.0.0.0/8 via 10.9.0.2',
    '10.42.1.0/24 via 10.9.0.2',
    '12.0.0.0/8 via 172.16.0.1',
  );
  node.kernel.refuse('10.2.0.0/16', 'ENOMEM');
  await node.outside('route add 10.3.0.0/16 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20');
  await node.hears('10.2.0.0/16 via 10.9.0.2', '10.3.0.0/16 via 10.9.0.2');
  return node;
}

test('every prefix of a table, with its state and why', async () => {
  const node = await mixedNode();
  assert.deepEqual(lines(node, { table: 'fabric' }), [
    '0.0.0.0/0 static',
    '0.0.0.0/0 static',
    '10.0.0.0/8 installed',
    '10.1.0.0/16 installed',
    '10.2.0.0/16 failed kernel-error',
    '10.3.0.0/16 failed foreign-route',
    '10.9.0.0/24 throw',
    '10.9.1.0/24 throw',
    '10.42.0.0/16 throw',
    '10.42.1.0/24 rejected kept-in-main',
    '11.0.0.0/8 rejected denied',
    '12.0.0.0/8 rejected next-hop-via-default',
  ]);
  assert.equal(lines(node).length, 12 + 7);
  await node.stop();
});

test('asked for by table, family, state, reason, peer and number', async () => {
  const node = await mixedNode();
  const first = { table: '100' };
  assert.equal(lines(node, { table: '200', state: 'rejected' }).length, 7);
  assert.deepEqual(lines(node, { ...first, state: 'installed', limit: 1 }), [
    '10.0.0.0/8 installed',
  ]);
  assert.deepEqual(lines(node, { ...first, limit: 0 }), []);
  assert.deepEqual(lines(node, { ...first, reason: 'denied' }), ['11.0.0.0/8 rejected denied']);
  assert.deepEqual(lines(node, { ...first, peer: '10.9.1.2' }), ['10.1.0.0/16 installed']);
  assert.deepEqual(lines(node, { family: 'ipv6' }), []);
  assert.throws(() => lines(node, { table: 'nobody' }), AdminFault);
  await node.stop();
});

test('in the words of ip route, with peers and AS path', async () => {
  const node = await mixedNode();
  const [ecmp] = routesAnswer(fakeFacts(node), { ...ALL, peer: '10.9.1.2', table: 'fabric' });
  assert.equal(
    ecmp?.route,
    '10.1.0.0/16 table 100 proto 178 metric 20 nexthop via 10.9.0.2 dev eth1 weight 1 nexthop via 10.9.1.2 dev eth2 weight 1',
  );
  assert.equal(ecmp.peer, '10.9.0.2+10.9.1.2');
  assert.equal(ecmp.asPath, '65001');
  await node.stop();
});

test('stale: what the kernel has from before, until the feed is complete', async () => {
  const before = await runningNode(config(table()), '10.0.0.0/8 via 10.9.0.2');
  await before.stop();
  const node = await new FakeNode(config(table()), before.kernel, before.clock).start();
  assert.deepEqual(lines(node), ['10.0.0.0/8 stale', '10.9.0.0/24 stale']);
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  assert.deepEqual(lines(node), ['10.0.0.0/8 installed', '10.9.0.0/24 throw']);
  await node.stop();
});

test('something else in its place is not installed: a change that the kernel refuses shows', async () => {
  for (const objects of ['never', 'always'] as const) {
    const node = await runningNode(
      config(
        table({ nextHop: nextHop({ objects }), static: [staticRoute('0.0.0.0/0', '10.9.0.254')] }),
      ),
      '10.0.0.0/8 via 10.9.0.2',
    );
    assert.ok(lines(node).includes('10.0.0.0/8 installed'));
    node.kernel.refuse('route replace 10.0.0.0/8', 'ENOMEM');
    await node.hears('10.0.0.0/8 via 10.9.0.3');
    assert.ok(lines(node).includes('10.0.0.0/8 failed kernel-error'));
    node.kernel.refuseNothing();
    await node.pass(1_000);
    assert.ok(lines(node).includes('10.0.0.0/8 installed'));
    await node.stop();
  }
});

test('a group of other legs than wanted is not installed, by whosever refusal', async () => {
  const node = await runningNode(
    config(table({ nextHop: nextHop({ objects: 'always' }) })),
    '10.0.0.0/8 via 10.9.0.2 + 10.9.1.2',
    '11.0.0.0/8 via 10.9.0.2 + 10.9.1.2',
  );
  await node.link('eth2', { up: false, carrier: false });
  assert.equal(lines(node, { state: 'installed' }).length, 2);
  node.kernel.refuse('nexthop replace', 'ENOMEM');
  await node.link('eth2', { up: true, carrier: true });
  const [report] = routesAnswer(fakeFacts(node), { ...ALL, state: 'failed' });
  assert.equal(report?.prefix, '10.0.0.0/8');
  assert.equal(report.detail, 'ENOMEM: no: ENOMEM');
  assert.equal(lines(node, { state: 'failed', reason: 'kernel-error' }).length, 2);
  node.kernel.refuseNothing();
  await node.pass(1_000);
  assert.deepEqual(lines(node, { state: 'installed' }), [
    '10.0.0.0/8 installed',
    '11.0.0.0/8 installed',
  ]);
  await node.stop();
});

test('what a limit refuses', async () => {
  const node = await runningNode(
    config(table({ limits: [limit('block', 1)] })),
    '10.0.0.0/8 via 10.9.0.2',
    '10.1.0.0/16 via 10.9.0.2',
  );
  assert.deepEqual(lines(node, { reason: 'limit-blocked' }), [
    '10.1.0.0/16 rejected limit-blocked',
  ]);
  await node.stop();
});

test('a static route that cannot be installed is rejected, beside a learned one too', async () => {
  const node = await runningNode(
    config(
      table({
        static: [
          staticRoute('10.7.0.0/16', '10.9.0.254%eth9'),
          staticRoute('10.8.0.0/16', '10.9.0.254%eth9'),
        ],
      }),
    ),
    '10.8.0.0/16 via 10.9.0.2',
  );
  const answer = [...routesAnswer(fakeFacts(node), { ...ALL, reason: 'next-hop-unreachable' })];
  assert.deepEqual(
    answer.map(({ prefix, state, detail }) => ({ prefix, state, detail })),
    ['10.7.0.0/16', '10.8.0.0/16'].map((prefix) => ({
      ...{ prefix, state: 'rejected', detail: 'static: there is no interface eth9' },
    })),
  );
  await node.stop();
});
