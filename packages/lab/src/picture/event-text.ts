import { ballotText, valuesText } from './label.js'
import type { PictureEvent, PictureRecord } from './picture.js'

/** What happened, in a few words. Nothing is said of what a message shows by itself. */
export function eventText(event: PictureEvent | undefined): string {
  switch (event?.kind) {
    case undefined:
    case 'send':
    case 'receive':
      return ''
    case 'lose':
      return `lost: ${event.why}`
    case 'timer':
      return 'its timer fires'
    case 'crash':
    case 'restart':
    case 'pause':
    case 'resume':
      return event.kind
    case 'write':
      return `writes ${recordsText(event.records)}`
    case 'durable':
      return `durable: ${recordsText(event.records)}`
    case 'role':
      return event.ballot === undefined || event.ballot.seq === 0
        ? event.role
        : `${event.role} ${ballotText(event.ballot)}`
    case 'chosen':
      return `chosen in slot ${event.first}: ${valuesText(event.values)}`
    case 'execute':
      return event.last > event.first
        ? `executes slots ${event.first}–${event.last}`
        : `executes slot ${event.first}`
    case 'violation':
    case 'note':
      return event.text
  }
}

function recordsText(records: readonly PictureRecord[]): string {
  return records.map(recordText).join(', ')
}

export function recordText(record: PictureRecord): string {
  switch (record.type) {
    case 'promise': {
      const where = record.scope === 'log' ? `in all slots from ${record.slot} on` : `in slot ${record.slot}`
      return `promise ${ballotText(record.ballot)} ${where}`
    }
    case 'vote':
      return `vote ${ballotText(record.ballot)} in slot ${record.first}: ${valuesText(record.values)}`
    case 'chosen':
      return record.last > record.first
        ? `slots ${record.first}–${record.last} are chosen`
        : `slot ${record.first} is chosen`
    case 'decided':
      return `decided in slot ${record.first}: ${valuesText(record.values)}`
    case 'trim':
      return `dropped up to slot ${record.slot}`
  }
}
