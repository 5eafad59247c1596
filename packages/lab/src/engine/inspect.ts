import type { ActorId } from '../picture/picture.js'
import { type ServerView, serverState } from './server-view.js'
import type { LabSession } from './lab-session.js'

/** A server before and after the row in which an event stands. */
export interface Inspection {
  readonly before: ServerView
  readonly after: ServerView
}

/**
 * The state of the server of an event of the picture, before and after its row: by playing the
 * session again up to there. Undefined for an event of a client, which has no state.
 */
export function inspect(session: LabSession, event: number): Inspection | undefined {
  const { actor, step } = session.picture?.events[event] ?? {}
  if (actor === undefined || step === undefined) throw new RangeError(`there is no event ${event}`)
  const server = serverOfActor(actor)
  if (server === undefined) return undefined
  const command = session.commandOf(event)
  let before: ServerView | undefined
  let after: ServerView | undefined
  const tape = session.replay(command - 1, (opened, cluster) => {
    if (opened === step) before = serverState(cluster, server)
    else if (opened === step + 1) after = serverState(cluster, server)
  })
  tape.perform(session.lines[command - 1] ?? '')
  const { stage } = tape
  if (before === undefined || stage === undefined) throw new Error(`row ${step} was not played`)
  return { before, after: after ?? serverState(stage.cluster, server) }
}

/** The number of a server; undefined for a client. */
export function serverOfActor(actor: ActorId): number | undefined {
  return actor.startsWith('s') ? Number(actor.slice(1)) : undefined
}
