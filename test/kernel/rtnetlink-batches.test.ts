/** What becomes of many writes at once, and of their answers. Needs root. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Operation, OperationFailure } from '../../src/kernel/kernel.js';
import {
  descriptorOf,
  droppedMessages,
  growReceiveBuffer,
} from '../../src/kernel/socket-options.js';
import { WriteClient } from '../../src/kernel/write.js';
import { Address } from '../../src/net/address.js';
import { Prefix } from '../../src/net/prefix.js';
import { ip, leg, openNode, route, routesSeen } from './rtnetlink-node.js';

/** `count` /24 from 11.0.0.0 on. */
function prefixes(count: number): Prefix[] {
  return Array.from({ length: count }, (_, i) =>
    Prefix.of(new Address('ipv4', 0x0b000000 + i * 256), 24),
  );
}

function additions(count: number, gateway: string, oif: number): Operation[] {
  const target = { type: 'legs', legs: [leg(gateway, oif)] } as const;
  return prefixes(count).map((prefix) => ({
    op: 'route-add',
    route: { table: 100, prefix, metric: 20, target },
  }));
}

test('10,000 failing operations: each is told, and the process lives', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const unreachable = additions(10_000, '192.0.2.77', oif);
  const result = await kernel.execute(unreachable);
  assert.equal(result.unknownFrom, unreachable.length);
  assert.deepEqual(
    result.failures.map(({ index }) => index),
    unreachable.map((_, index) => index),
  );
  for (const { errno, message } of result.failures) {
    assert.equal(errno, 'ENETUNREACH');
    assert.equal(message, 'Nexthop has invalid gateway');
  }
});

test('one bad operation among many costs itself alone', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const wide = Array.from({ length: 3000 }, () => leg('2001:db8:9::2', oif));
  const bad = new Map<number, Operation>([
    [0, { op: 'route-add', route: route('10.1.0.0/16', [leg('192.0.2.77', oif)]) }],
    [999, { op: 'route-add', route: route('10.2.0.0/16', { type: 'nexthop', id: 77 }) }],
    [1000, { op: 'nexthop-delete', id: 77 }],
    [1500, { op: 'route-add', route: route('2001:db8:5::/48', wide) }],
    [2499, { op: 'route-delete', route: route('10.3.0.0/16', { type: 'throw' }) }],
  ]);
  const operations = additions(2500, '10.9.0.2', oif).map((good, i) => bad.get(i) ?? good);
  const { failures, unknownFrom } = await kernel.execute(operations);
  assert.equal(unknownFrom, operations.length);
  assert.deepEqual(
    failures.map(({ index, errno }) => [index, errno]).sort(([a], [b]) => Number(a) - Number(b)),
    [
      [0, 'ENETUNREACH'],
      [999, 'EINVAL'],
      [1000, 'ENOENT'],
      [1500, 'EMSGSIZE'],
      [2499, 'ESRCH'],
    ],
  );
  assert.equal(routesSeen(4, 100).length, operations.length - bad.size);
});

test('20,000 routes of 8 legs, as ip counts them; other work gets its turn meanwhile', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const legs = Array.from({ length: 8 }, (_, i) => leg(`10.9.0.${i + 2}`, oif));
  const operations = prefixes(20_000).map(
    (prefix): Operation => ({
      op: 'route-add',
      route: { table: 100, prefix, metric: 20, target: { type: 'legs', legs } },
    }),
  );
  let turns = 0;
  let running = true;
  const other = (async () => {
    for (; running; turns++) await turn();
  })();
  const result = await kernel.execute(operations);
  running = false;
  await other;
  assert.deepEqual(result, { failures: [], unknownFrom: operations.length });
  assert.ok(turns >= 10, `${turns} turns`);
  const seen: unknown = JSON.parse(ip('-j route show table 100'));
  assert.ok(Array.isArray(seen));
  assert.equal(seen.length, operations.length);
  assert.equal((await kernel.routes(100)).length, operations.length);
});

test('answers that do not fit the receive buffer: unknown, not taken for done', async () => {
  await using node = await openNode();
  const { oif } = node;
  const writes = new WriteClient(() => assert.fail('malformed'), 100);
  const descriptor = descriptorOf(writes.port, 0);
  try {
    growReceiveBuffer(descriptor, 1);
    const failing = additions(1000, '192.0.2.77', oif);
    for (let round = 0; round < 30; round++) {
      const failures: OperationFailure[] = [];
      const before = droppedMessages(descriptor);
      const writing = writes.write(failing, 0, failing.length, failures);
      // Every other round nothing is read before the kernel has lost an answer.
      const until = performance.now() + 5000;
      while (round % 2 === 0 && droppedMessages(descriptor) === before) {
        assert.ok(performance.now() < until, 'nothing was lost');
      }
      const known = await writing;
      const lost = droppedMessages(descriptor) !== before;
      assert.equal(known, lost ? 0 : failing.length);
      assert.equal(failures.length, known);
    }

    growReceiveBuffer(descriptor, 4 << 20);
    const failures: OperationFailure[] = [];
    const good = additions(1500, '10.9.0.2', oif);
    assert.equal(await writes.write(good, 0, good.length, failures), good.length);
    assert.deepEqual(failures, []);
    assert.equal(routesSeen(4, 100).length, good.length);
  } finally {
    writes.close();
  }
});

test('a dump of a table that others change lacks none of what stood there all the time', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  const standing = additions(5000, '10.9.0.2', oif);
  await kernel.execute(standing);
  const line = (i: number) => `10.${i >> 8}.${i & 255}.0/24 via 10.9.0.3 table 100\n`;
  const all = Array.from({ length: 0x2000 }, (_, i) => line(i));
  const churn = spawn('ip', ['-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const left = new Promise<number | null>((resolve) => churn.once('close', resolve));
  churn.stdin.end(
    all.map((text) => `route add ${text}`).join('') +
      all.map((text) => `route del ${text}`).join(''),
  );
  let over = false;
  void left.then(() => {
    over = true;
  });
  for (let dumps = 0; !over || dumps < 3; dumps++) {
    const own = (await kernel.routes(100)).filter(({ protocol }) => protocol === 178);
    assert.equal(own.length, standing.length);
  }
  assert.equal(await left, 0);
});

test('nothing to do is done at once', async () => {
  await using node = await openNode();
  assert.deepEqual(await node.kernel.execute([]), { failures: [], unknownFrom: 0 });
});

test('after close, whatever is asked is a KernelError', async () => {
  await using node = await openNode();
  const { kernel, oif } = node;
  await kernel.close();
  const canceled = { name: 'KernelError', errno: 'ECANCELED' };
  await assert.rejects(kernel.links(), canceled);
  await assert.rejects(kernel.execute(additions(1, '10.9.0.2', oif)), canceled);
});
