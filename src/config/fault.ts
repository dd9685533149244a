import type { ConfigFault } from './config.js';

/** Keys and list indices from the document down: `['tables', 0, 'id']`. */
export type FaultPath = readonly (string | number)[];

/** Takes a fault at the value of `path`. */
export type Tell = (path: FaultPath, message: string) => void;

const PLAIN_KEY = /^[^\s\p{C}"]+$/u;

/** `tables[0].limits[1].max`; empty for the document itself. */
export function pathText(path: FaultPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else
      text += `${text === '' ? '' : '.'}${PLAIN_KEY.test(segment) ? segment : JSON.stringify(segment)}`;
  }
  return text;
}

/** `file:line:column: path: message`, without the path where the fault is the document's own. */
export function formatFault({ file, line, column, path, message }: ConfigFault): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** Most faults told of one file: a broken one of 100,000 lines is not worth as many. */
const MOST_FAULTS = 20;

/** The first faults of a file as they are, and one that counts the rest. */
export function capFaults(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const next = faults[MOST_FAULTS];
  if (next === undefined) return faults;
  const rest = faults.length - MOST_FAULTS;
  return [
    ...faults.slice(0, MOST_FAULTS),
    { ...next, path: '', message: `${rest} more fault${rest === 1 ? '' : 's'} from here on` },
  ];
}
