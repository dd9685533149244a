/**
 * The main job, shown: a service whose replies leave by the wrong uplink, real
 * routers that say where they should go, and rib2fib between them and the kernel.
 * Everything happens in network namespaces of its own, which go when it ends.
 */
import { type Daemon, startDaemon } from '../test/support/daemon.js';
import { startFeeder } from '../test/support/feeder.js';
import type { Gobgpd } from '../test/support/gobgpd.js';
import { kernelRules, ownRoutes } from '../test/support/kernel-view.js';
import { scratchDirectory } from '../test/support/leftovers.js';
import type { Netns } from '../test/support/netns.js';
import { until } from '../test/support/wait.js';
import { converse, serve } from './conversation.js';
import { LEARNERS, type SourceName } from './learner.js';
import { Narrator } from './narrator.js';
import {
  buildNetwork,
  type Fabric,
  type Network,
  PICTURE,
  SERVICE,
  SERVICE_POOL,
} from './network.js';
import { CUSTOMER_AS, startRouter } from './router.js';

const TABLE = 100;
const MAX = 1000;
const LEAKED = 5000;
const POD_NETWORK = '10.42.0.0/16';
const PARTNER = '100.64.7.0/24';
const CLAIMS = 11;

const story = new Narrator();

/** Tells it all, once a process; true when every claim came true. Rejects where it cannot go on. */
export async function show(source: SourceName): Promise<boolean> {
  story.chapter('A node with three uplinks');
  await using network = await buildNetwork();
  const { node, fabrics } = network;
  await using router1 = await startRouter(fabrics[0], '3.10', [fabrics[0].clients, PARTNER]);
  await using router2 = await startRouter(fabrics[1], '4.8', [fabrics[1].clients, POD_NETWORK]);
  await using learner = await LEARNERS[source](node, fabrics);
  await using _service = await serve(node, SERVICE);
  story.show(PICTURE);
  story.say('Each router is a real gobgpd (3.10 and 4.8) and announces the network of its client.');
  story.say(learner.setting);
  story.command('ip route', await node.ip('route'));
  const mainBefore = await node.ip('route', 'show', 'table', 'main');

  story.chapter('Before rib2fib: the reply leaves by the wrong uplink');
  await meet(network, 'before');

  story.chapter(learner.start);
  const { path: run } = scratchDirectory('demo');
  const config = configuration(learner.source, `${run}/admin.sock`);
  story.say('rib2fib.yaml:');
  story.show(config);
  await using daemon = await startDaemon({ netns: node, config });
  story.command('rib2fib status', await told(daemon, 'status'));
  story.command(`ip route show table ${TABLE}`, await node.ip('route', 'show', 'table', '100'));
  story.command('ip rule', await node.ip('rule'));
  const learned = await ownRoutes(node, TABLE);
  const wanted = [fabrics[0].clients, fabrics[1].clients, PARTNER];
  story.claim(
    [...learned.keys()].sort().join() === [...wanted].sort().join(),
    `table ${TABLE} holds the ${wanted.length} routes that the filters permit, and no other`,
  );

  story.chapter('With rib2fib: each reply leaves by the fabric its client is behind');
  await meet(network, 'after');

  await leak(daemon, node, fabrics[1], router2);

  story.chapter('Why is that prefix not in the table?');
  story.say(
    `Router 2 announces ${POD_NETWORK} too, the node's own pod network. A filter denies it.`,
  );
  story.command(`rib2fib explain ${POD_NETWORK}`, await told(daemon, 'explain', POD_NETWORK));
  const { tables } = await daemon.explain(POD_NETWORK);
  const steps = tables.flatMap((table) => table.steps);
  story.claim(
    steps.some(({ stage, outcome }) => stage === 'filter' && outcome === 'no') &&
      !(await ownRoutes(node, TABLE)).has(POD_NETWORK),
    `${POD_NETWORK} is refused, and explain names the filter rule that did it`,
  );

  await withdraw(daemon, node, router1);
  await leave(daemon, node, fabrics[0], mainBefore);
  return story.summary(CLAIMS);
}

/** Both clients call the service; the packets tell which way the answers went. */
async function meet(network: Network, when: 'before' | 'after'): Promise<void> {
  const { node, fabrics } = network;
  for (const { clientAddress } of fabrics) {
    const question = ['route', 'get', clientAddress, 'from', SERVICE];
    story.command(`ip ${question.join(' ')}`, await node.ip(...question));
  }
  const start = await network.replies();
  const answers = await Promise.all(
    fabrics.map(({ client }) => converse(client, SERVICE, when === 'before' ? 2500 : 5000)),
  );
  const end = await network.replies();
  for (const [i, { answer, ms }] of answers.entries()) {
    const outcome = answer ?? `no connection within ${(ms / 1000).toFixed(1)} s`;
    story.command(`client${i + 1}: connect ${SERVICE}:8080`, outcome);
  }
  const mgmt = end.mgmt - start.mgmt;
  const byFabric = [end.fabric[0] - start.fabric[0], end.fabric[1] - start.fabric[1]] as const;
  story.command(
    'reply packets counted, by uplink',
    `mgmt0 ${mgmt}   fabric1 ${byFabric[0]}   fabric2 ${byFabric[1]}`,
  );
  if (when === 'before') {
    story.say(`
      The node's only route to the clients is the default route. The management network drops
      what comes from an address that does not live there, as it should (BCP 38).`);
    story.claim(
      mgmt > 0 && byFabric[0] + byFabric[1] === 0,
      `before: all ${mgmt} reply packets left by mgmt0, none by a fabric`,
    );
    story.claim(
      answers.every(({ answer }) => answer === undefined),
      'before: no client gets a connection to the service',
    );
  } else {
    story.claim(
      mgmt === 0 && byFabric[0] > 0 && byFabric[1] > 0,
      `after: ${byFabric[0]} and ${byFabric[1]} reply packets by fabric1 and fabric2, none by mgmt0`,
    );
    story.claim(
      answers.every(({ answer }) => answer?.startsWith('hello') === true),
      'after: each client gets its TCP connection and the answer',
    );
  }
}

