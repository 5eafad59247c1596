import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import type { LinkEvents } from '../net/transport/link.js'
import type { SnapshotLink } from '../net/peer/link.js'
import type { PeerMessage, SnapshotChunk } from '../net/peer/messages.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { ArrivalStatus } from '../status.js'
import type { ArrivingSnapshot, SnapshotStore, StoredSnapshot } from '../snapshots/snapshot-store.js'

/** A peer that has sent nothing new for this long is left for another one. */
const PATIENCE_MS = 5000

/** A peer that has no snapshot to send is asked again after this time. */
const PAUSE_MS = 500

/** A larger snapshot is not taken in. */
export const MAX_SNAPSHOT_BYTES = 2 ** 40

export interface CatchUpParts {
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly logger: Logger
  /** The peers, those first that are within reach. */
  readonly peers: () => readonly ServerId[]
  readonly open: (peer: ServerId, events: LinkEvents<'peer', PeerMessage>) => SnapshotLink
  /**
   * The snapshot is durable: the state is to be replaced by it. Rejects if that is not possible.
   */
  readonly install: (snapshot: StoredSnapshot) => Promise<void>
}

/**
 * Gets a snapshot from a peer when slots that this replica needs have been dropped everywhere else,
 * or here: over a connection of its own, piece by piece. After a broken connection it goes on where
 * it was.
 */
export class CatchUp {
  readonly #parts: CatchUpParts
  /** The slot up to which a snapshot has to reach. */
  #wanted: Slot = 0
  #link: SnapshotLink | undefined
  #from: ServerId = 0
  #arriving: ArrivingSnapshot | undefined
  #progressMs = 0
  /** After one that was of no use. */
  #notBeforeMs = -Infinity
  #cancelTimer: () => void = () => undefined
  #isBusy = false
  #isStopped = false

  constructor(parts: CatchUpParts) {
    this.#parts = parts
  }

  get status(): ArrivalStatus | null {
    if (this.#link === undefined) return null
    const { arrivedBytes = 0, sizeBytes = 0, slot = 0 } = this.#arriving ?? {}
    return { from: this.#from, slot, arrivedBytes, sizeBytes }
  }

  /**
   * A snapshot is needed that reaches to this slot at least; this peer, if one is named, has it.
   */
  need(slot: Slot, peer?: ServerId): void {
    if (this.#isStopped) return
    this.#wanted = Math.max(this.#wanted, slot)
    if (this.#link !== undefined || this.#isBusy || this.#parts.clock.now() < this.#notBeforeMs) return
    this.#turnTo(peer ?? this.#next())
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#leave()
    await this.#abandon()
  }

  /** The peer after the one that was asked last. */
  #next(): ServerId | undefined {
    const peers = this.#parts.peers()
    return peers[peers.indexOf(this.#from) + 1] ?? peers[0]
  }

  #turnTo(peer: ServerId | undefined): void {
    if (peer === undefined) return
    const { clock, logger, open } = this.#parts
    if (peer !== this.#from) void this.#abandon()
    this.#from = peer
    this.#progressMs = clock.now()
    logger.info(
      { peer, slot: this.#wanted },
      `needs a snapshot of slot ${this.#wanted} or later: asks s${peer}`,
    )
    this.#link = open(peer, {
      onUp: () => {
        this.#ask()
      },
      onDown: () => undefined,
      onRefused: (_code, reason) => {
        logger.warn({ peer }, `s${peer} sends no snapshot: ${reason}`)
      },
      onMessages: ([message]) => {
        if (message !== undefined && !this.#isBusy) void this.#receive(message)
      },
    })
    this.#watch()
  }

  /** Looks now and then whether something arrives. */
  #watch(): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#parts.clock.timer(PAUSE_MS, () => {
      if (this.#parts.clock.now() - this.#progressMs < PATIENCE_MS || this.#isBusy) {
        this.#watch()
        return
      }
      this.#leave()
      this.#turnTo(this.#next())
    })
  }

  #leave(): void {
    this.#cancelTimer()
    this.#link?.close()
    this.#link = undefined
  }

  #ask(): void {
    const { slot = 0, arrivedBytes: offset = 0 } = this.#arriving ?? {}
    this.#link?.send({ type: 'snapshot-request', atLeast: this.#wanted, slot, offset })
    this.#link?.flush()
  }

  async #receive(message: PeerMessage): Promise<void> {
    if (
      message.type !== 'snapshot-chunk' ||
      message.slot < this.#wanted ||
      message.sizeBytes > MAX_SNAPSHOT_BYTES
    ) {
      this.#parts.clock.timer(PAUSE_MS, () => {
        this.#ask()
      })
      return
    }
    this.#isBusy = true
    try {
      await this.#take(message)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#parts.logger.error({ peer: this.#from }, `the snapshot of s${this.#from} is of no use: ${reason}`)
      await this.#abandon()
      this.#leave()
      this.#notBeforeMs = this.#parts.clock.now() + PAUSE_MS
    }
    this.#isBusy = false
    if (this.#isStopped) await this.#abandon()
  }

  async #take({ bytes, offset, sizeBytes, slot }: SnapshotChunk): Promise<void> {
    if (this.#arriving?.slot !== slot || this.#arriving.sizeBytes !== sizeBytes) {
      await this.#abandon()
      this.#arriving = await this.#parts.store.receive(slot, sizeBytes)
    }
    // After a new connection, the same piece may arrive twice.
    if (offset !== this.#arriving.arrivedBytes) return
    await this.#arriving.take(bytes)
    this.#progressMs = this.#parts.clock.now()
    if (this.#arriving.isComplete) await this.#finish(this.#arriving)
    else this.#ask()
  }

  async #finish(arriving: ArrivingSnapshot): Promise<void> {
    this.#arriving = undefined
    const snapshot = await arriving.finish()
    this.#leave()
    this.#wanted = 0
    if (!this.#isStopped) await this.#parts.install(snapshot)
  }

  async #abandon(): Promise<void> {
    const arriving = this.#arriving
    this.#arriving = undefined
    await arriving?.abandon()
  }
}
