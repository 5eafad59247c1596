import { type ServerId, type Slot, ZERO_BALLOT } from '../ballot.js'
import { isPhase1Quorum, isPhase2Quorum } from '../configuration.js'
import type { Heartbeat } from '../messages.js'
import type { Context, Heard } from '../proposer.js'
import { NO_SERVERS, withServer } from '../server-set.js'

export interface PresenceState {
  heartbeat_ms: number
  /** When each other server was last heard from, and the chosen watermark that it reported. */
  readonly heard: Map<ServerId, { at_ms: number; chosen: Slot }>
  /** Whether a quorum had been heard from at the last heartbeat. */
  reachesQuorum: boolean
}

/** Heartbeats of leaderless mode: each server that votes shows that it is up, and how far it is. */
export class Presence {
  readonly #state: PresenceState
  readonly #context: Context

  constructor(state: PresenceState, context: Context) {
    this.#state = state
    this.#context = context
  }

  heardOf(server: ServerId): Heard | undefined {
    return this.#state.heard.get(server)
  }

  /** A server that is heard from for the first time gets a heartbeat at once. */
  onHeartbeat(from: ServerId, { chosen }: Heartbeat, now_ms: number): void {
    const { heard } = this.#state
    if (!heard.has(from)) this.#state.heartbeat_ms = now_ms
    heard.set(from, { at_ms: now_ms, chosen })
  }

  tick(now_ms: number): void {
    const { config, effects, learner, log } = this.#context
    if (now_ms < this.#state.heartbeat_ms) return
    this.#state.heartbeat_ms = now_ms + config.heartbeat_ms
    this.#state.reachesQuorum = this.#countQuorum(now_ms)
    if (!config.voting) return
    const { chosen } = learner.state
    effects.broadcast({ type: 'heartbeat', ballot: ZERO_BALLOT, round: 0, chosen, voted: log.state.voted })
  }

  #countQuorum(now_ms: number): boolean {
    const { config, membership } = this.#context
    let reached = config.voting ? withServer(NO_SERVERS, config.self) : NO_SERVERS
    for (const [server, { at_ms }] of this.#state.heard) {
      if (now_ms - at_ms < config.electionTimeout_ms) reached = withServer(reached, server)
    }
    if (!membership.isKnown) return false
    return isPhase1Quorum(membership.current, reached) && isPhase2Quorum(membership.current, reached)
  }
}
