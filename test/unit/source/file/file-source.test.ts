import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../../src/clock.js';
import { createFileSource } from '../../../../src/source/file/file-source.js';
import type { SourceEvent } from '../../../../src/source/source.js';
import { until } from '../../../support/wait.js';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'r2f-file-source-'));
});
after(() => rm(directory, { recursive: true }));

/** A running source; what it says is gathered. */
function run(path: string) {
  const lines: string[] = [];
  const note = (_: object, message: string) => void lines.push(message);
  const log = { debug: note, info: note, warn: note, error: note };
  const source = createFileSource({ path, clock: systemClock, log });
  const stop = new AbortController();
  const told: string[] = [];
  const done = (async () => {
    for await (const events of source.events(stop.signal)) told.push(events.map(word).join(' '));
  })();
  return {
    ...{ source, lines, told },
    async stop() {
      stop.abort();
      await done;
    },
  };
}

function word(event: SourceEvent): string {
  if (event.type === 'synced') return event.family;
  return event.type === 'updates'
    ? event.updates.map(({ prefix }) => prefix.text).join()
    : event.type;
}

describe('source file', () => {
  it('feeds the whole file at the start, and again at every change', async () => {
    const path = join(directory, 'routes.yaml');
    await writeFile(path, '- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2 }');
    const t = run(path);
    await until(() => t.told.length === 1, { what: 'the first feed' });
    assert.equal(t.source.state().state, 'synced');
    assert.equal(t.source.peers()[0]?.received.ipv4, 1);
    await writeFile(path, '- { prefix: 10.2.0.0/16, nextHop: 10.9.0.2, peer: 10.9.0.2 }');
    await until(() => t.told.length === 2, { what: 'the second feed' });
    assert.deepEqual(t.told, ['reset 10.1.0.0/16 ipv4 ipv6', 'reset 10.2.0.0/16 ipv4 ipv6']);
    assert.equal(t.source.peers()[0]?.peer, '10.9.0.2');
    await t.stop();
    assert.equal(t.source.state().state, 'stopped');
  });

  it('keeps the last good routes when the file is broken', async () => {
    const path = join(directory, 'broken.yaml');
    await writeFile(path, '- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2 }');
    const t = run(path);
    await until(() => t.told.length === 1, { what: 'the first feed' });
    await writeFile(path, '- { prefix: 10.1.0.1/16, nextHop: 10.9.0.2 }');
    await until(() => t.lines.some((line) => line.includes('host bits')), { what: 'the fault' });
    assert.ok(t.lines.some((line) => line.startsWith(`${path}:1:13: [0].prefix: `)));
    const state = t.source.state();
    assert.ok(state.state === 'refused');
    assert.match(state.reason, /broken\.yaml:1:13: \[0\]\.prefix: .*host bits/);
    assert.equal(t.told.length, 1);
    await rm(path);
    const isGone = () => {
      const now = t.source.state();
      return (
        now.state === 'refused' && now.since === state.since && /no such file/.test(now.reason)
      );
    };
    await until(isGone, { what: 'the state tells that the file is gone' });
    await writeFile(path, '- { prefix: 10.1.0.0/16, nextHop: 10.9.0.2 }');
    await until(() => t.source.state().state === 'synced', { what: 'a good one ends it' });
    await t.stop();
    assert.equal(t.source.state().state, 'stopped');
  });

  it('waits for a file that is not there yet, and says so', async () => {
    const path = join(directory, 'later.yaml');
    const t = run(path);
    await until(() => t.lines.length > 0, { what: 'the complaint' });
    const state = t.source.state();
    assert.ok(state.state === 'connecting');
    assert.match(state.lastError ?? '', /later\.yaml:1:1: cannot be read: no such file/);
    await writeFile(path, '[]');
    await until(() => t.told.length === 1, { what: 'the feed' });
    assert.deepEqual(t.told, ['reset ipv4 ipv6']);
    await t.stop();
  });
});
