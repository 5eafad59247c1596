import type { SynodError } from '../errors.js'

/** Who waits for something that was asked of a replica. */
export interface Caller<Answer = Uint8Array> {
  /** Called once, with the answer or the reason why there is none. */
  done(answer: Answer | SynodError): void
}

/** Something that was asked of a replica, until its caller is told the answer. */
export interface Operation {
  /** The caller does not wait any more, and is told nothing. */
  giveUp(): void
}

/** What is over as soon as it was asked. */
export const OVER: Operation = { giveUp: () => undefined }
