import { type Filter, NO_FILTER } from './filter.js'

/** Why a text is no filter: for people. */
export class FilterError extends Error {
  override readonly name = 'FilterError'
}

const EXAMPLE = 's1, accept, slot:3, slots:3-5, ballot:2.s1 or heartbeats'

/** The words that can stand in a filter: kinds of events, types of messages, types of records. */
export const FILTER_WORDS: readonly string[] = [
  ...['send', 'receive', 'lose', 'timer', 'write', 'durable', 'crash', 'restart', 'pause', 'resume', 'role'],
  ...['chosen', 'execute', 'violation', 'note'],
  ...[
    'request',
    'answer',
    'prepare',
    'promise',
    'accept',
    'accepted',
    'nack',
    'heartbeat',
    'heartbeat-answer',
  ],
  ...['transfer', 'probe', 'probe-answer', 'forward', 'observe', 'observed', 'fetch', 'decided', 'trimmed'],
  ...[
    'snapshot-request',
    'snapshot-chunk',
    'no-snapshot',
    'digest',
    'disk',
    'clock-request',
    'clock',
    'group-counts',
    'cancel',
    'leader',
  ],
  ...['vote', 'trim'],
]

/**
 * Reads a filter: words between spaces, in any order. `s1` or `c1`; a kind of event, or the type of
 * a message or record; `slot:3` or `slots:3-5`; `ballot:2.s1` or `ballot:(2,s1)`; `heartbeats`.
 * Throws a `FilterError`.
 */
export function parseFilter(text: string): Filter {
  // A space within the parentheses of a ballot parts no words.
  const words = text.replaceAll(/\(\s*(\d+)\s*,\s*(s\d+)\s*\)/g, '$1.$2').split(/\s+/)
  return words.filter((word) => word !== '').reduce(withWord, NO_FILTER)
}

function withWord(filter: Filter, word: string): Filter {
  if (word === 'heartbeats') return { ...filter, heartbeats: true }
  if (/^[cs]\d+$/.test(word)) return { ...filter, actors: [...filter.actors, word] }
  const [, name, argument = ''] = /^([a-z]+):(.*)$/.exec(word) ?? []
  if (name === 'slot' || name === 'slots') return { ...filter, slots: [...filter.slots, slotsOf(argument)] }
  if (name === 'ballot') return { ...filter, ballots: [...filter.ballots, ballotOf(argument)] }
  if (FILTER_WORDS.includes(word)) return { ...filter, kinds: [...filter.kinds, word] }
  throw new FilterError(
    `${JSON.stringify(word)} is nothing to filter by. A filter is made of words like ${EXAMPLE}.`,
  )
}

function slotsOf(text: string): readonly [number, number] {
  const [, first = '', last = first] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text) ?? []
  if (first === '') throw new FilterError(`${JSON.stringify(text)} is no slot. Write slot:3, or slots:3-5.`)
  if (Number(last) < Number(first)) throw new FilterError(`Slots go up: ${text} begins after it ends.`)
  return [Number(first), Number(last)]
}

function ballotOf(text: string): { readonly seq: number; readonly server: number } {
  const [, seq, server] = /^(\d{1,15})\.s(\d{1,15})$/.exec(text) ?? []
  if (seq === undefined || server === undefined)
    throw new FilterError(`${JSON.stringify(text)} is no ballot. Write ballot:2.s1 for (2, s1).`)
  return { seq: Number(seq), server: Number(server) }
}
