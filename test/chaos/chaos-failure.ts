/** rib2fib, or what it stands on, did not hold what it must; the message says what. */
export class ChaosFailure extends Error {
  override readonly name = 'ChaosFailure';
}

/** For a wait that was in vain. */
export function fail(error: Error): never {
  throw new ChaosFailure(error.message, { cause: error });
}
