/** Which rivals were measured, by their own words. */
import { execFileSync } from 'node:child_process';
import { gobgpBinary } from '../test/support/gobgpd.js';
import { inRoot } from '../test/support/peer-root.js';

/** @throws Error where one of them does not run, or says nothing of a version */
export function rivalVersions(): Readonly<Record<string, string>> {
  return {
    bird: version(inRoot('bird-2', '/', [], ['bird', '--version'])),
    frr: version(inRoot('frr-8', '/', [], ['/usr/lib/frr/zebra', '--version'])),
    gobgpd: version([gobgpBinary('4.8', 'gobgpd'), '--version']),
    iproute2: version(['ip', '-V']),
  };
}

/** The first number with a dot in what a command says. BIRD says it on stderr. */
function version([command = '', ...args]: readonly string[]): string {
  const said = execFileSync('sh', ['-c', 'exec "$@" 2>&1', 'sh', command, ...args], {
    encoding: 'utf8',
  });
  const found = /\d+(\.\d+)+/.exec(said)?.[0];
  if (found === undefined) throw new Error(`${command} says nothing of its version: ${said}`);
  return found;
}
