import type { Clock } from '../clock.js'
import type { Journal } from '../journal/journal.js'
import type { PeerLink } from '../net/peer/link.js'
import type { ServerId } from '../paxos/ballot.js'
import type { SnapshotNeed, Envelope, ReadableAt } from '../paxos/effects.js'
import type { Mode } from '../paxos/config.js'
import type { Message } from '../paxos/messages.js'
import type { Input, Paxos } from '../paxos/paxos.js'
import type { JournalRecord } from '../paxos/records.js'
import { ChosenNotices } from './chosen-notices.js'
import type { GroupCountReports } from './group-count-reports.js'
import type { ReplicaTrace } from './replica-trace.js'

/**
 * Records that no message waits for are written with the next vote, or when this many have
 * gathered, or this many bytes.
 */
const LAZY_RECORDS = 1000
const LAZY_BYTES = 4 << 20

/**
 * The disk is too far behind when this many bytes wait for it, or this many messages wait for
 * records. A write under way may be as large again, for which the disk of a server takes seconds.
 */
const MAX_UNWRITTEN_BYTES = 64 << 20

/**
 * A server proposes on its own no more than this ahead of its disk. What is further ahead gets
 * through no sooner, and is sent again as it is not answered in time, which is more work for disks
 * that have too much already.
 */
const MAX_AHEAD_BYTES = 8 << 20

const MAX_HELD_MESSAGES = 16_384

/**
 * Messages that make work for the disk. Their senders send them again when they are not answered.
 */
const DISK_WORK: ReadonlySet<Message['type']> = new Set<Message['type']>([
  'prepare',
  'accept',
  'decided',
  'forward',
])

export interface DriverParts {
  readonly mode: Mode
  readonly paxos: Paxos
  /** None on a server that does not vote: it has nothing that it must remember. */
  readonly journal: Journal | undefined
  readonly links: ReadonlyMap<ServerId, PeerLink>
  readonly clock: Clock
  readonly trace: ReplicaTrace | undefined
  /** Tells a peer how far the journal has come, ahead of a message that may rest on it. */
  readonly groupCountReports: Pick<GroupCountReports, 'report'> | undefined
}

/**
 * Drives the core: gives it one input after the other, appends its records to the journal, and
 * sends its messages, the ones that rest on records once these are durable. All of one turn leaves
 * together with `flush`: one frame for each peer, one group for the disk.
 */
export class Driver {
  readonly #parts: DriverParts
  /** Messages that wait for records to be durable, in the order of those records. */
  #held: { readonly recordCount: number; readonly envelope: Envelope }[] = []
  #reads: ReadableAt[] = []
  #behind: SnapshotNeed | undefined
  #deadlineMs = Infinity
  /** How many messages have been handed to the links. */
  sent = 0
  /** How many messages of peers were dropped. */
  refused = 0
  /** Something that an answer rests on has been appended since the last flush. */
  #mustSync = false
  #unflushed = 0
  /** None in leaderless mode, where any server may have the client that waits. */
  readonly #notices: ChosenNotices | undefined

  constructor(parts: DriverParts) {
    this.#parts = parts
    if (parts.mode === 'leader') this.#notices = new ChosenNotices()
  }

  /** How many more values may be proposed. */
  get capacity(): number {
    return this.#isBehind ? 0 : this.#parts.paxos.capacity
  }

  /** How many bytes of them: one that is larger may be proposed when there is any room. */
  get capacityBytes(): number {
    return MAX_AHEAD_BYTES - this.#unwrittenBytes
  }

