/**
 * The chart's pod with a gobgpd of its own, started as rendered: the images of deploy/Dockerfile,
 * their entrypoints, arguments, users, rights, volumes and probes. It does the main job in a node's
 * network beside a real router.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import type { StatusReport } from '../../src/admin/report.js';
import { type Gobgpd, startGobgpd } from '../support/gobgpd.js';
import { kernelRules, ownRoutes } from '../support/kernel-view.js';
import { configFiles, ofKind, podSpec, render } from '../support/kube/chart.js';
import type { KubeObject } from '../support/kube/client.js';
import { buildImages, type Image } from '../support/kube/image.js';
import { type ContainerSpec, Pod, type PodSpec } from '../support/kube/pod.js';
import { scratchDirectory } from '../support/leftovers.js';
import { ROUTER1, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const NET_ADMIN = '0000000000001000';
const NOTHING = '0000000000000000';
const USER = 65532;

let images: ReadonlyMap<string, Image>;
const scratch = scratchDirectory('images');
let lab: TwoFabrics;
let router: Gobgpd;
let objects: readonly KubeObject[];
let spec: PodSpec;
let pod: Pod;

before(async () => {
  const built = await buildImages(['rib2fib', 'gobgpd'], scratch.path);
  images = new Map(
    [...built].map(([name, image]) => [
      `${name === 'gobgpd' ? 'rib2fib-gobgpd' : name}:0.1.0`,
      image,
    ]),
  );
  lab = await TwoFabrics.create();
  router = await startGobgpd({
    ...{ version: '4.8', netns: lab.router1, as: 65001, routerId: ROUTER1 },
    neighbors: [{ address: '10.9.0.1', as: 65000 }],
  });
  for (const prefix of ['198.51.100.0/24', '198.51.101.0/24', '10.42.7.0/24']) {
    await router.cli('global', 'rib', 'add', prefix, 'nexthop', ROUTER1);
  }
  objects = await render({ example: 'gobgpd' });
  spec = podSpec(objects);
  pod = await startPod();
});
after(async () => {
  await pod[Symbol.asyncDispose]();
  await router[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
  scratch.remove();
});

function startPod(): Promise<Pod> {
  return Pod.start({
    ...{ netns: lab.node, nodeName: 'node-a', nodeIp: '192.0.2.10', spec, images },
    configMaps: ofKind(objects, 'ConfigMap'),
  });
}

/** What the kubelet's probe hears. */
async function probe(which: 'readinessProbe' | 'livenessProbe' | 'startupProbe'): Promise<number> {
  const container = spec.containers[0] as ContainerSpec;
  const get = container[which]?.httpGet;
  const port = container.ports?.find(({ name }) => name === get?.port)?.containerPort;
  const script = 'fetch(process.argv[1]).then((r) => console.log(r.status), () => console.log(0))';
  const url = `http://${get?.host}:${port}${get?.path}`;
  return Number(await lab.node.exec(process.execPath, '-e', script, url));
}

