/** Frames of real zebras; each file says where it comes from. */
import { readFileSync } from 'node:fs';

export type CaptureName =
  | 'connected'
  | 'ipv4'
  | 'again'
  | 'moved'
  | 'ipv6'
  | 'flattened'
  | 'ecmp'
  | 'weights'
  | 'withdrawn'
  | 'linkDown'
  | 'nexthopGroups';

interface Capture {
  readonly frames: Readonly<Record<CaptureName, readonly string[]>>;
}

function load(version: string) {
  const url = new URL(`./captured-${version}.json`, import.meta.url);
  const { frames } = JSON.parse(readFileSync(url, 'utf8')) as Capture;
  return {
    version,
    names: Object.keys(frames) as CaptureName[],
    /** Whole frames, one after another. */
    stream: (name: CaptureName) => Buffer.from(frames[name].join(''), 'hex'),
  };
}

export const CAPTURES = [load('8.4'), load('10.3')] as const;
