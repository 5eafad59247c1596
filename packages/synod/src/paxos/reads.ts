import type { ServerId, Slot } from './ballot.js'
import type { PaxosConfig } from './config.js'
import type { Effects } from './effects.js'
import type { Log } from './log.js'
import type { Observed } from './messages.js'
import { type Membership, NO_SERVERS, type ServerSet } from './quorum.js'

export interface ReadsState {
  /** Reads that wait for the next round. */
  waiting: number[]
  /** The round under way. */
  round: { ids: number[]; heard: ServerSet; voted: Slot; until_ms: number } | null
  /** The number of the round under way, or of the last one. It starts at random: numbers outlive restarts. */
  number: number
}

export function emptyReads(firstRound: number): ReadsState {
  return { waiting: [], round: null, number: firstRound }
}

/**
 * Linearizable reads in both modes, on any server: ask a quorum for the highest slot that each has voted
 * in; once the highest of these is executed here, the state is no older than the read. For whatever was
 * acknowledged before the read began is chosen, so a quorum of phase 2 had voted for it, and one of phase 1 meets it.
 * One round serves all reads that wait when it starts. (Charapko, Ailijiang, Demirbas: Linearizable Quorum
 * Reads in Paxos, HotStorage 2019.)
 */
export class Reads {
  readonly state: ReadsState
  readonly #config: PaxosConfig
  readonly #membership: Membership
  readonly #log: Log
  readonly #effects: Effects

  constructor(state: ReadsState, config: PaxosConfig, membership: Membership, log: Log, effects: Effects) {
    this.state = state
    this.#config = config
    this.#membership = membership
    this.#log = log
    this.#effects = effects
  }

  get deadline_ms(): number {
    return this.state.round?.until_ms ?? Infinity
  }

  read(id: number, now_ms: number): void {
    this.state.waiting.push(id)
    if (this.state.round === null) this.#start(now_ms)
  }

  withdraw(id: number): void {
    const without = (ids: number[]) => ids.filter((other) => other !== id)
    this.state.waiting = without(this.state.waiting)
    if (this.state.round !== null) this.state.round.ids = without(this.state.round.ids)
  }

  tick(now_ms: number): void {
    const { round } = this.state
    if (round === null || now_ms < round.until_ms) return
    round.until_ms = now_ms + this.#config.resend_ms
    this.#ask()
  }

  onObserve(from: ServerId, round: number): void {
    this.#effects.send(from, { type: 'observed', round, voted: this.#log.state.voted })
  }

  onObserved(from: ServerId, message: Observed, now_ms: number): void {
    if (message.round === this.state.number) this.#hear(from, message.voted, now_ms)
  }

  #start(now_ms: number): void {
    this.state.round = {
      ids: this.state.waiting,
      heard: NO_SERVERS,
      voted: 0,
      until_ms: now_ms + this.#config.resend_ms,
    }
    this.state.waiting = []
    this.state.number++
    this.#ask()
    if (this.#config.voting) this.#hear(this.#config.self, this.#log.state.voted, now_ms)
  }

  #ask(): void {
    this.#effects.broadcast({ type: 'observe', round: this.state.number })
  }

  #hear(from: ServerId, voted: Slot, now_ms: number): void {
    const { round } = this.state
    if (round === null) return
    round.heard = this.#membership.add(round.heard, from)
    round.voted = Math.max(round.voted, voted)
    if (!this.#membership.isPhase1Quorum(round.heard)) return
    this.state.round = null
    for (const id of round.ids) this.#effects.readable(id, round.voted)
    if (this.state.waiting.length > 0) this.#start(now_ms)
  }
}
