import type { Clock } from '../../clock.js'
import { SynodError } from '../../errors.js'
import { type Linked, LinkedList } from '../../linked-list.js'

/** All connections together may hold this much of frames whose end has not arrived. */
export const MAX_UNFINISHED_BYTES = 64 << 20

/** The rest of a frame has to arrive within this time. */
export const FRAME_TIMEOUT_MS = 10_000

/** What a connection holds of a frame whose end has not arrived. */
export interface Unfinished extends Linked<Unfinished> {
  bytes: number
  sinceMs: number
  /** Ends the connection. */
  readonly end: (error: SynodError) => void
}

/**
 * The frames of all connections whose end has not arrived. When there is too much of them, the one
 * that began first goes: a frame of an honest client is whole within moments.
 */
export class UnfinishedFrames {
  readonly #clock: Clock
  /** In the order in which they began. */
  readonly #frames = new LinkedList<Unfinished>()
  #bytes = 0
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What a connection that holds nothing so far is known by. */
  open(end: (error: SynodError) => void): Unfinished {
    return { bytes: 0, sinceMs: 0, end, before: undefined, after: undefined }
  }

  /** The connection holds this much now; `isNew` if that is of another frame than before. */
  hold(frame: Unfinished, bytes: number, isNew: boolean): void {
    if (isNew) this.release(frame)
    if (bytes === 0) return
    if (frame.bytes === 0) {
      frame.sinceMs = this.#clock.now()
      this.#frames.append(frame)
    }
    this.#bytes += bytes - frame.bytes
    frame.bytes = bytes
    while (this.#bytes > MAX_UNFINISHED_BYTES) this.#end(`${this.#bytes} bytes of unfinished frames are held`)
    this.#arm()
  }

  /** The frame is whole, or the connection is over. */
  release(frame: Unfinished): void {
    if (frame.bytes === 0) return
    this.#frames.remove(frame)
    this.#bytes -= frame.bytes
    frame.bytes = 0
  }

  #end(why: string): void {
    const { first } = this.#frames
    if (first === undefined) return
    this.release(first)
    first.end(new SynodError('overloaded', `${why}, and this connection’s is the oldest`))
  }

  #arm(): void {
    const { first } = this.#frames
    if (this.#cancelTimer !== undefined || first === undefined) return
    this.#cancelTimer = this.#clock.timer(first.sinceMs + FRAME_TIMEOUT_MS - this.#clock.now(), () => {
      this.#cancelTimer = undefined
      this.#expire()
    })
  }

  #expire(): void {
    const now = this.#clock.now()
    for (let { first } = this.#frames; first !== undefined; { first } = this.#frames) {
      if (now - first.sinceMs < FRAME_TIMEOUT_MS) break
      this.release(first)
      first.end(new SynodError('wrong-protocol', `no end of a frame within ${FRAME_TIMEOUT_MS} ms`))
    }
    this.#arm()
  }
}
