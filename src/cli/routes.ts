import type { AdminClient } from '../admin/client.js';
import { ROUTE_STATES, type RouteState, type RoutesQuery } from '../admin/command-report.js';
import { FAMILIES, type Family } from '../net/family.js';
import { REJECT_REASONS, type RejectReason } from '../policy/verdict.js';
import type { Command } from './command.js';
import { adminClient, type SocketOptions } from './configuration.js';
import { CommandError, EXIT } from './exit-code.js';
import { withJson, withSocket } from './options.js';
import type { Output } from './output.js';
import { routeLines } from './routes-text.js';

type Options = SocketOptions & {
  json: boolean;
  table: string | undefined;
  family: Family | undefined;
  state: RouteState | undefined;
  reason: RejectReason | undefined;
  peer: string | undefined;
  limit: number | undefined;
};

export const routesCommand: Command<Options> = {
  usage: 'routes',
  summary: 'list routes: installed, pending, stale, rejected and why',
  about:
    'Every prefix the running daemon knows of, in each table, with the route that is or would be in the kernel. Conditions are all to be met.',
  examples: [
    ['routes --table fabric --state rejected', 'what the table does not have, and why'],
    ['routes --reason next-hop-unreachable', 'what waits for its next hop'],
    ['routes --peer 10.9.0.2 --family ipv6 --limit 20', 'the first 20 of one peer'],
  ],
  options: (parser) =>
    withJson(
      withSocket(parser)
        .option('table', { type: 'string', requiresArg: true, describe: 'by name or id' })
        .option('family', { choices: FAMILIES, describe: 'one family only' })
        .option('state', { choices: ROUTE_STATES, describe: 'one state only' })
        .option('reason', { choices: REJECT_REASONS, describe: 'rejected for one reason' })
        .option('peer', {
          type: 'string',
          requiresArg: true,
          describe: 'learned from this address',
        })
        .option('limit', { type: 'number', requiresArg: true, describe: 'at most so many' }),
    ),
  async run({ json, table, family, state, reason, peer, limit, ...where }, { output }) {
    if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
      throw new CommandError('--limit takes a whole number above 0', EXIT.usage);
    }
    const client = await adminClient(where, output);
    const query = { table, family, state, reason, peer, limit };
    if (json) await printJson(client, query, output);
    else await printLines(client, query, output);
    return EXIT.done;
  },
};

/** One array, written as it arrives. */
async function printJson(client: AdminClient, query: RoutesQuery, output: Output): Promise<void> {
  let held: string | undefined;
  output.print('[');
  for await (const route of client.routes(query)) {
    if (held !== undefined) output.print(`${held},`);
    held = JSON.stringify(route);
  }
  if (held !== undefined) output.print(held);
  output.print(']');
}

async function printLines(client: AdminClient, query: RoutesQuery, output: Output): Promise<void> {
  let none = true;
  for await (const line of routeLines(client.routes(query), output.style)) {
    none = false;
    output.print(line);
  }
  if (none) output.note('no such routes');
}
