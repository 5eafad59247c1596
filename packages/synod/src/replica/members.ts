import type { Calls } from '../call.js'
import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import type { Logger } from '../logger.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Change, MembershipView } from '../paxos/membership.js'
import type { Paxos } from '../paxos/paxos.js'
import { withoutServer } from '../paxos/server-set.js'
import type { ChangeGuard } from './change-guard.js'
import type { ChangeQueue } from './change-queue.js'
import type { CommandService } from './command-service.js'
import type { Driver } from './driver.js'
import type { Inbox } from './inbox.js'
import type { Peers } from './peers.js'
import { maintainsCluster } from './maintains-cluster.js'

/** How often it compares the progress of a joining server with what was chosen when it last did. */
const LOOK_MS = 200

export interface MembersParts {
  readonly self: ServerId
  readonly clock: Clock
  readonly logger: Logger
  readonly calls: Calls
  readonly paxos: Paxos
  readonly peers: Peers
  /** None on a server that does not vote: nothing is remembered there. */
  readonly journal: Journal | undefined
  readonly driver: Driver
  readonly guard: ChangeGuard
  readonly changes: ChangeQueue
  readonly commands: CommandService
  readonly inbox: Inbox
}

/**
 * Promotes a joining server that has caught up, and ends this server when it was removed: once more
 * than half of the voters have refused it. They know then all that was chosen up to its removal, of
 * which its own disk may have held one of few copies.
 */
export class Members {
  readonly #parts: MembersParts
  /** The members when it last compared. */
  #known: MembershipView['servers'] | undefined
  /** The chosen watermark at the last comparison. */
  #chosen: Slot = Infinity
  /**
   * The members are known for good when the journal is durable up to here, which it is up to
   * `#durable`.
   */
  #membersRecord = 0
  #durable = 0
  readonly #refusers = new Set<ServerId>()
  #cancelTimer: () => void = () => undefined

  constructor(parts: MembersParts) {
    this.#parts = parts
  }

  /** After each step: the membership may be another one. */
  refresh(): void {
    const { changes, driver, journal } = this.#parts
    const { servers } = this.#membership
    if (servers === this.#known) return
    this.#known = servers
    this.#membersRecord = journal?.appended ?? Infinity
    if (!this.#isRemembered) driver.secure()
    this.#onChanged()
    this.#log()
    if (this.#joining.length > 0) this.#watch()
    changes.advance()
    this.#leaveIfRefused()
  }

  /** The journal is durable up to this record. */
  durable(recordCount: number): void {
    const before = this.#isRemembered
    this.#durable = recordCount
    if (this.#isRemembered && !before) this.#onChanged()
  }

  /** The server says that this one was removed. */
  refused(by: ServerId): void {
    this.#refusers.add(by)
    this.#leaveIfRefused()
  }

  stop(): void {
    this.#cancelTimer()
  }

  get #membership(): MembershipView {
    return this.#parts.paxos.membership
  }

  /** Whether this server knows the members for good, however it ends. */
  get #isRemembered(): boolean {
    return this.#durable >= this.#membersRecord
  }

  get #joining() {
    return this.#membership.state.members.filter(({ role }) => role === 'joining')
  }

  #onChanged(): void {
    const { journal, peers } = this.#parts
    peers.membersChanged(this.#isRemembered)
    if (this.#membership.isKnown) journal?.groupCounts.keepIf((acceptor) => peers.isMember(acceptor))
  }

  #log(): void {
    const { isKnown, state } = this.#membership
    const members = state.members.map(({ role, server }) => `s${server} (${role})`)
    if (isKnown) this.#parts.logger.info({ members }, `the members are ${members.join(', ')}`)
  }

  #watch(): void {
    const { clock, paxos } = this.#parts
    this.#cancelTimer()
    this.#cancelTimer = clock.timer(LOOK_MS, () => {
      this.#promote()
      this.#chosen = paxos.chosen
      if (this.#joining.length > 0) this.#watch()
    })
  }

  /** Joining servers that have reached what was chosen at the last comparison are to vote. */
  #promote(): void {
    const { calls, commands, guard, paxos, peers, self } = this.#parts
    if (!maintainsCluster(paxos, self)) return
    for (const { server } of this.#joining) {
      const acceptor = peers.acceptorOf(server)
      if (acceptor === undefined || (paxos.peerProgress(server)?.chosen ?? 0) < this.#chosen) continue
      const change: Change = { type: 'promote', server, acceptor }
      if (!guard.allows(change)) continue
      const call = calls.start<Uint8Array>('change', {})
      call.promise.catch(() => undefined)
      commands.change(change, call)
    }
  }

  #leaveIfRefused(): void {
    const { inbox, self } = this.#parts
    if (this.#refusers.size === 0) return
    const membership = this.#membership
    const voters = membership.isKnown ? withoutServer(membership.latest.voters, self) : []
    const refusers = voters.filter((server) => this.#refusers.has(server))
    if (2 * refusers.length <= voters.length && voters.length > 0) return
    const error = new SynodError(
      'removed',
      `s${self} is not a member of the cluster any more: it was removed`,
    )
    inbox.post({ type: 'failed', error })
  }
}
