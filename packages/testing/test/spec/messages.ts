import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { Message, Prepare } from 'synod/internal/paxos/messages.js'
import { NO_OP, type Value, isNoOp } from 'synod/internal/paxos/value.js'
import { describeMessage } from '../../src/describe.js'
import type { Picks, SpecMessages, SpecScope } from './trace.js'

/** A message of the core, as the specification has it: from whom and to whom. */
export interface Post {
  readonly from: ServerId
  readonly to: ServerId
  readonly message: Message
}

export function valueOf(text: string): Value {
  return text === 'no-op' ? NO_OP : new TextEncoder().encode(text)
}

/** The empty text stands for no value. */
export function textOf(value: Value | undefined): string {
  if (value === undefined) return ''
  return isNoOp(value) ? 'no-op' : new TextDecoder().decode(value)
}

// The messages of the specification as those of the core.

export function prepareOf({ ballot, scope }: Picks['prepare']): Message {
  return { type: 'prepare', ballot, ...scopeOf(scope) }
}

export function promiseOf({ ballot, scope, votes }: Picks['promise']): Message {
  const told = votes.map(({ slot, ballot, value, isChosen }) => {
    return { slot, ballot, value: valueOf(value), chosen: isChosen }
  })
  told.sort((a, b) => a.slot - b.slot)
  return { type: 'promise', ballot, ...scopeOf(scope), votes: told, next: 0 }
}

export function acceptOf({ ballot, values }: Picks['accept']): Message {
  const { first, last } = range([...values.keys()])
  const inOrder = Array.from({ length: last - first + 1 }, (_, offset) =>
    valueOf(values.get(first + offset) ?? ''),
  )
  return { type: 'accept', ballot, first, values: inOrder }
}

export function acceptedOf({ ballot, slots }: Picks['accepted']): Message {
  return { type: 'accepted', ballot, ...range(slots) }
}

export function nackOf({ refused, bound, slot }: Picks['nack']): Message {
  return { type: 'nack', refused, ballot: bound, slot }
}

export function chosenOf({ ballot, slots }: Picks['chosen']): Message {
  return { type: 'chosen', ballot, ...range(slots) }
}

function scopeOf(scope: SpecScope): Pick<Prepare, 'scope' | 'slot'> {
  return { scope: scope.tag === 'One' ? 'slot' : 'log', slot: scope.value }
}

function range(slots: readonly Slot[]): { first: Slot; last: Slot } {
  return { first: Math.min(...slots), last: Math.max(...slots) }
}

/**
 * The network of the specification, message by message, as `describePost` describes those of the
 * core.
 */
export function describeNetwork(network: SpecMessages, servers: readonly ServerId[]): Set<string> {
  const posts: Post[] = []
  const broadcast = (from: ServerId, message: Message) => {
    for (const to of servers) posts.push({ from, to, message })
  }
  for (const it of network.prepares) broadcast(it.ballot.server, prepareOf(it))
  for (const it of network.accepts) broadcast(it.ballot.server, acceptOf(it))
  for (const it of network.chosens) broadcast(it.ballot.server, chosenOf(it))
  for (const it of network.promises)
    posts.push({ from: it.from, to: it.ballot.server, message: promiseOf(it) })
  for (const it of network.accepteds)
    posts.push({ from: it.from, to: it.ballot.server, message: acceptedOf(it) })
  for (const it of network.nacks) posts.push({ from: 0, to: it.refused.server, message: nackOf(it) })
  // What a server tells itself needs no network.
  return new Set(posts.filter(({ from, to }) => from !== to).map(describePost))
}

/** A nack reads the same from everyone. */
export function describePost({ from, to, message }: Post): string {
  const sender = message.type === 'nack' ? '' : `s${from} `
  return `${sender}→ s${to}: ${describeMessage(message)}`
}
