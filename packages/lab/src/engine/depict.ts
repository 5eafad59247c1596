import {
  type DescribeValue,
  type JournalRecord,
  type Transit,
  type Value,
  describeMessage,
  slotsOf,
} from 'synod-testing/script'
import type { PictureMessage, PictureRecord } from '../picture/picture.js'

/** A message between servers, as the picture has it. */
export function depictMessage(id: number, transit: Transit, describe: DescribeValue): PictureMessage {
  const { from, to, message } = transit
  return {
    id,
    from: `s${from}`,
    to: `s${to}`,
    type: message.type,
    ballot: 'ballot' in message && message.ballot.seq > 0 ? message.ballot : undefined,
    slots: slotsOf(message),
    values: valuesOf(transit).map(describe),
    text: describeMessage(message, describe),
    fields: readable(message, describe),
  }
}

/** A record of a journal, as the picture has it. */
export function depictRecord(record: JournalRecord, describe: DescribeValue): PictureRecord {
  switch (record.type) {
    case 'promise': {
      const { type, ballot, scope, slot } = record
      return { type, ballot, scope, slot }
    }
    case 'vote': {
      const { type, ballot, first, values } = record
      return { type, ballot, first, values: values.map(describe) }
    }
    case 'chosen':
      return record
    case 'decided':
      return { type: record.type, first: record.first, values: record.values.map(describe) }
    case 'trim':
      return { type: record.type, slot: record.slot }
  }
}

function valuesOf({ message }: Transit): readonly Value[] {
  switch (message.type) {
    case 'accept':
    case 'decided':
    case 'forward':
      return message.values
    case 'promise':
      return message.votes.map(({ value }) => value)
    case 'prepare':
    case 'accepted':
    case 'nack':
    case 'chosen':
    case 'heartbeat':
    case 'heartbeat-answer':
    case 'probe':
    case 'probe-answer':
    case 'observe':
    case 'observed':
    case 'fetch':
    case 'transfer':
    case 'trimmed':
      return []
  }
}

/** The same data with words in the place of values. */
function readable(data: unknown, describe: DescribeValue): unknown {
  if (data instanceof Uint8Array) return describe(data)
  if (Array.isArray(data)) return data.map((it: unknown) => readable(it, describe))
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(Object.entries(data).map(([name, it]) => [name, readable(it, describe)]))
}
