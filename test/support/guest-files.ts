/** What a guest's root is made of: programs of this machine with their libraries, those of `.cache/peers/guest`, and modules. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ArchiveEntry } from './cpio.js';

/** Entries by their place in the guest; the first that is put in a place stays there. */
export class GuestFiles {
  readonly #entries = new Map<string, ArchiveEntry>();

  /** In the order that an archive needs: directories first. */
  entries(): readonly ArchiveEntry[] {
    return [...this.#entries.values()];
  }

  text(path: string, text: string, mode = 0o644): void {
    this.#put({ path, text, mode });
  }

  directory(path: string): void {
    if (path === '/' || this.#entries.has(path)) return;
    this.directory(dirname(path));
    this.#entries.set(path, { path, directory: true });
  }

  link(path: string, link: string): void {
    this.#put({ path, link });
  }

  /** A file, or a directory with all that is in it but what `without` names by its path below `from`. */
  tree(path: string, from: string, without: ReadonlySet<string> = new Set()): void {
    const stat = lstatSync(from);
    if (stat.isSymbolicLink()) this.link(path, readlinkSync(from));
    else if (!stat.isDirectory()) this.#put({ path, from, mode: stat.mode & 0o777 });
    else {
      this.directory(path);
      for (const name of readdirSync(from)) {
        if (!without.has(name)) this.tree(join(path, name), join(from, name));
      }
    }
  }

  /**
   * A program with the libraries it is linked to. Each stands where it is without symbolic links, since a merged
   * /usr has two ways to it.
   * @param name a file, or what the shell would find.
   * @param root where it is taken from: another root, whose own loader tells its libraries. Libraries that are there already stay.
   */
  program(name: string, root = ''): void {
    const path = name.startsWith('/') ? name : found(name);
    this.#resolved(path, root);
    const listed =
      root === ''
        ? run('ldd', settled(path, ''))
        : run('chroot', root, '/lib64/ld-linux-x86-64.so.2', '--list', path);
    for (const [library] of listed.matchAll(/(?<=\s)\/\S+(?= \()/g)) this.#resolved(library, root);
  }

  /** The file at `path`, and its other name there where that is a symbolic link. */
  #resolved(path: string, root: string): void {
    const place = settled(path, root);
    const real = realpathIn(root, place);
    this.#put({ path: real, from: root + real, mode: 0o755 });
    if (place !== real) this.link(place, real);
  }

  #put(entry: ArchiveEntry): void {
    if (this.#entries.has(entry.path)) return;
    this.directory(dirname(entry.path));
    this.#entries.set(entry.path, entry);
  }
}

/** The packages below `node_modules` that these need, themselves included, by name. */
export function packagesFor(names: readonly string[], nodeModules: string): ReadonlySet<string> {
  const needed = new Set<string>();
  const visit = (name: string) => {
    const file = join(nodeModules, name, 'package.json');
    if (needed.has(name) || !existsSync(file)) return;
    needed.add(name);
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object | undefined>;
    for (const kind of ['dependencies', 'optionalDependencies']) {
      Object.keys(manifest[kind] ?? {}).forEach(visit);
    }
  };
  names.forEach(visit);
  return needed;
}

/** Its directory without symbolic links. */
function settled(path: string, root: string): string {
  return join(realpathIn(root, dirname(path)), basename(path));
}

/** As a process sees it whose root that is. */
function realpathIn(root: string, path: string): string {
  let at = '/';
  for (const name of path.split('/').filter((part) => part !== '')) {
    const next = join(at, name);
    at = lstatSync(root + next).isSymbolicLink()
      ? realpathIn(root, resolve(at, readlinkSync(root + next)))
      : next;
  }
  return at;
}

function found(name: string): string {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
    .split(':')
    .map((directory) => join(directory, name))
    .find(existsSync);
  if (path === undefined) throw new Error(`no program ${name}`);
  return path;
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' });
}
