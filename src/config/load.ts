/**
 * Text -> frozen {@link Config}, or all that is wrong with it. Nothing of a
 * configuration with a fault is used.
 *
 * Faults come in three rounds, each on top of a clean one before: what YAML
 * says, what the schema says, and what the keys mean for one another and for
 * the files they name.
 */
import { basename, resolve } from 'node:path';
import { buildBgp } from './bgp.js';
import type {
  Config,
  ConfigFault,
  FilterRule,
  KubernetesConfig,
  PrefixListConfig,
  SourceConfig,
} from './config.js';
import { buildKubernetes } from './discovery.js';
import { parseYaml, type YamlDocument } from './document.js';
import { capFaults, type FaultPath, type Tell } from './fault.js';
import { identityOf } from './file-identity.js';
import { besideFile, readText, type TextResult, whyUnreadable } from './files.js';
import { buildFilters } from './filters.js';
import { deepFreeze } from './freeze.js';
import { parseListSlices } from './list-slices.js';
import type { LoadedConfig, LoadResult } from './loaded.js';
import { nodePlacePath } from './node-place.js';
import { parseInlinePrefixList, parsePrefixListFile } from './prefix-list-text.js';
import { configSchema, type ParsedConfig } from './schema.js';
import { bgpPassword, PASSWORD_FORM } from './schema-bgp.js';
import { faultsOf } from './schema-fault.js';
import { filterListSchema } from './schema-filter.js';
import { buildTables } from './tables.js';

/** Largest main file, in bytes: generous for people; the parser takes a quarter of a second for it, at a stroke. */
export const MAIN_LIMIT = 256 * 2 ** 10;

/** Largest file of prefix lists, in bytes: those are made by machines, and read line by line. */
const PREFIX_LISTS_LIMIT = 16 * 2 ** 20;

/** Largest YAML file of filters, in bytes, some 10,000 rules: what is longer is a list of prefixes. */
const FILTERS_LIMIT = 512 * 2 ** 10;

/** Largest file of a password, in bytes. */
const PASSWORD_LIMIT = 1024;

/**
 * Reads the configuration at `path` and every file it names; paths in it are
 * relative to its own directory. Files of certificates and of source `file`
 * must exist and be readable, but are not read here. Never rejects for what a
 * file holds or lacks; faults are sorted by file and place.
 */
export async function loadConfig(path: string): Promise<LoadResult> {
  const identity = identityOf([path]);
  const read = await readText(path, MAIN_LIMIT);
  const refuse = (faults: readonly ConfigFault[]): LoadResult => {
    return { ok: false, faults, files: [resolve(path)] };
  };
  if (!read.ok) return refuse([{ file: path, line: 1, column: 1, path: '', message: read.reason }]);
  const yaml = parseYaml(path, read.text);
  if (!yaml.ok) return refuse(yaml.faults);
  const parsed = configSchema.safeParse(yaml.document.value);
  if (!parsed.success) return refuse(capFaults(faultsOf(yaml.document, parsed.error.issues)));
  return new Loader(path, identity, yaml.document).load(parsed.data);
}

/** The third round: one load of one well-formed document. */
class Loader {
  readonly #path: string;
  readonly #document: YamlDocument;
  readonly #faults: ConfigFault[] = [];
  readonly #includedFaults: ConfigFault[] = [];
  readonly #texts = new Map<string, Promise<TextResult>>();
  /** Of the main file and the others, each before it was read. */
  readonly #identities: string[];
  readonly #tell: Tell;

  constructor(path: string, identity: string, document: YamlDocument) {
    this.#path = path;
    this.#identities = [identity];
    this.#document = document;
    this.#tell = (at, message) => this.#faults.push(document.fault(at, message));
  }

