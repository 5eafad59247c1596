import { type Ballot, type Slot, formatBallot, sameBallot } from 'synod/internal/paxos/ballot.js'
import type { Message, Prepare, PromiseMessage, ReportedVote, Scope } from 'synod/internal/paxos/messages.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { type Value, isNoOp } from 'synod/internal/paxos/value.js'

/** How a value is written. */
export type DescribeValue = (value: Value) => string

/** A longer list of values is cut short in its middle, a longer text at its end. */
const MAX_VALUES = 6
const MAX_TEXT_LENGTH = 40

/** As text where it is one, cut short where it is long; bytes in hexadecimal otherwise; `no-op`. */
export function describeValue(value: Value): string {
  if (isNoOp(value)) return 'no-op'
  const text = textOf(value.subarray(0, MAX_TEXT_LENGTH), value.length > MAX_TEXT_LENGTH)
  const shown =
    text ?? Array.from(value.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
  const isWhole = value.length <= (text === undefined ? 8 : MAX_TEXT_LENGTH)
  return isWhole ? shown : `${shown}… (${value.length} bytes)`
}

/**
 * A message in the protocol's words, on one line. Two messages that differ read differently, but
 * for long values and long lists of them, which are cut short.
 */
export function describeMessage(message: Message, describe: DescribeValue = describeValue): string {
  const { type } = message
  switch (type) {
    case 'prepare':
      return `prepare ${formatBallot(message.ballot)} for ${scope(message.scope, message.slot)}${over(message)}`
    case 'promise':
      return promise(message, describe)
    case 'accept':
      return `accept ${formatBallot(message.ballot)} in ${describeValues(message.first, message.values, describe)}`
    case 'accepted':
    case 'chosen':
      return `${type} ${formatBallot(message.ballot)} in ${describeSlots(message.first, message.last)}`
    case 'nack': {
      const where = message.slot === 0 ? '' : ` in ${describeSlots(message.slot, message.slot)}`
      return `nack ${formatBallot(message.refused)}${where}: bound by ${ballot(message.ballot)}`
    }
    case 'heartbeat':
    case 'heartbeat-answer': {
      const round = message.ballot.seq === 0 ? '' : ` ${formatBallot(message.ballot)} round ${message.round}`
      const clock =
        message.type === 'heartbeat' || message.clockMs === undefined ? '' : `, clock ${message.clockMs} ms`
      return `${type}${round}: chosen ${message.chosen}, voted ${message.voted}${clock}`
    }
    case 'probe':
      return `probe ${message.round}: do you miss the leader too? chosen ${message.chosen}`
    case 'probe-answer': {
      const missing = message.missing ? 'missing' : 'not missing'
      return `probe-answer ${message.round}: ${missing}, bound by ${ballot(message.ballot)}, chosen ${message.chosen}`
    }
    case 'forward':
      return `forward: ${list(message.values, describe)}`
    case 'observe':
      return `observe ${message.round}: how far have you voted?`
    case 'observed':
      return `observed ${message.round}: voted ${message.voted}`
    case 'fetch':
      return `fetch ${describeSlots(message.first, message.last)}`
    case 'decided':
      return message.values.length === 0
        ? `decided: nothing from slot ${message.first} on`
        : `decided in ${describeValues(message.first, message.values, describe)}`
    case 'transfer':
      return `transfer ${formatBallot(message.ballot)}: ${message.to === 0 ? 'anyone' : `s${message.to}`} is to lead`
    case 'trimmed':
      return `trimmed up to slot ${message.slot}`
  }
}

/**
 * A record of a server's journal in the protocol's words, on one line; long lists are cut short.
 */
export function describeRecord(record: JournalRecord, describe: DescribeValue = describeValue): string {
  switch (record.type) {
    case 'promise': {
      const which = record.scope === 'log' ? 'every slot' : `slot ${record.slot}`
      return `promise ${formatBallot(record.ballot)} for ${which}`
    }
    case 'vote':
      return `vote ${formatBallot(record.ballot)} in ${describeValues(record.first, record.values, describe)}`
    case 'chosen':
      return `chosen in ${describeSlots(record.first, record.last)}`
    case 'decided':
      return `decided in ${describeValues(record.first, record.values, describe)}`
    case 'trim': {
      const bound = `promised ${ballot(record.promised)}, voted ${ballot(record.voted)}`
      return `trim up to slot ${record.slot}: ${bound}`
    }
  }
}

function over({ predecessor: ballot }: Prepare): string {
  return ballot === undefined ? '' : `, taking over from ${formatBallot(ballot)}`
}

function promise({ ballot: at, scope: which, slot, votes, next }: PromiseMessage, describe: DescribeValue) {
  const head = `promise ${formatBallot(at)} for ${scope(which, slot)}`
  const rest = next === 0 ? '' : `; more from slot ${next}`
  if (votes.length === 0) return `${head}: no votes${rest}`
  return `${head}: ${runs(votes)
    .map((run) => votesOf(run, describe))
    .join('; ')}${rest}`
}

/** Votes in consecutive slots, at the same ballot and chosen or not alike. */
interface Run {
  readonly first: ReportedVote
  readonly values: Value[]
}

function runs(votes: readonly ReportedVote[]): Run[] {
  const all: Run[] = []
  for (const vote of votes) {
    const run = all.at(-1)
    const goesOn =
      run !== undefined &&
      vote.slot === run.first.slot + run.values.length &&
      vote.chosen === run.first.chosen &&
      sameBallot(vote.ballot, run.first.ballot)
    if (goesOn) run.values.push(vote.value)
    else all.push({ first: vote, values: [vote.value] })
  }
  return all
}

function votesOf({ first: { slot, ballot: at, chosen }, values }: Run, describe: DescribeValue): string {
  const what = chosen
    ? at.seq === 0
      ? 'chosen'
      : `chosen, voted ${formatBallot(at)}`
    : `voted ${formatBallot(at)}`
  return `${what} in ${describeValues(slot, values, describe)}`
}

function scope(which: Scope, slot: Slot): string {
  return which === 'log' ? `every slot from ${slot}` : `slot ${slot}`
}

function ballot(at: Ballot): string {
  return at.seq === 0 ? 'nothing' : formatBallot(at)
}

/** `slot 3`, or `slots 3 to 5`. */
function describeSlots(first: Slot, last: Slot): string {
  return first === last ? `slot ${first}` : `slots ${first} to ${last}`
}

/** Values of consecutive slots: `slots 3 to 4: a, b`. */
export function describeValues(
  first: Slot,
  values: readonly Value[],
  describe: DescribeValue = describeValue,
): string {
  return `${describeSlots(first, first + values.length - 1)}: ${list(values, describe)}`
}

function list(values: readonly Value[], describe: DescribeValue): string {
  if (values.length <= MAX_VALUES) return values.map(describe).join(', ')
  const ends = [values.slice(0, 2), values.slice(-1)].map((part) => part.map(describe).join(', '))
  return `${ends.join(' … ')} (${values.length} values)`
}

/** Undefined unless it is text of one line, of which the last character may have been `cut`. */
function textOf(bytes: Uint8Array, cut: boolean): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut })
    return /^[^\p{C}]*$/u.test(text) ? text : undefined
  } catch {
    return undefined
  }
}