async function ready(): Promise<void> {
  await until(async () => (await probe('readinessProbe')) === 200, {
    what: 'the readiness probe passes',
    deadlineMs: 60_000,
    everyMs: 200,
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${pod.output('rib2fib')}\n${pod.output('gobgpd')}`);
  });
}

function status(pid: number): (field: string) => string | undefined {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (field) => fieldOf(text, field);
}

/** Of a /proc/PID/status. */
function fieldOf(text: string, field: string): string | undefined {
  return new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(text)?.[1];
}

describe('the pod as rendered', () => {
  it('becomes ready, alive and started by its own probes', async () => {
    await ready();
    assert.equal(await probe('livenessProbe'), 200);
    assert.equal(await probe('startupProbe'), 200);
  });

  it('does the main job', async () => {
    const learned = new Map([
      ['198.51.100.0/24', [`via ${ROUTER1} dev eth1`]],
      ['198.51.101.0/24', [`via ${ROUTER1} dev eth1`]],
    ]);
    await until(async () => (await ownRoutes(lab.node, 100)).size === 2, { what: 'two routes' });
    assert.deepEqual(await ownRoutes(lab.node, 100), learned);
    assert.deepEqual(await kernelRules(lab.node), ['10000: from 203.0.113.0/24 lookup 100 -4']);
  });

  it('has that one right, and gobgpd none', () => {
    for (const [name, right] of [
      ['rib2fib', NET_ADMIN],
      ['gobgpd', NOTHING],
    ] as const) {
      const field = status(pod.pid(name));
      assert.equal(field('Uid'), String(USER), name);
      assert.equal(field('Gid'), String(USER), name);
      assert.equal(field('NoNewPrivs'), '1', name);
      for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
        assert.equal(field(set), right, `${name} ${set}`);
      for (const set of ['CapInh', 'CapAmb']) assert.equal(field(set), NOTHING, `${name} ${set}`);
    }
  });

  it('has no shell, nothing to write to but its state, and its state is the node’s', async () => {
    const write = `for (const at of ['/', '/tmp', '/run', '/etc/rib2fib', '/usr/lib/rib2fib', '/run/rib2fib'])
      try { require('fs').writeFileSync(at + '/probe', ''); console.log('wrote ' + at); }
      catch ({ code }) { console.log(code + ' ' + at); }`;
    const { output } = await pod.exec('rib2fib', '/usr/bin/node', '-e', write);
    assert.deepEqual(output.trim().split('\n'), [
      ...['EROFS /', 'EROFS /tmp', 'EROFS /run', 'EROFS /etc/rib2fib', 'EROFS /usr/lib/rib2fib'],
      'wrote /run/rib2fib',
    ]);
    const { uid, gid } = statSync(join(pod.directory('state'), 'probe'));
    assert.deepEqual([uid, gid], [USER, USER]);
    const programs = `console.log(['bin', 'sbin'].flatMap((d) => require('fs').readdirSync('/usr/' + d)).sort().join())`;
    const listed = await pod.exec('rib2fib', '/usr/bin/node', '-e', programs);
    assert.equal(listed.output.trim(), 'chown,nft,node,rib2fib,setpriv');
  });

  it('answers who looks in with `kubectl exec`', async () => {
    const { code, output } = await pod.exec('rib2fib', '/usr/bin/rib2fib', 'status');
    assert.equal(code, 0, output);
    assert.match(output, /ready/);
    assert.match(output, /fabric/);
    const refused = await pod.exec('rib2fib', '/usr/bin/rib2fib', 'explain', '10.42.7.0/24');
    assert.match(refused.output, /not installed/);
  });

  it('lets nft write as a child of node', async () => {
    const child = (...argv: readonly string[]) => {
      const script = `const { status, stderr } = require('child_process').spawnSync(process.argv[1], process.argv.slice(2));
        console.log(status, String(stderr).trim());`;
      return pod.exec('rib2fib', '/usr/bin/node', '-e', script, ...argv);
    };
    const made = await child('/usr/sbin/nft', 'add', 'table', 'inet', 'rib2fib-test');
    assert.equal(made.output.trim(), '0');
    const removed = await child('/usr/sbin/nft', 'delete', 'table', 'inet', 'rib2fib-test');
    assert.equal(removed.output.trim(), '0');
  });

  it('runs hooks without a right, whatever the file bears that runs them', async () => {
    const seen = join(pod.directory('state'), 'seen');
    const script = `const { readFileSync, writeFileSync } = require('fs');
      writeFileSync('/run/rib2fib/seen', readFileSync('/proc/self/status', 'utf8'));`;
    const hooks = { after: { run: ['/usr/bin/node', '-e', script] } };
    const { 'rib2fib.yaml': text = '' } = configFiles(objects);
    const config = parse(text) as { tables: { keepInMain: string[] }[] };
    config.tables[0]?.keepInMain.push('10.99.0.0/16'); // A change, so that they run.
    pod.update('config', { 'rib2fib.yaml': JSON.stringify({ ...config, hooks }) });
    await until(() => existsSync(seen) && /^NoNewPrivs/m.test(readFileSync(seen, 'utf8')), {
      what: 'the hook has run',
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${pod.output('rib2fib')}`);
    });
    const field = (name: string) => fieldOf(readFileSync(seen, 'utf8'), name);
    assert.equal(field('Uid'), String(USER));
    for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'])
      assert.equal(field(set), NOTHING, set);
    assert.equal(field('NoNewPrivs'), '1');
    // As it would be by itself.
    const child = `process.stdout.write(require('child_process').execFileSync('/usr/bin/node', ['-p',
      'fs.readFileSync("/proc/self/status", "utf8")']));`;
    const { output } = await pod.exec('rib2fib', '/usr/bin/node', '-e', child);
    assert.equal(fieldOf(output, 'CapEff'), NET_ADMIN);
    pod.update('config', { 'rib2fib.yaml': text });
  });

  it('takes a ConfigMap that was changed, all of it or nothing', async () => {
    const { 'rib2fib.yaml': text = '' } = configFiles(objects);
    const narrower = text.replace('prefix: 198.51.100.0/22', 'prefix: 198.51.101.0/24');
    assert.notEqual(narrower, text);
    pod.update('config', { 'rib2fib.yaml': narrower });
    await until(async () => (await ownRoutes(lab.node, 100)).size === 1, {
      what: 'a route goes that the filter permits no more',
    });
    pod.update('config', { 'rib2fib.yaml': 'tables: []' });
    await until(() => /refused/i.test(pod.output('rib2fib')), {
      what: 'the fault is told',
    });
    assert.equal((await ownRoutes(lab.node, 100)).size, 1);
    pod.update('config', { 'rib2fib.yaml': text });
    await until(async () => (await ownRoutes(lab.node, 100)).size === 2, { what: 'both are back' });
  });
});

