/**
 * Which rights the daemon needs, given the way a pod gives them.
 *
 * A container that runs as an ordinary user and adds NET_ADMIN has that right in its bounding and
 * permitted sets and nowhere else: not effective, not inheritable, not ambient; and the runtime sets
 * no_new_privs before it executes the entrypoint. What a file capability is worth then was measured
 * here (Linux 6.18, `setpriv` in the runtime's place) with `cap_net_admin+ep` on a copy of node:
 *
 * | entrypoint             | NET_ADMIN in the bounding set | effective                |
 * |------------------------|-------------------------------|--------------------------|
 * | node with the file cap | yes                           | NET_ADMIN                |
 * | a shell, then that     | yes                           | nothing                  |
 * | node without           | yes                           | nothing                  |
 * | node with the file cap | no                            | execve fails with EPERM  |
 *
 * Under no_new_privs execve grants no more than what is permitted already: the runtime has it
 * permitted, its exec of the entrypoint keeps it, and that of a shell loses it for good.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Daemon, type DaemonOptions, PROGRAM } from '../support/daemon.js';
import { type Feeder, startFeeder } from '../support/feeder.js';
import { type Gobgpd, startGobgpd } from '../support/gobgpd.js';
import { kernelNexthops, kernelRules, ownRoutes } from '../support/kernel-view.js';
import { scratchDirectory } from '../support/leftovers.js';
import { stays, until } from '../support/wait.js';
import { ROUTER1, ROUTER1_V6, type TwoFabrics, twoFabrics } from './two-fabrics.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const NOBODY = 65534;
const CAP_NET_ADMIN = 1 << 12;

/** The rights of a pod, and where they differ: `capability` of the node binary, a shell in between. */
interface Pod {
  readonly capability: boolean;
  readonly shell: boolean;
}

/**
 * A mount namespace in which all but `$STATE` is read-only, node a copy of its own and the
 * environment empty; then the runtime's part. The parent directories of the repository need not
 * be open to the user: it is seen at `$BOX/app`.
 */
const POD = `
mount -t tmpfs -o mode=755 tmpfs "$BOX"
mkdir "$BOX/app"
mount --bind "$ROOT" "$BOX/app"
cp "$NODE" "$BOX/node"
if [ -n "$CAPABILITY" ]; then setcap "$CAPABILITY" "$BOX/node"; fi
mount --bind "$STATE" "$STATE"
for point in $(awk '{ print $5 }' /proc/self/mountinfo); do
  case $point in
    "$STATE" | /proc*) ;;
    *) mount -o remount,bind,ro "$point" ;;
  esac
done
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups \\
  --bounding-set=-all,+net_admin --inh-caps=-all --ambient-caps=-all --no-new-privs \\
  $WRAPPER "$BOX/node" "$BOX/app/$PROGRAM" "$@"
`;

/** A daemon's configuration and state as a ConfigMap and an emptyDir would be, owned by root and by the user. */
class PodDaemon extends Daemon {
  readonly state = scratchDirectory('state');
  readonly box = scratchDirectory('box');

  constructor(options: Omit<DaemonOptions, 'config'>, pod: Pod) {
    const scratch = scratchDirectory('pod');
    chmodSync(scratch.path, 0o755);
    super({ ...options, config: '', wrap: (argv) => this.#wrapped(argv, pod) }, scratch);
    chmodSync(this.box.path, 0o755);
    chownSync(this.state.path, NOBODY, NOBODY);
  }

  override get adminSocket(): string {
    return `${this.state.path}/admin.sock`;
  }

  #wrapped([node = '', program = '', ...args]: readonly string[], pod: Pod): readonly string[] {
    assert.equal(program, PROGRAM);
    const environment = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      ROOT,
      PROGRAM: PROGRAM.slice(ROOT.length + 1),
      NODE: node,
      BOX: this.box.path,
      STATE: this.state.path,
      CAPABILITY: pod.capability ? 'cap_net_admin+ep' : '',
      WRAPPER: pod.shell ? `${this.box.path}/app/test/e2e/entrypoint.sh` : '',
    };
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return [
      ...['env', '-i', ...variables, 'unshare', '--mount', '--propagation', 'private'],
      ...['sh', '-euc', POD, 'pod', ...args],
    ];
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.state.remove();
    this.box.remove();
  }
}
