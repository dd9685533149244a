/** Every scenario, in the order of a run. */
import type { Scenario } from './outcome.js';
import { churn } from './scenarios/churn.js';
import { failover } from './scenarios/failover.js';
import { filter } from './scenarios/filter.js';
import { frr } from './scenarios/frr.js';
import { gobgp } from './scenarios/gobgp.js';
import { idle } from './scenarios/idle.js';
import { load } from './scenarios/load.js';
import { peerDown } from './scenarios/peer-down.js';
import { restart } from './scenarios/restart.js';
import { soak } from './scenarios/soak.js';
import { writer } from './scenarios/writer.js';

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  load,
  gobgp,
  frr,
  churn,
  failover,
  'peer-down': peerDown,
  restart,
  filter,
  writer,
  idle,
  soak,
};
