import type { Contest } from '../reconcile/contests.js';
import { protocolText } from './protocol-text.js';

/** Who undoes it, as far as the kernel tells: it names the protocol of what is put in our place, and of who deletes none. */
export function rivalText({ protocol, port }: Pick<Contest, 'protocol' | 'port'>): string {
  const process = port === 'several' ? 'several processes in turn' : `netlink port ${port}`;
  return protocol === undefined
    ? `${process}; a deletion names no protocol`
    : `${protocolText(protocol)}, ${process}`;
}

/** For a route or rule that is away: why, and who. */
export function contestText(contest: Contest): string {
  return `undone ${contest.rounds} times by others (${rivalText(contest)}), put right at longer intervals`;
}
