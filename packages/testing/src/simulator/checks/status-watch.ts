import type { AcceptorId } from 'synod/internal/journal/identity.js'
import { checkWatermarks } from 'synod/internal/paxos/invariants.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { PeerStatus, ReplicaStatus } from 'synod/internal/status.js'
import type { Plan } from '../faults/plan.js'
import { Violation } from './violation.js'

/** How often the statuses of the replicas are compared. */
export const WATCH_MS = 20

/**
 * In election timeouts: how long a leader may take to notice that its disk is stuck, however slow
 * its clock.
 */
const LEAD_STUCK = 4

/**
 * Compares the statuses of replicas: watermarks are in order, replicas that have executed as far
 * have executed the same, a leader with a stuck disk gives up, and a lost disk is a new acceptor.
 */
export class StatusWatch {
  readonly #plan: Pick<Plan, 'electionTimeoutMs' | 'faults'>
  readonly #digests = new Map<Slot, { readonly digest: number; readonly by: ServerId }>()
  readonly #acceptors = new Map<ServerId, AcceptorId>()

  constructor(plan: Pick<Plan, 'electionTimeoutMs' | 'faults'>) {
    this.#plan = plan
  }

  /**
   * Throws a Violation. `stuckMs` is how long the disk of the server has been stuck.
   */
  check(status: ReplicaStatus, stuckMs: number): void {
    const { digest, formed, peers, role, server: id, watermarks } = status
    checkWatermarks(watermarks)
    if (role === 'leader') this.#checkDisk(id, stuckMs)
    if (formed) this.#compareAcceptors(id, peers)
    const before = this.#digests.get(watermarks.executed)
    if (before === undefined) this.#digests.set(watermarks.executed, { digest, by: id })
    else if (before.digest !== digest) {
      const what = `s${id} and s${before.by} have executed different values up to slot ${watermarks.executed}`
      throw new Violation('agreement', what)
    }
  }

  /** A leader whose disk is stuck gives up. */
  #checkDisk(id: ServerId, stuckMs: number): void {
    const { electionTimeoutMs, faults } = this.#plan
    // A process that stands still notices nothing.
    const mostMs = LEAD_STUCK * electionTimeoutMs + WATCH_MS
    if (stuckMs <= mostMs || faults.some(({ kind }) => kind === 'pause')) return
    throw new Violation('no-progress', `s${id} leads, though its disk has been stuck for ${stuckMs} ms`)
  }

  /** In a cluster that has formed, each server is one acceptor for good. */
  #compareAcceptors(id: ServerId, peers: readonly PeerStatus[]): void {
    for (const { acceptor, server, up } of peers) {
      if (!up || acceptor === null) continue
      const before = this.#acceptors.get(server)
      if (before === undefined) this.#acceptors.set(server, acceptor)
      else if (before !== acceptor) {
        const what = `s${id} is connected to s${server} as acceptor ${acceptor}, which was ${before} before`
        throw new Violation('stranger', what)
      }
    }
  }
}
