/**
 * The stable codes of the errors that reach users. Each is described in docs/errors.md, with what to do.
 */
export type ErrorCode =
  | 'outcome-unknown'
  | 'no-quorum'
  | 'too-large'
  | 'overloaded'
  | 'too-stale'
  | 'transfer-failed'
  | 'change-refused'
  | 'closed'
  | 'aborted'
  | 'command-failed'
  | 'session-expired'
  | 'wrong-cluster'
  | 'wrong-mode'
  | 'wrong-acceptor'
  | 'wrong-protocol'
  | 'unreachable'
  | 'directory-in-use'
  | 'journal-damaged'
  | 'journal-failed'
  | 'restore-failed'
  | 'diverged'
  | 'removed'
  | 'invariant-violated'
  | 'invalid-options'

/** Every error that Synod raises on purpose. Tell them apart by `code`: messages may change. */
export class SynodError extends Error {
  override readonly name = 'SynodError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
