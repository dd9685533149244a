import { access, constants, stat } from 'node:fs/promises';
import type { BgpConfig, Config, FpmConfig, HooksConfig } from '../config/config.js';
import { formatFault } from '../config/fault.js';
import type { LoadedConfig } from '../config/loaded.js';
import { Address } from '../net/address.js';
import type { NodeVerdict } from '../preflight.js';
import { plural } from './amount.js';
import type { Command } from './command.js';
import { readConfiguration } from './configuration.js';
import { EXIT } from './exit-code.js';
import { withConfig, withJson } from './options.js';

export const checkCommand: Command<{ config: string; json: boolean }> = {
  usage: 'check',
  summary: 'check the configuration, change nothing',
  about:
    'Reads the configuration and every file it names, and holds it against the rules of this node. Each fault is a line of file:line:column: path: what is wrong, what is allowed; the exit code is then 78.',
  examples: [['check --config new.yaml', 'before it takes the place of the old one']],
  options: (parser) => withJson(withConfig(parser)),
  async run({ config: file, json }, { output }) {
    const loaded = await readConfiguration(file);
    const { faults, warnings } = loaded.ok ? await verdictOn(loaded) : { ...loaded, warnings: [] };
    const ok = loaded.ok && faults.length === 0;
    if (json) {
      output.print(JSON.stringify({ ok, file, faults, warnings }));
      return ok ? EXIT.done : EXIT.config;
    }
    for (const fault of faults) output.print(formatFault(fault));
    for (const warning of warnings) output.print(output.style.warning(`warning: ${warning}`));
    if (!ok) return EXIT.config;
    output.print(`${output.style.good('ok')}: ${file}: ${summaryOf(loaded.config)}`);
    return EXIT.done;
  },
};

async function verdictOn(loaded: LoadedConfig): Promise<NodeVerdict> {
  const { lookAtNode } = await import('../preflight.js');
  const { faults, warnings } = await lookAtNode(loaded);
  const here = [...warnings, ...(await hookWarnings(loaded.config.hooks))];
  return { faults, warnings: [...warningsOf(loaded.config), ...here] };
}

/** Of programs that this user could not start; the daemon's may be another. */
export async function hookWarnings(hooks: HooksConfig): Promise<string[]> {
  const warnings: string[] = [];
  for (const hook of ['before', 'after'] as const) {
    const [program] = hooks[hook]?.run ?? [];
    if (program === undefined) continue;
    const reason = await whyNotExecutable(program);
    if (reason !== undefined) warnings.push(`hooks.${hook}: ${program} ${reason}`);
  }
  return warnings;
}

async function whyNotExecutable(program: string): Promise<string | undefined> {
  try {
    if (!(await stat(program)).isFile()) return 'is not a file';
    await access(program, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'is not there';
    return code === 'EACCES' ? 'may not be executed' : `cannot be looked at: ${code}`;
  }
}

/** What the configuration says and its source does not give. */
export function warningsOf(config: Config): string[] {
  const { source } = config;
  switch (source.kind) {
    case 'gobgp':
      return source.gobgp.paths === 'all' ? [] : peerWarnings(config);
    case 'fpm':
      return [...exposureWarnings(source.fpm), ...unknownWarnings(config)];
    case 'bgp':
      return strangerWarnings(source.bgp, config);
    case 'file':
      return [];
  }
}

/** All peers of source bgp are known: what names none of them is a slip of the pen. */
function strangerWarnings(bgp: BgpConfig, { tables }: Config): string[] {
  return tables.flatMap(({ name, filters, limits }) => [
    ...filters
      .filter(({ peer, peerAs }) => !hasPeer(bgp, peer, peerAs))
      .map(
        ({ id, text }) =>
          `table ${name}: ${id} (${text}) never matches: source.bgp.peers has no such peer`,
      ),
    ...limits
      .filter(({ peer }) => !hasPeer(bgp, peer, undefined))
      .map(
        ({ id }) => `table ${name}: limit ${id} never counts: source.bgp.peers has no such peer`,
      ),
  ]);
}

/** `undefined`: any. */
function hasPeer({ peers }: BgpConfig, peer: string | undefined, as: number | undefined): boolean {
  const address = peer === undefined ? undefined : Address.parse(peer);
  return peers.some(
    ({ neighbour, as: its }) =>
      (as === undefined || as === its) &&
      (address === undefined ||
        (neighbour.kind === 'prefix'
          ? neighbour.prefix.contains(address)
          : neighbour.address.equals(address))),
  );
}

/** Nothing authenticates FPM: who reaches the listener names routes. */
function exposureWarnings({ listen: { host } }: FpmConfig): string[] {
  const loopback = host === '::1' || host.startsWith('127.');
  return loopback
    ? []
    : [
        `source fpm listens on ${host}, and nothing authenticates FPM: whoever reaches it can name routes; 127.0.0.1 is enough for the zebra of this host`,
      ];
}

/** FPM tells prefixes and next hops: what asks for more never matches, a deny neither. */
function unknownWarnings({ tables }: Config): string[] {
  return tables.flatMap(({ name, filters, limits }) => [
    ...filters.flatMap((rule) => {
      const asked = UNKNOWN_TO_FPM.filter((key) => rule[key] !== undefined);
      return asked.length === 0
        ? []
        : [
            `table ${name}: ${rule.id} (${rule.text}) never matches: source fpm does not tell ${asked.join(', ')}`,
          ];
    }),
    ...limits
      .filter(({ peer }) => peer !== undefined)
      .map(({ id }) => `table ${name}: limit ${id} never counts: source fpm does not tell peer`),
  ]);
}

const UNKNOWN_TO_FPM = [
  'peer',
  'peerAs',
  'originAs',
  'asPath',
  'community',
  'largeCommunity',
] as const;

/**
 * A rule that names a peer means less than it says when the source offers only
 * its best path: where another peer wins, this one's path is never seen.
 */
function peerWarnings({ tables }: Config): string[] {
  return tables.flatMap((table) =>
    table.filters
      .filter(({ peer, peerAs }) => peer !== undefined || peerAs !== undefined)
      .map(
        ({ id, text }) =>
          `table ${table.name}: ${id} (${text}) names a peer, but the source offers only its best path of a prefix: where another peer wins, this rule does not see this one's (source.gobgp.paths: all offers every path)`,
      ),
  );
}

function summaryOf({ source, tables }: Config): string {
  const named = tables.map(
    ({ id, name, filters, limits }) =>
      `${name === String(id) ? name : `${name} (${id})`} with ${plural(filters.length, 'filter')} and ${plural(limits.length, 'limit')}`,
  );
  return `source ${source.kind}, ${plural(tables.length, 'table')}: ${named.join('; ')}`;
}
