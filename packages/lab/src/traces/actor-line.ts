import type { ActorId } from '../picture/picture.js'
import { type Fields, actorAt, serverAt } from './json.js'
import type { TraceLine } from './lines.js'

/**
 * To whom a line of each kind happened; undefined where that is the cluster. Kinds that are not
 * here are not known.
 */
const ACTOR_OF: Readonly<Record<string, (fields: Fields) => ActorId | undefined>> = {
  plan: () => undefined,
  fault: () => undefined,
  heal: () => undefined,
  violation: () => undefined,
  start: (fields) => serverAt(fields, 'server'),
  open: (fields) => serverAt(fields, 'server'),
  stop: (fields) => serverAt(fields, 'server'),
  failed: (fields) => serverAt(fields, 'server'),
  durable: (fields) => serverAt(fields, 'server'),
  chosen: (fields) => serverAt(fields, 'server'),
  dropped: (fields) => serverAt(fields, 'server'),
  execute: (fields) => serverAt(fields, 'by'),
  send: (fields) => actorAt(fields, 'from'),
  message: (fields) => actorAt(fields, 'to'),
  invoke: (fields) => actorAt(fields, 'client'),
  return: (fields) => actorAt(fields, 'client'),
}

/** A line of a known kind, and to whom it happened. */
export interface ActorLine extends TraceLine {
  readonly actor: ActorId | undefined
}

/**
 * Undefined if the kind is not known. Throws a `FieldError` where nothing says to whom it happened.
 */
export function withActor(line: TraceLine): ActorLine | undefined {
  const actorOf = Object.hasOwn(ACTOR_OF, line.event) ? ACTOR_OF[line.event] : undefined
  return actorOf === undefined ? undefined : { ...line, actor: actorOf(line.fields) }
}
