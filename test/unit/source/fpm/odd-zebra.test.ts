/** Source `fpm` with zebras that die, crowd, cram and say what nobody asked for. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../../../support/wait.js';
import { CAPTURES } from './captured.js';
import { ended, Scene } from './scene.js';

const [OLD, NEW] = CAPTURES;
const NET = '198.51.100.0/24';
const NET6 = '2001:db8:77::/48';
const V4 = `${NET} 10.9.0.2`;
const V6 = `${NET6} 2001:db8:9::2`;

/** Offsets in a frame of one message: behind the FPM header and the nlmsghdr; RTA_DST comes first. */
const RTM = 20;
const DESTINATION = RTM + 12 + 4;
const STATIC = 196;

/** A frame of one message as a route of this protocol. */
function of(protocol: number, frame: Buffer): Buffer {
  const other = Buffer.from(frame);
  other.writeUInt8(protocol, RTM + 5);
  return other;
}

/** The route 10.a.b.0/24, told in the bytes of the captured one: without FPM's header. */
function message(a: number, b: number): Buffer {
  const one = Buffer.from(NEW.stream('ipv4').subarray(4));
  Buffer.from([10, a, b]).copy(one, DESTINATION - 4);
  return one;
}

function frameOf(messages: readonly Buffer[]): Buffer {
  const frame = Buffer.concat([Buffer.from([1, 1, 0, 0]), ...messages]);
  frame.writeUInt16BE(frame.length, 2);
  return frame;
}

