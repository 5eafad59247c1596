import type { Clock } from '../clock.js'
import type { AcceptorId } from '../journal/identity.js'
import type { Journal } from '../journal/journal.js'
import type { GroupCountsReport } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Admission } from './admission.js'
import type { Peers } from './peers.js'

/** How often what was heard of other acceptors is passed on, where there is news. */
const PASS_ON_MS = 500

export interface GroupCountReportsParts {
  readonly clock: Clock
  readonly acceptor: AcceptorId
  readonly journal: Journal
  readonly peers: Peers
  readonly admission: Admission
}

/**
 * Servers tell one another how far their journals have come, and pass on what they have heard. So
 * an acceptor that has lost its last groups is found out by whichever of them it meets first (see
 * Admission).
 */
export class GroupCountReports {
  readonly #parts: GroupCountReportsParts
  /** By peer, the own group count that was reported last. */
  readonly #reported = new Map<ServerId, number>()
  /** All group counts together, when they were passed on last: it grows with each of them. */
  #passedOn = 0
  #cancel: () => void = () => undefined

  constructor(parts: GroupCountReportsParts) {
    this.#parts = parts
    this.#watch()
  }

  /**
   * A message is about to leave for a peer, and may rest on the own journal: its group count goes
   * ahead, if it is new.
   */
  report(to: ServerId): void {
    const { groupCount } = this.#parts.journal
    if (this.#reported.get(to) === groupCount) return
    const report: GroupCountsReport = { type: 'group-counts', groupCounts: [this.#own] }
    if (this.#parts.peers.report(to, report)) this.#reported.set(to, groupCount)
  }

  /** The link to a peer is new: what was told before may not have arrived. */
  forget(peer: ServerId): void {
    this.#reported.delete(peer)
  }

  onReport({ groupCounts }: GroupCountsReport): void {
    const { acceptor: own, admission, journal, peers } = this.#parts
    for (const { acceptor, groupCount } of groupCounts) {
      if (acceptor === own) admission.isSound(groupCount)
      else if (journal.groupCounts.of(acceptor) > 0 || peers.isMember(acceptor))
        journal.groupCounts.record(acceptor, groupCount)
    }
  }

  stop(): void {
    this.#cancel()
  }

  get #own() {
    const { acceptor, journal } = this.#parts
    return { acceptor, groupCount: journal.groupCount }
  }

  #watch(): void {
    const { clock } = this.#parts
    this.#cancel = clock.timer(PASS_ON_MS, () => {
      this.#passOn()
      this.#watch()
    })
  }

  #passOn(): void {
    const { journal, peers } = this.#parts
    const groupCounts = [this.#own, ...journal.groupCounts.all]
    const sum = groupCounts.reduce((total, { groupCount }) => total + groupCount, 0)
    if (sum === this.#passedOn) return
    this.#passedOn = sum
    peers.reportAll({ type: 'group-counts', groupCounts })
  }
}
