import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import type { Transit } from '../cluster/observer.js'
import { slotsOf } from './message-slots.js'

const TYPES: Readonly<Record<MessageType, true>> = {
  prepare: true,
  promise: true,
  accept: true,
  accepted: true,
  nack: true,
  chosen: true,
  heartbeat: true,
  'heartbeat-answer': true,
  probe: true,
  'probe-answer': true,
  forward: true,
  observe: true,
  observed: true,
  fetch: true,
  decided: true,
  transfer: true,
  trimmed: true,
}

/** Which of the messages under way a command is about. */
export interface Selection {
  readonly matches: (transit: Transit) => boolean
  /** Asked for by name. */
  readonly type: MessageType | undefined
  /** Which of the matching messages, counted from 1. */
  readonly place: number | undefined
}

/**
 * The words of a command after its name, taken one after the other. Every method throws an Error
 * with the reason.
 */
export class Arguments {
  readonly #words: string[]

  constructor(words: readonly string[]) {
    this.#words = [...words]
  }

  get isEmpty(): boolean {
    return this.#words.length === 0
  }

  word(what: string): string {
    const word = this.#words.shift()
    if (word === undefined) throw new Error(`expected ${what}`)
    return word
  }

  rest(what: string): string[] {
    if (this.isEmpty) throw new Error(`expected ${what}`)
    return this.#words.splice(0)
  }

  server(): ServerId {
    return parseServer(this.word('a server, as s1'))
  }

  /** All servers named, at least one. */
  servers(): ServerId[] {
    return this.rest('servers, as s1 s2').map(parseServer)
  }

  number(what: string): number {
    return parseNumber(this.word(what), what)
  }

  durationMs(): number {
    const word = this.word('a time, as 100 ms')
    if (!/^\d+(\.\d+)?$/.test(word)) throw new Error(`expected a time, as 100 ms, not ${word}`)
    const durationMs = Number(word)
    if (this.word('a unit of time: ms') !== 'ms') throw new Error('times are in ms')
    return durationMs
  }

  oneOf<T extends string>(choices: readonly T[]): T {
    const word = this.word(choices.join(' or '))
    const choice = choices.find((it) => it === word)
    if (choice === undefined) throw new Error(`expected ${choices.join(' or ')}, not ${word}`)
    return choice
  }

  messageType(): MessageType {
    return parseType(this.word('a type of message'))
  }

  /** `c1>s2` or `c1>s1,s2`; `c1>` for whom this client would ask by itself. */
  ask(): { client: number; servers: ServerId[] } {
    const word = this.word('who asks whom, as c1>s2')
    const [, client, servers = ''] = /^c([1-9]\d*)>(.*)$/.exec(word) ?? []
    if (client === undefined) throw new Error(`expected who asks whom, as c1>s2, not ${word}`)
    return { client: Number(client), servers: servers === '' ? [] : servers.split(',').map(parseServer) }
  }

  /**
   * `s1>s2`, `s1>` or `>s2`; a type of message; `slot N`; any of these together, or `all`; `#N` for
   * the Nth of them alone.
   */
  selection(): Selection {
    const words = this.rest('which messages: all, s1>s2, a type, slot N')
    let place: number | undefined
    const tests: ((transit: Transit) => boolean)[] = []
    let type: MessageType | undefined
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (word === 'all') continue
      if (word === 'slot') {
        const slot = parseNumber(words.shift() ?? '', 'a slot')
        tests.push(({ message }) => {
          const [first, last] = slotsOf(message) ?? [Infinity, 0]
          return first <= slot && slot <= last
        })
      } else if (word.startsWith('#')) {
        place = parseNumber(word.slice(1), 'a number, as #2')
      } else if (word.includes('>')) {
        const [from, to] = parseRoute(word)
        tests.push((transit) => from === undefined || transit.from === from)
        tests.push((transit) => to === undefined || transit.to === to)
      } else {
        const named = parseType(word)
        type = named
        tests.push(({ message }) => message.type === named)
      }
    }
    return { type, place, matches: (transit) => tests.every((test) => test(transit)) }
  }

  /** Throws if there are words left. */
  end(): void {
    if (!this.isEmpty) throw new Error(`too much: ${this.#words.join(' ')}`)
  }
}

export function parseServer(word: string): ServerId {
  if (!/^s[1-9]\d*$/.test(word)) throw new Error(`expected a server, as s1, not ${word}`)
  return Number(word.slice(1))
}

export function parseNumber(word: string, what: string): number {
  if (!/^\d+$/.test(word)) throw new Error(`expected ${what}, not ${word}`)
  return Number(word)
}

/** `s1>s2`; either side may be left out. */
export function parseRoute(word: string): [from: ServerId | undefined, to: ServerId | undefined] {
  const [from, to, ...rest] = word.split('>')
  if (from === undefined || to === undefined || rest.length > 0)
    throw new Error(`expected s1>s2, not ${word}`)
  return [from === '' ? undefined : parseServer(from), to === '' ? undefined : parseServer(to)]
}

function parseType(word: string): MessageType {
  if (!Object.hasOwn(TYPES, word)) throw new Error(`no message is of type ${word}`)
  return word as MessageType
}
