import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRule } from '../../../src/desired/format.js';
import type { Rule } from '../../../src/desired/route.js';
import type { KernelRule } from '../../../src/kernel/kernel.js';
import { planRuleDeletion } from '../../../src/kernel/rule-delete.js';
import { Prefix } from '../../../src/net/prefix.js';

function rule(from: string | undefined, more: Partial<Rule> = {}): Rule {
  const prefix = from === undefined ? undefined : Prefix.parse(from);
  assert.ok(prefix === undefined || prefix instanceof Prefix);
  return {
    family: 'ipv4',
    priority: 10000,
    table: 100,
    from: prefix,
    to: undefined,
    iif: undefined,
    fwmark: undefined,
    ...more,
  };
}

function present(own: Rule, more: Partial<KernelRule> = {}): KernelRule {
  return { ...own, protocol: 178, action: 'lookup', opaque: false, ...more };
}

function plan(wanted: Rule, rules: readonly KernelRule[]): string[] | string {
  const deletion = planRuleDeletion(wanted, rules);
  if (deletion.plan !== 'steps') return deletion.plan;
  return deletion.steps.map((step) => {
    assert.ok('rule' in step);
    return `${step.op} ${formatRule(step.rule).replace(' lookup 100 pref 10000 proto 178', '')}`;
  });
}

const broad = rule('10.0.0.0/8');
const narrow = rule('10.0.0.0/8', { iif: 'eth1' });
const marked = rule('10.0.0.0/8', { fwmark: { value: 1, mask: 0xff } });

test('a rule that is first of those it fits goes in one step', () => {
  assert.deepEqual(plan(broad, [present(broad), present(narrow)]), ['rule-delete from 10.0.0.0/8']);
});

test('narrower rules ahead of it are put behind it first', () => {
  assert.deepEqual(plan(broad, [present(narrow), present(marked), present(broad)]), [
    'rule-append from 10.0.0.0/8 iif eth1',
    'rule-delete from 10.0.0.0/8',
    'rule-append from 10.0.0.0/8 fwmark 0x1/0xff',
    'rule-delete from 10.0.0.0/8',
    'rule-delete from 10.0.0.0/8',
  ]);
});

test('a rule that is not there is not sent: it would take a narrower one', () => {
  assert.equal(plan(broad, [present(narrow)]), 'absent');
});

test('rules the kernel would not take are not moved', () => {
  const others = [
    present(narrow, { protocol: 3 }),
    present({ ...narrow, priority: 9999 }),
    present({ ...narrow, table: 101 }),
    present(rule('10.1.0.0/16')),
  ];
  assert.deepEqual(plan(broad, [...others, present(broad)]), ['rule-delete from 10.0.0.0/8']);
});

test('what cannot be copied blocks; under our mark it may itself be removed', () => {
  const opaque = present(broad, { opaque: true });
  assert.equal(plan(broad, [opaque, present(broad)]), 'blocked');
  assert.deepEqual(plan(broad, [opaque]), ['rule-delete from 10.0.0.0/8']);
});

test('a /0 selector is none', () => {
  assert.deepEqual(plan(rule('0.0.0.0/0'), [present(rule(undefined))]), [
    'rule-delete from 0.0.0.0/0',
  ]);
});
