/**
 * Daemons that `scripts/setup` unpacked with every library they need: run by
 * chroot, in a mount namespace of their own where one directory stands in the
 * place of the paths that they are built with. So any number of them run side
 * by side, each under its default names.
 */
import { fileURLToPath } from 'node:url';

/** A directory below `.cache/peers` that is a root. */
export type PeerRoot = 'frr-8' | 'frr-10' | 'bird-2' | 'guest';

/** Mounts end with the last process of the namespace; the pid stays the command's. */
const ENTER = `set -e
root=$1 own=$2 places=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for place in $places; do mount --bind "$own" "$root$place"; done
exec chroot "$root" "$@"`;

/**
 * Command and arguments that run `command` inside that root.
 * @param own the directory it sees at each of the `places` (absolute, below the root).
 */
export function inRoot(
  root: PeerRoot,
  own: string,
  places: readonly string[],
  command: readonly string[],
): readonly string[] {
  const path = fileURLToPath(new URL(`../../.cache/peers/${root}`, import.meta.url));
  return [
    ...['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', ENTER, 'sh'],
    ...[path, own, places.join(' '), ...command],
  ];
}
