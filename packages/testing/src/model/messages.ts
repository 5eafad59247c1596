import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Message } from 'synod/internal/paxos/messages.js'
import { structuralKey } from '../linearizability/structural-key.js'
import type { ModelConfig } from './config.js'
import { Interned } from './interned.js'
import { normaliseMessage } from './normalise.js'

/**
 * A message that has left its sender. It stays deliverable, so that loss, duplication and
 * reordering need no choices of their own.
 */
export interface SentMessage {
  readonly from: ServerId
  readonly to: ServerId
  readonly message: Message
}

/** All messages that have ever been sent, and sets of them. Equal messages are one. */
export class Messages {
  readonly #config: ModelConfig
  readonly #transits = new Interned<SentMessage>()
  readonly #sets = new Interned<readonly number[]>()

  constructor(config: ModelConfig) {
    this.#config = config
    this.set([])
  }

  get size(): number {
    return this.#transits.size
  }

  get(number: number): SentMessage {
    return this.#transits.get(number)
  }

  /** The number of a message, or undefined if it is always lost. */
  send(from: ServerId, to: ServerId, message: Message): number | undefined {
    if (this.#isLost(message)) return undefined
    const transit = { from, to, message: normaliseMessage(message) }
    return this.#transits.number(structuralKey(transit), () => transit)
  }

  /** The number of a set of messages, given in ascending order: 0 for the empty set. */
  set(messages: readonly number[]): number {
    return this.#sets.number(messages.join(), () => messages)
  }

  inSet(set: number): readonly number[] {
    return this.#sets.get(set)
  }

  /** Instances above the last slot get no answers: no votes are cast there. */
  #isLost(message: Message): boolean {
    const { delivers, slots } = this.#config
    return (
      !delivers.includes(message.type) ||
      (message.type === 'prepare' && message.slot > slots && message.scope === 'slot')
    )
  }
}
