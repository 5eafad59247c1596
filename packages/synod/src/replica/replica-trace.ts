import type { Clock } from '../clock.js'
import type { SynodError } from '../errors.js'
import type { RecoveryCase } from '../journal/recovery-table.js'
import type { Logger } from '../logger.js'
import type { Codec, Codecs } from '../machine/codec.js'
import type { Applied } from '../machine/outcome.js'
import type { Request } from '../machine/request.js'
import type { PeerMessage } from '../net/peer/messages.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { Quorums } from '../paxos/quorum.js'
import type { JournalRecord } from '../paxos/records.js'
import { hexadecimal, toPlainData } from '../trace/shown.js'
import { type ReplicaEvent, type TraceEvent, durableEvent, messageEvent } from '../trace/trace-event.js'

export interface ReplicaTraceParts {
  readonly server: ServerId
  readonly clock: Clock
  readonly logger: Logger
  readonly onEvent: (event: TraceEvent) => void
}

/**
 * Tells what happens on one replica, event by event (docs/reference/trace.md). An error in
 * here, or in the callback, ends the trace and not the replica.
 */
export class ReplicaTrace {
  readonly #parts: ReplicaTraceParts
  readonly #name: string
  /** From the clock that never goes back to the time of day. */
  #offsetMs = -Infinity
  /** Records that are on their way to the disk, and how many were there before. */
  readonly #undurable: JournalRecord[] = []
  #durable = 0
  #isOver = false

  constructor(parts: ReplicaTraceParts) {
    this.#parts = parts
    this.#name = nameOf(parts.server)
  }

  /** `chosen` is what was chosen for the cluster, other than by default. */
  started(
    cluster: string,
    mode: Mode,
    servers: readonly ServerId[],
    chosen: { readonly quorums?: Quorums; readonly leaseMs?: number },
  ): void {
    const { server } = this.#parts
    this.#emit(() => ({ event: 'start', server, cluster, mode, servers, ...chosen }))
  }

  opened(recovery: RecoveryCase, damage: string | null): void {
    const { server } = this.#parts
    this.#emit(() => ({ event: 'open', server, recovery, damage }))
  }

  sent(to: ServerId, message: PeerMessage): void {
    this.#emit(() => messageEvent('send', { from: this.#name, to: nameOf(to) }, message, tagOf))
  }

  received(from: ServerId, messages: readonly PeerMessage[]): void {
    for (const message of messages)
      this.#emit(() => messageEvent('message', { from: nameOf(from), to: this.#name }, message, tagOf))
  }

  /** Records have been handed to the journal. */
  appended(records: readonly JournalRecord[]): void {
    if (!this.#isOver) this.#undurable.push(...records)
  }

  /** This many of the records handed to the journal are durable. */
  durable(recordCount: number): void {
    const records = this.#undurable.splice(0, recordCount - this.#durable)
    this.#durable = recordCount
    if (records.length > 0) this.#emit(() => durableEvent(this.#parts.server, records, tagOf))
  }

  chosen(first: Slot, last: Slot): void {
    const { server } = this.#parts
    this.#emit(() => ({ event: 'chosen', server, first, last }))
  }

  applied<Command, Result>(
    { outcome, position, request }: Applied,
    codecs: Pick<Codecs<Command, Result, never, never>, 'command' | 'result'>,
  ): void {
    this.#emit(() => ({
      event: 'execute',
      ...position,
      tag: tagOf(request),
      command: decoded(codecs.command, request.command),
      by: this.#parts.server,
      result:
        outcome.status === 'failed'
          ? Buffer.from(outcome.result).toString()
          : JSON.stringify(decoded(codecs.result, outcome.result)),
    }))
  }

  /** The replica has given up. */
  failed({ code, message }: SynodError): void {
    const { server } = this.#parts
    this.#emit(() => ({ event: 'failed', server, code, message }))
    this.stopped()
  }

  /** What comes after it is not told. */
  stopped(): void {
    const { server } = this.#parts
    this.#emit(() => ({ event: 'stop', server }))
    this.#end()
  }

  #emit(make: () => ReplicaEvent): void {
    if (this.#isOver) return
    const { logger, onEvent } = this.#parts
    try {
      onEvent({ atMs: this.#now(), ...make() })
    } catch (error) {
      this.#end()
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn({ reason }, `the trace ends here, the replica continues: ${reason}`)
    }
  }

  #end(): void {
    this.#isOver = true
    this.#undurable.length = 0
  }

  /**
   * The time of day, without its steps back, so that it keeps the order of events. As the system
   * tells it in whole milliseconds, the greatest distance seen between the two clocks is the most
   * exact one.
   */
  #now(): number {
    const { clock } = this.#parts
    // In this order: a pause between the two only makes the distance smaller.
    const wallMs = clock.wallTime()
    const nowMs = clock.now()
    this.#offsetMs = Math.max(this.#offsetMs, wallMs - nowMs)
    return Math.round((nowMs + this.#offsetMs) * 1000) / 1000
  }
}

function nameOf(server: ServerId): string {
  return `s${server}`
}

/**
 * A command that is sent again keeps both numbers. They name the session to people; its key stays a
 * secret.
 */
function tagOf({ opening, sequence }: Request): string {
  return `${opening}.${sequence}`
}

/** Bytes from which the state machine could make nothing are shown as they are. */
function decoded<T>(codec: Codec<T>, bytes: Uint8Array): unknown {
  let value: T
  try {
    value = codec.decode(bytes)
  } catch {
    return hexadecimal(bytes)
  }
  return toPlainData(value, hexadecimal)
}
