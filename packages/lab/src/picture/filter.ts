import type { Ballot, Slot } from 'synod-testing/script'
import {
  type ActorId,
  type Picture,
  type PictureEvent,
  type PictureMessage,
  type PictureRecord,
  isHeartbeat,
} from './picture.js'

/**
 * What is to be seen of a picture. Of each list any one must fit, and an empty one leaves nothing
 * out.
 */
export interface Filter {
  readonly actors: readonly ActorId[]
  /** Words: the kind of an event, the type of its message, or the type of a record in it. */
  readonly kinds: readonly string[]
  readonly slots: readonly (readonly [first: Slot, last: Slot])[]
  readonly ballots: readonly Ballot[]
  /** Signs of life are to be seen too. They also are where `kinds` names them. */
  readonly heartbeats: boolean
}

/** Everything but signs of life. */
export const NO_FILTER: Filter = { actors: [], kinds: [], slots: [], ballots: [], heartbeats: false }

/** Whether an event, one of the picture's, passes a filter. */
export function passes(filter: Filter, { messages }: Picture, event: PictureEvent): boolean {
  const { actors, ballots, heartbeats, kinds, slots } = filter
  const message = 'message' in event ? messages[event.message] : undefined
  const words = wordsOf(event, message)
  const named = kinds.length === 0 ? undefined : kinds.some((kind) => words.includes(kind))
  if (named === false) return false
  if (named === undefined && !heartbeats && message !== undefined && isHeartbeat(message.type)) return false
  if (actors.length > 0 && !actors.some((actor) => isOf(actor, event, message))) return false
  if (slots.length > 0) {
    const told = slotsOf(event, message)
    if (!slots.some(([first, last]) => told.some((range) => range[0] <= last && range[1] >= first)))
      return false
  }
  if (ballots.length === 0) return true
  const told = ballotsOf(event, message)
  return ballots.some(({ seq, server }) => told.some((one) => one.seq === seq && one.server === server))
}

/**
 * The places of the events that pass, in order. A timer that brought nothing about but signs of
 * life is folded with them.
 */
export function filterEvents(filter: Filter, picture: Picture): readonly number[] {
  const { events } = picture
  const passing = [...events.entries()].filter(([, event]) => passes(filter, picture, event))
  const isFolded = !filter.heartbeats && !filter.kinds.includes('timer')
  const eventful = new Set(passing.filter(([, { kind }]) => kind !== 'timer').map(([, { step }]) => step))
  return passing
    .filter(([, { kind, step }]) => !isFolded || kind !== 'timer' || eventful.has(step))
    .map(([index]) => index)
}

/** A message is of both its ends, so that its arrow is whole. */
function isOf(actor: ActorId, event: PictureEvent, message: PictureMessage | undefined): boolean {
  return event.actor === actor || message?.from === actor || message?.to === actor
}

function wordsOf(event: PictureEvent, message: PictureMessage | undefined): readonly string[] {
  if (message !== undefined) return [event.kind, message.type]
  return [event.kind, ...recordsOf(event).map(({ type }) => type)]
}

function slotsOf(
  event: PictureEvent,
  message: PictureMessage | undefined,
): readonly (readonly [Slot, Slot])[] {
  if (message !== undefined) return message.slots === undefined ? [] : [message.slots]
  if (event.kind === 'execute') return [[event.first, event.last]]
  if (event.kind === 'chosen') return [[event.first, event.first + event.values.length - 1]]
  return recordsOf(event).flatMap(slotsOfRecord)
}

/** A promise for the whole log is of every slot. */
function slotsOfRecord(record: PictureRecord): (readonly [Slot, Slot])[] {
  switch (record.type) {
    case 'promise':
      return record.scope === 'log' ? [[0, Infinity]] : [[record.slot, record.slot]]
    case 'vote':
    case 'decided':
      return [[record.first, record.first + record.values.length - 1]]
    case 'chosen':
      return [[record.first, record.last]]
    case 'trim':
      return [[0, record.slot]]
  }
}

function ballotsOf(event: PictureEvent, message: PictureMessage | undefined): readonly Ballot[] {
  const ballot = event.kind === 'role' ? event.ballot : message?.ballot
  if (ballot !== undefined) return [ballot]
  return recordsOf(event).flatMap((record) => ('ballot' in record ? [record.ballot] : []))
}

function recordsOf(event: PictureEvent): readonly PictureRecord[] {
  return event.kind === 'write' || event.kind === 'durable' ? event.records : []
}
