import { type Choice, choicesFor, ownChoices } from './choices.js'
import type { ModelConfig } from './config.js'
import { looksIrrelevant } from './looks-irrelevant.js'
import { type Move, type StepOutcome, outcomesOf } from './outcomes.js'
import type { StepFunction } from './running-server.js'
import { type KnownState, ServerStates } from './server-states.js'

/** A server in one of its states, and the messages on their way to it. */
export interface Site {
  readonly state: KnownState
  /** The number of a set of messages. */
  readonly inbox: number
}

/** The number of the empty set of messages. */
export const NOTHING = 0

/**
 * All servers in all their states, each with the messages on their way to it. What can happen there
 * is worked out once.
 */
export class Sites {
  readonly states: ServerStates
  readonly #forgets: boolean
  readonly #step: StepFunction
  readonly #sites: Site[] = []
  /** By state, by inbox. */
  readonly #numbers: (Map<number, number> | undefined)[] = []
  /** By state. */
  readonly #own: (readonly Move[] | undefined)[] = []
  /** By state, by message. */
  readonly #heard: (Map<number, readonly Move[]> | undefined)[] = []
  /** By state, by message. */
  readonly #spent: (Map<number, boolean> | undefined)[] = []
  /** By site: the sites that come next, each followed by what is said. */
  readonly #next: (Int32Array | undefined)[] = []
  /** By site, by set of messages that arrive. */
  readonly #received: (Map<number, number> | undefined)[] = []
  /** By set of messages, by receiver. */
  readonly #parts: (Int32Array | undefined)[] = []

  constructor(config: ModelConfig, step: StepFunction, forgets: boolean) {
    this.states = new ServerStates(config)
    this.#step = step
    this.#forgets = forgets
  }

  get(number: number): Site {
    const site = this.#sites[number]
    if (site === undefined) throw new RangeError(`there is no site ${number}`)
    return site
  }

  number(state: number, inbox: number): number {
    const numbers = (this.#numbers[state] ??= new Map<number, number>())
    let number = numbers.get(inbox)
    if (number === undefined) {
      number = this.#sites.push({ state: this.states.get(state), inbox }) - 1
      numbers.set(inbox, number)
    }
    return number
  }

  /**
   * The sites that come next, each followed by the number of the set of messages that leave on the
   * way.
   */
  next(number: number): Int32Array {
    return (this.#next[number] ??= this.#nextOf(number))
  }

  /** The part of a set of messages that goes to a server; 0 if there is none. */
  part(messages: number, index: number): number {
    const parts = (this.#parts[messages] ??= this.#partsOf(messages))
    return parts[index] ?? NOTHING
  }

  /** The site when a set of messages has been sent there. */
  receive(number: number, messages: number): number {
    const received = (this.#received[number] ??= new Map<number, number>())
    let next = received.get(messages)
    if (next === undefined) {
      const { state, inbox } = this.get(number)
      const all = new Set([...this.#inSet(inbox), ...this.#inSet(messages)])
      next = this.#site(
        state,
        [...all].sort((a, b) => a - b),
      )
      received.set(messages, next)
    }
    return next
  }

  /** The site when its server gets into another state. */
  after(number: number, state: number): number {
    return this.#site(this.states.get(state), this.#inSet(this.get(number).inbox))
  }

  /** What the server may do next, whether or not it changes anything. */
  choices(number: number): Choice[] {
    const { config } = this.states
    const { state, inbox } = this.get(number)
    const movesOnMessage = this.#inSet(inbox).flatMap((message) => choicesFor(message, state, this.states))
    return [...ownChoices(state, config), ...movesOnMessage]
  }

  outcomes(choice: Choice, state: KnownState): StepOutcome[] {
    return outcomesOf(choice, state, this.states, this.#step)
  }

  /** What the server may do by itself. */
  ownMoves(state: KnownState): readonly Move[] {
    return (this.#own[state.number] ??= this.#moves(ownChoices(state, this.states.config), state))
  }

  /** What the server may do about a message. */
  heard(state: KnownState, message: number): readonly Move[] {
    const heard = (this.#heard[state.number] ??= new Map<number, readonly Move[]>())
    let moves = heard.get(message)
    if (moves === undefined) {
      moves = this.#moves(choicesFor(message, state, this.states), state)
      heard.set(message, moves)
    }
    return moves
  }

  /** Every move from this state that has been worked out. */
  knownMoves(state: KnownState): Move[] {
    return [...(this.#own[state.number] ?? []), ...[...(this.#heard[state.number]?.values() ?? [])].flat()]
  }

  /** The messages that have been dropped in this state. */
  spent(state: KnownState): number[] {
    return [...(this.#spent[state.number] ?? [])].filter(([, isSpent]) => isSpent).map(([message]) => message)
  }

  /** Whether a message comes to no more than what the server may do without it. */
  isIdle(state: KnownState, message: number): boolean {
    const own = this.ownMoves(state)
    return this.heard(state, message).every((move) =>
      own.some((other) => other.state === move.state && other.said === move.said),
    )
  }

  #isSpent(state: KnownState, message: number): boolean {
    const spent = (this.#spent[state.number] ??= new Map<number, boolean>())
    let isSpent = spent.get(message)
    if (isSpent === undefined) {
      const { recovered } = this.states.journals.get(state.journal)
      isSpent =
        !(recovered instanceof Error) &&
        looksIrrelevant(
          this.states.messages.get(message).message,
          state.saved,
          recovered,
          this.states.config,
        ) &&
        this.isIdle(state, message)
      spent.set(message, isSpent)
    }
    return isSpent
  }

  #site(state: KnownState, messages: readonly number[]): number {
    const rest = this.#forgets ? messages.filter((message) => !this.#isSpent(state, message)) : messages
    return this.number(state.number, this.states.messages.set(rest))
  }

  #nextOf(number: number): Int32Array {
    const { state, inbox } = this.get(number)
    const messages = this.#inSet(inbox)
    const moves = [this.ownMoves(state), ...messages.map((message) => this.heard(state, message))].flat()
    const next = new Map<string, readonly [number, number]>()
    for (const { state, said } of moves) next.set(`${state} ${said}`, [this.after(number, state), said])
    return Int32Array.from([...next.values()].flat())
  }

  #partsOf(messages: number): Int32Array {
    const { config, messages: all } = this.states
    return Int32Array.from({ length: config.servers }, (_, index) =>
      all.set(this.#inSet(messages).filter((message) => all.get(message).to === index + 1)),
    )
  }

  #moves(choices: readonly Choice[], state: KnownState): Move[] {
    const moves = new Map<string, Move>()
    for (const choice of choices) {
      for (const outcome of this.outcomes(choice, state)) {
        const { state: next, said } = outcome
        if (next !== state.number || said !== NOTHING) moves.set(`${next} ${said}`, { state: next, said })
      }
    }
    return [...moves.values()]
  }

  #inSet(messages: number): readonly number[] {
    return this.states.messages.inSet(messages)
  }
}