async function leak(daemon: Daemon, node: Netns, fabric: Fabric, router: Gobgpd): Promise<void> {
  story.chapter(`A router leaks ${LEAKED.toLocaleString('en')} routes`);
  story.say(`
    A customer behind router 2 announces ${LEAKED.toLocaleString('en')} routes, and router 2 passes them on.
    The configuration grants router 2 at most ${MAX}, with action "block".`);
  await using _customer = await startFeeder({
    netns: fabric.client,
    localAddress: fabric.clientAddress,
    peerAddress: '198.51.100.129',
    localAs: CUSTOMER_AS,
    peerAs: fabric.as,
  }).then(async (feeder) => {
    await feeder.announceGenerated(LEAKED, { family: 'ipv4', nextHops: [fabric.clientAddress] });
    return feeder;
  });
  const viaRouter = async () =>
    [...(await ownRoutes(node, TABLE)).values()].filter((legs) =>
      legs.some((leg) => leg.includes(` ${fabric.routerAddress} `)),
    ).length;
  const limit = await until(
    async () => {
      const status = await daemon.status();
      const found = status.tables[0]?.limits.find(({ peer }) => peer === fabric.routerAddress);
      const refused = status.tables[0]?.rejected['limit-blocked'] ?? 0;
      return status.ready && found?.state === 'exceeded' && refused >= LEAKED - MAX
        ? found
        : undefined;
    },
    { what: 'the limit is met' },
  );
  story.command('rib2fib status', await told(daemon, 'status'));
  const count = await viaRouter();
  story.command(`ip route show table ${TABLE} | grep -c ${fabric.routerAddress}`, String(count));
  story.claim(
    count === MAX && limit.max === MAX,
    `the leak of ${LEAKED} routes stops at the limit: ${count} routes of router 2 in the kernel`,
  );
  const up = (await router.neighbors()).some(
    ({ address, established }) => address === fabric.nodeAddress && established,
  );
  const { answer } = await converse(fabric.client, SERVICE, 5000);
  story.claim(
    up && answer !== undefined,
    'meanwhile the BGP session stays up and the service is still reached',
  );
}

async function withdraw(daemon: Daemon, node: Netns, router: Gobgpd): Promise<void> {
  story.chapter('A withdrawn route goes');
  story.command(
    `ip route show table ${TABLE} ${PARTNER}`,
    await node.ip('route', 'show', 'table', String(TABLE), PARTNER),
  );
  const had = (await ownRoutes(node, TABLE)).has(PARTNER);
  await router.cli('global', 'rib', 'del', PARTNER, '-a', 'ipv4');
  story.command(`router1: gobgp global rib del ${PARTNER}`, '');
  const start = performance.now();
  await until(async () => !(await ownRoutes(node, TABLE)).has(PARTNER), {
    what: `${PARTNER} has gone`,
    everyMs: 2,
  });
  const ms = Math.round(performance.now() - start);
  story.command(`rib2fib explain ${PARTNER}`, await told(daemon, 'explain', PARTNER));
  story.claim(had, `${PARTNER}, withdrawn by router 1, is out of the kernel within ${ms} ms`);
}

async function leave(
  daemon: Daemon,
  node: Netns,
  fabric: Fabric,
  mainBefore: string,
): Promise<void> {
  story.chapter('rib2fib stops, and is removed');
  await daemon.stop();
  const { answer } = await converse(fabric.client, SERVICE, 5000);
  story.claim(
    answer !== undefined,
    'with rib2fib stopped its routes stay, and the service is reached',
  );
  story.command('rib2fib cleanup', await told(daemon, 'cleanup'));
  const left = (await ownRoutes(node, TABLE)).size + (await kernelRules(node)).length;
  const untouched = (await node.ip('route', 'show', 'table', 'main')) === mainBefore;
  story.claim(
    left === 0 && untouched,
    'cleanup takes out all that was ours; the main table is as it was at the start',
  );
}

function configuration(source: string, admin: string): string {
  return `
${source}
tables:
  - id: ${TABLE}
    name: fabric
    metric: 20
    filters:
      - deny: { prefix: ${POD_NETWORK}, le: 32 }          # our pods: nobody else may have them
      - permit: { prefix: 0.0.0.0/0, ge: 8, le: 25 }
    limits:
      - { peer: 10.9.2.2, family: ipv4, max: ${MAX}, action: block }
    rules:
      priority: 10000
      from: [ ${SERVICE_POOL} ]                        # replies of services look here first
admin: { socket: ${admin} }
`;
}

/** What a person sees when running the command. */
async function told(daemon: Daemon, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(...args);
  return `${stdout}${stderr}${code === 0 ? '' : `exit code ${code}`}`;
}
