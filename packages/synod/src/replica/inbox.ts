import type { Clock } from '../clock.js'
import type { SynodError } from '../errors.js'
import type { PeerWelcome } from '../net/hello.js'
import type { AnswerSnapshot } from '../net/peer/listener.js'
import type { ClockReport, DigestReport, GroupCountsReport, SnapshotRequest } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Message } from '../paxos/messages.js'
import type { Input } from '../paxos/paxos.js'
import type { Founding } from './agreement.js'

/** What has happened to a replica since its last turn. */
export type Arrival =
  /** The timer that `tickAt` set is due. */
  | { readonly type: 'tick' }
  /** An input for the core that another part of the replica asks for. */
  | { readonly type: 'input'; readonly input: Input }
  | { readonly type: 'messages'; readonly from: ServerId; readonly batch: readonly Message[] }
  | { readonly type: 'digest'; readonly from: ServerId; readonly report: DigestReport }
  | { readonly type: 'clock'; readonly from: ServerId; readonly report: ClockReport }
  | { readonly type: 'group-counts'; readonly report: GroupCountsReport }
  | {
      readonly type: 'snapshot-request'
      readonly from: ServerId
      readonly request: SnapshotRequest
      readonly answer: AnswerSnapshot
    }
  /** Messages can be sent to this server, whose process may be a new one. */
  | { readonly type: 'connected'; readonly welcome: PeerWelcome }
  | { readonly type: 'unreachable'; readonly peer: ServerId }
  /**
   * All founders have welcomed this server, or a member of the cluster that it joins has. Who they
   * are is to be written to disk.
   */
  | { readonly type: 'complete'; readonly founding: Founding }
  /** All founders have written that down, this one included: they may vote. */
  | { readonly type: 'formed'; readonly founding: Founding }
  /** The server says that this one was removed. */
  | { readonly type: 'refused-as-removed'; readonly by: ServerId }
  /** This many records are durable. */
  | { readonly type: 'durable'; readonly recordCount: number }
  /** The free space on the disk was read. */
  | { readonly type: 'space' }
  /**
   * The snapshot of a peer has replaced the state: the results of the slots that it skipped are not
   * known here.
   */
  | { readonly type: 'restored' }
  /** The replica cannot go on. */
  | { readonly type: 'failed'; readonly error: SynodError }

/**
 * Collects what happens to a replica during one turn of the event loop, and then runs one turn of
 * the replica. The parts of a replica post here, so that no part calls the loop.
 */
export class Inbox {
  readonly #clock: Clock
  #arrivals: Arrival[] = []
  #turn: () => void = () => undefined
  #isDue = false
  #isClosed = false
  #tickMs = Infinity
  #cancelTick: () => void = () => undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * From now on `turn` is called at the end of each turn of the event loop in which something was
   * posted.
   */
  open(turn: () => void): void {
    this.#turn = turn
    if (this.#arrivals.length > 0) this.wake()
  }

  post(arrival: Arrival): void {
    this.#arrivals.push(arrival)
    this.wake()
  }

  /** Has the core take this input in the next turn. */
  step(input: Input): void {
    this.post({ type: 'input', input })
  }

  /**
   * A turn is to follow, though nothing is posted: a queue has something in it, or a peer is to be
   * sent a report.
   */
  wake(): void {
    if (this.#isDue || this.#isClosed) return
    this.#isDue = true
    this.#clock.soon(() => {
      this.#isDue = false
      if (!this.#isClosed) this.#turn()
    })
  }

  /**
   * Posts a tick at this time. One timer, moved only when the tick is wanted earlier: a tick that
   * is too early does nothing.
   */
  tickAt(atMs: number): void {
    if (atMs >= this.#tickMs || this.#isClosed) return
    this.#cancelTick()
    this.#tickMs = atMs
    this.#cancelTick = this.#clock.timer(Math.max(0, atMs - this.#clock.now()), () => {
      this.#tickMs = Infinity
      this.post({ type: 'tick' })
    })
  }

  /** Everything that was posted since it was last taken, in order. */
  take(): readonly Arrival[] {
    const arrivals = this.#arrivals
    this.#arrivals = []
    return arrivals
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTick()
    this.#arrivals = []
  }
}
