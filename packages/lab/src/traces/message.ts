import type { Slot } from 'synod-testing/script'
import type { ActorId, PictureMessage } from '../picture/picture.js'
import { type Fields, asBallot, asCount, isFields, textAt, valuesAt } from './json.js'
import { headed } from './words.js'

/** What the picture calls those between clients and servers. */
const OF_CLIENTS: Readonly<Record<string, string>> = {
  execute: 'request',
  read: 'request',
  'stale-read': 'request',
  status: 'request',
  transfer: 'request',
  reply: 'answer',
  fail: 'answer',
}

/** A message of a trace, as the picture has it. Throws a `FieldError` where it has no type. */
export function pictureMessage(id: number, from: ActorId, to: ActorId, fields: Fields): PictureMessage {
  const type = textAt(fields, 'type')
  const ofClient = from.startsWith('c') || to.startsWith('c')
  const values = valuesIn(fields)
  return {
    id,
    from,
    to,
    type: ofClient ? (OF_CLIENTS[type] ?? type) : type,
    ballot: asBallot(fields.ballot),
    slots: slotsIn(fields, values.length),
    values,
    text: headed('type', fields),
    fields,
  }
}

function valuesIn(fields: Fields): readonly string[] {
  if (Array.isArray(fields.values)) return valuesAt(fields, 'values')
  if (Array.isArray(fields.votes)) return votesIn(fields.votes).flatMap(({ value }) => textOf(value))
  return textOf(fields.value)
}

/**
 * A message speaks of `first` to `last` or of as many slots as it has values, of those of its
 * votes, which are in order, or of one.
 */
function slotsIn(fields: Fields, values: number): readonly [Slot, Slot] | undefined {
  const first = asCount(fields.first)
  if (first !== undefined) {
    const last = asCount(fields.last) ?? first + values - 1
    return last < first ? undefined : [first, last]
  }
  if (fields.scope === 'log') {
    if (!Array.isArray(fields.votes)) return undefined
    const slots = votesIn(fields.votes).flatMap(({ slot }) => asCount(slot) ?? [])
    const [lowest, highest] = [slots[0], slots.at(-1)]
    return lowest === undefined || highest === undefined ? undefined : [lowest, highest]
  }
  const slot = asCount(fields.slot)
  return slot === undefined || slot === 0 || fields.result !== undefined ? undefined : [slot, slot]
}

function votesIn(votes: readonly unknown[]): Fields[] {
  return votes.filter(isFields)
}

function textOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? [value] : []
}
