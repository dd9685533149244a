import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/config/config.js';
import { ReportKeeper } from '../../src/report-keeper.js';
import { FakeClock, settled } from './reconcile/fake-clock.js';

const KUBERNETES = {
  ...{ kubeconfig: '/etc/one', inCluster: undefined, node: 'node-a', protect: [], status: true },
} as const;

/** Of a configuration only what the keeper looks at. */
function config(kubernetes: Config['discovery']['kubernetes'] | undefined): Config {
  return { discovery: { kubernetes } } as Config;
}

function setUp(first: Config) {
  const deeds: string[] = [];
  let made = 0;
  const keeper = new ReportKeeper({
    ...{ config: first, clock: new FakeClock() },
    async create() {
      const name = `reporter ${++made}`;
      return {
        wake: () => void deeds.push(`${name} woken`),
        async run(signal, daemon) {
          deeds.push(`${name} begins`);
          await new Promise((end) => signal.addEventListener('abort', end, { once: true }));
          deeds.push(`${name} ends${daemon.aborted ? ', and so does the daemon' : ''}`);
        },
      };
    },
  });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  return { keeper, deeds, end };
}

test('nobody reports where none is asked to', async () => {
  for (const kubernetes of [undefined, { ...KUBERNETES, status: false }]) {
    const { keeper, deeds, end } = setUp(config(kubernetes));
    await settled();
    keeper.wake();
    await end();
    assert.deepEqual(deeds, []);
  }
});

test('a reload that changes nothing of the cluster wakes the reporter that there is', async () => {
  const { keeper, deeds, end } = setUp(config(KUBERNETES));
  await settled();
  keeper.reconfigure(config({ ...KUBERNETES, protect: ['podCidrs'] }));
  await settled();
  await end();
  assert.deepEqual(deeds, [
    ...['reporter 1 begins', 'reporter 1 woken', 'reporter 1 ends, and so does the daemon'],
  ]);
});

test('another cluster, another name there, and an end of it each take the reporter’s place', async () => {
  const { keeper, deeds, end } = setUp(config(KUBERNETES));
  await settled();
  for (const next of [
    { ...KUBERNETES, kubeconfig: '/etc/other' },
    { ...KUBERNETES, kubeconfig: '/etc/other', node: 'node-b' },
    { ...KUBERNETES, kubeconfig: '/etc/other', node: 'node-b', status: false },
    KUBERNETES,
  ]) {
    keeper.reconfigure(config(next));
    await settled();
  }
  await end();
  assert.deepEqual(
    deeds,
    [1, 2, 3, 4].flatMap((n) => [
      `reporter ${n} begins`,
      `reporter ${n} ends${n === 4 ? ', and so does the daemon' : ''}`,
    ]),
  );
});
