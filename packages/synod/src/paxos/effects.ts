import type { ServerId, Slot } from './ballot.js'
import type { MembershipView } from './membership.js'
import type { Message } from './messages.js'
import type { JournalRecord } from './records.js'

/** A message on its way out. */
export interface Envelope {
  readonly to: ServerId
  readonly message: Message
  /** The message may leave only when the first `Output.recordCount` records are durable. */
  readonly afterDurable: boolean
}

/** A linearizable read may be answered once `slot` has been executed. */
export interface ReadableAt {
  readonly id: number
  readonly slot: Slot
}

/**
 * A peer has dropped slots that are not known here: this server needs a snapshot of slot `slot` or
 * a later one.
 */
export interface SnapshotNeed {
  readonly peer: ServerId
  readonly slot: Slot
}

/** What one step asks of the host. */
export interface Output {
  /** To be appended to the journal, in order. */
  readonly records: readonly JournalRecord[]
  /** How many records there have been, these included. */
  readonly recordCount: number
  /**
   * This server's own answers wait until this many records are durable; 0 for none.
   */
  readonly awaited: number
  readonly behind: SnapshotNeed | undefined
  readonly messages: readonly Envelope[]
  readonly reads: readonly ReadableAt[]
  /** When a tick is due, at the latest. */
  readonly deadlineMs: number
}

/** Gathers what a step asks for. */
export class Effects {
  readonly #self: ServerId
  readonly #membership: MembershipView
  #records: JournalRecord[] = []
  #messages: Envelope[] = []
  #reads: ReadableAt[] = []
  #behind: SnapshotNeed | undefined
  /** How many records have been written since this server started. */
  recordCount = 0

  constructor(self: ServerId, membership: MembershipView) {
    this.#self = self
    this.#membership = membership
  }

  record(record: JournalRecord): void {
    this.#records.push(record)
    this.recordCount++
  }

  send(to: ServerId, message: Message): void {
    this.#messages.push({ to, message, afterDurable: false })
  }

  /** Sends once everything recorded so far is durable. */
  sendAfterDurable(to: ServerId, message: Message): void {
    this.#messages.push({ to, message, afterDurable: true })
  }

  broadcast(message: Message): void {
    for (const peer of this.#membership.servers) if (peer !== this.#self) this.send(peer, message)
  }

  broadcastAfterDurable(message: Message): void {
    for (const peer of this.#membership.servers) if (peer !== this.#self) this.sendAfterDurable(peer, message)
  }

  readable(id: number, slot: Slot): void {
    this.#reads.push({ id, slot })
  }

  behind(peer: ServerId, slot: Slot): void {
    this.#behind = { peer, slot }
  }

  take(awaited: number, deadlineMs: number): Output {
    const output: Output = {
      records: this.#records,
      recordCount: this.recordCount,
      awaited,
      behind: this.#behind,
      messages: this.#messages,
      reads: this.#reads,
      deadlineMs,
    }
    this.#records = []
    this.#messages = []
    this.#reads = []
    this.#behind = undefined
    return output
  }
}
