/** The API server's refusal, by HTTP's status or within a watch. */
export class ApiError extends Error {
  constructor(
    /** HTTP's status, or the code of the Status object in a watch. */
    readonly code: number,
    /** In one word, where the server says one: `Forbidden`, `Expired`. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }

  /** Of a body or an object of the kind Status; of anything else as far as it goes. */
  static of(code: number, status: unknown): ApiError {
    const { reason, message } = (typeof status === 'object' ? (status ?? {}) : {}) as {
      readonly reason?: unknown;
      readonly message?: unknown;
    };
    const word = typeof reason === 'string' ? reason : '';
    const text = typeof message === 'string' && message !== '' ? message : `HTTP ${code}`;
    return new ApiError(code, word, text.slice(0, MOST_TEXT));
  }
}

/** Of what a server says, in characters. */
const MOST_TEXT = 500;

/** What a failed call comes to, in one line; of a system's error the code is enough. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries every address of a name, and leaves the message of them all empty.
  if (error instanceof AggregateError && error.errors.length > 0) return errorText(error.errors[0]);
  return error.message === '' ? error.name : error.message;
}
