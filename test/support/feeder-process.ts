/** The feeder's process: one {@link Speaker}, told what to do over IPC; ends with its parent. */
import type { Command, Reply, Request, Sent, SpeakerOptions } from './feeder-protocol.js';
import { routes } from './routes.js';
import { Speaker } from './speaker.js';

const speaker = new Speaker(JSON.parse(process.argv[2] ?? '') as SpeakerOptions);
const nothing = (): Sent => ({ messages: 0, at: String(process.hrtime.bigint()) });

async function obey(command: Command): Promise<Sent> {
  switch (command.do) {
    case 'announce':
      return speaker.announce(command.sets);
    case 'announce-generated':
      return speaker.announce(routes(command.count, command.options));
    case 'withdraw':
      return speaker.withdraw(command.prefixes);
    case 'end-of-rib':
      return speaker.endOfRib();
    case 'drop':
      await speaker.leave('silent');
      return nothing();
    case 'close':
      await speaker.leave('notify');
      return nothing();
    case 'connect':
      speaker.connect();
      return nothing();
    case 'state':
      return nothing();
  }
}

function answer(reply: Reply): void {
  process.send?.(reply);
}

process.on('message', ({ id, command }: Request) => {
  obey(command).then(
    (sent) => answer({ id, sent, state: speaker.state() }),
    (error: unknown) => answer({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
speaker.connect();
