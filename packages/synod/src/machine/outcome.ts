import { SynodError } from '../errors.js'
import { MIN_RETRY_MS, overloaded } from '../service-pace.js'
import type { Position } from './position.js'
import type { Request } from './request.js'

/** The outcome of a request. */
export interface Outcome {
  readonly status:
    /** Executed; `result` is what the state machine returned, encoded. */
    | 'done'
    /** Executed; `result` is the message of what the state machine threw, as UTF-8. */
    | 'failed'
    /** A change of the membership that is not possible; `result` is the reason, as UTF-8. */
    | 'refused'
    /** A change of the membership that has to wait for another one; `result` says so, as UTF-8. */
    | 'later'
    /** Not executed: the session is unknown, has ended, or has acknowledged the answer. */
    | 'expired'
    /** Not executed: too far ahead of the oldest unanswered request of its session. */
    | 'ahead'
  readonly result: Uint8Array
}

/** A command that the state machine was given, its log time, and its outcome. */
export interface Applied {
  readonly position: Position
  readonly timeMs: number
  readonly request: Request
  readonly outcome: Outcome
}

const SESSION_EXPIRED = 'the session of this client has ended, as too many others were used since'

/** How the message of a command begins that was executed, though it has no result. */
export const NO_RESULT = 'the command was executed, and its result cannot be returned'

const STATUS_BYTES: Readonly<Record<Outcome['status'], Uint8Array>> = {
  done: Uint8Array.of(1),
  failed: Uint8Array.of(2),
  expired: Uint8Array.of(3),
  ahead: Uint8Array.of(4),
  refused: Uint8Array.of(5),
  later: Uint8Array.of(6),
}

/** One byte, which stands for the status in the digest of a replica. */
export function byteOfStatus(status: Outcome['status']): Uint8Array {
  return STATUS_BYTES[status]
}

/** The error that an outcome other than `done` stands for. */
export function outcomeError({ status, result }: Outcome): SynodError {
  if (status === 'failed') return commandFailed(Buffer.from(result).toString())
  if (status === 'refused' || status === 'later')
    return new SynodError('change-refused', Buffer.from(result).toString())
  return status === 'expired'
    ? new SynodError('session-expired', SESSION_EXPIRED)
    : overloaded('too many requests of this session are unanswered', MIN_RETRY_MS)
}

/**
 * The error of a command that failed, by its message alone: that is all that replicas keep of it.
 */
export function commandFailed(message: string): SynodError {
  return new SynodError('command-failed', message, { mayHaveExecuted: message.startsWith(NO_RESULT) })
}
