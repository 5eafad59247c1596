import { type Call, MAX_CALLS } from '../call.js'
import { SynodError, type PendingRequest } from '../errors.js'
import { SESSION_WINDOW } from './request.js'
import type { SessionKey } from './session-key.js'
import { Session, type Submit, type VersionedCommand } from './session.js'

/** As many as it takes for all the calls that may be under way at once. */
export const MAX_OWN_SESSIONS = MAX_CALLS / SESSION_WINDOW

/**
 * The sessions of one client, or of the callers in one replica's process. A session has a window of
 * 1,024 requests: a further one is opened when all windows are full.
 */
export class SessionPool {
  readonly #newSession: () => Session
  readonly #sessions: [Session, ...Session[]]

  /** As for `Session`. */
  constructor(submit: Submit, newKey: () => SessionKey, openCall: () => Call<Uint8Array>) {
    this.#newSession = () => new Session(submit, newKey, openCall)
    this.#sessions = [this.#newSession()]
  }

  /** Sends a command, or resumes an earlier request with that command. */
  execute(command: VersionedCommand, call: Call<Uint8Array>, resume?: PendingRequest): void {
    if (resume === undefined) this.#choose().execute(command, call)
    else if (!this.#sessions.some((session) => session.resume(resume, command.command, call)))
      call.reject(
        new SynodError(
          'invalid-options',
          'resume must be the `request` of an error of this client or replica',
        ),
      )
  }

  #choose(): Session {
    const free = this.#sessions.find(({ hasCapacity }) => hasCapacity)
    if (free !== undefined) return free
    if (this.#sessions.length >= MAX_OWN_SESSIONS) return this.#sessions[0]
    const session = this.#newSession()
    this.#sessions.push(session)
    return session
  }
}
