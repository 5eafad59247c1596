import type { Clock } from '../clock.js'
import { changeOf, encodeChange } from '../machine/change-codec.js'
import { CHANGE_TAG, decodeRequest, encodeRequest } from '../machine/request.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import { type Change, type MembershipView, takenWords } from '../paxos/membership.js'
import type { PeerProgress } from '../paxos/proposer.js'
import type { ServerSet } from '../paxos/server-set.js'
import type { Value } from '../paxos/value.js'

/**
 * A server that is further behind may take long before its vote helps. Twice the largest window:
 * the change before has filled the window with no-ops that the other servers may not have reported
 * yet.
 */
export const MAX_BEHIND_SLOTS = 16_384

export interface ChangeGuardParts {
  readonly self: ServerId
  readonly clock: Clock
  /** A server that was not heard from within this time may be down. */
  readonly patienceMs: number
  readonly membership: MembershipView
  readonly chosen: () => Slot
  readonly peerProgress: (server: ServerId) => PeerProgress | undefined
  readonly isConnected: (server: ServerId) => boolean
  /**
   * Why a server cannot work with what the members have agreed on, as far as it has said; undefined
   * where it can.
   */
  readonly lackOf: (server: ServerId) => string | undefined
  /** Where a member listens for the others, as far as this server knows. */
  readonly addressOf: (server: ServerId) => string | undefined
}

/**
 * Keeps a change from the log after which too few voters would be up, and up to date, to decide
 * anything. A change that leaves the voters as they are passes, and so does the removal of a voter
 * that is down: every repair stays possible.
 */
export class ChangeGuard {
  readonly #parts: ChangeGuardParts
  #beganMs: number

  constructor(parts: ChangeGuardParts) {
    this.#parts = parts
    this.#beganMs = parts.clock.now()
  }

  /** This server begins to lead: no follower has answered it as a leader yet. */
  begin(): void {
    this.#beganMs = this.#parts.clock.now()
  }

  /**
   * What to propose in place of a value: the value itself, or the refusal of a change that is not
   * allowed. The refusal goes through the log, so that it reaches the caller at whichever replica
   * it waits.
   */
  judge(value: Value): Value {
    if (value[0] !== CHANGE_TAG) return value
    const change = changeOf(value)
    const reason = change && this.#refusalReason(change)
    if (change === undefined || reason === undefined) return value
    const refusal = encodeChange({ type: 'refuse', server: change.server, reason })
    const request = decodeRequest(value)
    return encodeRequest({ ...request, session: request.session, command: refusal })
  }

  /**
   * Whether a change is allowed. One that no caller asked for need not be proposed to be refused.
   */
  allows(change: Change): boolean {
    return this.#refusalReason(change) === undefined
  }

  #refusalReason(change: Change): string | undefined {
    const { addressOf, lackOf, membership } = this.#parts
    const lack = change.type === 'add' || change.type === 'promote' ? lackOf(change.server) : undefined
    if (lack !== undefined) return lack
    if (change.type === 'add' || change.type === 'update') {
      const { address, server } = change
      const holder = membership.servers.find((other) => other !== server && addressOf(other) === address)
      return holder === undefined ? undefined : takenWords(address, holder)
    }
    const after = this.#parts.membership.after(change)
    // The rules of the membership refuse what leaves no voter, and say so.
    if (after === undefined || after.voters.length === 0) return undefined
    if (change.type === 'remove' && (change.isForced || !this.#isUp(change.server))) return undefined
    const needed = Math.max(after.quorums.phase1, after.quorums.phase2)
    const up = after.voters.filter((server) => this.#isUp(server))
    if (up.length >= needed) return undefined
    const what = change.type === 'remove' ? `without s${change.server}` : `with s${change.server}`
    return (
      `${what} the voters would be ${listOf(after.voters)}, of which a decision takes ${needed}, and ` +
      `${up.length === 0 ? 'none' : `only ${listOf(up)}`} is connected, was heard from in the last ${this.#parts.patienceMs} ms and is ` +
      `no more than ${MAX_BEHIND_SLOTS} slots behind: start the servers that are down, or remove one of them`
    )
  }

  /**
   * One that has not had the time to be heard from counts as up; one whose connection broke does
   * not, however lately it was heard from.
   */
  #isUp(server: ServerId): boolean {
    const { chosen, clock, peerProgress, isConnected, patienceMs, self } = this.#parts
    if (server === self) return true
    if (!isConnected(server)) return false
    const heard = peerProgress(server)
    if (clock.now() - (heard?.atMs ?? this.#beganMs) > patienceMs) return false
    return heard === undefined || chosen() - heard.chosen <= MAX_BEHIND_SLOTS
  }
}

function listOf(servers: ServerSet): string {
  return servers.map((server) => `s${server}`).join(', ')
}
