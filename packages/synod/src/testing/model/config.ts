import type { ServerId, Slot } from '../../paxos/ballot.js'
import { DEFAULT_WINDOW, PAXOS_DEFAULTS, type Mode, type PaxosConfig } from '../../paxos/config.js'
import type { MessageType } from '../../paxos/messages.js'
import type { Quorums } from '../../paxos/quorum.js'

/** A cluster to explore, and the bounds of what may happen in it. */
export interface ModelConfig {
  readonly mode: Mode
  /** How many servers there are: s1, s2, and so on. */
  readonly servers: number
  /** Majorities unless given. */
  readonly quorums?: Quorums
  /** The servers that may take proposals and begin ballots. The others vote and learn. */
  readonly proposers: readonly ServerId[]
  /** How many ballots may be begun: altogether in leader mode, in each slot in leaderless mode. */
  readonly ballots: number
  /** How many proposals there may be, each of a value of its own. */
  readonly proposals: number
  /** No vote is cast above this slot: a step that would cast one is not taken. */
  readonly slots: Slot
  /** How many times a server may crash and restart, all servers together. */
  readonly crashes: number
  /** How many times a server may drop all slots that it knows to be chosen, all servers together; never unless given. */
  readonly trims?: number
  /** Messages of other types are all lost. */
  readonly delivers: readonly MessageType[]
  /**
   * `lazy`: records become durable one by one, at any time. `eager`: at once after the step that wrote
   * them, unless the server crashes between. So eager leaves out that a server hears more while its disk is
   * at work.
   */
  readonly sync: 'eager' | 'lazy'
}

export function serversOf(config: ModelConfig): ServerId[] {
  return Array.from({ length: config.servers }, (_, index) => index + 1)
}

export function paxosConfig(config: ModelConfig, self: ServerId): PaxosConfig {
  const { mode, quorums } = config
  return {
    ...PAXOS_DEFAULTS,
    ...(quorums === undefined ? {} : { quorums }),
    self,
    servers: serversOf(config),
    mode,
    voting: true,
    window: DEFAULT_WINDOW[mode],
  }
}
