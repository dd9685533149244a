/** A Dockerfile's stages as data: the instructions that deploy/Dockerfile has, each refused that is not known here. */

export type Step =
  | { readonly kind: 'run'; readonly script: string }
  | {
      readonly kind: 'copy';
      /** A stage; absent: the build's context. */
      readonly from: string | undefined;
      readonly sources: readonly string[];
      readonly target: string;
    }
  | { readonly kind: 'workdir'; readonly path: string };

export interface Stage {
  readonly name: string;
  /** An image, another stage, or `scratch`. */
  readonly base: string;
  readonly steps: readonly Step[];
  readonly env: Readonly<Record<string, string>>;
  /** `65532:65532`; absent: root. */
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** The stages in their order. Throws for an instruction, or a form of one, that is not known. */
export function parseDockerfile(text: string): readonly Stage[] {
  const args = new Map<string, string>();
  const stages: Building[] = [];
  for (const line of logicalLines(text)) {
    const [, word = '', rest = ''] = /^(\w+)\s+(.*)$/s.exec(line) ?? [];
    const instruction = word.toUpperCase();
    const stage = stages.at(-1);
    if (instruction === 'ARG') {
      const [name = '', value = ''] = rest.split('=');
      args.set(name, value);
    } else if (instruction === 'FROM') {
      const filled = rest.replace(/\$\{(\w+)\}/g, (_, name: string) => args.get(name) ?? '');
      const [, base = '', name = ''] = /^(\S+) AS (\S+)$/.exec(filled) ?? [];
      if (name === '') throw new Error(`FROM without a name: ${line}`);
      stages.push({ name, base, steps: [], env: {}, user: undefined, entrypoint: [], cmd: [] });
    } else if (stage === undefined) throw new Error(`before the first FROM: ${line}`);
    else take(stage, instruction, rest);
  }
  return stages;
}

interface Building extends Stage {
  readonly steps: Step[];
  readonly env: Record<string, string>;
  user: string | undefined;
  entrypoint: readonly string[];
  cmd: readonly string[];
}

function take(stage: Building, instruction: string, rest: string): void {
  switch (instruction) {
    case 'RUN':
      stage.steps.push({ kind: 'run', script: rest });
      return;
    case 'COPY': {
      const words = rest.split(/\s+/);
      const from = words[0]?.startsWith('--from=') ? words.shift()?.slice(7) : undefined;
      const target = words.pop();
      if (target === undefined || words.length === 0) throw new Error(`COPY ${rest}`);
      stage.steps.push({ kind: 'copy', from, sources: words, target });
      return;
    }
    case 'WORKDIR':
      stage.steps.push({ kind: 'workdir', path: rest });
      return;
    case 'ENV': {
      const [, name = '', value = ''] = /^(\w+)=(\S*)$/.exec(rest) ?? [];
      stage.env[name] = value;
      return;
    }
    case 'USER':
      stage.user = rest;
      return;
    // Only in the form that needs no shell.
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(rest) as string[];
      return;
    case 'CMD':
      stage.cmd = JSON.parse(rest) as string[];
      return;
    default:
      throw new Error(`an instruction that the test does not know: ${instruction} ${rest}`);
  }
}

/** Without comments; a backslash at the end goes on. */
function logicalLines(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return lines.join('\n').replace(/\\\n/g, '').split('\n');
}
