/** waitpid(2) for processes that are nobody's: Node waits for those only that it has started itself. */
import koffi from 'koffi';

const WNOHANG = 1;

const waitpid: (pid: number, status: null, options: number) => number = koffi
  .load(null)
  .func('waitpid', 'int', ['int', 'void *', 'int']);

/**
 * Takes notice of every process of this group that has ended and has come to be a child of ours, as
 * orphans do where this process is the first of a container: nobody else would, and they would stay as
 * zombies. False while one of them has not ended. Only for a group whose leader Node has seen the end of.
 */
export function reapGroup(group: number): boolean {
  let reaped = waitpid(-group, null, WNOHANG);
  while (reaped > 0) reaped = waitpid(-group, null, WNOHANG);
  return reaped < 0;
}
