/** The netlink sockets of a process, by the kernel's own account. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface NetlinkSocket {
  /** 0: routes, rules, links. */
  readonly protocol: number;
  /** It is a member of one of the first 32 multicast groups. */
  readonly subscribed: boolean;
  /** Messages lost since it was opened. */
  readonly dropped: number;
}

/**
 * Its rows of /proc/net/netlink, which lists those of the whole namespace; none
 * where the process has ended, or none are open. Needs root for a process of
 * somebody else.
 */
export function netlinkSockets(pid: number): readonly NetlinkSocket[] {
  try {
    const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => socketInode(pid, fd)));
    const [, ...rows] = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trimEnd().split('\n');
    return rows
      .map((row) => row.trim().split(/\s+/))
      .filter(([, , , , , , , , , inode]) => inodes.has(inode))
      .map(([, protocol, , groups, , , , , dropped]) => ({
        protocol: Number(protocol),
        subscribed: groups !== '00000000',
        dropped: Number(dropped),
      }));
  } catch (error) {
    if (ENDED.includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Messages lost by all its sockets together. */
export function droppedMessages(pid: number): number {
  return netlinkSockets(pid).reduce((sum, { dropped }) => sum + dropped, 0);
}

/** It is told of changes from now on. */
export function hasSubscribed(pid: number | undefined): boolean {
  return pid !== undefined && netlinkSockets(pid).some(({ subscribed }) => subscribed);
}

const ENDED = ['ENOENT', 'ESRCH', 'EINVAL'];

function socketInode(pid: number, fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
  } catch {
    return undefined; // It was closed meanwhile.
  }
}
