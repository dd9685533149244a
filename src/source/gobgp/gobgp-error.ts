/** The one error of the gobgp source's edge. */

export type GobgpErrorKind =
  /** Nobody answers, or not in a way we understand; the message says which. */
  | 'unreachable'
  /** It answers gRPC, but is not GoBGP. */
  | 'not-gobgp'
  /** BGP was stopped in a gobgpd that goes on running, or is just ending. */
  | 'bgp-stopped'
  /** A call failed, or a stream ended, that had worked. */
  | 'broken'
  /** The configuration's TLS files cannot be read. */
  | 'tls-files';

/** `message` is one line for people. */
export class GobgpError extends Error {
  override readonly name = 'GobgpError';

  constructor(
    readonly kind: GobgpErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options);
  }
}
