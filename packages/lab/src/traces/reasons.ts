import { ballotText } from '../picture/label.js'
import type { PictureMessage, PictureRecord } from '../picture/picture.js'
import { asBallot, asCount, isFields } from './json.js'

// Why servers send what they send, as far as a trace shows it. A fact is something that happened to
// an actor, as a text; a reason is a fact at the sender that the message follows.

/** The facts that the arrival of a message makes at its receiver. */
export function factsOfArrival(message: PictureMessage): readonly string[] {
  const { from, slots, type } = message
  const at = ballotWords(message)
  switch (typeOf(message)) {
    case 'prepare':
      return [`prepare ${at} ${from}`, `proposal ${at}`, `question ${from}`]
    case 'accept':
      return [`accept ${at} ${slots?.[1] ?? 0}`, `proposal ${at}`, `question ${from}`]
    case 'fetch':
    case 'snapshot-request':
      return [`question ${from}`]
    case 'heartbeat':
    case 'probe':
    case 'observe':
      return [`${type} ${roundOf(message)} ${from}`, 'news']
    case 'promise':
      return [`promise ${at}`]
    case 'execute':
    case 'read':
    case 'stale-read':
    case 'status':
      return [`request ${requestOf(message)} ${from}`, 'work']
    case 'forward':
      return ['work']
    case 'accepted':
    case 'observed':
    case 'heartbeat-answer':
    case 'chosen':
    case 'decided':
      return ['news']
    default:
      return []
  }
}

/** The facts that durable records make. */
export function factsOfRecord(record: PictureRecord): readonly string[] {
  if (record.type === 'promise') return [`promised ${ballotText(record.ballot)}`, 'news']
  if (record.type !== 'vote') return []
  return [`voted ${ballotText(record.ballot)} ${record.first + record.values.length - 1}`, 'news']
}

export interface Reasons {
  /** It was sent when the last of these had happened. */
  readonly facts: readonly string[]
  /** Nothing else brings it about, however long it was on its way: it is an answer. */
  readonly only: boolean
}

/** Why a message may have been sent, from what happened to its sender. */
export function reasonsFor(message: PictureMessage): Reasons {
  const { slots, to } = message
  const at = ballotWords(message)
  const answer = (...facts: string[]): Reasons => ({ facts, only: true })
  const maybe = (...facts: string[]): Reasons => ({ facts, only: false })
  switch (typeOf(message)) {
    case 'promise':
      return answer(`prepare ${at} ${to}`, `promised ${at}`)
    case 'accepted':
      return answer(`accept ${at} ${slots?.[1] ?? 0}`, `voted ${at} ${slots?.[1] ?? 0}`)
    case 'nack':
      return answer(`proposal ${refusedWords(message)}`)
    case 'heartbeat-answer':
      return answer(`heartbeat ${roundOf(message)} ${to}`)
    case 'probe-answer':
      return answer(`probe ${roundOf(message)} ${to}`)
    case 'observed':
      return answer(`observe ${roundOf(message)} ${to}`)
    case 'decided':
    case 'trimmed':
    case 'snapshot-chunk':
    case 'no-snapshot':
      return answer(`question ${to}`)
    case 'prepare':
      return maybe(`promised ${at}`)
    case 'accept':
      return maybe(`promise ${at}`, 'work')
    case 'chosen':
      return maybe('news')
    case 'forward':
    case 'observe':
      return maybe('work')
    case 'reply':
    case 'fail':
      return maybe(`request ${requestOf(message)} ${to}`, 'news')
    case 'execute':
    case 'read':
    case 'stale-read':
      return maybe('work')
    default:
      return maybe()
  }
}

/** The fact that a caller has asked for something. */
export const CLIENT_CALL = 'work'

/** The type of the trace, not of the picture, which has one for all requests. */
function typeOf({ fields, type }: PictureMessage): string {
  return isFields(fields) && typeof fields.type === 'string' ? fields.type : type
}

function ballotWords({ ballot }: PictureMessage): string {
  return ballot === undefined ? '' : ballotText(ballot)
}

function refusedWords({ fields }: PictureMessage): string {
  const refused = isFields(fields) ? asBallot(fields.refused) : undefined
  return refused === undefined ? '' : ballotText(refused)
}

function roundOf({ fields }: PictureMessage): number {
  return isFields(fields) ? (asCount(fields.round) ?? 0) : 0
}

function requestOf({ fields }: PictureMessage): number {
  return isFields(fields) ? (asCount(fields.request) ?? 0) : 0
}
