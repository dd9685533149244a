import { AssertionError } from 'node:assert';
import { EXIT, type ExitCode } from './exit-code.js';

export interface Failure {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];
}

/** What stands for a mistake of ours, whose place in the code is worth more than its words. */
const BUGS = [TypeError, RangeError, ReferenceError, SyntaxError, AssertionError];

/**
 * What a command that threw says and how it exits. Errors that carry an
 * `exitCode` and `faults` (`CommandError`, `StartFault`) decide themselves.
 */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error) || BUGS.some((bug) => error instanceof bug)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { exitCode: EXIT.failed, lines: [`this is a bug of rib2fib: ${text}`] };
  }
  if (error.name === 'AbortError') return { exitCode: EXIT.failed, lines: ['interrupted'] };
  return { exitCode: exitCodeOf(error), lines: [error.message, ...faultsOf(error)] };
}

function exitCodeOf(error: Error): ExitCode {
  const wanted = 'exitCode' in error ? error.exitCode : undefined;
  return Object.values(EXIT).find((code) => code === wanted) ?? EXIT.failed;
}

function faultsOf(error: Error): string[] {
  return 'faults' in error && Array.isArray(error.faults) ? error.faults.map(String) : [];
}