  /** When the next turn is wanted, at the latest. */
  get deadlineMs(): number {
    return Math.min(this.#deadlineMs, this.#notices?.dueMs ?? Infinity)
  }

  /**
   * Takes a message of a peer, or drops it where there is no room for what would come of it: memory
   * is bounded, and the protocol is made for messages that get lost.
   */
  receive(from: ServerId, message: Message): void {
    const { type } = message
    const isTooMuch = type === 'forward' ? this.capacity <= 0 : DISK_WORK.has(type) && this.#isBehind
    if (isTooMuch) {
      this.refused++
      return
    }
    this.step({ type: 'message', from, message })
    // What was voted on by now, the leader's own proposals, is what its clients wait for.
    if (type === 'forward' || type === 'observe')
      this.#notices?.awaits(from, this.#parts.paxos.log.state.voted)
  }

  /** Throws InvariantError if the protocol was broken, and what the journal throws. */
  step(input: Input): void {
    const { clock, journal, paxos } = this.#parts
    const output = paxos.step(input, clock.now())
    if (output.records.length > 0 && journal !== undefined) this.#append(journal, output.records)
    for (const envelope of output.messages) {
      if (envelope.afterDurable && journal !== undefined && output.recordCount > journal.durable) {
        // It may wait for records that were written down lazily: now something waits for them.
        this.#held.push({ recordCount: output.recordCount, envelope })
        this.#mustSync = true
      } else {
        this.#send(envelope)
      }
    }
    // A vote cast again makes no record, and its answer may still wait for ones written lazily.
    if (journal !== undefined && output.awaited > journal.durable) this.#mustSync = true
    for (const read of output.reads) this.#reads.push(read)
    this.#behind = output.behind ?? this.#behind
    this.#deadlineMs = output.deadlineMs
  }

  /** This many records are durable. */
  durable(recordCount: number): void {
    const held = this.#held
    let ready = 0
    for (
      let entry = held[0];
      entry !== undefined && entry.recordCount <= recordCount;
      entry = held[++ready]
    ) {
      this.#send(entry.envelope)
    }
    if (ready > 0) held.splice(0, ready)
    this.step({ type: 'durable', recordCount })
  }

  /** The reads that a quorum has answered since this was last asked. */
  takeReads(): readonly ReadableAt[] {
    const reads = this.#reads
    if (reads.length > 0) this.#reads = []
    return reads
  }

  /** The peer whose snapshot is needed, if one has turned out to be since this was last asked. */
  takeBehind(): SnapshotNeed | undefined {
    const behind = this.#behind
    this.#behind = undefined
    return behind
  }

  /** All that was appended so far is to be durable soon, though no message waits for it. */
  secure(): void {
    this.#mustSync = true
  }

  /**
   * The messages of this turn leave, and its records go to the disk. Peers first: their disks work
   * at the same time as the own one.
   */
  flush(): void {
    for (const peer of this.#notices?.peersDue(this.#parts.clock.now()) ?? []) this.#sendNotice(peer)
    for (const link of this.#parts.links.values()) link.flush()
    const isMuch = this.#unflushed >= LAZY_RECORDS || this.#unwrittenBytes >= LAZY_BYTES
    if (this.#mustSync || isMuch) {
      this.#mustSync = false
      this.#unflushed = 0
      this.#parts.journal?.flush()
    }
  }

  get #isBehind(): boolean {
    return this.#unwrittenBytes > MAX_UNWRITTEN_BYTES || this.#held.length >= MAX_HELD_MESSAGES
  }

  get #unwrittenBytes(): number {
    return this.#parts.journal?.waitingBytes ?? 0
  }

  #append(journal: Journal, records: readonly JournalRecord[]): void {
    journal.append(records)
    this.#parts.trace?.appended(records)
    this.#unflushed += records.length
    this.#mustSync ||= records.some(({ type }) => type === 'promise' || type === 'vote' || type === 'trim')
  }

  #send({ message, to }: Envelope): void {
    if (message.type === 'chosen' && this.#notices?.keeps(to, message, this.#parts.clock.now()) === true)
      return
    this.#sendNotice(to)
    this.#sendNow(to, message)
  }

  #sendNotice(to: ServerId): void {
    const notice = this.#notices?.take(to)
    if (notice !== undefined) this.#sendNow(to, notice)
  }

  #sendNow(to: ServerId, message: Message): void {
    const { links, groupCountReports, trace } = this.#parts
    this.sent++
    groupCountReports?.report(to)
    if (links.get(to)?.send(message) === true) trace?.sent(to, message)
  }
}
