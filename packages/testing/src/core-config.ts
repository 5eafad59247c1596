import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { DEFAULT_WINDOW, type Mode, PAXOS_DEFAULTS, type PaxosConfig } from 'synod/internal/paxos/config.js'
import {
  type Change,
  Membership,
  type MembershipState,
  foundingMembership,
} from 'synod/internal/paxos/membership.js'
import type { Quorums } from 'synod/internal/paxos/quorum.js'
import type { Value } from 'synod/internal/paxos/value.js'

/** How a server of the pure core is set up, where nothing else is said. */
export function coreConfig(
  self: ServerId,
  founders: readonly ServerId[],
  mode: Mode,
  quorums?: Quorums,
): PaxosConfig {
  return {
    ...PAXOS_DEFAULTS,
    self,
    membership: foundingMembership(founders, quorums),
    changeOf: changeOfText,
    mode,
    voting: true,
    window: DEFAULT_WINDOW[mode],
    preparedSlots: 0,
    archiveBlockBytes: 256,
  }
}

const CHANGE = /^(add|learn|promote|remove) s(\d+)(?: for s(\d+))?$/

/**
 * The change that a text stands for: `add s4`, `add s4 for s2`, `learn s4`, `promote s4` or `remove
 * s2`.
 */
export function changeOfText(value: Value): Change | undefined {
  const [, verb, id = '', replaces = '0'] = CHANGE.exec(new TextDecoder().decode(value.subarray(0, 32))) ?? []
  const server = Number(id)
  switch (verb) {
    case 'add':
      return { type: 'add', server, address: '', role: 'joining', replaces: Number(replaces) }
    case 'learn':
      return { type: 'add', server, address: '', role: 'learner', replaces: 0 }
    case 'promote':
      return { type: 'promote', server, acceptor: '' }
    case 'remove':
      return { type: 'remove', server, isForced: false }
    case undefined:
    default:
      return undefined
  }
}

/** The membership when these values have been chosen in the first slots. */
export function membershipAfter(
  { changeOf, membership, window }: PaxosConfig,
  values: readonly Value[],
): MembershipState {
  const it = new Membership(structuredClone(membership), window)
  for (const [index, value] of values.entries()) it.apply(index + 1, changeOf(value))
  return it.state
}
