import { SynodError } from '../errors.js'
import { decodeRequest } from '../machine/request.js'
import type { SpaceState } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { PeerProgress } from '../paxos/proposer.js'
import type { MembershipView } from '../paxos/membership.js'
import type { Value } from '../paxos/value.js'
import type { Inbox } from './inbox.js'

/** From the most space to the least. */
const LEVELS: readonly SpaceState[] = ['ample', 'low', 'full']

export interface SpaceGuardParts {
  readonly self: ServerId
  readonly membership: MembershipView
  readonly space: () => SpaceState
  readonly spaceOf: (server: ServerId) => SpaceState
  readonly isConnected: (server: ServerId) => boolean
  readonly peerProgress: (server: ServerId) => PeerProgress | undefined
  /** Whether a command of the state machine makes the state smaller. */
  readonly frees: (command: Uint8Array) => boolean
  readonly inbox: Pick<Inbox, 'step'>
}

/**
 * Keeps writes from a cluster in which too few disks have space for them, so that what is in
 * reserve there is left for what makes space; and the leadership from a disk with less space than
 * another has.
 */
export class SpaceGuard {
  readonly #parts: SpaceGuardParts
  #turn = 0

  constructor(parts: SpaceGuardParts) {
    this.#parts = parts
  }

  /** Throws `disk-full` for a request that is not to be proposed. */
  check(value: Value): void {
    if (!this.passes(value))
      throw new SynodError(
        'disk-full',
        `too few servers have space on their disks for a write, full are ${this.#full.map((server) => `s${server}`).join(', ')}: ` +
          `delete what is not needed, or make space on the disks`,
      )
  }

  /**
   * Sessions begin and the membership changes as ever: neither takes much, and nothing could be
   * deleted without the one.
   */
  passes(value: Value): boolean {
    if (!this.isScarce) return true
    const { command, kind } = decodeRequest(value)
    return kind !== 'command' || this.#parts.frees(command)
  }

  /**
   * Whether this server is to leave it to others to propose: it is full, and enough of them are
   * not.
   */
  get leavesToOthers(): boolean {
    return this.#parts.space() === 'full' && !this.isScarce
  }

  /**
   * This server leads, and may have looked at its disk: one with more space leads instead, if there
   * is one.
   */
  makeRoom(): void {
    const { peerProgress, inbox, membership, self, space } = this.#parts
    const own = LEVELS.indexOf(space())
    if (own === 0 || !membership.isKnown) return
    const better = this.#up
      .filter((server) => server !== self && LEVELS.indexOf(this.#spaceOf(server)) < own)
      .sort((a, b) => (peerProgress(b)?.chosen ?? 0) - (peerProgress(a)?.chosen ?? 0))
    // One that does not take over is not asked alone.
    const to = better[this.#turn++ % better.length]
    if (to !== undefined) inbox.step({ type: 'transfer', to })
  }

  /**
   * Fewer voters have space than a decision takes. One that cannot be reached counts neither way.
   */
  get isScarce(): boolean {
    const { membership } = this.#parts
    if (!membership.isKnown) return false
    const { quorums, voters } = membership.latest
    let [up, full] = [0, 0]
    // Without lists, as it is asked for each request.
    for (const server of voters) {
      if (!this.#isUp(server)) continue
      up++
      if (this.#spaceOf(server) === 'full') full++
    }
    return full > 0 && up - full < quorums.phase2
  }

  get #full(): ServerId[] {
    return this.#up.filter((server) => this.#spaceOf(server) === 'full')
  }

  get #up(): ServerId[] {
    return this.#parts.membership.latest.voters.filter((server) => this.#isUp(server))
  }

  #isUp(server: ServerId): boolean {
    const { isConnected, self } = this.#parts
    return server === self || isConnected(server)
  }

  #spaceOf(server: ServerId): SpaceState {
    const { self, space, spaceOf } = this.#parts
    return server === self ? space() : spaceOf(server)
  }
}
