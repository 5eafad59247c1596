import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import type { PeerLink } from '../net/peer/link.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Behind, Envelope, Output, ReadableAt } from '../paxos/effects.js'
import type { Message } from '../paxos/messages.js'
import type { Input, Paxos } from '../paxos/paxos.js'
import type { JournalRecord } from '../paxos/records.js'
import type { ReplicaTrace } from './replica-trace.js'

/** What nothing waits for is written along with the next vote, or when this many records have gathered, or bytes of them. */
const LAZY_RECORDS = 1000
const LAZY_BYTES = 4 << 20

/**
 * The disk is too far behind when so much waits for it, or so many messages wait for what is written. A write under way may be as large
 * again, and disks of a server take seconds for that.
 */
const MAX_UNWRITTEN_BYTES = 64 << 20

/**
 * A server proposes on its own no more than this ahead of its disk. What is further ahead gets through no sooner, and is sent again
 * as it is not answered in time, which is more work for disks that have too much already.
 */
const MAX_AHEAD_BYTES = 8 << 20

const MAX_HELD_MESSAGES = 16_384

/** What makes work for the disk. Whoever sent it sends it again when it is not answered. */
const DISK_WORK: ReadonlySet<Message['type']> = new Set<Message['type']>([
  'prepare',
  'accept',
  'decided',
  'forward',
])

export interface DriverParts {
  readonly paxos: Paxos
  /** None on a server that does not vote: it has nothing that it must remember. */
  readonly journal: Journal | undefined
  readonly links: ReadonlyMap<ServerId, PeerLink>
  readonly clock: Clock
  /** When a write takes longer than this, the disk is stuck. */
  readonly diskPatience_ms: number
  readonly trace: ReplicaTrace | undefined
  /** After each step, when its records and messages are on their way. */
  readonly onStep: () => void
  readonly onReadable: (read: ReadableAt) => void
  /** A snapshot of a peer is needed. */
  readonly onBehind: (behind: Behind) => void
  /** A message is about to leave for a peer. */
  readonly onSend: (to: ServerId) => void
  /** The last thing in each turn of the event loop in which anything happened. */
  readonly onTurnEnd: () => void
  readonly onFatal: (error: SynodError) => void
}

/**
 * Drives the core: gives it one input after the other and carries out what it asks for. All that happens in
 * one turn of the event loop leaves together at its end: one frame for each peer, one group for the disk.
 */
export class Driver {
  readonly #parts: DriverParts
  /** Messages that wait for records to be durable, in order of position. */
  #held: { readonly position: number; readonly envelope: Envelope }[] = []
  #cancelTimer: () => void = () => undefined
  #timer_ms = Infinity
  #turning = false
  #started = false
  #stopped = false
  /** How many messages have been handed to the links. */
  sent = 0
  /** How many of peers were dropped. */
  refused = 0
  /** Something that an answer rests on has been appended since the last flush. */
  #mustSync = false
  #unflushed = 0

  constructor(parts: DriverParts) {
    this.#parts = parts
  }

  /** How many more values may be proposed. */
  get room(): number {
    return this.#isBehind ? 0 : this.#parts.paxos.capacity
  }

  /** How many bytes of them: one that is larger may be proposed when there is any room. */
  get room_bytes(): number {
    return MAX_AHEAD_BYTES - this.#unwritten_bytes
  }

  /**
   * Takes a message of a peer, or drops it where there is no room for what would come of it: memory is bounded, and the protocol is
   * made for messages that get lost.
   */
  receive(from: ServerId, message: Message): void {
    const isTooMuch =
      message.type === 'forward' ? this.room <= 0 : DISK_WORK.has(message.type) && this.#isBehind
    if (isTooMuch) this.refused++
    else this.step({ type: 'message', from, message })
  }

  /** From now on this server takes part: the core is given inputs. */
  start(): void {
    this.#started = true
  }

