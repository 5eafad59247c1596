import type { Clock } from '../clock.js'
import type { Outdated } from '../journal/outdated.js'
import { type Electorate, electorateOf } from '../net/peer/electorate.js'
import type { ServerId } from '../paxos/ballot.js'
import type { MembershipView } from '../paxos/membership.js'
import type { Inbox } from './inbox.js'

export interface AdmissionParts {
  readonly clock: Clock
  /**
   * For so long at most a server waits for members that neither answer nor are known to be down.
   */
  readonly patienceMs: number
  readonly self: ServerId
  readonly membership: MembershipView
  /**
   * The last durable group of the own journal; undefined on a server without one, which does not
   * vote.
   */
  readonly groupCount: () => number | undefined
  readonly inbox: Inbox
}

/**
 * A server that starts takes part once a quorum for phase 1 has welcomed it. If a welcome names a
 * higher group count of its journal than it recovered, its data directory is an old copy, and lacks
 * promises and votes: servers report durable groups only (docs/decisions/0031-positions.md).
 */
export class Admission {
  readonly #parts: AdmissionParts
  readonly #welcomers = new Set<ServerId>()
  /** They have welcomed this server, or cannot be reached. */
  readonly #answered = new Set<ServerId>()
  /** The latest that a member has told of. */
  #told: Electorate = { slot: 0, configurations: [] }
  #outdated: Outdated | undefined
  #isPatient = true
  #isAdmitted = false
  readonly #cancel: () => void

  constructor(parts: AdmissionParts) {
    this.#parts = parts
    this.#cancel = parts.clock.timer(parts.patienceMs, () => {
      this.#isPatient = false
      this.#admitIfReady()
    })
    this.#isAdmitted = this.#isReady
  }

  /** The own journal has turned out to be an old copy: from then on this server takes no part. */
  get outdated(): Outdated | undefined {
    return this.#outdated
  }

  get isAdmitted(): boolean {
    return this.#isAdmitted
  }

  /** A peer has welcomed this server, and has heard of this many groups of its journal. */
  welcomed(by: ServerId, heard: number, electorate: Electorate): void {
    if (!this.isSound(heard)) return
    if (electorate.slot > this.#told.slot) this.#told = electorate
    this.#welcomers.add(by)
    this.unreachable(by)
  }

  /** A peer cannot be reached, or has welcomed this server: it is not waited for. */
  unreachable(peer: ServerId): void {
    this.#answered.add(peer)
    this.#admitIfReady()
  }

  stop(): void {
    this.#cancel()
  }

  /** Whether the own journal has all groups that a peer has heard of. */
  isSound(heard: number): boolean {
    const groupCount = this.#parts.groupCount() ?? Infinity
    if (heard <= groupCount) return true
    this.#outdated ??= { groupCount, heard }
    this.#parts.inbox.wake()
    return false
  }

  #admitIfReady(): void {
    if (this.#isAdmitted || this.#outdated !== undefined || !this.#isReady) return
    this.#isAdmitted = true
    this.#parts.inbox.wake()
  }

  get #isReady(): boolean {
    const { membership, groupCount, self } = this.#parts
    if (groupCount() === undefined) return true
    const isAwaited = (server: ServerId) => server !== self && !this.#answered.has(server)
    return this.#hasQuorum && !(this.#isPatient && membership.servers.some(isAwaited))
  }

  /**
   * The voters of the latest configuration that is known: the voters of which this server knows may
   * have been removed while it was away, and be gone. A server that took part with the later voters
   * has told them how far its journal had come.
   */
  get #electorate(): Electorate {
    const own = electorateOf(this.#parts.membership)
    return this.#told.slot > own.slot ? this.#told : own
  }

  /**
   * A server that joins does not know who votes. It takes the word of the first that it reaches.
   */
  get #hasQuorum(): boolean {
    const { membership, self } = this.#parts
    if (!membership.isKnown) return this.#welcomers.size > 0
    return this.#electorate.configurations.every(({ phase1, voters }) => {
      const welcomers = voters.filter((server) => server === self || this.#welcomers.has(server))
      return welcomers.length >= phase1
    })
  }
}
