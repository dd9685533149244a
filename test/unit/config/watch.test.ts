import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { identityOf } from '../../../src/config/file-identity.js';
import { watchFiles } from '../../../src/config/watch.js';
import { withFiles } from './files-in-directory.js';

const DEADLINE = 10_000;

/** Counts the changes told of `files` while `use` runs. */
async function watching(
  files: readonly string[],
  use: (changes: { next: () => Promise<void>; count: () => number }) => Promise<void>,
  seenBefore?: string,
): Promise<void> {
  const stop = new AbortController();
  let count = 0;
  let awaited = 0;
  let wake = (): void => undefined;
  const next = async (): Promise<void> => {
    awaited++;
    const late = AbortSignal.timeout(DEADLINE);
    while (count < awaited) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        late.addEventListener('abort', () => reject(new Error('no change was told')));
      });
    }
  };
  watchFiles(
    files,
    () => {
      count++;
      wake();
    },
    stop.signal,
    seenBefore,
  );
  try {
    await use({ next, count: () => count });
  } finally {
    stop.abort();
  }
}

describe('watchFiles', () => {
  it('tells of what has changed since the caller read it', async () => {
    await withFiles({ a: '1', b: '1' }, async (directory) => {
      const files = ['a', 'b', 'missing'].map((name) => join(directory, name));
      const read = identityOf(files);
      await writeFile(join(directory, 'b'), '22');
      await watching(files, async ({ next }) => await next(), read);
    });
  });

  it('tells of a write in place', async () => {
    await withFiles({ a: '1' }, async (directory) => {
      const file = join(directory, 'a');
      await watching([file], async ({ next }) => {
        await writeFile(file, '22');
        await next();
        await writeFile(file, '333');
        await next();
      });
    });
  });

  it('tells of a rename over the file, again and again', async () => {
    await withFiles({ a: '1' }, async (directory) => {
      const file = join(directory, 'a');
      await watching([file], async ({ next }) => {
        for (const content of ['22', '333', '4444']) {
          await writeFile(`${file}.new`, content);
          await rename(`${file}.new`, file);
          await next();
        }
      });
    });
  });

  it('tells of the swap of a ConfigMap, again and again', async () => {
    await withFiles({}, async (directory) => {
      const publish = async (version: string): Promise<void> => {
        await mkdir(join(directory, `..${version}`));
        await writeFile(join(directory, `..${version}`, 'c.yaml'), version);
        await symlink(`..${version}`, join(directory, '..data_tmp'));
        await rename(join(directory, '..data_tmp'), join(directory, '..data'));
      };
      await publish('v1');
      await symlink('..data/c.yaml', join(directory, 'c.yaml'));
      await watching([join(directory, 'c.yaml')], async ({ next }) => {
        for (const [old, version] of [
          ['v1', 'v2'],
          ['v2', 'v3'],
          ['v3', 'v4'],
        ] as const) {
          await publish(version);
          await rm(join(directory, `..${old}`), { recursive: true });
          await next();
        }
      });
    });
  });

  it('tells of a write to the target of a link in another directory', async () => {
    await withFiles({ a: '1' }, async (directory) => {
      await withFiles({}, async (elsewhere) => {
        await symlink(join(directory, 'a'), join(elsewhere, 'link'));
        await symlink(join(elsewhere, 'link'), join(elsewhere, 'link-to-link'));
        await watching([join(elsewhere, 'link-to-link')], async ({ next }) => {
          await writeFile(join(directory, 'a'), '22');
          await next();
        });
      });
    });
  });

  it('tells of a file that takes the place of a link, and of its changes', async () => {
    await withFiles({}, async (directory) => {
      const file = join(directory, 'a');
      await mkdir(join(directory, 'data'));
      await writeFile(join(directory, 'data', 'a'), '1');
      await symlink('data/a', file);
      await watching([file], async ({ next }) => {
        await rm(file);
        await writeFile(file, '22');
        await next();
        for (const content of ['333', '4444']) {
          await writeFile(file, content);
          await next();
        }
      });
    });
  });

  it('tells of a file that vanishes, and of one that appears', async () => {
    await withFiles({ a: '1' }, async (directory) => {
      const file = join(directory, 'a');
      await watching([file], async ({ next }) => {
        await rm(file);
        await next();
        await writeFile(file, '1');
        await next();
      });
    });
  });

  it('tells once of a burst, and of nothing beside its files', async () => {
    await withFiles({ a: '1', b: '1' }, async (directory) => {
      const [file, other] = [join(directory, 'a'), join(directory, 'b')];
      await watching([file], async ({ next, count }) => {
        for (let length = 2; length < 50; length++) {
          writeFileSync(file, 'x'.repeat(length));
          writeFileSync(other, 'x'.repeat(length));
        }
        await next();
        assert.equal(count(), 1);
        await writeFile(other, 'other');
        await writeFile(file, 'last');
        await next();
        assert.equal(count(), 2);
      });
    });
  });

  it('does nothing once it is stopped', () => {
    watchFiles(['/nonexistent/a'], () => assert.fail(), AbortSignal.abort());
  });
});
