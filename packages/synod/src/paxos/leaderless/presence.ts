import { type ServerId, type Slot, ZERO_BALLOT } from '../ballot.js'
import { isPhase1Quorum, isPhase2Quorum } from '../configuration.js'
import type { Heartbeat } from '../messages.js'
import type { Context, PeerProgress } from '../proposer.js'
import { NO_SERVERS, withServer } from '../server-set.js'

export interface PresenceState {
  heartbeatMs: number
  /** When each other server was last heard from, and the chosen watermark that it reported. */
  readonly heard: Map<ServerId, { atMs: number; chosen: Slot }>
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

  peerProgress(server: ServerId): PeerProgress | undefined {
    return this.#state.heard.get(server)
  }

  /** A server that is heard from for the first time gets a heartbeat at once. */
  onHeartbeat(from: ServerId, { chosen }: Heartbeat, nowMs: number): void {
    const { heard } = this.#state
    if (!heard.has(from)) this.#state.heartbeatMs = nowMs
    heard.set(from, { atMs: nowMs, chosen })
  }

  tick(nowMs: number): void {
    const { config, effects, learner, log } = this.#context
    if (nowMs < this.#state.heartbeatMs) return
    this.#state.heartbeatMs = nowMs + config.heartbeatMs
    this.#state.reachesQuorum = this.#countQuorum(nowMs)
    if (!config.voting) return
    const { chosen } = learner.state
    effects.broadcast({ type: 'heartbeat', ballot: ZERO_BALLOT, round: 0, chosen, voted: log.state.voted })
  }

  #countQuorum(nowMs: number): boolean {
    const { config, membership } = this.#context
    let reached = config.voting ? withServer(NO_SERVERS, config.self) : NO_SERVERS
    for (const [server, { atMs }] of this.#state.heard) {
      if (nowMs - atMs < config.electionTimeoutMs) reached = withServer(reached, server)
    }
    if (!membership.isKnown) return false
    return isPhase1Quorum(membership.current, reached) && isPhase2Quorum(membership.current, reached)
  }
}