describe('what ends', () => {
  it('a gobgpd that was killed serves its API again, over the socket that it left', async () => {
    const socket = join(pod.directory('gobgpd'), 'gobgp.sock');
    await pod.stop('gobgpd', 'SIGKILL');
    assert.ok(statSync(socket).isSocket());
    await fed('stale');
    pod.restart('gobgpd');
    await fed('synced');
    assert.equal((await ownRoutes(lab.node, 100)).size, 2);
  });

  it('rib2fib ends in order on SIGTERM, and what it leaves stands until the next has taken it over', async () => {
    const before = await ownRoutes(lab.node, 100);
    assert.equal(await pod.stop('rib2fib'), 0);
    assert.deepEqual(await ownRoutes(lab.node, 100), before);
    pod.restart('rib2fib');
    await ready();
    assert.deepEqual(await ownRoutes(lab.node, 100), before);
  });

  it('takes along what is its own with flushOnStop', async () => {
    await pod[Symbol.asyncDispose]();
    objects = await render({ example: 'gobgpd', values: { flushOnStop: true } });
    spec = podSpec(objects);
    pod = await startPod();
    await ready();
    assert.equal((await ownRoutes(lab.node, 100)).size, 2);
    assert.equal(await pod.stop('rib2fib'), 0);
    assert.deepEqual(await ownRoutes(lab.node, 100), new Map());
    assert.deepEqual(await kernelRules(lab.node), []);
  });
});

describe('gobgpd that listens', () => {
  it('has CAP_NET_BIND_SERVICE and nothing else, and rib2fib reaches its API', async () => {
    const listening = await render({
      example: 'gobgpd',
      values: {
        'gobgpd.listen': true,
        'gobgpd.config': gobgpdConfig(objects).replace(/^ *port = -1\n/m, ''),
      },
    });
    await pod[Symbol.asyncDispose]();
    objects = listening;
    spec = podSpec(listening);
    pod = await startPod();
    await ready();
    const field = status(pod.pid('gobgpd'));
    assert.equal(field('Uid'), '0');
    for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
      assert.equal(field(set), '0000000000000400', set);
    assert.match(await lab.node.exec('ss', '-Hltn'), /:179\s/);
    assert.equal((await ownRoutes(lab.node, 100)).size, 2);
  });
});

/** Waits until the feed is in that state, by the command's account. */
async function fed(state: string): Promise<void> {
  await until(
    async () => {
      const { output } = await pod.exec('rib2fib', '/usr/bin/rib2fib', 'status', '--json');
      return (JSON.parse(output) as StatusReport).source.feed.state === state;
    },
    { what: `the feed is ${state}`, deadlineMs: 60_000, everyMs: 300 },
  );
}

function gobgpdConfig(of: readonly KubeObject[]): string {
  const map = ofKind(of, 'ConfigMap').find(({ metadata }) => metadata.name === 'rib2fib-gobgpd');
  const data = map?.['data'] as Record<string, string> | undefined;
  return data?.['gobgpd.toml'] ?? '';
}
