/** The API server's refusal, by HTTP's status or within a watch. */
export class ApiError extends Error {
  constructor(
    /** HTTP's status, or the code of the Status object in a watch. */
    readonly code: number,
    /** In one word, where the server says one: `Forbidden`, `Expired`. */
    readonly reason: string,
    message: string,
    /** Milliseconds for which the server asks to be left alone: HTTP's Retry-After. */
    readonly retryAfter = 0,
  ) {
    super(message);
  }

  /**
   * Of a body or an object of the kind Status; of anything else as far as it goes. `retryAfter`: that
   * header, of which only seconds are read, as no API server writes a date.
   */
  static of(code: number, status: unknown, retryAfter = ''): ApiError {
    const { reason, message } = (typeof status === 'object' ? (status ?? {}) : {}) as {
      readonly reason?: unknown;
      readonly message?: unknown;
    };
    const word = typeof reason === 'string' ? reason : '';
    const text = typeof message === 'string' && message !== '' ? message : `HTTP ${code}`;
    const rest = /^[0-9]+$/.test(retryAfter)
      ? Math.min(Number(retryAfter) * 1000, LONGEST_REST_MS)
      : 0;
    return new ApiError(code, word, text.slice(0, MOST_TEXT), rest);
  }
}

/** Of what a server says, in characters. */
const MOST_TEXT = 500;

/** A server, or who stands in between, that asks for more does not mean this client. */
const LONGEST_REST_MS = 60_000;

/** What a failed call comes to, in one line; of a system's error the code is enough. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries every address of a name, and leaves the message of them all empty.
  if (error instanceof AggregateError && error.errors.length > 0) return errorText(error.errors[0]);
  return error.message === '' ? error.name : error.message;
}
