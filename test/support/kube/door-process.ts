/**
 * Connections into and within the namespace it runs in, for `door.ts`: each argument
 * is a `DoorWay` in JSON. The parent says `cut`, `stall` or `resume` over IPC.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { DoorCommand, DoorWay } from './door.js';

/** Both ends of each connection of a way that is disturbed. */
const disturbed = new Set<readonly [Socket, Socket]>();
let stalled = false;

await Promise.all(process.argv.slice(2).map((way) => open(JSON.parse(way) as DoorWay)));
process.on('message', (command: DoorCommand) => {
  obey(command);
  process.send?.(command);
});
process.on('disconnect', () => process.exit());
process.send?.('open');

async function open(way: DoorWay): Promise<void> {
  // Half-open: what the one side has still to say is told after the other has ended.
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const pair = [near, connect({ ...way.to, allowHalfOpen: true })] as const;
    const held = () => stalled && way.disturbed;
    for (const [socket, other] of [pair, pair.toReversed()] as const) {
      socket?.on('error', () => {}); // It closes, and then the other does.
      socket?.on('close', () => {
        if (held()) return;
        disturbed.delete(pair);
        other?.destroySoon();
      });
    }
    if (way.disturbed) disturbed.add(pair);
    if (!held()) join(pair);
  });
  server.listen(way.from);
  await once(server, 'listening');
}

function obey(command: DoorCommand): void {
  switch (command) {
    case 'cut':
      for (const socket of [...disturbed].flat()) socket.resetAndDestroy();
      return;
    case 'stall':
      stalled = true;
      for (const socket of [...disturbed].flat()) socket.unpipe().pause();
      return;
    case 'resume':
      stalled = false;
      for (const pair of disturbed) {
        if (pair.every((socket) => !socket.destroyed)) join(pair);
        else for (const socket of pair) socket.destroy();
      }
      return;
  }
}

function join([near, far]: readonly [Socket, Socket]): void {
  near.pipe(far);
  far.pipe(near);
}
