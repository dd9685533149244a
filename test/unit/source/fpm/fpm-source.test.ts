/** Source `fpm` over real TCP, with a zebra that says what real ones were heard to say, and time that is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { type FpmNode, NodeError, type NodeRoute } from '../../../../src/source/fpm/node.js';
import { until } from '../../../support/wait.js';
import { address, prefix } from '../build.js';
import { CAPTURES } from './captured.js';
import { ended, freePort, Scene } from './scene.js';

const [OLD, NEW] = CAPTURES;
const NET = '198.51.100.0/24';

describe('source fpm', () => {
  test('a feed, its end after two seconds of silence, changes, the loss, the next feed', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(OLD.stream('connected'), OLD.stream('ipv4'));
    const route = `${NET} 10.9.0.2`;
    await scene.says('reset', route);
    await scene.is('syncing');
    await scene.clock.advance(1999);
    await scene.says('reset', route);
    await scene.clock.advance(1);
    await scene.says('reset', route, 'ipv4', 'ipv6');
    await scene.is('synced');
    // 8.4 takes a route back and tells it anew in one frame: no withdrawal.
    zebra.write(OLD.stream('moved'));
    await scene.says('reset', route, 'ipv4', 'ipv6', `${NET} 10.9.0.3`);
    await scene.clock.advance(5000);
    zebra.destroy();
    await scene.is('lost');
    await scene.says('reset', route, 'ipv4', 'ipv6', `${NET} 10.9.0.3`, 'lost');
    scene.told.length = 0;
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', route);
  });

  test('routes of others are no feed: it is waited for the first of BGP, until sync.timeout', async () => {
    await using scene = await Scene.start({ syncTimeout: 30_000 });
    await scene.zebra(NEW.stream('connected'));
    await scene.says('reset');
    await scene.clock.advance(29_900);
    await scene.says('reset');
    await scene.clock.advance(300);
    await scene.says('reset', 'ipv4', 'ipv6');
    assert.ok(scene.warnings.some((line) => line.includes('sync.timeout passed')));
  });

  test('a family that had routes and has none is waited for', async () => {
    await using scene = await Scene.start();
    const first = await scene.zebra(NEW.stream('ipv4'), NEW.stream('ipv6'));
    await until(() => scene.told.length === 3, { what: 'both routes' });
    await scene.clock.advance(2000);
    await scene.is('synced');
    first.destroy();
    await until(() => scene.told.at(-1) === 'lost', { what: 'the loss is told' });
    scene.told.length = 0;
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', `${NET} 10.9.0.2`);
    await scene.clock.advance(2000);
    await scene.says('reset', `${NET} 10.9.0.2`, 'ipv4');
    await scene.is('syncing');
  });

  test('one zebra at a time; who says nothing gives way', async () => {
    await using scene = await Scene.start();
    const idle = await scene.zebra();
    const zebra = await scene.zebra(NEW.stream('ipv4'));
    await ended(idle);
    await scene.says('reset', `${NET} 10.9.0.2`);
    for (let i = 0; i < 3; i++) await ended(await scene.zebra(NEW.stream('ipv6')));
    assert.equal(scene.warnings.filter((line) => line.includes('second connection')).length, 1);
    assert.deepEqual(scene.told, ['reset', `${NET} 10.9.0.2`]);
    assert.equal(zebra.closed, false);
  });

  test('what is no FPM is closed, and the feed knows nothing of it', async () => {
    await using scene = await Scene.start();
    await ended(await scene.zebra(Buffer.from('GET / HTTP/1.1\r\n\r\n')));
    assert.deepEqual(scene.told, []);
    await until(() => scene.warnings.some((line) => line.includes('version 71')), {
      what: 'the reason',
    });
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', `${NET} 10.9.0.2`);
  });

  test('a stream that loses its step is lost', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(NEW.stream('ipv4'), Buffer.from('07010004', 'hex'));
    await ended(zebra);
    await scene.says('reset', `${NET} 10.9.0.2`, 'lost');
  });

  test('nexthop groups are refused for the whole connection, and the next is heard', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(NEW.stream('nexthopGroups'));
    await scene.is('refused');
    await scene.says('reset', 'lost');
    assert.ok(scene.warnings.some((line) => line.includes('`no fpm use-next-hop-groups`')));
    zebra.write(NEW.stream('ipv4'));
    zebra.destroy();
    await scene.is('lost');
    await scene.says('reset', 'lost');
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', 'lost', 'reset', `${NET} 10.9.0.2`);
  });

  test('a route that cannot be taken is counted, told once, and withdrawn where it stood', async () => {
    await using scene = await Scene.start();
    const flattened = NEW.stream('flattened');
    const good = Buffer.from(flattened);
    Buffer.from([10, 9, 0, 2]).copy(good, good.indexOf(Buffer.from([169, 254, 0, 1])));
    const zebra = await scene.zebra(good, NEW.stream('ipv4'));
    // zebra marks the stand-in onlink, so it comes with its interface.
    const before = ['reset', '192.0.2.0/24 10.9.0.2%eth1', `${NET} 10.9.0.2`];
    await scene.says(...before);
    for (let i = 0; i < 3; i++) zebra.write(flattened);
    await until(() => scene.source.counters().undecodable === 3, { what: 'three refusals' });
    await scene.clock.advance(20);
    await scene.says(...before, '192.0.2.0/24 gone');
    assert.equal(scene.warnings.filter((line) => line.includes('169.254.0.1')).length, 1);
  });

  test('a link-local next hop has its interface; one that is new is asked for', async () => {
    const interfaces = new Map([[2, 'eth1']]);
    await using scene = await Scene.start({
      node: { interfaces: async () => new Map(interfaces) },
    });
    const frame = NEW.stream('ipv6');
    const gateway = frame.indexOf(Buffer.from('20010db8000900000000000000000002', 'hex'));
    Buffer.from('fe800000000000000000000000000002', 'hex').copy(frame, gateway);
    const zebra = await scene.zebra(frame);
    await scene.says('reset', '2001:db8:77::/48 fe80::2%eth1');
    const other = Buffer.from(frame);
    // RTA_OIF is the last attribute.
    other.writeUInt32LE(9, other.length - 4);
    interfaces.set(9, 'eth7');
    zebra.write(other);
    await scene.says(
      ...['reset', '2001:db8:77::/48 fe80::2%eth1', '2001:db8:77::/48 fe80::2%eth7'],
    );
    other.writeUInt32LE(10, other.length - 4);
    zebra.write(other);
    await until(() => scene.warnings.some((line) => line.includes('network namespace')), {
      what: 'the interface is missed',
    });
    assert.equal(scene.source.counters().undecodable, 1);
  });

  test('tables that zebra does not replay are read from the kernel; the first table has a prefix', async () => {
    const leg = { gateway: address('10.9.0.7'), oif: 2, onlink: false, weight: 1 };
    const rows: NodeRoute[] = [
      { prefix: prefix(NET), legs: [leg] },
      { prefix: prefix('10.50.0.0/16'), legs: [leg] },
      { prefix: prefix('10.51.0.0/16'), legs: [{ ...leg, gateway: undefined }] },
    ];
    const asked: string[] = [];
    const routes: FpmNode['routes'] = async (table, protocol) => {
      asked.push(`${table} ${protocol}`);
      return rows;
    };
    await using scene = await Scene.start({ tables: [254, 50], node: { routes } });
    await scene.zebra(NEW.stream('connected'));
    await scene.says('reset', `${NET} 10.9.0.7`, '10.50.0.0/16 10.9.0.7');
    assert.deepEqual(asked, ['50 186']);
    // They are no replay of main's.
    await scene.clock.advance(10_000);
    await scene.is('syncing');
    assert.equal(scene.source.counters().undecodable, 1);
  });

  test('a table alone: its routes in the kernel are the replay; main is not taken', async () => {
    const leg = { gateway: address('10.9.0.7'), oif: 2, onlink: false, weight: 1 };
    const routes = async () => [{ prefix: prefix('10.50.0.0/16'), legs: [leg] }];
    await using scene = await Scene.start({ tables: [50], node: { routes } });
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', '10.50.0.0/16 10.9.0.7');
    await scene.clock.advance(2000);
    await scene.says('reset', '10.50.0.0/16 10.9.0.7', 'ipv4', 'ipv6');
  });

  test('a node that cannot be read loses the feed, and the next connection tries again', async () => {
    let broken = true;
    const interfaces = async () => {
      if (broken) throw new NodeError('links: EPERM: no');
      return new Map([[2, 'eth1']]);
    };
    await using scene = await Scene.start({ node: { interfaces } });
    await ended(await scene.zebra(NEW.stream('ipv4')));
    await scene.says('reset', 'lost');
    broken = false;
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', 'lost', 'reset', `${NET} 10.9.0.2`);
  });

  test('a port that is taken is told, and tried again', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await using scene = await Scene.startAt(port);
    await until(() => scene.complaint().includes('EADDRINUSE'), { what: 'the reason' });
    other.close();
    await once(other, 'close');
    await until(() => scene.clock.waiting > 0, { what: 'it waits' });
    await scene.clock.advance(3000);
    await until(() => scene.complaint().includes('no zebra'), { what: 'it listens' });
  });

  test('withdrawals of all are dropped where the connection ends behind them', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', `${NET} 10.9.0.2`);
    await scene.clock.advance(2000);
    await scene.is('synced');
    const before = ['reset', `${NET} 10.9.0.2`, 'ipv4', 'ipv6'];
    await scene.says(...before);
    zebra.write(NEW.stream('withdrawn'));
    await until(() => scene.clock.waiting > 0, { what: 'it is held' });
    await scene.clock.advance(1000);
    zebra.destroy();
    await scene.is('lost');
    await scene.clock.advance(10_000);
    await scene.says(...before, 'lost');
  });
});
