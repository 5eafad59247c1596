import type { ServerId, Slot } from './ballot.js'
import type { PaxosConfig } from './config.js'
import type { Effects } from './effects.js'
import type { LogView } from './log.js'
import type { Observed } from './messages.js'
import { isPhase1Quorum } from './configuration.js'
import type { MembershipView } from './membership.js'
import { NO_SERVERS, type ServerSet, withServer } from './server-set.js'

/**
 * Reads that are answered once `slot` is known to be chosen, unless the membership changes before.
 */
interface Settling {
  readonly ids: readonly number[]
  readonly slot: Slot
}

export interface QuorumReadsState {
  /** Reads that wait for the next round. */
  waiting: number[]
  /** The round under way. */
  round: { ids: number[]; heard: ServerSet; voted: Slot; untilMs: number } | null
  /** The reads of earlier rounds, in ascending order of slots. */
  settling: Settling[]
  /** The first slot of the latest configuration that was known when the rounds began. */
  configured: Slot
  /**
   * The number of the round under way, or of the last one. It starts at random, so that no number
   * is used again after a restart.
   */
  number: number
}

export function emptyQuorumReads(firstRound: number): QuorumReadsState {
  return { waiting: [], round: null, settling: [], configured: 0, number: firstRound }
}

/**
 * Linearizable reads in both modes. A round asks a quorum of each known configuration for the
 * highest slot voted in. Once that is executed, the state is no older than the read. Proof:
 * docs/concepts/reads.md. (Charapko et al.: Linearizable Quorum Reads in Paxos, HotStorage 2019.)
 */
export class QuorumReads {
  readonly state: QuorumReadsState
  readonly #config: PaxosConfig
  readonly #membership: MembershipView
  readonly #log: LogView
  readonly #effects: Effects

  constructor(
    state: QuorumReadsState,
    config: PaxosConfig,
    membership: MembershipView,
    log: LogView,
    effects: Effects,
  ) {
    this.state = state
    this.#config = config
    this.#membership = membership
    this.#log = log
    this.#effects = effects
  }

  get deadlineMs(): number {
    return this.state.round?.untilMs ?? Infinity
  }

  read(id: number, nowMs: number): void {
    this.state.waiting.push(id)
    this.#start(nowMs)
  }

  withdraw(id: number): void {
    const { state } = this
    const without = (ids: readonly number[]) => ids.filter((other) => other !== id)
    state.waiting = without(state.waiting)
    if (state.round !== null) state.round.ids = without(state.round.ids)
    state.settling = state.settling.map(({ ids, slot }) => ({ ids: without(ids), slot }))
  }

  tick(nowMs: number): void {
    const { round } = this.state
    if (round === null || nowMs < round.untilMs) return
    round.untilMs = nowMs + this.#config.resendMs
    this.#ask()
  }

  onObserve(from: ServerId, round: number): void {
    this.#effects.send(from, { type: 'observed', round, voted: this.#log.state.voted })
  }

  onObserved(from: ServerId, message: Observed, nowMs: number): void {
    if (message.round === this.state.number) this.#onAnswer(from, message.voted, nowMs)
  }

  /** More slots may be known to be chosen. */
  onChosen(nowMs: number): void {
    const { state } = this
    if (state.round === null && state.settling.length === 0) {
      if (state.waiting.length > 0) this.#start(nowMs)
      return
    }
    if (!this.#membership.isKnown || this.#membership.latest.first !== state.configured) {
      const ids = [...state.settling.flatMap((settling) => settling.ids), ...(state.round?.ids ?? [])]
      state.waiting = [...ids, ...state.waiting]
      state.settling = []
      state.round = null
      this.#start(nowMs)
      return
    }
    this.#closeRound()
    let settled = 0
    for (const { ids, slot } of state.settling) {
      if (slot > this.#membership.state.slot) break
      for (const id of ids) this.#effects.readable(id, slot)
      settled++
    }
    if (settled > 0) state.settling = state.settling.slice(settled)
    this.#start(nowMs)
  }

  /**
   * A quorum has answered. A configuration may have ended since, so that fewer answers are needed.
   */
  #closeRound(): void {
    const { round, settling } = this.state
    const { configurations, slot: chosen } = this.#membership.state
    if (round === null) return
    if (!configurations.every((configuration) => isPhase1Quorum(configuration, round.heard))) return
    this.state.round = null
    // The chosen watermark counts too: configurations that have ended by now were not asked.
    settling.push({ ids: round.ids, slot: Math.max(round.voted, chosen, settling.at(-1)?.slot ?? 0) })
  }

  #start(nowMs: number): void {
    const { state } = this
    if (state.round !== null || state.waiting.length === 0 || !this.#membership.isKnown) return
    state.configured = this.#membership.latest.first
    state.round = {
      ids: state.waiting,
      heard: NO_SERVERS,
      voted: 0,
      untilMs: nowMs + this.#config.resendMs,
    }
    state.waiting = []
    state.number++
    this.#ask()
    if (this.#config.voting) this.#onAnswer(this.#config.self, this.#log.state.voted, nowMs)
  }

  #ask(): void {
    this.#effects.broadcast({ type: 'observe', round: this.state.number })
  }

  #onAnswer(from: ServerId, voted: Slot, nowMs: number): void {
    const { round } = this.state
    if (round === null) return
    round.heard = withServer(round.heard, from)
    round.voted = Math.max(round.voted, voted)
    this.onChosen(nowMs)
  }
}
