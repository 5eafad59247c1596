import { Reader } from '../../bytes/reader.js'
import type { Clock } from '../../clock.js'
import type { VersionRange } from '../../cluster/versions.js'
import type { SynodError } from '../../errors.js'
import type { MessageCodec } from './message-codec.js'
import { asFault } from './fault.js'
import { TurnTaker } from './turn-taker.js'
import { FrameReader } from './frame.js'
import { MAX_CLIENT_FRAME_BYTES, type ClientLoad } from './client-load.js'
import type { Socket } from './network.js'
import type { ConnectionKind } from './preamble.js'
import { BYTES_PER_UNIT } from './turns.js'
import type { Unfinished } from './unfinished-frames.js'

/** A frame of tiny messages is delivered in batches of this size, to bound what one batch takes. */
const MAX_BATCH_MESSAGES = 4096

/** The same where others wait for their share of a turn. */
const MAX_SHARE_MESSAGES = 16

/** After a chunk as large as this, the sender's next one is read in its next share of a turn. */
const BULK_BYTES = 32 * 1024

/** What a socket may still hold of what arrived, besides what it handed over, once it is paused. */
const SOCKET_BYTES = 64 * 1024

const NOTHING = new Reader(Buffer.alloc(0))

export interface ReceiverOptions<In> {
  readonly clock: Clock
  readonly kind: ConnectionKind
  readonly protocols: VersionRange
  readonly codec: Pick<MessageCodec<never, In>, 'decode'>
  /** Bounds what is held and done for the sender; without it, the sender is trusted that far. */
  readonly clientLoad: ClientLoad | undefined
  readonly socket: Pick<Socket, 'pause' | 'resume'>
  onMessages(batch: In[]): void
  /** What was received is malformed: nothing after it can be understood. */
  onFault(fault: SynodError): void
}

/**
 * The half of a channel that receives: bytes become frames, and frames become messages, which are
 * delivered at once. While the owner pauses, or this turn has done enough, messages wait here, and
 * the socket is paused, so that not much more comes.
 */
export class Receiver<In> {
  readonly #options: ReceiverOptions<In>
  readonly #frames: FrameReader
  readonly #turnTaker: TurnTaker | undefined
  readonly #unfinished: Unfinished | undefined
  /** What is left of the payload being decoded. */
  #payload = NOTHING
  #payloads = 0
  #state: 'handshake' | 'open' | 'ended' = 'handshake'
  #chunkBytes = 0
  #isPaused = false
  /** Something has arrived that has not been delivered. */
  #isBehind = false
  #isQueued = false
  /** What is held of that, as the budget was told. */
  #behindBytes = 0

