/**
 * Stable codes of the errors of the command, described in docs/reference/cli.md. Those of the
 * library are in docs/reference/errors.md.
 */
export type CliErrorCode =
  | 'usage'
  | 'not-found'
  | 'cas-mismatch'
  | 'increment-refused'
  | 'port-in-use'
  | 'not-a-demo'
  | 'replica-ended'
  | 'violation'
  | 'unreached'
  | 'unproven'
  | 'not-a-trace'
  | 'file-exists'
  | 'interrupted'
  | 'output-failed'

/** An error of the command itself. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  /** Fields that `--json` shows besides code and message. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: CliErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.details = details
  }
}
