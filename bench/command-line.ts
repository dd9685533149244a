/** What `scripts/bench` is told to measure. Pure. */
import type { Scale, Scenario } from './outcome.js';

export type Asked =
  | {
      readonly ask: 'run';
      readonly scale: Scale;
      readonly names: readonly string[];
      readonly all: boolean;
    }
  | { readonly ask: 'plot' }
  | { readonly ask: 'markdown' }
  | { readonly ask: 'help'; readonly text: string }
  | { readonly ask: 'refuse'; readonly why: string };

/**
 * `[SCENARIO…] [--quick]`, or one word: `plot`, `markdown`, `help`. Without a name: every scenario that need not be
 * named (`all`). Names come back in the order of the scenarios, each once.
 */
export function asked(
  args: readonly string[],
  scenarios: Readonly<Record<string, Pick<Scenario, 'about' | 'when'>>>,
): Asked {
  const named = args.filter((arg) => arg !== '--quick');
  const scale = args.includes('--quick') ? 'quick' : 'full';
  const [only] = args;
  if (args.length === 1 && (only === 'plot' || only === 'markdown')) return { ask: only };
  if (args.some((arg) => ['help', '--help', '-h'].includes(arg))) {
    return { ask: 'help', text: usage(scenarios) };
  }
  const unknown = named.filter((name) => !Object.hasOwn(scenarios, name));
  if (unknown.length > 0) {
    return { ask: 'refuse', why: `there is no ${unknown.join(', no ')}\n\n${usage(scenarios)}` };
  }
  const all = named.length === 0;
  const names = Object.keys(scenarios).filter((name) =>
    all ? scenarios[name]?.when === 'always' : named.includes(name),
  );
  return { ask: 'run', scale, names, all };
}

function usage(scenarios: Readonly<Record<string, Pick<Scenario, 'about' | 'when'>>>): string {
  const width = Math.max(...Object.keys(scenarios).map((name) => name.length));
  const lines = Object.entries(scenarios).map(
    ([name, { about, when }]) =>
      `  ${name.padEnd(width)}  ${about}${when === 'named' ? ' (only when named)' : ''}`,
  );
  return [
    'usage: scripts/bench [SCENARIO ...] [--quick]',
    '       scripts/bench plot       draws docs/performance.svg from bench/results.json',
    '       scripts/bench markdown   prints what bench/results.json holds, for the README',
    '',
    ...lines,
    '',
  ].join('\n');
}
