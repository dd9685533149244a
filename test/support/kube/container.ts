/**
 * What a container runtime does with a container of a pod, without one: the image as root file
 * system (read-only where the pod says so), the pod's volumes, a /dev and /proc of its own, the
 * user, capabilities and no_new_privs of its security context; in the node's network. Of the
 * security context only seccomp is left out.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { scratchDirectory } from '../leftovers.js';
import type { Netns } from '../netns.js';
import type { Image } from './image.js';

/** As in a pod, with the pod's own merged in. */
export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly fsGroup?: number;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly seccompProfile?: { readonly type: string };
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
}

export interface Mount {
  /** A directory of this machine. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface ContainerOptions {
  readonly netns: Netns;
  readonly image: Image;
  /** Command and arguments, the image's entrypoint in it. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly security: SecurityContext;
  readonly mounts: readonly Mount[];
}

/** Starts it; the child's pid is that of the container's first process. */
export function runContainer(options: ContainerOptions, spawn: SpawnOptions): ChildProcess {
  const box = scratchDirectory('container');
  const child = options.netns.spawn(command(options, box.path), {
    ...spawn,
    env: { PATH: process.env['PATH'] },
  });
  child.once('exit', () => box.remove());
  return child;
}

function command(
  { image, argv, env, security, mounts }: ContainerOptions,
  box: string,
): readonly string[] {
  const [user = 0, group = 0] = (image.stage.user ?? '0:0').split(':').map(Number);
  const uid = security.runAsUser ?? user;
  if (security.runAsNonRoot === true && uid === 0) {
    throw new Error('CreateContainerConfigError: container has runAsNonRoot and would run as root');
  }
  const gid = security.runAsGroup ?? group;
  const kept = (security.capabilities?.add ?? []).map((name) => `cap_${name.toLowerCase()}`);
  if (security.capabilities?.drop?.join() !== 'ALL') throw new Error('it keeps rights by default');
  const settings = {
    BOX: box,
    LAYER: image.layer,
    BASE: image.stage.base,
    READ_ONLY: String(security.readOnlyRootFilesystem ?? false),
    KEPT: kept.join(' '),
    MOUNTS: mounts.map((m) => `${m.source} ${m.target} ${m.readOnly}`).join('\n'),
    ENVIRONMENT: lines({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...image.stage.env, ...env }),
  };
  const [program = '', ...args] = argv;
  if (!program.startsWith('/')) throw new Error(`not an absolute path: ${program}`);
  return [
    ...['env', ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)],
    ...['unshare', '--mount', '--propagation', 'private', 'bash', '-euc', RUNTIME, 'runtime'],
    ...['--keep=1', `--groups=${security.fsGroup ?? gid}`, `--gid=${gid}`, `--uid=${uid}`],
    // Permitted and nothing else, as a runtime gives them to who is not root.
    `--caps=${kept.length === 0 ? '=' : `${kept.join(',')}=p`}`,
    ...(security.allowPrivilegeEscalation === false ? ['--no-new-privs'] : []),
    ...[`--shell=${program}`, '--', ...args],
  ];
}

function lines(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

/** Arguments: what capsh does between chroot and the program. */
const RUNTIME = `
mount -t tmpfs -o mode=755 tmpfs "$BOX"
mkdir "$BOX"/{root,upper,work}
lower=$LAYER
if [ "$BASE" != scratch ]; then
  cp -a "$LAYER/." "$BOX/upper"
  lower=/
fi
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$BOX/upper,workdir=$BOX/work" "$BOX/root"
root=$BOX/root
mkdir -p "$root"/{proc,dev}
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9'; do
  read -r name major minor <<<"$device"
  mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
ln -s /proc/self/fd "$root/dev/fd"
while read -r source target readonly; do
  [ -n "$source" ] || continue
  mkdir -p "$root$target"
  mount --bind "$source" "$root$target"
  [ "$readonly" = false ] || mount -o remount,bind,ro "$root$target"
done <<<"$MOUNTS"
[ "$READ_ONLY" = false ] || mount -o remount,bind,ro "$root"
dropped=
for number in $(seq 0 "$(</proc/sys/kernel/cap_last_cap)"); do
  name=$(capsh --decode="$(printf %x $((1 << number)))")
  name=\${name#*=}
  [[ " $KEPT " == *" $name "* ]] || dropped+=,$name
done
mapfile -t environment <<<"$ENVIRONMENT"
capsh=$(command -v capsh)
exec env -i "\${environment[@]}" "$capsh" --chroot="$root" --drop="\${dropped#,}" "$@"
`;
