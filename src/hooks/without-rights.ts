/**
 * Hooks run unprivileged. Where node has its right from its file (docs/decisions/022), a hook has none,
 * unless its own file bears one: and that is so of each hook that node itself runs, as of a script in
 * JavaScript. Under no_new_privs execve(2) grants no more than was permitted before it, so it is enough that
 * a program without any right executes the hook.
 */
import { readFileSync } from 'node:fs';

/** Of util-linux; in the image, too. */
const SETPRIV = '/usr/bin/setpriv';

/**
 * What is to be executed in place of `command`. The same where nothing can be taken away: of root, whose
 * hooks are root's; where capabilities are ambient, which are handed on on purpose (deploy/rib2fib.service);
 * and without no_new_privs, where a file may give what it likes.
 *
 * `status` is the text of /proc/self/status.
 */
export function withoutRights(
  command: readonly [program: string, ...args: string[]],
  status: string = readFileSync('/proc/self/status', 'utf8'),
): readonly [program: string, ...args: string[]] {
  const field = (name: string): bigint => {
    const [, digits] = new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status) ?? [];
    if (digits === undefined) throw new TypeError(`/proc/self/status has no ${name}`);
    return BigInt(`0x${digits}`);
  };
  const fromFile =
    field('Uid') !== 0n &&
    field('CapAmb') === 0n &&
    field('CapPrm') !== 0n &&
    field('NoNewPrivs') === 1n;
  return fromFile ? [SETPRIV, '--no-new-privs', '--', ...command] : command;
}
