import { look } from './look.js';
import { World } from './world.js';

const world = await World.create({ version: '4.8', multipath: false, gracefulRestart: true });
await world.quiet(performance.now());
for (let i = 0; i < 4; i++) {
  const { daemon, node, config } = world;
  process.kill(daemon.pid, 'SIGSTOP');
  const pair = ['route add blackhole 10.95.0.0/16 table 900', 'route del 10.95.0.0/16 table 900'];
  const t = performance.now();
  await node.ipBatch(Array.from({ length: 30000 }, () => pair).flat());
  const t1 = performance.now();
  await node.ip('route', 'delete', '10.1.0.0/24', 'table', '100', 'metric', String(config.metric));
  const drops = await node.exec(
    'sh',
    '-c',
    `grep -c . /proc/net/netlink; awk '$3==${daemon.pid} || 1 {print $2,$3,$5,$9}' /proc/net/netlink`,
  );
  const cpu = async () =>
    (await node.exec('cat', `/proc/${daemon.pid}/stat`))
      .split(' ')
      .slice(13, 15)
      .map(Number)
      .reduce((a, b) => a + b) * 10;
  const c0 = await cpu();
  const t2 = performance.now();
  process.kill(daemon.pid, 'SIGCONT');
  await world.quiet(t2).catch((e) => console.log(String(e)));
  console.log(
    'flood',
    (t1 - t) | 0,
    'repaired after',
    (performance.now() - t2) | 0,
    'cpu',
    (await cpu()) - c0,
    drops.replace(/\n/g, ' | '),
  );
  void look;
}
await world[Symbol.asyncDispose]();
