/** What is looked at before the first write: whether this configuration can do no harm here. */
import { readFile } from 'node:fs/promises';
import type { Config, ConfigFault, RulesConfig } from './config/config.js';
import { formatFault } from './config/fault.js';
import type { LoadedConfig, LoadResult } from './config/loaded.js';
import { type Nft, NftError, systemNft } from './connmark/nft.js';
import { probe } from './connmark/standing.js';
import { discoveryFaults } from './discover/create.js';
import { type Kernel, KernelError } from './kernel/kernel.js';
import { openRtnetlink } from './kernel/rtnetlink.js';
import type { Log } from './log-port.js';
import { FAMILIES, type Family } from './net/family.js';
import { isOwnRule, localRulePriority } from './reconcile/rule-set.js';
import { StartFault } from './start-fault.js';

/** Throws {@link StartFault} with every fault. */
export function acceptedOrFault(result: LoadResult): LoadedConfig {
  if (result.ok) return result;
  throw new StartFault('the configuration is refused', 78, result.faults.map(formatFault));
}

/** Throws {@link StartFault} for what the environment lacks that the configuration builds upon. */
export function checkEnvironment(config: Config): void {
  const faults = discoveryFaults(config);
  if (faults.length > 0)
    throw new StartFault('the configuration does not fit this node', 1, faults);
}

/**
 * Throws {@link StartFault} where tables go by connection marks and nft is not there, may not write, the
 * kernel does not do it, or another program has a table of our name: asked without a change.
 */
export async function checkConnmark(loaded: LoadedConfig, nft: Nft): Promise<void> {
  const faults = await connmarkFaults(loaded, () => probe(nft));
  if (faults.length === 0) return;
  throw new StartFault('connections cannot be marked on this node', 1, faults.map(formatFault));
}

async function connmarkFaults(
  { config, faultAt }: LoadedConfig,
  ask: () => Promise<void>,
): Promise<ConfigFault[]> {
  const users = [...config.tables.entries()].filter(
    ([, { rules }]) => rules?.returnPath.by === 'connmark',
  );
  if (users.length === 0) return [];
  try {
    await ask();
    return [];
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    const message =
      error.kind === 'foreign'
        ? error.message
        : `connmark needs nft (Debian package nftables): ${error.message}`;
    return users.map(([table]) => faultAt({ table, key: 'returnPath' }, message));
  }
}

/** Opens the kernel for writing. Throws {@link StartFault} without the right to. */
export async function openKernel(log: Log): Promise<Kernel> {
  if (!(await hasNetAdmin())) {
    throw new StartFault(
      'CAP_NET_ADMIN is missing: run as root, or give node the file capability cap_net_admin+ep',
      1,
    );
  }
  return await openKernelForReading(log);
}

/**
 * Takes no right: an ordinary user may dump links, addresses, routes, rules and
 * nexthop objects. Throws {@link StartFault}.
 */
export async function openKernelForReading(log: Log): Promise<Kernel> {
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

/** What is read of the kernel to hold a configuration against it; takes no right. */
type KernelReader = Pick<Kernel, 'rules' | 'foreignRoutes'>;

/** Throws {@link StartFault}: 78 for {@link ruleFaults}, 1 for {@link foreignFaults}. */
export async function checkAgainstKernel(
  loaded: LoadedConfig,
  kernel: KernelReader,
): Promise<void> {
  const misplaced = await ruleFaults(loaded, kernel);
  if (misplaced.length > 0) {
    throw new StartFault('the configuration is refused', 78, misplaced.map(formatFault));
  }
  const foreign = await foreignFaults(loaded, kernel);
  if (foreign.length > 0) {
    throw new StartFault('the configuration does not fit this node', 1, foreign.map(formatFault));
  }
}

/**
 * Why a reload refuses the configuration on this node, one line each; `inForce`
 * is the one that it would take the place of.
 */
export async function refusalsHere(
  loaded: LoadedConfig,
  kernel: KernelReader,
  inForce: Config,
  nft: Nft,
): Promise<readonly string[]> {
  try {
    const misplaced = await ruleFaults(loaded, kernel);
    const foreign = await foreignFaults(loaded, kernel, inForce);
    const unmarkable = await connmarkFaults(loaded, () => probe(nft));
    const faults = [...misplaced, ...foreign, ...unmarkable].map(formatFault);
    return [...faults, ...discoveryFaults(loaded.config)];
  } catch (error) {
    if (error instanceof KernelError) return [error.message];
    throw error;
  }
}

/** `faults` are the configuration's, `warnings` the node's: routes of others, a kernel that cannot be read. */
export interface NodeVerdict {
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly string[];
}

/** Holds the configuration against this node, reading only; that it cannot be read is a warning. */
export async function lookAtNode(loaded: LoadedConfig): Promise<NodeVerdict> {
  // Takes no right: whether nft may write, the start tells.
  const unmarkable = await connmarkFaults(loaded, () => systemNft.find());
  let kernel: Kernel | undefined;
  try {
    kernel = await openRtnetlink();
    const faults = await ruleFaults(loaded, kernel);
    const foreign = await foreignFaults(loaded, kernel);
    return { faults: [...faults, ...unmarkable], warnings: foreign.map(formatFault) };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { faults: unmarkable, warnings: [`the kernel was not looked at: ${error.message}`] };
  } finally {
    await kernel?.close();
  }
}

/** Rules that would stand ahead of the look-up of table `local`. */
async function ruleFaults(
  { config, faultAt }: LoadedConfig,
  kernel: Pick<Kernel, 'rules'>,
): Promise<ConfigFault[]> {
  const rules = await kernel.rules();
  return config.tables.flatMap(({ rules: wanted }, index) => {
    if (wanted === undefined) return [];
    return FAMILIES.filter((family) => hasRules(wanted, family)).flatMap((family) => {
      const local = localRulePriority(rules, family);
      if (local === undefined || wanted.priority > local) return [];
      return faultAt(
        { table: index, key: 'priority' },
        `${wanted.priority} is not behind the ${family} rule of table local, which stands at ${local} on this node; a larger number is allowed`,
      );
    });
  });
}

/**
 * Tables with `foreign: fail` that hold routes of others; not those that are
 * so in the configuration in force: they are left alone already.
 */
async function foreignFaults(
  { config, faultAt }: LoadedConfig,
  kernel: Pick<Kernel, 'foreignRoutes'>,
  inForce?: Config,
): Promise<ConfigFault[]> {
  const faults: ConfigFault[] = [];
  for (const [index, table] of config.tables.entries()) {
    if (table.foreign !== 'fail' || isGuarded(table.id, inForce)) continue;
    const others = await kernel.foreignRoutes(table.id);
    const [first] = others;
    if (first === undefined) continue;
    const message = `table ${table.id} (${table.name}) holds ${others.length} route${others.length === 1 ? '' : 's'} of others, the first ${first.prefix} with protocol ${first.protocol}, and foreign is fail`;
    faults.push(faultAt({ table: index, key: 'foreign' }, message));
  }
  return faults;
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

/** An interface may have addresses of both families, what is found may be of both, and a match without prefixes is for both. */
function hasRules({ from, match, discover }: RulesConfig, family: Family): boolean {
  return (
    discover.length > 0 ||
    from.some((source) => source.kind === 'interface' || source.prefix.family === family) ||
    match.some(
      (entry) => (entry.family ?? entry.from?.family ?? entry.to?.family ?? family) === family,
    )
  );
}
