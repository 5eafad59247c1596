import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { Mode, PaxosConfig } from 'synod/internal/paxos/config.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import type { Member, MembershipState } from 'synod/internal/paxos/membership.js'
import type { Quorums } from 'synod/internal/paxos/quorum.js'
import type { Value } from 'synod/internal/paxos/value.js'
import { coreConfig } from '../core-config.js'

/** A cluster to explore, and the bounds of what may happen in it. */
export interface ModelConfig {
  readonly mode: Mode
  /** How many servers there are: s1, s2, and so on. */
  readonly servers: number
  /** How many of them vote from the beginning; all unless given. */
  readonly founders?: number
  /**
   * Those of the others that are joining, by the voter whose place each of them takes; 0 for none.
   */
  readonly joining?: Readonly<Record<ServerId, ServerId>>
  /**
   * By server, what it proposes one after the other instead of values that all differ: changes of
   * the membership, say.
   */
  readonly values?: Readonly<Record<ServerId, readonly string[]>>
  /**
   * How far slots are proposed in above the chosen watermark; so far that it makes no difference
   * unless given.
   */
  readonly window?: number
  /**
   * How many slots each proposer prepares for requests to come: it always takes itself for the
   * favourite. None unless given.
   */
  readonly preparedSlots?: number
  /** By server, a window of its own: servers that no handshake has compared. */
  readonly windows?: Readonly<Record<ServerId, number>>
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
  /**
   * How many times a server may drop all slots that it knows to be chosen, all servers together;
   * never unless given.
   */
  readonly trims?: number
  /** Messages of other types are all lost. */
  readonly delivers: readonly MessageType[]
  /**
   * `lazy`: records become durable one by one, at any time. `eager`: at once after the step that
   * wrote them, unless the server crashes between. So eager leaves out that a server hears more
   * while its disk is at work.
   */
  readonly sync: 'eager' | 'lazy'
}

export function serversOf(config: ModelConfig): ServerId[] {
  return Array.from({ length: config.servers }, (_, index) => index + 1)
}

/**
 * As a snapshot at this slot tells it: no configuration has both trims and changes of the
 * membership.
 */
export function snapshotMembership(config: ModelConfig, slot: Slot): MembershipState {
  if (config.values !== undefined) throw new RangeError('trims, where the membership changes')
  return { ...paxosConfig(config, 1).membership, slot }
}

export function paxosConfig(config: ModelConfig, self: ServerId): PaxosConfig {
  const { founders = config.servers, joining = {}, mode, quorums } = config
  const core = coreConfig(self, serversOf(config).slice(0, founders), mode, quorums)
  const joins = Object.entries(joining).map(([id, replaces]): Member => ({
    server: Number(id),
    role: 'joining',
    replaces,
    address: '',
    acceptor: '',
  }))
  const { membership, window } = core
  const members = [...membership.members, ...joins]
  const highest = Math.max(...members.map(({ server }) => server))
  return {
    ...core,
    membership: { ...membership, members, highest },
    window: config.windows?.[self] ?? config.window ?? window,
    preparedSlots: config.preparedSlots ?? 0,
    archiveBlockBytes: 256,
  }
}

/**
 * The values of a server are `v1.1`, `v1.2` and so on unless others are given, so that the order in
 * which servers take proposals makes no difference.
 */
export function valueOf({ values }: ModelConfig, server: ServerId, id: number): Value {
  return new TextEncoder().encode(values?.[server]?.[id - 1] ?? `v${server}.${id}`)
}