  step(input: Input): void {
    if (!this.#started || this.#stopped) return
    const { clock, journal, onBehind, onReadable, onStep, paxos } = this.#parts
    let output: Output
    try {
      output = paxos.step(input, clock.now())
      if (output.records.length > 0 && journal !== undefined) this.#append(journal, output.records)
    } catch (error) {
      this.#fail(error)
      return
    }
    for (const envelope of output.messages) {
      if (envelope.afterDurable && journal !== undefined && output.position > journal.durable) {
        // It may wait for records that were written down lazily: now something waits for them.
        this.#held.push({ position: output.position, envelope })
        this.#mustSync = true
      } else {
        this.#send(envelope)
      }
    }
    for (const read of output.reads) onReadable(read)
    if (output.behind !== undefined) onBehind(output.behind)
    this.#arm(output.deadline_ms)
    onStep()
    this.endTurn()
  }

  /** Every record up to this position is durable. */
  durable(position: number): void {
    this.#parts.trace?.durable(position)
    const held = this.#held
    let ready = 0
    for (let entry = held[0]; entry !== undefined && entry.position <= position; entry = held[++ready]) {
      this.#send(entry.envelope)
    }
    if (ready > 0) held.splice(0, ready)
    this.step({ type: 'durable', position })
  }

  /** All that was appended so far is to be durable soon, though no message waits for it. */
  secure(): void {
    this.#mustSync = true
    this.endTurn()
  }

  /** What has been asked for leaves at the end of this turn of the event loop. */
  endTurn(): void {
    if (this.#turning) return
    this.#turning = true
    this.#parts.clock.soon(() => {
      if (this.#stopped) return
      // What happens in here (the turn's proposals, say) still belongs to this turn.
      this.#parts.onTurnEnd()
      this.#turning = false
      this.#flush()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTimer()
  }

  get #isBehind(): boolean {
    return this.#unwritten_bytes > MAX_UNWRITTEN_BYTES || this.#held.length >= MAX_HELD_MESSAGES
  }

  get #unwritten_bytes(): number {
    return this.#parts.journal?.waiting_bytes ?? 0
  }

  #append(journal: Journal, records: readonly JournalRecord[]): void {
    journal.append(records)
    this.#parts.trace?.appended(records)
    this.#unflushed += records.length
    this.#mustSync ||= records.some(({ type }) => type === 'promise' || type === 'vote' || type === 'trim')
  }

  #flush(): void {
    const isMuch = this.#unflushed >= LAZY_RECORDS || this.#unwritten_bytes >= LAZY_BYTES
    if (this.#mustSync || isMuch) {
      this.#mustSync = false
      this.#unflushed = 0
      this.#parts.journal?.flush()
    }
    for (const link of this.#parts.links.values()) link.flush()
  }

  #send({ message, to }: Envelope): void {
    this.sent++
    this.#parts.onSend(to)
    if (this.#parts.links.get(to)?.send(message) === true) this.#parts.trace?.sent(to, message)
  }

  /** One timer, moved only when the core wants to be called earlier; a tick that is too early does nothing. */
  #arm(deadline_ms: number): void {
    if (deadline_ms >= this.#timer_ms) return
    const { clock } = this.#parts
    this.#cancelTimer()
    this.#timer_ms = deadline_ms
    this.#cancelTimer = clock.timer(Math.max(0, deadline_ms - clock.now()), () => {
      this.#timer_ms = Infinity
      this.#checkDisk()
      this.step({ type: 'tick' })
    })
  }

  #checkDisk(): void {
    const { diskPatience_ms, journal } = this.#parts
    if (journal !== undefined && journal.writing_ms > diskPatience_ms) this.step({ type: 'disk-stuck' })
  }

  #fail(error: unknown): void {
    this.stop()
    const message = error instanceof Error ? error.message : String(error)
    const fatal = new SynodError('invariant-violated', `the replica cannot go on: ${message}`, {
      cause: error,
    })
    this.#parts.onFatal(error instanceof SynodError ? error : fatal)
  }
}
