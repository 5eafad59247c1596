import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Change, MembershipView } from '../paxos/membership.js'
import type { Heard } from '../paxos/proposer.js'
import type { AcceptorId } from '../journal/identity.js'
import { withoutServer } from '../paxos/server-set.js'
import type { Done } from './requests.js'

/** Has something executed; `done` is told what came of it. Returns what gives up on it. */
type Begin = (done: Done) => () => void

/** How often it looks whether who joins has caught up: with what was chosen when it looked last. */
const LOOK_MS = 200

export interface MembersParts {
  readonly self: ServerId
  readonly membership: MembershipView
  readonly clock: Clock
  readonly logger: Logger
  readonly chosen: () => Slot
  /** Whether it is for this replica to see to it that who joins votes some day. */
  readonly isInCharge: () => boolean
  readonly heardOf: (server: ServerId) => Heard | undefined
  readonly acceptorOf: (server: ServerId) => AcceptorId | undefined
  /** Whether a change leaves enough voters that are up. */
  readonly allows: (change: Change) => boolean
  /** Has a change chosen; what comes of it nobody here waits for. */
  readonly submit: (change: Change) => void
  /** How much has been written to the journal; Infinity where there is none, and nothing is remembered. */
  readonly written: () => number
  /** Has the disk hurry with it. */
  readonly secure: () => void
  /** Who is a member has changed, or what is known of that has become durable. */
  readonly onChanged: () => void
  readonly onRemoved: (error: SynodError) => void
}

/**
 * Watches who is a member: lets a server vote that has joined and caught up, and ends this one when it has been removed.
 *
 * It ends only when more than half of those who vote now have refused it as removed: they know then all that was chosen up to its removal, of which its
 * own disk may have held one of few copies. So they refuse it only when they will know that for good: one that knew of it, told it, and forgot it in a
 * crash may need its vote.
 */
export class Members {
  readonly #parts: MembersParts
  /** As they were when it looked last. */
  #known: MembershipView['servers'] | undefined
  /** The chosen bar then. */
  #bar: Slot = Infinity
  /** The members are known for good when the journal is durable up to here, which it is up to `#durable`. */
  #position = 0
  #durable = 0
  readonly #refusers = new Set<ServerId>()
  readonly #waiting = new Set<() => void>()
  #cancelLook: () => void = () => undefined

  constructor(parts: MembersParts) {
    this.#parts = parts
  }

  /** After each step: the membership may be another. */
  look(): void {
    const { membership, onChanged, secure, written } = this.#parts
    if (membership.servers === this.#known) return
    this.#known = membership.servers
    this.#position = written()
    if (!this.isRemembered) secure()
    onChanged()
    this.#tell()
    if (this.#joining.length > 0) this.#watch()
    if (!this.#isChanging) for (const again of [...this.#waiting]) again()
    this.#leaveIfRefused()
  }

  /** Whether this server knows the members for good, however it may end. */
  get isRemembered(): boolean {
    return this.#durable >= this.#position
  }

  /** The journal is durable up to this position. */
  durable(position: number): void {
    const before = this.isRemembered
    this.#durable = position
    if (this.isRemembered && !before) this.#parts.onChanged()
  }

  /** Has a change made when no other one of the voters is on its way: now, or as soon as it can be. Returns what gives up on it. */
  inTurn(begin: Begin, done: Done): () => void {
    let giveUp: () => void = () => undefined
    const attempt = () => {
      giveUp = begin((outcome) => {
        if (!('status' in outcome) || outcome.status !== 'later') {
          done(outcome)
          return
        }
        this.#waiting.add(again)
        // Execution lags behind: the other change may have taken force already, and no further one be on its way.
        if (!this.#isChanging)
          this.#parts.clock.next(() => {
            if (this.#waiting.has(again)) again()
          })
      })
    }
    const again = () => {
      this.#waiting.delete(again)
      try {
        attempt()
      } catch (error) {
        done({ status: 'refused', result: Buffer.from((error as Error).message) })
      }
    }
    if (this.#isChanging) this.#waiting.add(again)
    else attempt()
    return () => {
      this.#waiting.delete(again)
      giveUp()
    }
  }

  get #isChanging(): boolean {
    return this.#parts.membership.state.configurations.length > 1
  }

  /** The server says that this one has been removed. */
  refused(by: ServerId): void {
    this.#refusers.add(by)
    this.#leaveIfRefused()
  }

  stop(): void {
    this.#cancelLook()
  }

  get #joining() {
    return this.#parts.membership.state.members.filter(({ role }) => role === 'joining')
  }

  #tell(): void {
    const { logger, membership } = this.#parts
    const members = membership.state.members.map(({ role, server }) => `s${server} (${role})`)
    if (membership.isKnown) logger.info({ members }, `the members are ${members.join(', ')}`)
  }

  #watch(): void {
    this.#cancelLook()
    this.#cancelLook = this.#parts.clock.timer(LOOK_MS, () => {
      const { acceptorOf, allows, chosen, heardOf, isInCharge, submit } = this.#parts
      for (const { server } of this.#joining) {
        const acceptor = acceptorOf(server)
        const hasCaughtUp = (heardOf(server)?.chosen ?? 0) >= this.#bar
        if (!isInCharge() || !hasCaughtUp || acceptor === undefined) continue
        const change: Change = { type: 'promote', server, acceptor }
        if (allows(change)) submit(change)
      }
      this.#bar = chosen()
      if (this.#joining.length > 0) this.#watch()
    })
  }

  #leaveIfRefused(): void {
    const { membership, onRemoved, self } = this.#parts
    if (this.#refusers.size === 0) return
    const voters = membership.isKnown ? withoutServer(membership.latest.voters, self) : []
    const refusers = voters.filter((server) => this.#refusers.has(server))
    if (2 * refusers.length <= voters.length && voters.length > 0) return
    onRemoved(new SynodError('removed', `s${self} is not a member of the cluster any more: it was removed`))
  }
}
