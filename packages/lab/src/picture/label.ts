import type { Ballot } from 'synod-testing/script'
import type { PictureMessage } from './picture.js'

/** What a message is for: decides its colour and the way its line is broken. */
export type MessagePurpose =
  'client' | 'phase 1' | 'phase 2' | 'refusal' | 'outcome' | 'sign of life' | 'other'

const PURPOSES: Readonly<Record<string, MessagePurpose>> = {
  request: 'client',
  answer: 'client',
  forward: 'client',
  prepare: 'phase 1',
  promise: 'phase 1',
  accept: 'phase 2',
  accepted: 'phase 2',
  nack: 'refusal',
  chosen: 'outcome',
  decided: 'outcome',
  heartbeat: 'sign of life',
  'heartbeat-answer': 'sign of life',
}

/** What the lecture calls the messages of the two phases. */
const OF_THE_LECTURE: Readonly<Record<string, string>> = {
  prepare: '1a',
  promise: '1b',
  accept: '2a',
  accepted: '2b',
}

export function purposeOf(type: string): MessagePurpose {
  return PURPOSES[type] ?? 'other'
}

export function ballotText({ seq, server }: Ballot): string {
  return `(${seq}, s${server})`
}

/**
 * What stands beside the arrow of a message: its type, its ballot, its slots and values, as far as
 * it has them.
 */
export function labelOf({ ballot, fields, slots, type, values }: PictureMessage): string {
  const parts = [OF_THE_LECTURE[type], type]
  if (ballot !== undefined && ballot.seq > 0) parts.push(ballotText(ballot))
  if (slots !== undefined) parts.push(isForLog(fields) ? `slots from ${slots[0]}` : slotsText(slots))
  const label = parts.filter((part) => part !== undefined).join(' ')
  return values.length === 0 ? label : `${label}: ${valuesText(values)}`
}

/** Whether a prepare or a promise is for every slot from the first one on. */
function isForLog(fields: unknown): boolean {
  return typeof fields === 'object' && fields !== null && 'scope' in fields && fields.scope === 'log'
}

function slotsText([first, last]: readonly [number, number]): string {
  return last > first ? `slots ${first}–${last}` : `slot ${first}`
}

/** More values than this are counted. */
const MOST_VALUES = 3

export function valuesText(values: readonly string[]): string {
  const more = values.length - MOST_VALUES
  return values.slice(0, MOST_VALUES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
