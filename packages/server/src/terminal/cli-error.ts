/** Stable codes of what the command itself refuses, described in docs/cli.md. Those of Synod are in docs/errors.md. */
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

/** Something that was asked for cannot be done. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  /** What `--json` shows besides code and message. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: CliErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.details = details
  }
}