  async load(parsed: ParsedConfig): Promise<LoadResult> {
    const source = await this.#source(parsed.source);
    this.#checkTaken(source, parsed.tables);
    const prefixLists = await this.#prefixLists(parsed.prefixLists);
    const listNames = new Set(prefixLists.keys());
    const filters: (readonly FilterRule[])[] = [];
    for (const [index, table] of parsed.tables.entries()) {
      filters.push(await this.#filters(table.filters, ['tables', index, 'filters'], listNames));
    }
    const kubernetes = await this.#kubernetes(parsed.discovery);
    const discovers = kubernetes !== undefined;
    const tables = buildTables(parsed.tables, filters, source.kind, discovers, this.#tell);

    this.#faults.sort((a, b) => a.line - b.line || a.column - b.column);
    const faults = [...capFaults(this.#faults), ...this.#includedFaults];
    const files = [this.#path, ...this.#texts.keys()].map((file) => resolve(file));
    if (faults.length > 0) return { ok: false, faults, files };
    const config: Config = {
      source,
      hold: parsed.hold,
      sync: parsed.sync,
      tables,
      prefixLists,
      discovery: { kubernetes },
      metrics: parsed.metrics.listen,
      admin: parsed.admin,
      alerts: { alertmanager: parsed.alerts.alertmanager },
      log: parsed.log,
      files,
    };
    const faultAt: LoadedConfig['faultAt'] = (place, message) =>
      this.#document.fault(nodePlacePath(place), message);
    const identity = this.#identities.join(' ');
    return { ok: true, config: deepFreeze(config), identity, faultAt };
  }

  async #source(parsed: ParsedConfig['source']): Promise<SourceConfig> {
    const { gobgp, bgp, fpm, file } = parsed;
    if (Object.values(parsed).filter((one) => one !== undefined).length !== 1) {
      this.#tell(['source'], 'must have exactly one of gobgp, bgp, fpm and file');
    }
    if (bgp !== undefined) {
      const passwordOf = (file: string, at: FaultPath) => this.#password(file, at);
      const built = await buildBgp(bgp, ['source', 'bgp'], passwordOf, this.#tell);
      return { kind: 'bgp', bgp: built };
    }
    if (fpm !== undefined) return { kind: 'fpm', fpm };
    if (gobgp === undefined) {
      const path = file && (await this.#existing(file.path, ['source', 'file', 'path']));
      return { kind: 'file', file: { path: path ?? '' } };
    }
    const { address, tls, paths } = gobgp;
    if (tls === undefined) return { kind: 'gobgp', gobgp: { address, tls, paths } };
    const at = (key: string): FaultPath => ['source', 'gobgp', 'tls', key];
    if ((tls.cert === undefined) !== (tls.key === undefined)) {
      const [given, lacking] = tls.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
      this.#tell(at(given), `needs ${lacking} beside it`);
    }
    const ca = await this.#existing(tls.ca, at('ca'));
    const cert = await this.#existing(tls.cert, at('cert'));
    const key = await this.#existing(tls.key, at('key'));
    return { kind: 'gobgp', gobgp: { address, tls: { ca, cert, key }, paths } };
  }

  async #kubernetes({
    kubernetes,
  }: ParsedConfig['discovery']): Promise<KubernetesConfig | undefined> {
    if (kubernetes === undefined) return undefined;
    const at = ['discovery', 'kubernetes'];
    const kubeconfig = await this.#existing(kubernetes.kubeconfig, [...at, 'kubeconfig']);
    return buildKubernetes(kubernetes, kubeconfig, process.env, [...at, 'protect'], this.#tell);
  }

  /** What rib2fib writes it must not learn from. */
  #checkTaken(source: SourceConfig, tables: ParsedConfig['tables']): void {
    if (source.kind !== 'fpm') return;
    for (const [index, id] of source.fpm.tables.entries()) {
      const at = ['source', 'fpm', 'tables', index];
      if (tables.some((table) => table.id === id)) {
        this.#tell(at, `${id} is written by rib2fib itself; name the table FRR installs into`);
      }
      if (source.fpm.tables.indexOf(id) < index) this.#tell(at, 'stands above already');
    }
  }

  async #password(reference: string, at: FaultPath): Promise<string | undefined> {
    const included = await this.#included(reference, at, PASSWORD_LIMIT);
    if (included === undefined) return undefined;
    const password = bgpPassword.safeParse(included.text.replace(/\r?\n$/, ''));
    if (!password.success) this.#tell(at, `${included.file} does not hold ${PASSWORD_FORM}`);
    return password.data;
  }

  /** The absolute path of a file that is named here and read elsewhere. */
  async #existing(reference: string | undefined, at: FaultPath): Promise<string | undefined> {
    if (reference === undefined) return undefined;
    const path = resolve(besideFile(this.#path, reference));
    const reason = await whyUnreadable(path);
    if (reason !== undefined) this.#tell(at, `${path} ${reason}`);
    return path;
  }

  async #prefixLists(
    parsed: ParsedConfig['prefixLists'],
  ): Promise<ReadonlyMap<string, PrefixListConfig>> {
    const files = new Map<string, ReadonlyMap<string, PrefixListConfig>>();
    const lists = new Map<string, PrefixListConfig>();
    for (const [name, given] of Object.entries(parsed)) {
      const at = ['prefixLists', name];
      const nothing: PrefixListConfig = { ipv4: [], ipv6: [] };
      if (Array.isArray(given)) {
        const tell = (index: number, message: string) => this.#tell([...at, index], message);
        lists.set(name, parseInlinePrefixList(given, tell));
        continue;
      }
      lists.set(name, nothing);
      const included = await this.#included(given.file, [...at, 'file'], PREFIX_LISTS_LIMIT);
      if (included === undefined) continue;
      const { file, text } = included;
      let inFile = files.get(file);
      if (inFile === undefined) {
        const { lists: found, faults } = await parsePrefixListFile(file, text);
        this.#includedFaults.push(...faults);
        files.set(file, found);
        inFile = found;
      }
      const list = inFile.get(name);
      if (list === undefined) {
        const known = [...inFile.keys()].slice(0, 10).join(', ');
        this.#tell([...at, 'file'], `${file} has no list "${name}" (there is ${known || 'none'})`);
      } else {
        lists.set(name, list);
      }
    }
    return lists;
  }

  async #filters(
    given: ParsedConfig['tables'][number]['filters'],
    path: FaultPath,
    listNames: ReadonlySet<string>,
  ): Promise<readonly FilterRule[]> {
    if (Array.isArray(given)) {
      const valueAt = (at: FaultPath) => this.#document.valueAt(at);
      const context = { path, label: 'filters', first: 0, listNames, valueAt, tell: this.#tell };
      return buildFilters(given, context);
    }
    const included = await this.#included(
      given.file,
      [...path, 'file'],
      FILTERS_LIMIT,
      '; put long lists of prefixes into prefixLists, and name them in a filter',
    );
    if (included === undefined) return [];
    const { file, text } = included;
    const faults: ConfigFault[] = [];
    const rules: FilterRule[] = [];
    for await (const slice of parseListSlices(file, text)) {
      if (!slice.ok) {
        faults.push(...slice.faults);
        break;
      }
      const { document, first } = slice;
      const parsed = filterListSchema.safeParse(document.value);
      if (!parsed.success) {
        faults.push(...faultsOf(document, parsed.error.issues));
        continue;
      }
      const built = buildFilters(parsed.data, {
        ...{ path: [], label: basename(file), first, listNames },
        valueAt: (at) => document.valueAt(at),
        tell: (at, message) => faults.push(document.fault(at, message)),
      });
      rules.push(...built);
    }
    this.#includedFaults.push(...capFaults(faults));
    return rules;
  }

  /** Reads a file that the configuration includes; each only once. `instead` is for one above the limit. */
  async #included(
    reference: string,
    at: FaultPath,
    limit: number,
    instead = '',
  ): Promise<{ file: string; text: string } | undefined> {
    const file = besideFile(this.#path, reference);
    let reading = this.#texts.get(file);
    if (reading === undefined) {
      this.#identities.push(identityOf([file]));
      reading = readText(file, limit);
      this.#texts.set(file, reading);
    }
    const read = await reading;
    if (read.ok) return { file, text: read.text };
    this.#tell(at, `${file} ${read.reason}${read.tooLarge ? instead : ''}`);
    return undefined;
  }
}
