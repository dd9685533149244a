import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AlertReport } from '../../../src/admin/report.js';
import { happenings } from '../../../src/report/event.js';

function alert(name: string, more: Partial<AlertReport> = {}): AlertReport {
  return { name, severity: 'warning', labels: {}, since: 1, summary: `of ${name}`, ...more };
}

const LIMIT = { labels: { table: 'fabric', peer: '10.9.0.2', family: 'ipv4' } };

test('what is raised is a warning, and what is over again is told by its own name', () => {
  for (const [name, raised, over] of [
    ['Rib2fibSourceLost', 'SourceLost', 'SourceBack'],
    ['Rib2fibConfigRefused', 'ConfigRefused', 'ConfigAccepted'],
    ['Rib2fibSourceRefused', 'SourceRefused', 'SourceAccepted'],
    ['Rib2fibFeedAway', 'FeedAway', 'FeedBack'],
    ['Rib2fibPrefixLimitExceeded', 'PrefixLimitExceeded', 'PrefixLimitExceededOver'],
  ] as const) {
    const now = [alert(name)];
    assert.deepEqual(happenings([], now), [
      { type: 'Warning', reason: raised, message: `of ${name}` },
    ]);
    assert.deepEqual(happenings(now, []), [
      { type: 'Normal', reason: over, message: `over: of ${name}` },
    ]);
  }
});

test('other words, another severity or another order of labels are no event', () => {
  const before = [alert('Rib2fibPrefixLimitExceeded', LIMIT)];
  const labels = { family: 'ipv4', peer: '10.9.0.2', table: 'fabric' };
  const now = [
    alert('Rib2fibPrefixLimitExceeded', { labels, severity: 'critical', summary: 'more' }),
  ];
  assert.deepEqual(happenings(before, now), []);
});

test('one alert of two tables is two', () => {
  const other = { labels: { ...LIMIT.labels, table: 'storage' } };
  const now = [alert('Rib2fibContested', LIMIT), alert('Rib2fibContested', other)];
  assert.equal(happenings([], now).length, 2);
  assert.equal(happenings(now, now.slice(1)).length, 1);
});

test('told one after the other, every look adds up to what is firing', () => {
  const names = fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'));
  fc.assert(
    fc.property(fc.array(names, { maxLength: 8 }), (looks) => {
      const firing = new Set<string>();
      let before: readonly AlertReport[] = [];
      for (const look of looks) {
        const now = look.map((name) => alert(name));
        for (const { type, reason } of happenings(before, now)) {
          if (type === 'Warning') assert.ok(!firing.has(reason) && firing.add(reason));
          else assert.ok(firing.delete(reason.replace(/Over$/, '')));
        }
        before = now;
        assert.deepEqual([...firing].sort(), [...look].sort());
      }
    }),
  );
});

test('a message is never longer than the API server takes', () => {
  const now = [alert('Rib2fibKernelRefuses', { summary: 'x'.repeat(5_000) })];
  for (const [event] of [happenings([], now), happenings(now, [])]) {
    assert.ok((event?.message.length ?? Infinity) <= 1_024);
  }
});
