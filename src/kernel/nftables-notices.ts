/**
 * Tells when somebody changes one table of nftables: what it holds then, nft is asked. The kernel's
 * messages (linux/netfilter/nf_tables.h) all name their table in attribute 1.
 */
import { AttributeTable, walkMessages } from '../netlink/walk.js';
import type { KernelError } from './kernel.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './socket.js';

const NFNLGRP_NFTABLES = 7;
/** High byte of nlmsg_type. */
const NFNL_SUBSYS_NFTABLES = 10;
/** struct nfgenmsg. */
const NFGENMSG_SIZE = 4;
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE. */
const NFTA_TABLE = 1;
/** kube-proxy changes thousands of rules at once. */
const RECEIVE_BUFFER = 4 << 20;
/** Lost messages are looked for this often where none comes behind them (milliseconds). */
const LOSS_CHECK = 5_000;

const attributes = new AttributeTable(NFTA_TABLE);

/**
 * Calls `changed` for every message about a table of this name, whoever asked for the change, and
 * where messages were lost; until `signal` aborts. Takes CAP_NET_ADMIN.
 * Rejects with KernelError where it cannot begin, or the socket fails later.
 */
export function watchNftables(
  table: string,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let dropped = 0;
    const end = (): void => {
      clearInterval(lossCheck);
      signal.removeEventListener('abort', stop);
      socket.close();
    };
    const stop = (): void => {
      end();
      resolve();
    };
    const socket = NetlinkSocket.open(
      {
        protocol: NETLINK_NETFILTER,
        receiveBuffer: RECEIVE_BUFFER,
        groups: [NFNLGRP_NFTABLES],
      },
      {
        message: (chunk) => {
          if (concerns(chunk, table)) changed();
        },
        error: (error: KernelError) => {
          end();
          reject(error);
        },
      },
    );
    const lossCheck = setInterval(() => {
      if (socket.dropped === dropped) return;
      dropped = socket.dropped;
      changed();
    }, LOSS_CHECK).unref();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

/** Nobody knows what a malformed message said: it may concern any table. */
export function concerns(chunk: Buffer, table: string): boolean {
  let found = false;
  const skipped = walkMessages(chunk, (type, _flags, _seq, body, end) => {
    if (found || type >>> 8 !== NFNL_SUBSYS_NFTABLES || body + NFGENMSG_SIZE > end) return;
    attributes.read(chunk, body + NFGENMSG_SIZE, end);
    found = attributes.text(NFTA_TABLE) === table;
  });
  return found || skipped > 0;
}
