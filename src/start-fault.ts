/** Why the daemon, or a command that does its work once, cannot begin. */
export class StartFault extends Error {
  override readonly name = 'StartFault';
  constructor(
    message: string,
    /** As the command exits: 1 failed, 64 usage, 78 bad configuration. */
    readonly exitCode: 1 | 64 | 78,
    /** One line each: what is wrong, and where. */
    readonly faults: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
