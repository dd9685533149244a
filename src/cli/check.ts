import type { Config } from '../config/config.js';
import { plural } from './amount.js';
import type { Command } from './command.js';
import { readConfiguration } from './configuration.js';
import { EXIT } from './exit-code.js';
import { withConfig, withJson } from './options.js';

export const checkCommand: Command<{ config: string; json: boolean }> = {
  usage: 'check',
  summary: 'check the configuration, change nothing',
  about:
    'Reads the configuration and every file it names. Each fault is a line of file:line:column: path: what is wrong, what is allowed; the exit code is then 78.',
  examples: [['check --config new.yaml', 'before it takes the place of the old one']],
  options: (parser) => withJson(withConfig(parser)),
  async run({ config: file, json }, { output }) {
    const loaded = await readConfiguration(file);
    const warnings = loaded.ok ? warningsOf(loaded.config) : [];
    const faults = loaded.ok ? [] : loaded.faults;
    if (json) {
      output.print(JSON.stringify({ ok: loaded.ok, file, faults, warnings }));
    } else if (loaded.ok) {
      for (const warning of warnings) output.print(output.style.warning(`warning: ${warning}`));
      output.print(`${output.style.good('ok')}: ${file}: ${summaryOf(loaded.config)}`);
    } else {
      for (const line of loaded.lines) output.print(line);
    }
    return loaded.ok ? EXIT.done : EXIT.config;
  },
};

/**
 * A rule that names a peer means less than it says when the source offers only
 * its best path: where another peer wins, this one's path is never seen.
 */
export function warningsOf({ source, tables }: Config): string[] {
  if (source.kind !== 'gobgp') return [];
  return tables.flatMap((table) =>
    table.filters
      .filter(({ peer, peerAs }) => peer !== undefined || peerAs !== undefined)
      .map(
        ({ id, text }) =>
          `table ${table.name}: ${id} (${text}) names a peer, but the source offers only its best path of a prefix: where another peer wins, this rule does not see this one's`,
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
