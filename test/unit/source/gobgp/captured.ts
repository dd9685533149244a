/** Messages of real daemons; each file says where it comes from. */
import { readFileSync } from 'node:fs';
import { formatV3 } from '../../../../src/source/gobgp/format-v3.js';
import { formatV4 } from '../../../../src/source/gobgp/format-v4.js';

interface Capture {
  readonly watch: readonly string[];
  readonly list: readonly string[];
}

function load(version: string) {
  const url = new URL(`./captured-${version}.json`, import.meta.url);
  const { watch, list } = JSON.parse(readFileSync(url, 'utf8')) as Capture;
  const bytes = (hex: string) => Buffer.from(hex, 'hex');
  return { watch: watch.map(bytes), list: list.map(bytes) };
}

export const CAPTURES = [
  { version: 'v3', format: formatV3, ...load('v3') },
  { version: 'v4', format: formatV4, ...load('v4') },
] as const;