  constructor(options: ReceiverOptions<In>) {
    const { clientLoad, kind, protocols } = options
    this.#options = options
    this.#frames = new FrameReader(kind, clientLoad && MAX_CLIENT_FRAME_BYTES, protocols)
    this.#turnTaker = clientLoad && new TurnTaker(clientLoad.turns)
    this.#unfinished = clientLoad?.frames.open((error) => {
      options.onFault(error)
    })
  }

  /** The versions of the protocol that the sender speaks; undefined until its preamble came. */
  get theirs(): VersionRange | undefined {
    return this.#frames.theirs
  }

  /** Nothing is read from the socket now: that nothing comes does not mean that nothing is sent. */
  get isHeldBack(): boolean {
    return this.#isPaused || this.#isBehind
  }

  /** Takes bytes; `deliver` follows. */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk)
    this.#chunkBytes = chunk.length
    this.#turnTaker?.spend(this.#chunkUnits)
  }

  /** The payload of the sender's handshake; undefined until all of it has arrived. */
  takeHandshake(): Buffer | undefined {
    return this.#frames.next()
  }

  /** The handshake is over: what follows it are messages. */
  start(): void {
    this.#state = 'open'
  }

  /** Delivers what has arrived, or as much of it as this turn has room for. */
  deliver(): void {
    this.#deliver()
    const isBulk = this.#chunkBytes >= BULK_BYTES
    if (isBulk && this.#state === 'open' && !this.isHeldBack && this.#mustWait(false)) this.#fallBehind(true)
  }

  /** Receives nothing more until `resume`. */
  pause(): void {
    this.#isPaused = true
    this.#options.socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#isBehind) this.#deliverLater(true)
    else this.#options.socket.resume()
  }

  /** Throws away what is held. Nothing more is delivered. */
  end(): void {
    this.#state = 'ended'
    this.#payload = NOTHING
    this.#frames.clear()
    this.#holdBehind(0)
    if (this.#unfinished !== undefined) this.#options.clientLoad?.frames.release(this.#unfinished)
  }

  get #chunkUnits(): number {
    return Math.ceil(this.#chunkBytes / BYTES_PER_UNIT)
  }

  #deliver(): void {
    for (let isFirst = true; this.#state === 'open'; isFirst = false) {
      if (this.#mustWait(isFirst)) {
        this.#fallBehind(!isFirst)
        return
      }
      const batch: In[] = []
      let fault: SynodError | undefined
      let isAll = false
      try {
        isAll = !this.#decode(batch)
      } catch (error) {
        fault = asFault(error)
      }
      this.#turnTaker?.spend(batch.length)
      if (batch.length > 0) this.#options.onMessages(batch)
      if (fault) this.#options.onFault(fault)
      else if (isAll) break
    }
    this.#catchUp()
  }

  /** Adds what was received to `batch`. Returns whether there may be more than fitted. */
  #decode(batch: In[]): boolean {
    const limit = this.#options.clientLoad === undefined ? MAX_BATCH_MESSAGES : MAX_SHARE_MESSAGES
    while (batch.length < limit) {
      while (this.#payload.remaining === 0) {
        const payload = this.#frames.next()
        if (payload === undefined) {
          this.#payload = NOTHING
          return false
        }
        this.#payload = new Reader(payload)
      }
      batch.push(this.#options.codec.decode(this.#payload))
    }
    return true
  }

  /** Whether what has arrived must wait; `isFirst`: it has had no share of this turn. */
  #mustWait(isFirst: boolean): boolean {
    if (this.#isPaused) return true
    const { clientLoad } = this.#options
    if (clientLoad === undefined) return false
    return !clientLoad.turns.hasBudget || (clientLoad.turns.isQueued && !isFirst)
  }

  #fallBehind(hadShare: boolean): void {
    this.#isBehind = true
    this.#options.socket.pause()
    this.#holdBehind(this.#payload.size + this.#frames.unreadBytes + SOCKET_BYTES)
    if (!this.#isPaused) this.#deliverLater(hadShare)
  }

  /** Everything that has arrived is delivered, but for the beginning of a frame. */
  #catchUp(): void {
    if (this.#state !== 'open') return
    if (this.#unfinished !== undefined) {
      const { bufferedBytes, isWithinFrame, payloads } = this.#frames
      // A header alone is kept nowhere, and has a deadline all the same.
      const bytes = Math.max(bufferedBytes, isWithinFrame ? 1 : 0)
      this.#options.clientLoad?.frames.hold(this.#unfinished, bytes, payloads !== this.#payloads)
      this.#payloads = payloads
    }
    if (!this.#isBehind) return
    this.#isBehind = false
    this.#holdBehind(0)
    if (this.#isPaused) return
    // As much as before may be there to be read at once.
    this.#turnTaker?.spend(this.#chunkUnits)
    this.#options.socket.resume()
  }

  #deliverLater(hadShare: boolean): void {
    if (this.#isQueued) return
    this.#isQueued = true
    const deliver = () => {
      this.#isQueued = false
      this.#deliver()
    }
    if (this.#turnTaker !== undefined) this.#turnTaker.later(deliver, hadShare)
    else this.#options.clock.soon(deliver)
  }

  #holdBehind(bytes: number): void {
    const budget = this.#options.clientLoad?.budget
    budget?.release(this.#behindBytes)
    budget?.hold(bytes)
    this.#behindBytes = bytes
  }
}
