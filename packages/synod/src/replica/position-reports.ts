import type { Clock } from '../clock.js'
import type { AcceptorId } from '../journal/identity.js'
import type { Journal } from '../journal/journal.js'
import type { PositionsReport } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Admission } from './admission.js'
import type { Peers } from './peers.js'

/** How often what was heard of other acceptors is passed on, where there is news. */
const PASS_ON_MS = 500

export interface PositionReportsParts {
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
export class PositionReports {
  readonly #parts: PositionReportsParts
  /** By peer, the own position that was told last. */
  readonly #reported = new Map<ServerId, number>()
  /** All positions together, when they were passed on last: it grows with each of them. */
  #passedOn = 0
  #cancel: () => void = () => undefined

  constructor(parts: PositionReportsParts) {
    this.#parts = parts
    this.#watch()
  }

  /**
   * A message is about to leave for a peer, and may rest on the own journal: its position goes
   * ahead, if it is new.
   */
  report(to: ServerId): void {
    const { position } = this.#parts.journal
    if (this.#reported.get(to) === position) return
    const report: PositionsReport = { type: 'positions', positions: [this.#own] }
    if (this.#parts.peers.report(to, report)) this.#reported.set(to, position)
  }

  /** The link to a peer is new: what was told before may not have arrived. */
  forget(peer: ServerId): void {
    this.#reported.delete(peer)
  }

  onReport({ positions }: PositionsReport): void {
    const { acceptor: own, admission, journal, peers } = this.#parts
    for (const { acceptor, position } of positions) {
      if (acceptor === own) admission.isSound(position)
      else if (journal.positions.of(acceptor) > 0 || peers.isMember(acceptor))
        journal.positions.record(acceptor, position)
    }
  }

  stop(): void {
    this.#cancel()
  }

  get #own() {
    const { acceptor, journal } = this.#parts
    return { acceptor, position: journal.position }
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
    const positions = [this.#own, ...journal.positions.all]
    const sum = positions.reduce((total, { position }) => total + position, 0)
    if (sum === this.#passedOn) return
    this.#passedOn = sum
    peers.reportAll({ type: 'positions', positions })
  }
}
