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

/**
 * Codes of states that pass. Where nothing was executed, the same call can be made again, and may
 * succeed then.
 */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'outcome-unknown',
  'no-quorum',
  'unreachable',
  'overloaded',
  'disk-full',
  'not-known-by-all',
  'session-expired',
  'too-stale',
  'transfer-failed',
  'directory-in-use',
])

/** Codes by which a replica says that it has not executed a request, and will not. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'overloaded',
  'disk-full',
  'not-known-by-all',
  'session-expired',
  'command-failed',
  'change-refused',
  'too-large',
  'wrong-mode',
  'invalid-options',
])

/** Whether a replica that answers with this code has not executed the request, and will not. */
export function isRefusal(code: ErrorCode): boolean {
  return REFUSALS.has(code)
}

/**
 * A request whose outcome its caller does not know: `request` of an error. `execute` takes it as
 * `resume`. It means something to the client or replica that made it alone, and shows nothing of
 * the session, whose key is a secret.
 */
export class PendingRequest {
  // Without a member of its own, any object would pass for one.
  readonly #isPending = true

  static is(value: unknown): value is PendingRequest {
    return value instanceof PendingRequest && value.#isPending
  }
}

export interface SynodErrorOptions extends ErrorOptions {
  readonly retryAfterMs?: number | undefined
  readonly mayHaveExecuted?: boolean | undefined
  readonly request?: PendingRequest | undefined
}

/**
 * Every error that Synod raises on purpose. Tell them apart by `code`: messages may change. What to
 * do next follows from `mayHaveExecuted` and `retryable`.
 *
 * @example
 * try {
 *   await client.execute(1)
 * } catch (error) {
 *   if (!(error instanceof SynodError)) throw error
 *   if (error.retryable) await client.execute(1)
 *   else if (error.request !== undefined) await client.execute(1, { resume: error.request })
 *   else throw error
 * }
 */
export class SynodError extends Error {
  override readonly name = 'SynodError'
  readonly code: ErrorCode
  /**
   * Of `overloaded`: after how many milliseconds there is likely to be room again, by how much
   * waits and how fast that has been done lately. Undefined for all other codes, and where nothing
   * is known about that.
   */
  readonly retryAfterMs: number | undefined
  /**
   * Whether the command, change or transfer of the call may have taken effect, or still may. False
   * for calls that change nothing.
   */
  readonly mayHaveExecuted: boolean
  /**
   * Of a command that may have been executed: what `resume` of `execute` takes, to get the outcome
   * of this very request. Undefined for all others.
   */
  readonly request: PendingRequest | undefined

  constructor(code: ErrorCode, message: string, options: SynodErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.mayHaveExecuted = options.mayHaveExecuted ?? false
    this.request = options.request
  }

  /**
   * Whether the same call is safe, and may succeed later: after `retryAfterMs` where that is known.
   * Never true where `mayHaveExecuted` is.
   */
  get retryable(): boolean {
    return !this.mayHaveExecuted && PASSING.has(this.code)
  }
}
