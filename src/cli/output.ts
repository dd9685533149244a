import { createStyle, type Style } from './style.js';

/** Where a command writes: what was asked for to `print`, everything about it to `note`. */
export interface Output {
  /** One line, or several, to standard output. */
  print(text: string): void;
  /** To standard error. */
  note(text: string): void;
  /** For `print`. */
  readonly style: Style;
  /** For `note`. */
  readonly noteStyle: Style;
  /** Takes the place of the last status line; a no-op unless standard error is a terminal. */
  progress(line: string): void;
  /** As `progress`, and off a terminal a line of its own. */
  wait(line: string): void;
  /** Starts over on an empty screen; between two frames off a terminal stands an empty line. */
  clear(): void;
}

/** Colour only on a terminal, and not where NO_COLOR (no-color.org) is set and not empty. */
export function createOutput(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  noColor: string | undefined,
): Output {
  const coloured = (stream: NodeJS.WriteStream) =>
    stream.isTTY === true && (noColor === undefined || noColor === '');
  const progress = (line: string) => {
    if (stderr.isTTY) stderr.write(`\r\x1b[K${line}`);
  };
  const note = (text: string) => void stderr.write(`${text}\n`);
  return {
    print: (text) => void stdout.write(`${text}\n`),
    note,
    style: createStyle(coloured(stdout)),
    noteStyle: createStyle(coloured(stderr)),
    progress,
    wait: stderr.isTTY ? progress : note,
    clear: () => void stdout.write(stdout.isTTY ? '\x1b[H\x1b[2J' : '\n'),
  };
}
