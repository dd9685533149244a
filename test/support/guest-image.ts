/**
 * The first root of a guest, in memory: Node, rib2fib as it is built, the tests as JavaScript, and the programs
 * that they call. Nothing of the machine's disk is mounted in there.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeArchive } from './cpio.js';
import { GuestFiles, packagesFor } from './guest-files.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PEER = join(ROOT, '.cache/peers/guest');
const HOME = '/rib2fib';

const PROGRAMS = [
  'sh',
  'ln',
  'mount',
  'ip',
  'nft',
  'iptables-nft-restore',
  'ip6tables-nft-restore',
];
const GUEST_PROGRAMS = ['/usr/sbin/modprobe', '/usr/sbin/ipvsadm', '/usr/sbin/ipset'];
/** Of the kernel's modules; others than these are not asked for. */
const MODULES = [
  'arch/x86/crypto',
  'crypto',
  'drivers/net/dummy.ko',
  'drivers/net/veth.ko',
  'lib',
  'net/ipv4',
  'net/ipv6',
  'net/netfilter',
];
/** Loaded where a configuration has `discovery` only, and as large as all others together. */
const LEFT_OUT = '@kubernetes/client-node';

const INIT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/tmp NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
ln -s /proc/self/fd/0 /dev/stdin
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
cd ${HOME}
node test/guest/main.js "$1"
echo "{\\"exit\\":$?}" > /dev/ttyS1
echo b > /proc/sysrq-trigger
`;

/** The kernel of `.cache/peers/guest`, as its own root has it. */
export function guestKernel(): string {
  return `/boot/vmlinuz-${kernelVersion()}`;
}

/**
 * Writes the image to a file. Its init runs one test file, which is named on the kernel's command line behind
 * `--`, writes how it went to the second serial port, as `test/guest/main.ts` does, and resets the machine.
 * @param scratch an empty directory for what is made on the way.
 * @param test a path below the project: `test/guest/return-path-ipvs.ts`.
 */
export function writeGuestImage(file: string, scratch: string, test: string): void {
  const files = new GuestFiles();
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) files.link(`/${name}`, `usr/${name}`);
  for (const path of ['/proc', '/sys', '/dev', '/run', '/tmp']) files.directory(path);
  files.link('/var/run', '/run');
  files.text('/init', INIT, 0o755);
  files.text('/etc/protocols', 'tcp 6\nudp 17\n'); // ipset asks for them by name.
  addPrograms(files);
  addModules(files);
  addProject(files, scratch, test);
  writeArchive(file, files.entries());
}

function addPrograms(files: GuestFiles): void {
  files.program(process.execPath);
  files.link('/usr/bin/node', realpathSync(process.execPath));
  for (const name of PROGRAMS) files.program(name);
  for (const path of GUEST_PROGRAMS) files.program(path, PEER);
  // iptables loads its matches and targets by name.
  const libraries = files.entries().find(({ path }) => /\/libxtables\.so[^/]*$/.test(path));
  if (libraries === undefined) throw new Error('no libxtables');
  const matches = join(dirname(libraries.path), 'xtables');
  files.tree(matches, matches);
}

function addModules(files: GuestFiles): void {
  const place = `/usr/lib/modules/${kernelVersion()}`;
  for (const name of readdirSync(PEER + place)) {
    if (name.startsWith('modules.')) files.tree(join(place, name), join(PEER + place, name));
  }
  for (const part of MODULES) {
    const path = join(place, 'kernel', part);
    files.tree(path, PEER + path);
  }
}

function addProject(files: GuestFiles, scratch: string, test: string): void {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const names = Object.keys(manifest.dependencies).filter((name) => name !== LEFT_OUT);
  const modules = join(ROOT, 'node_modules');
  for (const name of packagesFor(names, modules)) {
    files.tree(join(HOME, 'node_modules', name), join(modules, name));
  }
  for (const name of ['package.json', 'dist', 'proto']) {
    files.tree(join(HOME, name), join(ROOT, name));
  }
  const compiled = compile(scratch, [join(ROOT, test), join(ROOT, 'test/guest/main.ts')]);
  for (const name of readdirSync(compiled)) files.tree(join(HOME, name), join(compiled, name));
}

/** These files and all they import as JavaScript: to do it in the guest takes ten times as long. */
function compile(scratch: string, sources: readonly string[]): string {
  const project = join(scratch, 'tsconfig.json');
  const outDir = join(scratch, 'js');
  const typeRoots = [join(ROOT, 'node_modules/@types')];
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { noEmit: false, noCheck: true, rootDir: ROOT, outDir, typeRoots },
      include: [],
      files: sources,
    }),
  );
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project], { stdio: 'inherit' });
  return outDir;
}

function kernelVersion(): string {
  const [version, ...others] = readdirSync(join(PEER, 'lib/modules'));
  if (version === undefined || others.length > 0) throw new Error('not one kernel in guest');
  return version;
}
