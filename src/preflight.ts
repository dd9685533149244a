/** What is looked at before the first write: whether this configuration can do no harm here. */
import { readFile } from 'node:fs/promises';
import type { Config, RulesConfig, TableConfig } from './config/config.js';
import { formatFault } from './config/fault.js';
import { loadConfig } from './config/load.js';
import { type Kernel, KernelError, type KernelRule, OWN_PROTOCOL } from './kernel/kernel.js';
import { openRtnetlink } from './kernel/rtnetlink.js';
import type { Log } from './log-port.js';
import { FAMILIES, type Family } from './net/family.js';
import { isOwnRule, localRulePriority } from './reconcile/mirror.js';
import { StartFault } from './start-fault.js';

/** Throws {@link StartFault} with every fault. */
export async function loadOrFault(path: string): Promise<Config> {
  const result = await loadConfig(path);
  if (result.ok) return result.config;
  throw new StartFault('the configuration is refused', 78, result.faults.map(formatFault));
}

/** Opens the kernel for writing. Throws {@link StartFault} without the right to. */
export async function openKernel(log: Log): Promise<Kernel> {
  if (!(await hasNetAdmin())) {
    throw new StartFault(
      'CAP_NET_ADMIN is missing: run as root, or give node the file capability cap_net_admin+ep',
      1,
    );
  }
  try {
    return await openRtnetlink({ log });
  } catch (error) {
    if (error instanceof KernelError) throw new StartFault(error.message, 1, [], { cause: error });
    throw error;
  }
}

const CAP_NET_ADMIN = 12n;

/** capabilities(7): the effective set of this process, not that of the user. */
async function hasNetAdmin(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}

/**
 * Throws {@link StartFault}: 78 where a rule would stand ahead of the look-up
 * of table `local`, 1 where a table with `foreign: fail` holds routes of others;
 * not for a table that is so in the configuration in force: it is left alone already.
 */
export async function checkAgainstKernel(
  config: Config,
  kernel: Kernel,
  inForce?: Config,
): Promise<void> {
  const rules = await kernel.rules();
  const faults = config.tables.flatMap((table) => rulePriorityFaults(table, rules));
  if (faults.length > 0) throw new StartFault('the configuration is refused', 78, faults);
  for (const table of config.tables) {
    if (table.foreign !== 'fail' || isGuarded(table.id, inForce)) continue;
    const routes = await kernel.routes(table.id);
    const others = routes.filter(({ protocol }) => protocol !== OWN_PROTOCOL);
    const [first] = others;
    if (first === undefined) continue;
    throw new StartFault(
      `table ${table.id} (${table.name}) holds ${others.length} routes of others, the first ${first.prefix} with protocol ${first.protocol}, and foreign is fail`,
      1,
    );
  }
}

/**
 * Takes out rules of ours that stand ahead of the look-up of table `local`, as
 * when it was moved while no daemon ran: they cut the node off from itself.
 * Returns how many went.
 */
export async function removeRulesAheadOfLocal(kernel: Kernel): Promise<number> {
  const rules = await kernel.rules();
  const ahead = rules.filter((rule) => {
    const local = localRulePriority(rules, rule.family);
    return isOwnRule(rule) && local !== undefined && rule.priority <= local;
  });
  const { failures } = await kernel.execute(ahead.map((rule) => ({ op: 'rule-delete', rule })));
  return ahead.length - failures.length;
}

function isGuarded(id: number, inForce: Config | undefined): boolean {
  return inForce?.tables.some((table) => table.id === id && table.foreign === 'fail') === true;
}

function rulePriorityFaults(table: TableConfig, rules: readonly KernelRule[]): string[] {
  const { rules: wanted, name } = table;
  if (wanted === undefined) return [];
  return FAMILIES.filter((family) => hasRules(wanted, family)).flatMap((family) => {
    const local = localRulePriority(rules, family);
    if (local === undefined || wanted.priority > local) return [];
    return `tables.${name}.rules.priority: ${wanted.priority} is not behind the ${family} rule of table local, which stands at ${local} here; a larger number is allowed`;
  });
}

/** An interface may have addresses of both families, and a match without prefixes is for both. */
function hasRules({ from, match }: RulesConfig, family: Family): boolean {
  return (
    from.some((source) => source.kind === 'interface' || source.prefix.family === family) ||
    match.some(
      (entry) => (entry.family ?? entry.from?.family ?? entry.to?.family ?? family) === family,
    )
  );
}
