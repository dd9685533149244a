/**
 * deploy/Dockerfile carried out without a container engine. The machine itself, a Debian with Node,
 * stands for the images that a stage begins with: each stage is an overlay over it, in which RUN
 * is executed by chroot, and what a stage copies is what it may copy. All in a mount and process
 * namespace of its own, on a tmpfs, so that nothing of the machine changes.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDockerfile, type Stage, type Step } from './dockerfile.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What a stage left, on disk. */
export interface Image {
  /** The files of it: all of them where `base` is `scratch`, else what differs from the machine's. */
  readonly layer: string;
  readonly stage: Stage;
}

/** Builds these stages, and what they copy from, into directories below `into`. */
export async function buildImages(
  names: readonly string[],
  into: string,
): Promise<ReadonlyMap<string, Image>> {
  const stages = parseDockerfile(await readFile(join(ROOT, 'deploy/Dockerfile'), 'utf8'));
  const needed = withSources(names, stages);
  const allowed = contextOf(await readFile(join(ROOT, '.dockerignore'), 'utf8'));
  const script = [PRELUDE, ...needed.map((stage) => stageScript(stage, allowed))];
  for (const name of names) script.push(`keep ${quoted(name)} ${quoted(join(into, name))}`);
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  await run('unshare', [...namespaces, 'bash', '-euc', script.join('\n'), 'build', ROOT]);
  return new Map(
    names.map((name) => [name, { layer: join(into, name), stage: stageOf(name, stages) }]),
  );
}

function stageOf(name: string, stages: readonly Stage[]): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (found === undefined) throw new Error(`deploy/Dockerfile has no stage ${name}`);
  return found;
}

/** In the order of the file. */
function withSources(names: readonly string[], stages: readonly Stage[]): readonly Stage[] {
  const wanted = new Set<string>();
  const want = (name: string): void => {
    wanted.add(name);
    for (const step of stageOf(name, stages).steps) {
      if (step.kind === 'copy' && step.from !== undefined) want(step.from);
    }
  };
  for (const name of names) want(name);
  return stages.filter(({ name }) => wanted.has(name));
}

/** The paths that .dockerignore lets in. */
function contextOf(text: string): readonly string[] {
  const [first, ...rest] = text.trim().split('\n');
  if (first !== '*' || rest.some((line) => !line.startsWith('!'))) {
    throw new Error('.dockerignore: the test knows `*` and `!PATH` only');
  }
  return rest.map((line) => line.slice(1));
}

function stageScript(stage: Stage, allowed: readonly string[]): string {
  const lines = [`begin ${quoted(stage.name)} ${quoted(stage.base)}`];
  let directory = '/';
  for (const step of stage.steps) {
    if (step.kind === 'workdir') directory = step.path;
    lines.push(stepScript(step, stage, directory, allowed));
  }
  return lines.join('\n');
}

function stepScript(
  step: Step,
  { name, base }: Stage,
  directory: string,
  allowed: readonly string[],
): string {
  switch (step.kind) {
    case 'workdir':
      return `mkdir -p "$WORK/${name}/root${step.path}"`;
    case 'run':
      if (base === 'scratch') throw new Error(`RUN in ${name}: there is no shell in it`);
      return `execute ${quoted(name)} ${quoted(directory)} ${quoted(step.script)}`;
    case 'copy':
      return step.sources
        .map((source) => copyScript(step, source, name, directory, allowed))
        .join('\n');
  }
}

function copyScript(
  { from, sources, target }: Extract<Step, { kind: 'copy' }>,
  source: string,
  stage: string,
  directory: string,
  allowed: readonly string[],
): string {
  if (from === undefined && !allowed.includes(source)) {
    throw new Error(`COPY ${source}: .dockerignore does not let it in`);
  }
  const at = target.startsWith('/') ? target : join(directory, target);
  if (sources.length > 1 && !at.endsWith('/')) throw new Error(`COPY to ${target}: no directory`);
  const origin = from === undefined ? `$REPOSITORY/${source}` : `$WORK/${from}/root${source}`;
  return `transfer "${origin}" "$WORK/${stage}/root${at}"`;
}

/** Words of the build: a stage's tree is at $WORK/STAGE/root, what it changed at $WORK/STAGE/upper. */
const PRELUDE = `
set -o pipefail
REPOSITORY=\${1%/}
WORK=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$WORK"
begin() {
  mkdir -p "$WORK/$1"/{root,upper,work}
  [ "$2" != scratch ] || { mount --bind "$WORK/$1/upper" "$WORK/$1/root"; return; }
  mount -t overlay overlay -o "lowerdir=/,upperdir=$WORK/$1/upper,workdir=$WORK/$1/work" "$WORK/$1/root"
  mount -t proc proc "$WORK/$1/root/proc"
  mount -t tmpfs tmpfs "$WORK/$1/root/tmp"
  mount -t tmpfs -o mode=755 tmpfs "$WORK/$1/root/dev"
  local name
  for name in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9'; do
    set -- "$1" $name
    mknod -m 666 "$WORK/$1/root/dev/$2" c "$3" "$4"
  done
  ln -s /proc/self/fd "$WORK/$1/root/dev/fd"
  # As Debian's images have it: what is installed is not started.
  printf '#!/bin/sh\\nexit 101\\n' >"$WORK/$1/root/usr/sbin/policy-rc.d"
  chmod 755 "$WORK/$1/root/usr/sbin/policy-rc.d"
}
execute() {
  DEBIAN_FRONTEND=noninteractive chroot "$WORK/$1/root" /bin/sh -c "cd $2 && $3" >"$WORK/log" 2>&1 ||
    { echo "RUN $3"; tail -c 4000 "$WORK/log"; exit 1; } >&2
}
# A directory's contents, or a file; owned by root, with the attributes that it has.
transfer() {
  if [ -d "$1" ]; then mkdir -p "$2"; cp -a --no-preserve=ownership "$1/." "$2" || return
    [ "\${1#"$WORK"}" = "$1" ] || cp -a "$1/." "$2"
  else mkdir -p "$(dirname "$2x")"; cp --preserve=mode,xattr "$1" "$2"; fi
}
keep() { mkdir -p "$2"; cp -a "$WORK/$1/upper/." "$2"; }
`;

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function run(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { maxBuffer: 1 << 26 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`the image was not built: ${stderr.slice(-4000)}`));
    });
  });
}
