import { type Ballot, compareBallots } from 'synod-testing/script'
import type { ActorId, PictureEvent, PictureMessage } from '../picture/picture.js'

interface Role {
  readonly role: string
  readonly ballot: Ballot
}

/**
 * Adds the roles of servers in leader mode, which traces leave out: a server that sends a prepare
 * for the log is a candidate, one that sends accepts or heartbeats at its own ballot leads, one
 * that has promised another server's ballot follows.
 */
export function withRoles(
  events: readonly PictureEvent[],
  messages: readonly PictureMessage[],
): PictureEvent[] {
  const roles = new Map<ActorId, Role>()
  return events.flatMap((event) => {
    const { actor, atMs, step } = event
    if (event.kind === 'crash') roles.delete(actor)
    const now = roleIn(event, messages)
    const before = roles.get(actor)
    if (now === undefined || (before !== undefined && !isNews(before, now))) return [event]
    roles.set(actor, now)
    return [event, { kind: 'role', ...now, actor, step, atMs }]
  })
}

/** A leader may have sent its prepare again: roles at one ballot go up only. */
const ORDER = ['follower', 'candidate', 'leader']

function isNews(before: Role, now: Role): boolean {
  const order = compareBallots(before.ballot, now.ballot)
  return order < 0 || (order === 0 && ORDER.indexOf(before.role) < ORDER.indexOf(now.role))
}

function roleIn(event: PictureEvent, messages: readonly PictureMessage[]): Role | undefined {
  if (event.kind === 'durable') {
    const promise = event.records.findLast(({ type }) => type === 'promise')
    if (promise?.type !== 'promise' || promise.scope !== 'log') return undefined
    const { ballot } = promise
    return `s${ballot.server}` === event.actor ? undefined : { role: 'follower', ballot }
  }
  const message = event.kind === 'send' ? messages[event.message] : undefined
  if (message?.ballot === undefined || `s${message.ballot.server}` !== event.actor) return undefined
  const { ballot, type } = message
  if (type === 'prepare') return { role: 'candidate', ballot }
  return type === 'accept' || type === 'heartbeat' ? { role: 'leader', ballot } : undefined
}
