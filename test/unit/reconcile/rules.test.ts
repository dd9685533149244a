/** Stories of policy rules: never ahead of the look-up of table local. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, match, prefix, rulesFrom, table } from '../desired/build.js';
import { bareKernel, FakeNode, runningNode } from './node.js';

const RULES = rulesFrom('203.0.113.0/24');
const OURS = 'from 203.0.113.0/24 lookup 100 pref 10000';

test('the local rule moves behind ours, as Cilium moves it: ours go at once, and come back with it', async () => {
  const node = await runningNode(config(table({ rules: { ...RULES, priority: 50 } })));
  const ours = OURS.replace('10000', '50');
  await node.outside('rule add from all lookup 255 pref 100 proto 3');
  node.did();
  await node.outside('rule del from all lookup 255 pref 0 proto 2');
  node.did(`rule del ${ours}`);
  assert.deepEqual(
    node.reconciler.misplaced.map(({ rule, localPriority }) => [rule.priority, localPriority]),
    [[50, 100]],
  );
  await node.hears('10.0.0.0/8 via 10.9.0.2');
  assert.equal(node.reconciler.misplaced.length, 1);
  await node.outside('rule add from all lookup 255 pref 0 proto 2');
  assert.deepEqual(node.kernel.ruleTexts(), [ours]);
  assert.deepEqual(node.reconciler.misplaced, []);
  await node.stop();
});

test('a rule of a life before that stands ahead of local goes at once, synced or not', async () => {
  const kernel = bareKernel();
  kernel.outside('rule del from all lookup 255 pref 0 proto 2', { silent: true });
  kernel.outside('rule add from all lookup 255 pref 20000 proto 2', { silent: true });
  kernel.outside(`rule add ${OURS} proto 178`, { silent: true });
  kernel.outside('rule add from 192.0.2.0/24 lookup 77 pref 9 proto 178', { silent: true });
  const node = await new FakeNode(config(table({ rules: RULES })), kernel).start();
  node.did(`rule del ${OURS}`, 'rule del from 192.0.2.0/24 lookup 77 pref 9');
  await node.stop();
});

test('no rule of local at all: ours are in', async () => {
  const kernel = bareKernel();
  kernel.outside('rule del from all lookup 255 pref 0 proto 2', { silent: true });
  const node = await new FakeNode(config(table({ rules: RULES })), kernel).start();
  node.did(`rule add ${OURS}`);
  await node.stop();
});

test('a selector of everything is none: the kernel keeps no /0', async () => {
  const node = await runningNode(
    config(
      table({
        rules: {
          priority: 500,
          from: [{ kind: 'prefix', prefix: prefix('0.0.0.0/0') }],
          match: [match({ from: prefix('10.0.0.0/8'), to: prefix('0.0.0.0/0') })],
          discover: [],
        },
      }),
    ),
  );
  assert.deepEqual(node.kernel.ruleTexts(), [
    'from all lookup 100 pref 500',
    'from 10.0.0.0/8 lookup 100 pref 500',
  ]);
  node.reconciler.audit();
  await node.rest();
  node.did();
  await node.stop();
});

test('rules follow the addresses of an interface', async () => {
  const node = await runningNode(
    config(
      table({
        rules: {
          priority: 500,
          from: [{ kind: 'interface', interface: 'eth1' }],
          match: [],
          discover: [],
        },
      }),
    ),
  );
  assert.deepEqual(node.kernel.ruleTexts(), ['from 10.9.0.1/32 lookup 100 pref 500']);
  node.kernel.address('10.9.0.55/24 dev eth1');
  node.kernel.address('10.9.0.56/24 dev eth1', 'global', true);
  node.kernel.address('169.254.7.7/16 dev eth1', 'link');
  node.kernel.tell({ type: 'address', event: 'new', index: 3 });
  await node.rest();
  assert.deepEqual(node.kernel.ruleTexts(), [
    'from 10.9.0.1/32 lookup 100 pref 500',
    'from 10.9.0.55/32 lookup 100 pref 500',
  ]);
  await node.stop();
});

test('two tables may send the same mark of different priorities each their way', async () => {
  const of = (id: number, priority: number) =>
    table({
      id,
      name: `t${id}`,
      rules: {
        priority,
        from: [],
        match: [match({ fwmark: { value: 1, mask: 0xffffffff } })],
        discover: [],
      },
    });
  const node = await runningNode(config(of(100, 500), of(200, 600)));
  assert.deepEqual(node.kernel.ruleTexts(), [
    'from all fwmark 0x1 lookup 100 pref 500',
    'from all fwmark 0x1 lookup 200 pref 600',
  ]);
  await node.reload(config(of(100, 600), of(200, 500)));
  assert.deepEqual(node.kernel.ruleTexts(), [
    'from all fwmark 0x1 lookup 200 pref 500',
    'from all fwmark 0x1 lookup 100 pref 600',
  ]);
  await node.stop();
});
