import type { Slot } from 'synod-testing/script'
import type { ActorId, Picture, PictureMessage, PictureRecord } from '../picture/picture.js'

/** What a request of a client has cost. */
export interface RequestCost {
  readonly client: ActorId
  readonly values: readonly string[]
  /** The event in which the client asked. */
  readonly event: number
  /**
   * Messages one after the other, each caused by the one before, from the request to its first
   * answer; undefined while there is none.
   */
  readonly delays: number | undefined
  /** From the request to its first answer, by the clock of the cluster. */
  readonly durationMs: number | undefined
  /**
   * Messages that it caused and that speak of it or of its slots, with the requests and answers;
   * heartbeats speak of none. Those shared with other requests count in full.
   */
  readonly messages: number
  /** Writes to disks that something waited for: of promises and votes in its slots. */
  readonly fsyncs: number
}

/**
 * What each request in a picture has cost, in the order in which clients asked. What was sent to
 * several servers at once is one request.
 */
export function counts(picture: Picture): RequestCost[] {
  const all: RequestCost[] = []
  let last = ''
  for (const [index, event] of picture.events.entries()) {
    const message = event.kind === 'send' ? picture.messages[event.message] : undefined
    if (message?.type !== 'request') continue
    const key = `${event.actor} ${event.step}`
    if (key !== last) all.push(count(picture, index, message))
    last = key
  }
  return all
}

function count(picture: Picture, start: number, { from: client, values }: PictureMessage): RequestCost {
  const { events, messages } = picture
  const slots = slotsOf(picture, start, values)
  const begin = events[start]
  if (begin === undefined) throw new RangeError(`there is no event ${start}`)
  /**
   * How many messages led to where an actor is, and to a message: only messages that the request
   * caused.
   */
  const reached = new Map<ActorId, number>([[client, 0]])
  const depths = new Map<number, number>()
  let sent = 0
  let fsyncs = 0
  let answer: { readonly delays: number; readonly atMs: number } | undefined
  for (const event of events.slice(start)) {
    const { actor } = event
    const depth = reached.get(actor)
    if (event.kind === 'receive') {
      const before = depths.get(event.message)
      if (before === undefined) continue
      reached.set(actor, Math.max(depth ?? 0, before + 1))
      const message = messages[event.message]
      if (message?.type === 'answer' && actor === client && isOf(message, values))
        answer ??= { delays: before + 1, atMs: event.atMs }
    } else if (event.kind === 'send' && depth !== undefined) {
      const message = messages[event.message]
      if (message === undefined) continue
      const isClients = message.type === 'request' || message.type === 'answer'
      const speaksOfIt = isOf(message, values) || (!isClients && overlaps(message, slots))
      if (!speaksOfIt || (message.type === 'request' && event.step !== begin.step)) continue
      depths.set(event.message, depth)
      sent++
    } else if (
      event.kind === 'durable' &&
      depth !== undefined &&
      event.records.some((it) => matters(it, slots))
    )
      fsyncs++
  }
  return {
    client,
    values,
    event: start,
    delays: answer?.delays,
    durationMs: answer === undefined ? undefined : answer.atMs - begin.atMs,
    messages: sent,
    fsyncs,
  }
}

/** The slots in which these values were proposed or chosen after the client asked. */
function slotsOf({ events, messages }: Picture, start: number, values: readonly string[]): Set<Slot> {
  const slots = new Set<Slot>()
  const note = (first: Slot, all: readonly string[]) => {
    for (const [offset, value] of all.entries()) if (values.includes(value)) slots.add(first + offset)
  }
  for (const event of events.slice(start)) {
    if (event.kind === 'chosen') note(event.first, event.values)
    else if (event.kind === 'write')
      for (const record of event.records) if (record.type === 'vote') note(record.first, record.values)
    if (event.kind !== 'send') continue
    const message = messages[event.message]
    if (message?.type === 'accept' && message.slots !== undefined) note(message.slots[0], message.values)
  }
  return slots
}

function isOf(message: PictureMessage, values: readonly string[]): boolean {
  return message.values.some((value) => values.includes(value))
}

function overlaps({ slots: range }: PictureMessage, slots: ReadonlySet<Slot>): boolean {
  if (range === undefined) return false
  const [first, last] = range
  return [...slots].some((slot) => first <= slot && slot <= last)
}

function matters(record: PictureRecord, slots: ReadonlySet<Slot>): boolean {
  if (record.type === 'promise') return record.scope === 'slot' && slots.has(record.slot)
  return record.type === 'vote' && record.values.some((_, offset) => slots.has(record.first + offset))
}
