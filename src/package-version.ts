import { readFileSync } from 'node:fs';

/** Of the program as it is installed now, which an upgrade may change while it runs. */
export function packageVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}
