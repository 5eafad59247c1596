import type { ServerId, Slot } from './ballot.js'
import type { PaxosConfig } from './config.js'
import type { Effects } from './effects.js'
import type { LogView } from './log.js'
import type { Observed } from './messages.js'
import { isPhase1Quorum } from './configuration.js'
import type { MembershipView } from './membership.js'
import { NO_SERVERS, type ServerSet, withServer } from './server-set.js'

/** Reads that are answered once `slot` is known to be chosen, unless the membership turns out to have changed before. */
interface Settling {
  readonly ids: readonly number[]
  readonly slot: Slot
}

export interface ReadsState {
  /** Reads that wait for the next round. */
  waiting: number[]
  /** The round under way. */
  round: { ids: number[]; heard: ServerSet; voted: Slot; until_ms: number } | null
  /** Those of earlier rounds, in ascending order of slots. */
  settling: Settling[]
  /** The first slot of the latest configuration that was known when these rounds began. */
  configured: Slot
  /** The number of the round under way, or of the last one. It starts at random: numbers outlive restarts. */
  number: number
}

export function emptyReads(firstRound: number): ReadsState {
  return { waiting: [], round: null, settling: [], configured: 0, number: firstRound }
}

/**
 * Linearizable reads in both modes, on any server: ask a quorum for the highest slot that each has voted
 * in; once the highest of these is executed here, the state is no older than the read. For whatever was
 * acknowledged before the read began is chosen, so a quorum of phase 2 had voted for it, and one of phase 1 meets it.
 * One round serves all reads that wait when it starts. (Charapko, Ailijiang, Demirbas: Linearizable Quorum
 * Reads in Paxos, HotStorage 2019.)
 *
 * The quorum must be one of each configuration that is known, and the round counts only if all slots up to the one that it names turn out
 * to bring no further configuration; or else another round is due. Let w be the last slot acknowledged before the read, c the chosen bar
 * here, and r what the round names. Proposing in a slot takes knowing that all slots the window or more before it are chosen: so of w, w - window, w - 2 window,
 * and so on all have been voted on by quorums, and one of them lies within the window above c. Its configuration is known here: r reaches it. If
 * no slot up to r brings a configuration, then that of the next one in this row, no further than the window above r, is known here too, so r reaches it as well; and
 * so on, up to w.
 */
export class Reads {
  readonly state: ReadsState
  readonly #config: PaxosConfig
  readonly #membership: MembershipView
  readonly #log: LogView
  readonly #effects: Effects

  constructor(
    state: ReadsState,
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

  get deadline_ms(): number {
    return this.state.round?.until_ms ?? Infinity
  }

  read(id: number, now_ms: number): void {
    this.state.waiting.push(id)
    this.#start(now_ms)
  }

  withdraw(id: number): void {
    const { state } = this
    const without = (ids: readonly number[]) => ids.filter((other) => other !== id)
    state.waiting = without(state.waiting)
    if (state.round !== null) state.round.ids = without(state.round.ids)
    state.settling = state.settling.map(({ ids, slot }) => ({ ids: without(ids), slot }))
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

  /** More slots may be known to be chosen. */
  onChosen(now_ms: number): void {
    const { state } = this
    if (state.round === null && state.settling.length === 0) {
      if (state.waiting.length > 0) this.#start(now_ms)
      return
    }
    if (!this.#membership.isKnown || this.#membership.latest.first !== state.configured) {
      const ids = [...state.settling.flatMap((settling) => settling.ids), ...(state.round?.ids ?? [])]
      state.waiting = [...ids, ...state.waiting]
      state.settling = []
      state.round = null
      this.#start(now_ms)
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
    this.#start(now_ms)
  }

  /** Enough have answered, also since a configuration that was to be asked is over. */
  #closeRound(): void {
    const { round, settling } = this.state
    const { configurations, slot: chosen } = this.#membership.state
    if (round === null) return
    if (!configurations.every((configuration) => isPhase1Quorum(configuration, round.heard))) return
    this.state.round = null
    // What is known to be chosen counts too: configurations that are over by now have not been asked.
    settling.push({ ids: round.ids, slot: Math.max(round.voted, chosen, settling.at(-1)?.slot ?? 0) })
  }

  #start(now_ms: number): void {
    const { state } = this
    if (state.round !== null || state.waiting.length === 0 || !this.#membership.isKnown) return
    state.configured = this.#membership.latest.first
    state.round = {
      ids: state.waiting,
      heard: NO_SERVERS,
      voted: 0,
      until_ms: now_ms + this.#config.resend_ms,
    }
    state.waiting = []
    state.number++
    this.#ask()
    if (this.#config.voting) this.#hear(this.#config.self, this.#log.state.voted, now_ms)
  }

  #ask(): void {
    this.#effects.broadcast({ type: 'observe', round: this.state.number })
  }

  #hear(from: ServerId, voted: Slot, now_ms: number): void {
    const { round } = this.state
    if (round === null) return
    round.heard = withServer(round.heard, from)
    round.voted = Math.max(round.voted, voted)
    this.onChosen(now_ms)
  }
}
