import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Family } from '../../../src/net/family.js';
import { EventQueue } from '../../../src/source/event-queue.js';
import { FeedEnd } from '../../../src/source/feed-end.js';

function build() {
  const warnings: object[] = [];
  const warn = (fields: object) => warnings.push(fields);
  const unused = () => assert.fail('only warnings are expected');
  const log = { warn, error: unused, info: unused, debug: unused };
  const queue = new EventQueue();
  const told = async () =>
    (await queue.take(new AbortController().signal)).map((event) =>
      event.type === 'synced' ? event.family : event.type,
    );
  return { end: new FeedEnd(queue, log), warnings, told };
}

const only = (family: Family, what: string) => (one: Family) => (one === family ? what : undefined);

describe('FeedEnd', () => {
  it('tells a family complete at once, the other when nothing is missing, each once', async () => {
    const { end, warnings, told } = build();
    assert.equal(end.look(100, only('ipv6', 'End-of-RIB')), 'End-of-RIB');
    assert.deepEqual(await told(), ['ipv4']);
    assert.equal(
      end.look(50, () => undefined),
      undefined,
    );
    assert.deepEqual(await told(), ['ipv6']);
    assert.deepEqual(warnings, []);
  });

  it('takes both as complete when time is up, and warns of what was missing', async () => {
    const { end, warnings, told } = build();
    assert.equal(end.look(0, only('ipv4', 'peer 10.0.0.1')), undefined);
    assert.deepEqual(await told(), ['ipv4', 'ipv6']);
    assert.deepEqual(warnings, [{ family: 'ipv4', waitingFor: 'peer 10.0.0.1' }]);
  });
});
