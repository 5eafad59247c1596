/**
 * The stable codes of the errors that reach users. Each is described in docs/reference/errors.md,
 * with what to do.
 */
export type ErrorCode =
  | 'outcome-unknown'
  | 'no-quorum'
  | 'too-large'
  | 'overloaded'
  | 'disk-full'
  | 'not-known-by-all'
  | 'too-stale'
  | 'applied-gap'
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
  | 'wrong-version'
  | 'unreachable'
  | 'directory-in-use'
  | 'journal-damaged'
  | 'journal-failed'
  | 'restore-failed'
  | 'diverged'
  | 'removed'
  | 'cluster-running'
  | 'snapshot-failed'
  | 'invariant-violated'
  | 'invalid-machine'
  | 'invalid-options'

export interface SynodErrorOptions extends ErrorOptions {
  readonly retryAfterMs?: number | undefined
}

/** Every error that Synod raises on purpose. Tell them apart by `code`: messages may change. */
export class SynodError extends Error {
  override readonly name = 'SynodError'
  readonly code: ErrorCode
  /**
   * Of `overloaded`: after how many milliseconds there is likely to be room again, by how much
   * waits and how fast that has been done lately. Undefined for all other codes, and where nothing
   * is known about that.
   */
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: SynodErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}