describe('source fpm and an odd zebra', () => {
  test('killed in the midst of a frame: the half of it is nothing, the next connection begins anew', async () => {
    await using scene = await Scene.start();
    const frame = NEW.stream('ipv6');
    for (let cut = 1; cut < 5; cut++) {
      scene.told.length = 0;
      const zebra = await scene.zebra(NEW.stream('ipv4'), frame.subarray(0, cut * 16));
      await scene.says('reset', V4);
      zebra.destroy();
      await scene.says('reset', V4, 'lost');
    }
    scene.told.length = 0;
    await scene.zebra(frame);
    await scene.says('reset', V6);
    assert.equal(scene.source.counters().undecodable, 0);
  });

  test('a storm of connections: each begins a feed and loses it, and one that stays is heard', async () => {
    await using scene = await Scene.start();
    const leaks: string[] = [];
    const listen = ({ message }: Error) => void leaks.push(message);
    process.on('warning', listen);
    for (let i = 0; i < 100; i++) {
      const zebra = await scene.zebra(NEW.stream('ipv4'));
      zebra.end();
      await ended(zebra);
    }
    await scene.is('lost');
    await until(() => scene.told.filter((word) => word === 'lost').length === 100, {
      what: 'every loss is told',
    });
    // One line, not one a connection.
    assert.equal(scene.warnings.filter((line) => line.includes('zebra closed')).length, 1);
    scene.told.length = 0;
    await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', V4);
    await scene.clock.stall(2000);
    await scene.is('synced');
    assert.equal(scene.clock.waiting, 0);
    process.off('warning', listen);
    assert.deepEqual(leaks, []);
  });

  test('a crowd at once: one is heard, the others are closed', async () => {
    await using scene = await Scene.start();
    const crowd = await Promise.all(
      Array.from({ length: 50 }, () => scene.zebra(NEW.stream('ipv4'))),
    );
    await until(() => crowd.filter((one) => one.closed).length === 49, { what: 'one is left' });
    await scene.says('reset', V4);
    await scene.clock.stall(2000);
    await scene.is('synced');
  });

  test('the longest frame there is: every route of it, however it is cut', async () => {
    await using scene = await Scene.start();
    const size = message(0, 0).length;
    const count = Math.floor((65535 - 4) / size);
    const messages = Array.from({ length: count }, (_, i) => message(i >>> 8, i & 0xff));
    const frame = frameOf([...messages, Buffer.alloc((65535 - 4) % size)]);
    assert.equal(frame.length, 65535);
    const zebra = await scene.zebra();
    for (let at = 0; at < frame.length; at += 9973) zebra.write(frame.subarray(at, at + 9973));
    await until(() => scene.told.length === 1 + count, { what: `${count} routes` });
    assert.equal(scene.told.at(-1), `10.${(count - 1) >>> 8}.${(count - 1) & 0xff}.0/24 10.9.0.2`);
    // What fills it up is no message.
    assert.ok(scene.source.counters().undecodable <= 1);
    zebra.write(NEW.stream('ipv6'));
    await until(() => scene.told.at(-1) === V6, { what: 'what comes behind it' });
  });

  test('taken back what it never told: no word, and no reason to wait with what it did', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(NEW.stream('ipv4'), NEW.stream('ipv6'));
    await scene.says('reset', V4, V6);
    await scene.clock.stall(2000);
    await scene.is('synced');
    const before = [...scene.told];
    const unknown = Array.from({ length: 100 }, (_, i) => {
      const frame = Buffer.from(NEW.stream('withdrawn'));
      Buffer.from([10, 77, i]).copy(frame, DESTINATION);
      return frame;
    });
    zebra.write(Buffer.concat([...unknown, NEW.stream('withdrawn')]));
    await until(() => scene.clock.waiting > 0, { what: 'it is gathered' });
    // Of two routes one goes: not nearly all, which would be doubted for two seconds.
    await scene.clock.stall(20);
    await scene.says(...before, `${NET} gone`);
  });

  for (const [version, { stream }] of [
    ['8.4', OLD],
    ['10.3', NEW],
  ] as const) {
    test(`a static route takes the place of BGP’s, and gives it back (${version})`, async () => {
      await using scene = await Scene.start();
      const zebra = await scene.zebra(stream('ipv4'), stream('ipv6'));
      await scene.says('reset', V4, V6);
      await scene.clock.stall(2000);
      await scene.is('synced');
      const before = [...scene.told];
      // 8.4 takes the old one back first, 9.1 and later replace it without a word.
      if (version === '8.4') zebra.write(stream('withdrawn'));
      zebra.write(of(STATIC, stream('ipv4')));
      await until(() => scene.clock.waiting > 0, { what: 'it is gathered' });
      await scene.clock.stall(20);
      await scene.says(...before, `${NET} gone`);
      if (version === '8.4') zebra.write(of(STATIC, stream('withdrawn')));
      zebra.write(stream('ipv4'));
      await scene.says(...before, `${NET} gone`, V4);
      // Taken back late: BGP's stands by now.
      zebra.write(of(STATIC, stream('withdrawn')));
      zebra.write(Buffer.concat([stream('moved')]));
      await scene.says(...before, `${NET} gone`, V4, `${NET} 10.9.0.3`);
    });
  }

  test('routes of others do not prolong the replay, nor are they withdrawals', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(NEW.stream('ipv4'));
    await scene.says('reset', V4);
    await scene.clock.stall(1500);
    const heardAt = scene.source.counters().lastEventAt;
    zebra.write(NEW.stream('connected'));
    zebra.write(of(178, NEW.stream('ipv6')));
    zebra.write(NEW.stream('ipv6'));
    await scene.says('reset', V4, V6);
    assert.notEqual(scene.source.counters().lastEventAt, heardAt);
    zebra.write(NEW.stream('connected'));
    await scene.clock.stall(1000);
    zebra.write(NEW.stream('connected'));
    await scene.clock.stall(1000);
    await scene.says('reset', V4, V6, 'ipv4', 'ipv6');
  });

  test('an interface that was renamed has its new name', async () => {
    const interfaces = new Map([[2, 'eth1']]);
    await using scene = await Scene.start({
      node: { interfaces: async () => new Map(interfaces) },
    });
    const bound = (lastOctet: number) => {
      const frame = Buffer.from(NEW.stream('ipv6'));
      const gateway = frame.indexOf(Buffer.from('20010db8000900000000000000000002', 'hex'));
      Buffer.from(`fe8000000000000000000000000000${lastOctet}`, 'hex').copy(frame, gateway);
      return frame;
    };
    const zebra = await scene.zebra(bound(10));
    await scene.says('reset', `${NET6} fe80::10%eth1`);
    interfaces.set(2, 'fabric0');
    await scene.clock.stall(1000);
    zebra.write(bound(10));
    await scene.says('reset', `${NET6} fe80::10%eth1`, `${NET6} fe80::10%fabric0`);
  });

  test('an interface that appears while the others are read is not missed', async () => {
    const answers: ((names: ReadonlyMap<number, string>) => void)[] = [];
    const interfaces = () =>
      new Promise<ReadonlyMap<number, string>>((resolve) => answers.push(resolve));
    await using scene = await Scene.start({ node: { interfaces } });
    const over = (interfaceIndex: number, net: number) => {
      const frame = Buffer.from(NEW.stream('ipv6'));
      const gateway = frame.indexOf(Buffer.from('20010db8000900000000000000000002', 'hex'));
      Buffer.from('fe800000000000000000000000000010', 'hex').copy(frame, gateway);
      frame.writeUInt8(net, DESTINATION + 5);
      frame.writeUInt32LE(interfaceIndex, frame.length - 4);
      return frame;
    };
    const answered = async (count: number, names: ReadonlyMap<number, string>) => {
      await until(() => answers.length === count, { what: `question ${count}` });
      answers.at(-1)?.(names);
    };
    const zebra = await scene.zebra(NEW.stream('ipv4'));
    await answered(1, new Map([[2, 'eth1']]));
    await scene.says('reset', V4);
    zebra.write(over(7, 7));
    await until(() => answers.length === 2, { what: 'it asks' });
    zebra.write(Buffer.concat([over(8, 8), NEW.stream('moved')]));
    await until(() => scene.told.at(-1) === `${NET} 10.9.0.3`, { what: 'both are heard' });
    // The answer to the first question knows nothing of the second interface.
    answers.at(-1)?.(new Map([[7, 'eth7']]));
    await answered(3, new Map([...[[7, 'eth7'] as const], [8, 'eth8']]));
    await until(() => scene.told.length === 5, { what: 'both are offered' });
    assert.deepEqual(scene.told.slice(3), [
      '2001:db8:7::/48 fe80::10%eth7',
      '2001:db8:8::/48 fe80::10%eth8',
    ]);
    assert.equal(scene.source.counters().undecodable, 0);
  });

  test('a route that moves to an interface that there is not is withdrawn', async () => {
    await using scene = await Scene.start();
    const zebra = await scene.zebra(NEW.stream('ipv6'));
    await scene.says('reset', V6);
    zebra.write(NEW.stream('ipv4'));
    await scene.says('reset', V6, V4);
    const frame = Buffer.from(NEW.stream('ipv6'));
    const gateway = frame.indexOf(Buffer.from('20010db8000900000000000000000002', 'hex'));
    Buffer.from('fe800000000000000000000000000002', 'hex').copy(frame, gateway);
    frame.writeUInt32LE(9, frame.length - 4);
    zebra.write(frame);
    await until(() => scene.source.counters().undecodable === 1, { what: 'it is refused' });
    await scene.clock.stall(20);
    await scene.says('reset', V6, V4, `${NET6} gone`);
  });
});
