/**
 * The peers' process: every session of every peer, told over IPC what to
 * announce; ends with its parent. One process, since a comparison has ten of
 * them, and to start each costs more than all it says.
 */
import type { SpeakerOptions } from '../support/feeder-protocol.js';
import type { RouteSet } from '../support/routes.js';
import { Speaker } from '../support/speaker.js';
import { until } from '../support/wait.js';

/** To be announced in each session of the peer; `undefined`: answered once all sessions are up. */
export interface PeersRequest {
  readonly announce: { readonly peer: number; readonly sets: readonly RouteSet[] } | undefined;
}

/** One for each request, in their order. */
export interface PeersReply {
  readonly error: string | undefined;
}

const sessions = (JSON.parse(process.argv[2] ?? '') as SpeakerOptions[][]).map((of) =>
  of.map((options) => new Speaker(options)),
);

async function obey({ announce }: PeersRequest): Promise<void> {
  if (announce !== undefined) {
    await Promise.all((sessions[announce.peer] ?? []).map((one) => one.announce(announce.sets)));
    return;
  }
  await until(() => sessions.flat().every((one) => one.state().established), {
    what: 'all sessions are up',
    deadlineMs: 60_000,
  });
}

let last = Promise.resolve();
process.on('message', (request: PeersRequest) => {
  const answer = (error: string | undefined) => process.send?.({ error } satisfies PeersReply);
  last = last
    .then(() => obey(request))
    .then(
      () => void answer(undefined),
      (error: unknown) => void answer(String(error)),
    );
});
process.on('disconnect', () => process.exit());
for (const one of sessions.flat()) one.connect();
