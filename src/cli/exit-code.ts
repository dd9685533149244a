/**
 * What a command's exit says. 2 is for `plan --exit-code` alone; 64 and 78 are
 * EX_USAGE and EX_CONFIG of sysexits.h.
 */
export const EXIT = { done: 0, failed: 1, differences: 2, usage: 64, config: 78 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with one clear message; `faults` are further lines. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.failed,
    readonly faults: readonly string[] = [],
  ) {
    super(message);
  }
}
