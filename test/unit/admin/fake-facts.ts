import type { ConfigState, Facts } from '../../../src/admin/facts.js';
import type { AlertReport } from '../../../src/admin/report.js';
import type { MarkState } from '../../../src/connmark/mark-keeper.js';
import type { Discovery } from '../../../src/discover/discovery.js';
import type { PeerStatus, Source, SourceState } from '../../../src/source/source.js';
import type { FakeNode } from '../reconcile/node.js';

export type FakeFacts = Facts & {
  sourceState: SourceState;
  configState: ConfigState;
  peers: readonly PeerStatus[];
  markState: MarkState;
  activeAlerts: readonly AlertReport[];
  restoreTimes: ReadonlyMap<string, number | null>;
  foundBy: Discovery | undefined;
};

/** The facts of a running node, with a source that says what the test wants. */
export function fakeFacts(node: FakeNode): FakeFacts {
  const { clock, engine, reconciler } = node;
  const source: Source = {
    name: 'gobgp',
    sessions: undefined,
    offers: 'best',
    async *events() {},
    state: () => facts.sourceState,
    peers: () => facts.peers,
    counters: () => ({ undecodable: 0, lastEventAt: undefined }),
  };
  const facts: FakeFacts = {
    version: '1.2.3',
    startedAt: clock.now(),
    clock,
    engine,
    reconciler,
    limits: { restoreAt: (id) => facts.restoreTimes.get(id) },
    marks: () => facts.markState,
    alerts: { active: () => facts.activeAlerts },
    hooks: () => [],
    ready: () => engine.feed.complete && reconciler.settled,
    source: () => source,
    config: () => facts.configState,
    discovery: () => facts.foundBy,
    sourceState: { state: 'synced', since: clock.now() },
    configState: { file: '/etc/rib2fib/rib2fib.yaml', loadedAt: clock.now(), faults: [] },
    peers: [],
    markState: { state: 'off' },
    activeAlerts: [],
    restoreTimes: new Map(),
    foundBy: undefined,
  };
  return facts;
}
