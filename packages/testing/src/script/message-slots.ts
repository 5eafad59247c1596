import type { Slot } from 'synod/internal/paxos/ballot.js'
import type { Message } from 'synod/internal/paxos/messages.js'

/** The slots that a message speaks of; undefined where it speaks of none. */
export function slotsOf(message: Message): readonly [first: Slot, last: Slot] | undefined {
  switch (message.type) {
    case 'prepare':
    case 'promise':
    case 'nack':
    case 'trimmed':
      return message.slot === 0 ? undefined : [message.slot, message.slot]
    case 'accept':
    case 'decided':
      if (message.values.length === 0) return undefined
      return [message.first, message.first + message.values.length - 1]
    case 'accepted':
    case 'chosen':
    case 'fetch':
      return [message.first, message.last]
    case 'forward':
    case 'heartbeat':
    case 'heartbeat-answer':
    case 'observe':
    case 'observed':
    case 'probe':
    case 'probe-answer':
    case 'transfer':
      return undefined
  }
}
